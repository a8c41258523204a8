"""Which peers hold the watched prefixes, and what else of them is announced.

Rules: no I/O, no clock. A peer that vanishes is unknown, never withdrawn. Times in `at` are the
feed's own, so a skewed clock of ours cannot reorder routes; *now* is the receiver's clock, by which
a fault lasts. Both are epoch seconds.
"""

from collections.abc import Iterable, Mapping, Set

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer, version_of
from vedette.checks.bgp.rib.baseline import MEMORY
from vedette.checks.bgp.rib.fall import Fall
from vedette.checks.bgp.rib.parts import Parts
from vedette.checks.bgp.rib.paths import Paths
from vedette.checks.bgp.rib.peers import Peers, asn_of
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.rib.table import Table
from vedette.checks.bgp.update import (
    Announce,
    CollectorDown,
    EndOfRib,
    PeerState,
    Unlisted,
    Update,
    Withdraw,
)
from vedette.checks.bgp.watch import Watch

LEAST = 3
"""How many peers have to say something: one that lies alone changes nothing."""
TELLING = 3600.0
"""How long a session may take for its table where nobody tells the end: GoBGP never does by BMP,
and in BGP an End-of-RIB is for those who agreed on graceful restarts."""
SETTLING = 300.0
"""The same where the end was told so early that it may have been that of the first of it."""


class Routes:
    """The state of every peer session for each watched prefix, and for what is inside it.

    *least* is how many peers, by their ASes, have to say something. With *learn*, a prefix is
    judged by what was seen of it; without, only once it is seeded.
    """

    def __init__(
        self, watches: Iterable[Watch], *, least: int = LEAST, learn: bool = False
    ) -> None:
        self._peers, self._paths = Peers(), Paths()
        self._tables = {
            watch.prefix: Table(watch, self._peers, self._paths, least=least, learns=learn)
            for watch in watches
        }
        self._parts = Parts(self._tables, self._peers, self._paths)
        self._learns = learn
        self.changed: set[str] = set()

    @property
    def watched(self) -> Mapping[str, Watch]:
        """The watched prefixes, and what is expected of each."""
        return {prefix: table.watch for prefix, table in self._tables.items()}

    @property
    def seeded(self) -> Mapping[str, float]:
        """The prefixes seeded since the feed connected, and the time each seed speaks of."""
        return {p: t.seeded_at for p, t in self._tables.items() if t.seeded_at is not None}

    @property
    def parts(self) -> Iterable[str]:
        """The prefixes inside watched ones that somebody announces, and nobody watches."""
        return self._parts.prefixes

    def outdated_parts(self, gap_at: float) -> Iterable[str]:
        """Return those of them that need a table, since none speaks for the gap at *gap_at*."""
        return self._parts.outdated(gap_at)

    @property
    def doubted(self) -> Set[str]:
        """The prefixes, and parts of them, that peers had whose sessions are down or came back."""
        unknown = {
            prefix
            for prefix in self.seeded
            if (standing := self.standing(prefix)) and (standing.unknown or standing.in_doubt)
        }
        return unknown | set(self._parts.in_doubt)

    def apply(self, update: Update, now: float) -> bool:
        """Take in what a source says; False where something newer was known."""
        if isinstance(update, Announce):
            return self._tell(update, update.path, now)
        if isinstance(update, Withdraw):
            return self._tell(update, None, now)
        if isinstance(update, PeerState):
            self._peer_state(update, now)
        elif isinstance(update, EndOfRib):
            self._end_of_rib(update, now)
        elif isinstance(update, Unlisted):
            self._unlisted(update, now)
        elif isinstance(update, CollectorDown):
            for peer in self._peers.of(update.collector):
                self._peer_down(peer, update.at)
            self._review_all(now)
        return True

    def seed(self, prefix: str, routes: Mapping[Peer, Path], at: float, now: float) -> None:
        """Take a snapshot of *prefix* as of *at*; what a peer said since connecting wins."""
        numbered = {
            number: path
            for peer, path in routes.items()
            if (number := self._peers.number(peer, asn_of(path))) is not None
        }
        table = self._tables.get(prefix)
        if table is None:
            cover = self._parts.seed(prefix, numbered, at)
            if cover is not None:
                self._review(cover, now)
            return
        table.seed(numbered, at)
        table.learn(now)
        self._review(table, now)

    def restore(
        self,
        prefix: str,
        baseline: Mapping[Peer, float],
        at: float,
        neighbours: Mapping[int, float] | None = None,
        fall: Fall | None = None,
    ) -> None:
        """Add a stored baseline, which counts once the prefix is seeded; week-old peers do not.

        *fall* is how far it had fallen then: a seed would date that like what surfaced since.
        """
        table = self._tables.get(prefix)
        if table is None:
            return
        table.neighbours.learned |= neighbours or {}
        table.fall = fall or table.fall
        for peer, held_at in baseline.items():
            number = self._peers.number(peer) if held_at >= at - MEMORY else None
            if number is not None:
                table.baseline.restore(number, min(held_at, at))

    def remember(self, prefix: str, peers: Iterable[Peer], at: float) -> None:
        """Add those that held *prefix* at *at* to its baseline."""
        self.restore(prefix, dict.fromkeys(peers, at), at)

    def lapse(self, now: float) -> None:
        """Note that the feed was lost: nothing is judged until each prefix is seeded again."""
        self._peers.told_all.clear()
        self._peers.telling.clear()
        for prefix, table in self._tables.items():
            table.lapse(now)
            self.changed.add(prefix)
        self._parts.lapse()

    def review(self, prefix: str, now: float) -> None:
        """Let it be *now* for *prefix*, also where nobody has said anything new of it."""
        self._end_table(now)
        table = self._tables[prefix]
        table.baseline.tend(now)
        self._review(table, now)

    def standing(self, prefix: str) -> Standing | None:
        """Return how *prefix* stands; None while nothing can be said about it."""
        table = self._tables[prefix]
        return table.standing() if table.is_judged else None

    def holders(self, prefix: str) -> Mapping[Peer, Path]:
        """Return who holds *prefix*, and by which path."""
        return {self._peers[number]: path for number, path in self._tables[prefix].routes()}

    def baseline(self, prefix: str, at: float) -> Mapping[Peer, float]:
        """Return the peers of the baseline with when each last held the prefix; holders do now."""
        return {
            self._peers[number]: held for number, held in self._tables[prefix].baseline.peers(at)
        }

    def neighbours(self, prefix: str) -> Mapping[int, float]:
        """Return the neighbours that were learned of *prefix*, and when."""
        return self._tables[prefix].neighbours.learned

    def fall(self, prefix: str) -> Fall:
        """Return how far *prefix* has fallen, and since when."""
        return self._tables[prefix].fall

    def _tell(self, update: Announce | Withdraw, path: Path | None, now: float) -> bool:
        """Note a route, or without *path* its loss; False where something newer was known."""
        number = self._peers.number(update.peer, update.asn)
        if number is None:
            return True
        prefix, at = update.prefix, update.at
        self._peers.speaks(number, at)
        table = self._tables.get(prefix)
        if table is not None:
            fresh = table.tell(number, path, at)
        elif fresh := self._parts.hear(number, prefix, at):
            table = self._parts.tell(number, prefix, path, at)
        if table is not None:
            self._review(table, now)
        return fresh

    def _peer_state(self, update: PeerState, now: float) -> None:
        """Forget what a peer said when its session goes; once it is up, a seed may speak for it.

        A session that begins has ended before, also where a collector that restarted missed that.
        """
        if not update.up:
            self._peer_down(update.peer, update.at)
            self._review_all(now)
            return
        known, down = len(self._peers), self._peers.down
        number = self._peers.number(update.peer)
        if number is None or down.get(number, update.at) > update.at:
            return
        self._peers.speaks(number, update.at)
        self._peers.begin_anew(number)
        if self._learns:
            self._peers.tells(number, update.at, now + TELLING)
        if number == known:
            return
        if number in down:
            del down[number]
            return
        self._parts.peer_up(number, update.at)
        for table in self._tables.values():
            if table.peer_up(number, update.at) or table.strangers:
                self._review(table, now)

    def _peer_down(self, peer: Peer, at: float) -> None:
        number = self._peers.number(peer)
        if number is None:
            return
        self._peers.down[number] = max(at, self._peers.down.get(number, at))
        if self._peers.is_down(number):
            self._peers.begin_anew(number)
        for table in self._tables.values():
            table.peer_down(number, at)
        self._parts.peer_down(number, at)

    def _end_of_rib(self, update: EndOfRib, now: float) -> None:
        number = self._peers.number(update.peer)
        is_whole, at = update.whole_at is not None, update.whole_at or update.at
        if is_whole and number is not None and self._peers.down.get(number, at) <= at:
            self._peers.down.pop(number, None)  # a dump lists who is up
        if number is None or self._peers.is_down(number):
            return
        if update.early and number in self._peers.telling:
            began_at, ends_at = self._peers.telling[number]
            self._peers.tells(number, began_at, min(ends_at, now + SETTLING))
            return
        told_all = self._peers.told_all
        told_all.add((number, update.version))
        tables = sum(version == update.version for _, version in told_all)
        for prefix, table in self._tables.items():
            if version_of(prefix) == update.version:
                table.end_of_rib(number, at, is_whole=is_whole)
                table.learn_from(tables, now)
        self._parts.end_of_rib(number, update.version, update.whole_at)
        self._review_all(now)

    def _unlisted(self, update: Unlisted, now: float) -> None:
        number = self._peers.number(update.peer)
        if number is None:
            return
        self._peers.told_all.discard((number, update.version))
        for prefix, table in self._tables.items():
            if version_of(prefix) == update.version:
                table.peer_down(number, update.whole_at)
        self._parts.unlisted(number, update.version, update.whole_at)
        self._review_all(now)

    def _end_table(self, now: float) -> None:
        """Take it that who began to tell a table long ago has told all: no seed speaks for it.

        One at a time, since that takes as long as hundreds of updates.
        """
        number = self._peers.has_told(now)
        if number is None:
            return
        at, _ = self._peers.telling.pop(number)
        for version in (4, 6):
            self._end_of_rib(EndOfRib(self._peers[number], version, at), now)

    def _review_all(self, now: float) -> None:
        for table in self._tables.values():
            self._review(table, now)

    def _review(self, table: Table, now: float) -> None:
        if table.review(now):
            self.changed.add(table.watch.prefix)
