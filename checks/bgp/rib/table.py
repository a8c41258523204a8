"""Who holds one watched prefix: a column for each thing that is known of every peer.

Arrays, because ten thousand prefixes at four hundred peers are four million cells; counts are kept
as cells change, because each prefix is asked for its share every few seconds.
Rule: no I/O, no clock; time is passed in.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Set

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import version_of
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.fall import Fall
from vedette.checks.bgp.rib.foreign import Strangers
from vedette.checks.bgp.rib.neighbours import Neighbours
from vedette.checks.bgp.rib.paths import NONE, Paths
from vedette.checks.bgp.rib.peers import Peers
from vedette.checks.bgp.rib.standing import RECOVERED, WITHDRAWN, Standing
from vedette.checks.bgp.watch import Watch

MEMORY = 7 * 86400.0
"""How long a peer without the route stays in the baseline."""
LASTING = 3600.0
"""How long a new peer holds the route until it joins that: a leak is seen widely for a while."""
TENDED = 600.0
"""How often it is looked who joins the baseline, and who leaves it."""

_NEVER = float("-inf")
# What is known of a peer: it was heard of, its session is up, it spoke since the feed connected,
# and it is one of those that held the prefix by an expected origin.
_NOTED, _KNOWN, _LIVE, _BASELINE = 1, 2, 4, 8
_QUIET = bytes(flags & ~_LIVE for flags in range(256))


class Table:
    """The cells of one prefix; a cell's time is that which its knowledge speaks of.

    *least* peers have to say something before it counts. A table that *learns* is judged by what
    was seen of the prefix; others are only judged while they are seeded.
    """

    __slots__ = (
        "_at",
        "_began_at",
        "_flags",
        "_held_at",
        "_holding",
        "_joining",
        "_least",
        "_neighbours",
        "_news_at",
        "_of",
        "_origins",
        "_path",
        "_paths",
        "_peers",
        "_standing",
        "_taken",
        "_tended_at",
        "_unknown",
        "conditions",
        "fall",
        "learns",
        "neighbours",
        "seeded_at",
        "strangers",
        "watch",
    )

    def __init__(
        self, watch: Watch, peers: Peers, paths: Paths, *, least: int, learns: bool
    ) -> None:
        self.watch = watch
        self.learns = learns
        self.seeded_at: float | None = None
        self.strangers = Strangers(least)
        self.neighbours = Neighbours(watch.neighbours)
        self.conditions: dict[Reason, float] = {}
        self._peers, self._paths, self._least = peers, paths, least
        self._path = array("I")
        self._flags = bytearray()
        self._at = array("d")
        self._held_at = array("I")  # whole seconds: it only has to last for a week
        self._holding = self._taken = self._of = self._unknown = 0
        self._origins: Counter[int] = Counter()
        self._neighbours: Counter[int] = Counter()
        self._news_at = _NEVER
        self.fall = Fall()
        self._joining: dict[int, float] = {}  # who holds it and is not of the baseline for good
        self._began_at = self._tended_at = _NEVER  # the baseline, where announcements made it
        self._standing: Standing | None = None

    def seed(self, routes: Mapping[int, Path], at: float) -> None:
        """Take a snapshot as of *at*; what a peer said since the feed connected, or later, wins."""
        self._news_at, self.seeded_at = max(self._news_at, at), at
        for peer, path in routes.items():
            self._note(peer)
            self._held_at[peer] = max(self._held_at[peer], int(at))
            if self._peers.down.get(peer, _NEVER) > at:
                self._doubt(peer)
            elif self._yields(peer, at):
                self._peers.down.pop(peer, None)
                self._set(peer, path, at, _KNOWN | (0 if peer in self._joining else _BASELINE))
            if peer not in self._joining:
                self._join(peer)
        for peer in self._noted():
            if peer in routes:
                continue
            if peer in self._peers.down:
                self._doubt(peer)
            elif self._yields(peer, at):
                self._set(peer, None, at, _KNOWN)
        self._forget(at)

    def learn(self, now: float) -> None:
        """Take the neighbours that were seen for right, where none were learned yet."""
        self.neighbours.begin(self._neighbours, now)

    def announce(self, peer: int, path: Path, at: float) -> bool:
        """Note a route; False when something newer was known."""
        if not self._hear(peer, at):
            return False
        self._set(peer, path, at, _KNOWN | _LIVE)
        if self._reaches(peer):
            self._admit(peer, at)
        elif self._joining:
            self._stop_joining(peer, at)
        return True

    def withdraw(self, peer: int, at: float) -> bool:
        """Note the loss of a route; False when something newer was known."""
        if not self._hear(peer, at):
            return False
        self._set(peer, None, at, _KNOWN | _LIVE)
        return True

    def peer_down(self, peer: int, at: float) -> None:
        """Make all that *peer* said unknown, unless it spoke later."""
        if self._is_noted(peer) and not self._spoke_after(peer, at):
            self._set(peer, None, at, 0)

    def peer_up(self, peer: int, at: float) -> bool:
        """Make unknown what *peer* itself said in a session before that which began at *at*.

        Return whether it may have said something.
        """
        spoke = self._is_noted(peer) and bool(self._flags[peer] & _LIVE)
        if spoke:
            self.peer_down(peer, at)
        return spoke

    def end_of_rib(self, peer: int, at: float) -> None:
        """Take the silence of *peer* about the prefix for no route, now that it has said all."""
        if self._is_noted(peer) and not self._flags[peer] & _KNOWN:
            self._set(peer, None, at, _KNOWN | _LIVE)

    def lapse(self) -> None:
        """Note that the feed was lost: nothing is said until the next seed."""
        self.seeded_at = None
        self._flags = self._flags.translate(_QUIET)
        self._standing = None
        self.strangers.lapse()
        self.conditions.clear()
        self.fall.lapse()

    def restore(self, peer: int, held_at: float) -> None:
        """Count *peer* for the baseline, since it held the prefix at *held_at*.

        Whether it still does is unknown until it speaks, or a seed or an End-of-RIB speaks for it.
        """
        is_new = not self._is_noted(peer)
        self._note(peer)
        if is_new:
            self._flags[peer] = _NOTED
        self._join(peer)
        self._held_at[peer] = max(self._held_at[peer], int(held_at))

    def baseline(self, at: float) -> Iterator[tuple[int, float]]:
        """Yield the baseline's peers and when each last held the prefix; holders do at *at*."""
        for peer in self._noted():
            if self._flags[peer] & _BASELINE and peer not in self._joining:
                held_at = float(self._held_at[peer])
                yield peer, held_at if self._path[peer] == NONE else max(held_at, at)

    def routes(self) -> Iterator[tuple[int, Path]]:
        """Yield who holds the prefix by which path."""
        return ((peer, self._paths[path]) for peer, path in enumerate(self._path) if path != NONE)

    def tend(self, now: float) -> None:
        """Let peers join the baseline that held the route for long, and leave it that lost it."""
        if now >= self._tended_at + TENDED:
            self._tended_at = now
            for peer in [peer for peer, at in self._joining.items() if now - at >= LASTING]:
                self._join(peer)
            self._forget(now)

    def review(self, now: float) -> bool:
        """Work out what is wrong as of *now*, and return whether that changed.

        So it has where the prefix fell or recovered, or where a stranger came or went.
        """
        had_fallen, met = self.fall.at is not None, False
        if self.strangers:
            met = self.strangers.review(now)
            self.neighbours.review(self.strangers, now)
            self._standing = None
        elif not self.conditions and not had_fallen and self._is_well():
            return False
        self._standing = None
        before = self.conditions.keys()
        self.conditions = dict(self._wrong(now))
        changed = self.conditions.keys() != before
        return changed or met or had_fallen is (self.fall.at is None)

    def standing(self) -> Standing:
        """Return the counts as they are, and what is wrong as of the last review."""
        if self._standing is None:
            self._standing = self._stand()
        return self._standing

    def _stand(self) -> Standing:
        return Standing(
            share=self._holding / self._of if self._of else 0.0,
            holding=self._holding,
            of=self._of,
            unknown=self._unknown,
            enough=self._is_enough(),
            origins=dict(self._origins.most_common()),
            announced=self._announced(),
            neighbours=dict(self._neighbours.most_common()),
            collectors=len({self._peers.collectors[n] for n in self._voters()}),
            foreign=tuple(self.strangers.listed()),
            conditions=dict(self.conditions),
            in_doubt=self.strangers.in_doubt() if self.strangers.silence.lost else frozenset(),
            fell_at=self.fall.at,
            collapsed=self.fall.collapsed,
            since=self._news_at,
        )

    def _announced(self) -> Set[int]:
        """Return the expected origins that enough peer ASes see: one that lies alone is none."""
        seen = self.watch.origins & self._origins.keys()
        if self._least == 1 or len(self.watch.origins) == 1:
            return seen
        asns: dict[int, set[int]] = {origin: set() for origin in seen}
        for peer, path in enumerate(self._path):
            for origin in self._paths.origins[path]:
                if origin in asns:
                    asns[origin].add(self._peers.asns[peer])
        return {origin for origin, those in asns.items() if len(those) >= self._least}

    def _is_well(self) -> bool:
        return self._of > 0 and self._holding >= RECOVERED * self._of

    def _wrong(self, now: float) -> Iterator[tuple[Reason, float]]:
        if not self.is_judged:
            return
        share, taken = (n / self._of if self._of else 0.0 for n in (self._holding, self._taken))
        known = self._is_enough() and self._unknown * 2 <= self._of + self._unknown
        self.fall.review(share, now, taken=taken, known=known)
        if self.fall.halved_at is not None:
            if share <= WITHDRAWN:
                yield Reason.WITHDRAWN, self.conditions.get(Reason.WITHDRAWN, now)
            else:
                # The time in which fewer had it counts: one peer at the border must not restart it.
                yield Reason.PARTIALLY_WITHDRAWN, self.fall.halved_at
        for reason in (Reason.ORIGIN, Reason.MORE_SPECIFIC, Reason.PATH) if self.strangers else ():
            since = self.strangers.since(reason)
            if since is not None and reason is Reason.PATH:
                since = self.neighbours.leaked_since(self._neighbours, self._holding, since, now)
            if since is not None:
                # What a collapse let show is a fault of its own when it outlasts that.
                yield reason, max(since, self.fall.recovered_at)

    @property
    def is_judged(self) -> bool:
        """Whether anything can be said about the prefix."""
        return self.learns or self.seeded_at is not None

    def _is_enough(self) -> bool:
        """Whether the baseline is large enough; a seed without peers says that nobody has it."""
        size = self._of + self._unknown
        return size >= self._least or (size == 0 and self.seeded_at is not None)

    def _hear(self, peer: int, at: float) -> bool:
        """Note that *peer* spoke itself at *at*, so its session is up; False if it is old news."""
        self._note(peer)
        down = self._peers.down
        if self._spoke_after(peer, at) or (peer in down and down[peer] > at):
            return False
        down.pop(peer, None)
        return True

    def _spoke_after(self, peer: int, at: float) -> bool:
        """Whether a peer has said something newer since the feed connected.

        What a seed says is left out: its time may be later than that of news still under way.
        """
        return bool(self._flags[peer] & _LIVE) and self._at[peer] > at

    def _note(self, peer: int) -> None:
        missing = peer + 1 - len(self._flags)
        if missing > 0:
            missing = max(missing, len(self._peers) - len(self._flags))
            self._flags.extend(bytes(missing))
            self._path.extend([NONE] * missing)
            self._held_at.extend([0] * missing)
            self._at.extend([_NEVER] * missing)
        if not self._flags[peer]:
            self._flags[peer] = _NOTED | _KNOWN

    def _is_noted(self, peer: int) -> bool:
        return peer < len(self._flags) and bool(self._flags[peer])

    def _noted(self) -> Iterator[int]:
        return (peer for peer, flags in enumerate(self._flags) if flags)

    def _voters(self) -> Iterator[int]:
        """Yield the peers of the baseline that we know about."""
        wanted = _BASELINE | _KNOWN
        return (n for n, flags in enumerate(self._flags) if flags & wanted == wanted)

    def _yields(self, peer: int, at: float) -> bool:
        """Whether a seed as of *at* knows better than we do."""
        return not self._flags[peer] & _LIVE and self._at[peer] <= at

    def _admit(self, peer: int, at: float) -> None:
        """Let a peer that announced the route join the baseline, at once where that is new too.

        A table that learns counts it at once, since it may have taken over what others lost; but
        who had told all before, and so had no route, has joined only when it lasts.
        """
        if self._flags[peer] & _BASELINE:
            return
        is_new = not self.learns or (peer, version_of(self.watch.prefix)) in self._peers.told_all
        if is_new and not self._of and not self._unknown:
            self._began_at = at
        since = self._joining.setdefault(peer, at)
        if not is_new or at < self._began_at + LASTING or at >= since + LASTING:
            self._join(peer)
        elif self.learns:
            self._count_for_baseline(peer)

    def _join(self, peer: int) -> None:
        """Count a peer for the baseline from now on."""
        self._joining.pop(peer, None)
        if not self._flags[peer] & _BASELINE:
            self._count_for_baseline(peer)

    def _count_for_baseline(self, peer: int) -> None:
        self._tally(peer, -1)
        self._flags[peer] |= _BASELINE
        self._tally(peer, 1)

    def _stop_joining(self, peer: int, at: float) -> None:
        """Count a peer no more that gave the route up before it had lasted."""
        since = self._joining.pop(peer, None)
        if since is not None and at < since + LASTING and self._flags[peer] & _BASELINE:
            self._tally(peer, -1)
            self._flags[peer] &= ~_BASELINE
            self._tally(peer, 1)

    def _doubt(self, peer: int) -> None:
        """Make a peer unknown whose session is down, unless it has spoken since we connected."""
        if not self._flags[peer] & _LIVE:
            self._tally(peer, -1)
            self._flags[peer] &= ~_KNOWN
            self._tally(peer, 1)

    def _set(self, peer: int, path: Path | None, at: float, flags: int) -> None:
        """Put *path*, or none, into a cell; *flags* say how it is known."""
        if path is None and self._joining:
            self._stop_joining(peer, at)
        if path is None and self.strangers:
            with self.strangers.leaving(peer, at):
                self._tally(peer, -1)
        else:
            self._tally(peer, -1)
        if path is not None or self._path[peer] != NONE:
            self._held_at[peer] = max(self._held_at[peer], int(at))
        before = self._path[peer]
        self._path[peer] = NONE if path is None else self._paths.hold(path)
        if before != NONE:
            self._paths.release(before)
        kept = self._flags[peer] & (_NOTED | _BASELINE)
        self._flags[peer] = kept | flags
        self._at[peer] = at
        if flags and self.strangers.silence.lost:
            self.strangers.heard(peer, self.watch.prefix)
        self._news_at = max(self._news_at, at)
        self._tally(peer, 1)

    def _tally(self, peer: int, by: int) -> None:
        """Count what a cell says (*by* = 1), or count it no more (-1) because it will change."""
        self._standing = None
        flags, path = self._flags[peer], self._path[peer]
        if flags & _BASELINE:
            if not flags & _KNOWN:
                self._unknown += by
                return
            self._of += by
        if path == NONE:
            return
        is_own = self._tally_route(path, self._peers.asns[peer], by)
        if flags & _BASELINE and is_own:
            self._holding += by
        elif flags & _BASELINE:
            self._taken += by

    def _tally_route(self, path: int, asn: int, by: int) -> bool:
        """Count the route by its origins and neighbour, and return whether it is one of ours."""
        expected = self.watch.origins
        prefix, reached = self.watch.prefix, False
        for origin in self._paths.origins[path]:
            _add(self._origins, origin, by)
            reached = reached or origin in expected
        if not reached:
            for origin in self._paths.origins[path]:
                self.strangers.tally((Reason.ORIGIN, prefix, origin), asn, by)
            return False
        neighbour = self._paths.neighbours[path]
        if neighbour is not None:
            _add(self._neighbours, neighbour, by)
            if not self.neighbours.expects(neighbour):
                self.strangers.tally((Reason.PATH, prefix, neighbour), asn, by)
        return True

    def _reaches(self, peer: int) -> bool:
        origins = self._paths.origins[self._path[peer]]
        return any(origin in self.watch.origins for origin in origins)

    def _forget(self, at: float) -> None:
        """Drop peers that gave the route up long ago, but keep a lost prefix's whole baseline."""
        if self._holding <= WITHDRAWN * (self._of + self._unknown):
            return
        for peer in self._noted():
            idle = self._path[peer] == NONE and self._held_at[peer] < at - MEMORY
            if idle and self._flags[peer] & _BASELINE:
                self._tally(peer, -1)
                self._flags[peer] &= ~_BASELINE
                self._tally(peer, 1)


def _add(counter: Counter[int], key: int, by: int) -> None:
    counter[key] += by
    if not counter[key]:
        del counter[key]
