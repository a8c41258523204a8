"""Who holds one watched prefix, and what is wrong with that.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Iterator, Mapping

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import version_of
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.baseline import Baseline
from vedette.checks.bgp.rib.cells import BASELINE, KNOWN, LIVE, Cells
from vedette.checks.bgp.rib.fall import Fall
from vedette.checks.bgp.rib.foreign import Strangers
from vedette.checks.bgp.rib.neighbours import Neighbours
from vedette.checks.bgp.rib.paths import Paths
from vedette.checks.bgp.rib.peers import Peers
from vedette.checks.bgp.rib.standing import RECOVERED, Standing
from vedette.checks.bgp.watch import Watch

_NEVER = float("-inf")


class Table:
    """What the peers say of one prefix, whose word is newer, and which of them count.

    *least* peers have to say something before it counts. A table that *learns* is judged by what
    was seen of the prefix; others are only judged while they are seeded.
    """

    __slots__ = (
        "_cells",
        "_least",
        "_peers",
        "_standing",
        "baseline",
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
        self.fall = Fall()
        self._peers, self._least = peers, least
        self._cells = Cells(watch, peers, paths, self.strangers, self.neighbours)
        self.baseline = Baseline(self._cells, learns=learns)
        self._standing: Standing | None = None

    def seed(self, routes: Mapping[int, Path], at: float) -> None:
        """Take a snapshot as of *at*; what a peer said since the feed connected, or later, wins."""
        cells = self._cells
        cells.news_at, self.seeded_at = max(cells.news_at, at), at
        for peer, path in routes.items():
            is_joining = self.baseline.is_joining(peer)
            cells.note(peer)
            cells.hold_until(peer, at)
            if self._peers.down.get(peer, _NEVER) > at:
                self._doubt(peer)
            elif self._yields(peer, at):
                self._peers.down.pop(peer, None)
                cells.put(peer, path, at, KNOWN | (0 if is_joining else BASELINE))
            if not is_joining:
                self.baseline.join(peer)
        for peer in cells.noted():
            if peer in routes:
                continue
            if self._peers.is_down(peer):
                self._doubt(peer)
            elif self._yields(peer, at):
                self._lose(peer, at, KNOWN)
        self.baseline.forget(at)

    def learn(self, now: float) -> None:
        """Take the neighbours that were seen for right, where none were learned yet."""
        self.neighbours.begin(self._cells.neighbours, now)

    def learn_from(self, tables: int, now: float) -> None:
        """Do so where nobody seeds, once most of the baseline have told theirs: *tables* in all.

        Where each peer is believed alone nothing is learned: any of them may go by any neighbour.
        """
        size = self._cells.of + self._cells.unknown
        if self.learns and 1 < self._least <= tables and size <= 2 * tables:
            self.learn(now)

    def tell(self, peer: int, path: Path | None, at: float) -> bool:
        """Note a route, or without *path* its loss; False when something newer was known."""
        if not self._hear(peer, at):
            return False
        if path is None:
            self._lose(peer, at, KNOWN | LIVE)
            return True
        self._cells.put(peer, path, at, KNOWN | LIVE)
        if not self._cells.reaches(peer):
            self.baseline.give_up(peer, at)
        elif not self._cells.counts(peer):
            told_all = (peer, version_of(self.watch.prefix)) in self._peers.told_all
            self.baseline.admit(peer, at, told_all=told_all)
        return True

    def peer_down(self, peer: int, at: float) -> None:
        """Make all that *peer* said unknown, unless it spoke later."""
        if self._cells.has(peer) and not self._spoke_after(peer, at):
            self._lose(peer, at, 0)

    def peer_up(self, peer: int, at: float) -> bool:
        """Make unknown what *peer* itself said in a session before that which began at *at*.

        Return whether it may have said something.
        """
        spoke = self._cells.has(peer) and self._cells.is_live(peer)
        if spoke:
            self.peer_down(peer, at)
        return spoke

    def end_of_rib(self, peer: int, at: float, *, is_whole: bool) -> None:
        """Take the silence of *peer* about the prefix for no route, now that it has said all.

        Where *is_whole*, so is what it said before: it held nothing as of *at* that is not listed.
        """
        if not self._cells.has(peer):
            return
        is_gone = is_whole and self._cells.holds(peer) and self._cells.at(peer) < at
        if is_gone or not self._cells.is_known(peer):
            self._lose(peer, at, KNOWN | LIVE)

    def lapse(self, now: float) -> None:
        """Note that the feed was lost: nothing is said until the next seed."""
        self.seeded_at = None
        self._cells.lapse()
        self.strangers.lapse(now)
        self.conditions.clear()
        self.fall.lapse(now)

    def routes(self) -> Iterator[tuple[int, Path]]:
        """Yield who holds the prefix by which path."""
        return self._cells.routes()

    def review(self, now: float) -> bool:
        """Work out what is wrong as of *now*, and return whether that changed.

        So it has where the prefix fell or recovered, or where a stranger came or went. What is seen
        while nothing can be said is worked out when something can.
        """
        if not self.is_judged:
            return False
        had_fallen, met = self.fall.at is not None, False
        if self.strangers:
            met = self.strangers.review(now)
            self.neighbours.review(self.strangers, now)
        elif not self.conditions and not had_fallen and self._is_well():
            return False
        self._standing = None
        before = self.conditions.keys()
        self.conditions = dict(self._wrong(now))
        changed = self.conditions.keys() != before
        return changed or met or had_fallen is (self.fall.at is None)

    def standing(self) -> Standing:
        """Return the counts as they are, and what is wrong as of the last review."""
        if self._standing is None or self._cells.changed:
            self._cells.changed = False
            self._standing = self._stand()
        return self._standing

    def _stand(self) -> Standing:
        cells = self._cells
        return Standing(
            share=cells.holding / cells.of if cells.of else 0.0,
            holding=cells.holding,
            of=cells.of,
            unknown=cells.unknown,
            enough=self._is_enough(),
            origins=dict(cells.origins.most_common()),
            announced=cells.announced(self._least),
            neighbours=dict(cells.neighbours.most_common()),
            collectors=len({self._peers.collectors[n] for n in cells.voters()}),
            foreign=tuple(self.strangers.listed()),
            conditions=dict(self.conditions),
            in_doubt=self.strangers.in_doubt() if self.strangers.silence.lost else frozenset(),
            fell_at=self.fall.at,
            collapsed=self.fall.collapsed,
            drains=self.fall.drains,
            since=cells.news_at,
        )

    @property
    def is_judged(self) -> bool:
        """Whether anything can be said about the prefix."""
        return self.learns or self.seeded_at is not None

    def _is_well(self) -> bool:
        return self._cells.of > 0 and self._cells.holding >= RECOVERED * self._cells.of

    def _is_enough(self) -> bool:
        """Whether the baseline is large enough; a seed without peers says that nobody has it."""
        size = self._cells.of + self._cells.unknown
        return size >= self._least or (size == 0 and self.seeded_at is not None)

    def _wrong(self, now: float) -> Iterator[tuple[Reason, float]]:
        of, unknown = self._cells.of, self._cells.unknown
        share, taken = (n / of if of else 0.0 for n in (self._cells.holding, self._cells.taken))
        known = self._is_enough() and unknown * 2 <= of + unknown
        self.fall.review(share, now, taken=taken, known=known)
        if self.fall.gone_at is not None:
            yield Reason.WITHDRAWN, self.fall.gone_at
        elif self.fall.halved_at is not None:
            # The time in which fewer had it counts: one peer at the border must not restart it.
            yield Reason.PARTIALLY_WITHDRAWN, self.fall.halved_at
        for reason in (Reason.ORIGIN, Reason.MORE_SPECIFIC, Reason.PATH) if self.strangers else ():
            since = self.strangers.since(reason)
            if since is not None and reason is Reason.PATH:
                since = self.neighbours.leaked_since(
                    self._cells.neighbours, self._cells.holding, since, now
                )
            elif since is not None:
                # Strangers that take turns are there all the time.
                since = min(since, self.conditions.get(reason, since))
            if since is not None:
                # What a collapse let show is a fault of its own when it outlasts that.
                yield reason, max(since, self.fall.recovered_at)

    def _hear(self, peer: int, at: float) -> bool:
        """Note that *peer* spoke itself at *at*, so its session is up; False if it is old news."""
        self._cells.note(peer)
        down = self._peers.down
        if self._spoke_after(peer, at) or (peer in down and down[peer] > at):
            return False
        down.pop(peer, None)
        return True

    def _spoke_after(self, peer: int, at: float) -> bool:
        """Whether a peer has said something newer since the feed connected.

        What a seed says is left out: its time may be later than that of news still under way.
        """
        return self._cells.is_live(peer) and self._cells.at(peer) > at

    def _yields(self, peer: int, at: float) -> bool:
        """Whether a seed as of *at* knows better than we do."""
        return not self._cells.is_live(peer) and self._cells.at(peer) <= at

    def _doubt(self, peer: int) -> None:
        """Make a peer unknown whose session is down, unless it has spoken since we connected."""
        if not self._cells.is_live(peer):
            self._cells.clear(peer, KNOWN)

    def _lose(self, peer: int, at: float, flags: int) -> None:
        """Note that *peer* has no route as of *at*, or by no *flags* that nothing is known."""
        self.baseline.give_up(peer, at)
        self._cells.put(peer, None, at, flags)
