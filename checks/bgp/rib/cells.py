"""What each peer says of one watched prefix: a column for each thing that is known of every peer.

Arrays, because ten thousand prefixes at four hundred peers are four million cells; counts are kept
as cells change, because each prefix is asked for its share every few seconds.
Rule: no I/O, no clock; time is passed in.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Set

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Strangers
from vedette.checks.bgp.rib.neighbours import Neighbours
from vedette.checks.bgp.rib.paths import NONE, Paths
from vedette.checks.bgp.rib.peers import Peers
from vedette.checks.bgp.watch import Watch

# What is known of a peer: it was heard of, its session is up, it spoke since the feed connected,
# and it is one of those that held the prefix by an expected origin.
_NOTED, KNOWN, LIVE, BASELINE = 1, 2, 4, 8

_NEVER = float("-inf")
_QUIET = bytes(flags & ~LIVE for flags in range(256))


class Cells:
    """A cell for each peer; its time is that which its knowledge speaks of.

    Of the baseline *of* peers are known, of which *holding* have a route to us and *taken* one to
    a stranger; *unknown* peers of it are not known. *origins* and *neighbours* count all routes.
    """

    __slots__ = (
        "_at",
        "_flags",
        "_held_at",
        "_path",
        "_paths",
        "_peers",
        "_right",
        "_strangers",
        "_watch",
        "changed",
        "holding",
        "neighbours",
        "news_at",
        "of",
        "origins",
        "taken",
        "unknown",
    )

    def __init__(
        self, watch: Watch, peers: Peers, paths: Paths, strangers: Strangers, right: Neighbours
    ) -> None:
        """Have *strangers* count what is foreign, and neighbours that *right* does not expect."""
        self._watch, self._peers, self._paths = watch, peers, paths
        self._strangers, self._right = strangers, right
        self._path = array("I")
        self._flags = bytearray()
        self._at = array("d")
        self._held_at = array("I")  # whole seconds: it only has to last for a week
        self.holding = self.taken = self.of = self.unknown = 0
        self.origins: Counter[int] = Counter()
        self.neighbours: Counter[int] = Counter()
        self.news_at = _NEVER
        self.changed = True

    def note(self, peer: int) -> bool:
        """Have a cell for *peer*; False where it had one."""
        missing = peer + 1 - len(self._flags)
        if missing > 0:
            missing = max(missing, len(self._peers) - len(self._flags))
            self._flags.extend(bytes(missing))
            self._path.extend([NONE] * missing)
            self._held_at.extend([0] * missing)
            self._at.extend([_NEVER] * missing)
        if self._flags[peer]:
            return False
        self._flags[peer] = _NOTED | KNOWN
        return True

    def has(self, peer: int) -> bool:
        """Whether there is a cell for *peer*."""
        return peer < len(self._flags) and bool(self._flags[peer])

    def is_known(self, peer: int) -> bool:
        """Whether it is known what *peer* has."""
        return bool(self._flags[peer] & KNOWN)

    def is_live(self, peer: int) -> bool:
        """Whether *peer* itself has spoken since the feed connected."""
        return bool(self._flags[peer] & LIVE)

    def counts(self, peer: int) -> bool:
        """Whether *peer* is counted for the baseline."""
        return bool(self._flags[peer] & BASELINE)

    def holds(self, peer: int) -> bool:
        """Whether *peer* has any route."""
        return self._path[peer] != NONE

    def reaches(self, peer: int) -> bool:
        """Whether *peer* has a route to us."""
        origins = self._paths.origins[self._path[peer]]
        return any(origin in self._watch.origins for origin in origins)

    def at(self, peer: int) -> float:
        """Return the time which the knowledge of *peer* speaks of."""
        return self._at[peer]

    def held_at(self, peer: int) -> int:
        """Return when *peer* last held the prefix, as far as it has said so."""
        return self._held_at[peer]

    def noted(self) -> Iterator[int]:
        """Yield the peers that have cells."""
        return (peer for peer, flags in enumerate(self._flags) if flags)

    def voters(self) -> Iterator[int]:
        """Yield the peers of the baseline that are known."""
        wanted = BASELINE | KNOWN
        return (n for n, flags in enumerate(self._flags) if flags & wanted == wanted)

    def routes(self) -> Iterator[tuple[int, Path]]:
        """Yield who has a route, and its path."""
        return ((peer, self._paths[path]) for peer, path in enumerate(self._path) if path != NONE)

    def announced(self, least: int) -> Set[int]:
        """Return the expected origins that *least* peer ASes see: one that lies alone is none."""
        seen = self._watch.origins & self.origins.keys()
        if least == 1 or len(self._watch.origins) == 1:
            return seen
        asns: dict[int, set[int]] = {origin: set() for origin in seen}
        for peer, path in enumerate(self._path):
            for origin in self._paths.origins[path]:
                if origin in asns:
                    asns[origin].add(self._peers.asns[peer])
        return {origin for origin, those in asns.items() if len(those) >= least}

    def put(self, peer: int, path: Path | None, at: float, flags: int) -> None:
        """Put *path*, or none, into a cell as of *at*; *flags* say how it is known."""
        if path is None and self._strangers:
            with self._strangers.leaving(peer, at):
                self._tally(peer, -1)
        else:
            self._tally(peer, -1)
        before = self._path[peer]
        if path is not None or before != NONE:
            self.hold_until(peer, at)
        self._path[peer] = NONE if path is None else self._paths.hold(path)
        if before != NONE:
            self._paths.release(before)
        self._flags[peer] = self._flags[peer] & (_NOTED | BASELINE) | flags
        self._at[peer] = at
        if flags and self._strangers.silence.lost:
            self._strangers.heard(peer, self._watch.prefix)
        self.news_at = max(self.news_at, at)
        self._tally(peer, 1)

    def hold_until(self, peer: int, at: float) -> None:
        """Note that *peer* held the prefix at *at*."""
        self._held_at[peer] = max(self._held_at[peer], int(at))

    def set(self, peer: int, flag: int) -> None:
        """Set *flag*, which the counts go by."""
        self._tally(peer, -1)
        self._flags[peer] |= flag
        self._tally(peer, 1)

    def clear(self, peer: int, flag: int) -> None:
        """Clear *flag*, which the counts go by."""
        self._tally(peer, -1)
        self._flags[peer] &= ~flag
        self._tally(peer, 1)

    def lapse(self) -> None:
        """Note that the feed was lost: nobody has spoken since."""
        self._flags = self._flags.translate(_QUIET)
        self.changed = True

    def _tally(self, peer: int, by: int) -> None:
        """Count what a cell says (*by* = 1), or count it no more (-1) because it will change."""
        self.changed = True
        flags, path = self._flags[peer], self._path[peer]
        if flags & BASELINE:
            if not flags & KNOWN:
                self.unknown += by
                return
            self.of += by
        if path == NONE:
            return
        is_own = self._tally_route(path, self._peers.asns[peer], by)
        if flags & BASELINE and is_own:
            self.holding += by
        elif flags & BASELINE:
            self.taken += by

    def _tally_route(self, path: int, asn: int, by: int) -> bool:
        """Count the route by its origins and neighbour, and return whether it is one to us."""
        expected = self._watch.origins
        prefix, reached = self._watch.prefix, False
        for origin in self._paths.origins[path]:
            _add(self.origins, origin, by)
            reached = reached or origin in expected
        if not reached:
            for origin in self._paths.origins[path]:
                self._strangers.tally((Reason.ORIGIN, prefix, origin), asn, by)
            return False
        neighbour = self._paths.neighbours[path]
        if neighbour is not None:
            _add(self.neighbours, neighbour, by)
            if not self._right.expects(neighbour):
                self._strangers.tally((Reason.PATH, prefix, neighbour), asn, by)
        return True


def _add(counter: Counter[int], key: int, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]
