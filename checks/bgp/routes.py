"""Which peers hold which watched prefix, and the share of the baseline that still does.

Rules: no I/O, no clock. A peer that vanishes is unknown, never withdrawn. Times in `at` are the
feed's own, so a skewed clock of ours cannot reorder routes.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from vedette.checks.bgp.path import Path, origins_of
from vedette.checks.bgp.prefix import Peer

NEVER = float("-inf")
MEMORY = 7 * 86400.0  # how long a peer without the route stays in the baseline
MAX_PEERS = 10_000  # per prefix; RIS and RouteViews together have about 2,000 sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """How much of a prefix's baseline reaches it by an expected origin.

    *of* counts the baseline's peers that we know about, *unknown* those whose session is down.
    *origins* counts peers per origin, foreign ones included. *since* is the newest route or
    withdrawal behind these numbers.
    """

    share: float
    holding: int
    of: int
    unknown: int
    origins: Mapping[int, int]
    collectors: int
    since: float

    @property
    def known(self) -> bool:
        """Whether enough of the baseline is left to judge by: at least half of it."""
        return self.unknown * 2 <= self.of + self.unknown


@dataclass(slots=True)
class _Standing:
    """What is known of one peer and one prefix; a *path* of None is no route.

    *at* is the time the knowledge speaks of, by a seed or the peer; *heard_at* is the peer's last
    word alone: the stream is in order, so a seed with a later time must not make an update late.
    """

    path: Path | None = None
    at: float = NEVER
    heard_at: float = NEVER
    known: bool = True
    live: bool = False  # said since the feed connected, so no seed overrules it
    baseline: bool = False
    held_at: float = NEVER


@dataclass(slots=True)
class _Table:
    """The standings of one prefix."""

    origins: frozenset[int]
    standings: dict[Peer, _Standing] = field(default_factory=dict)
    seeded_at: float | None = None


class Routes:
    """The state of every peer session for each watched prefix."""

    def __init__(self, watched: Mapping[str, Collection[int]]) -> None:
        self._tables = {prefix: _Table(frozenset(origins)) for prefix, origins in watched.items()}
        self._down: dict[Peer, float] = {}

    @property
    def seeded(self) -> Mapping[str, float]:
        """The prefixes seeded since the feed connected, and the time each seed speaks of."""
        return {p: t.seeded_at for p, t in self._tables.items() if t.seeded_at is not None}

    def seed(self, prefix: str, routes: Mapping[Peer, Path], at: float) -> None:
        """Take a table snapshot as of *at*; what a peer said since connecting, or later, wins."""
        table = self._tables[prefix]
        table.seeded_at = at
        for peer, path in routes.items():
            standing = self._standing(table, peer)
            if standing is None:
                continue
            standing.baseline, standing.held_at = True, max(standing.held_at, at)
            if self._down.get(peer, NEVER) > at:
                standing.known = standing.known and standing.live
            elif _yields(standing, at):
                self._down.pop(peer, None)
                _hold(standing, path, at)
        for peer in table.standings.keys() - routes.keys():
            self._miss(table, peer, at)
        _forget(table, at)

    def announce(self, peer: Peer, prefix: str, path: Path, at: float) -> bool:
        """Note a route; False when something newer was known, True also when not watched."""
        standing = self._fresh(peer, prefix, at)
        if standing is None:
            return prefix not in self._tables
        _hold(standing, path, at)
        self._hear(peer, standing, at)
        standing.baseline |= _reaches(standing, self._tables[prefix].origins)
        return True

    def withdraw(self, peer: Peer, prefix: str, at: float) -> bool:
        """Note the loss of a route; False when something newer was known."""
        standing = self._fresh(peer, prefix, at)
        if standing is None:
            return prefix not in self._tables
        _lose(standing, at, known=True)
        self._hear(peer, standing, at)
        return True

    def peer_down(self, peer: Peer, at: float) -> None:
        """Make all that *peer* said unknown, until it announces or a seed lists it."""
        if peer in self._down or len(self._down) < MAX_PEERS:
            self._down[peer] = max(at, self._down.get(peer, NEVER))
        for table in self._tables.values():
            standing = table.standings.get(peer)
            if standing is not None and standing.heard_at <= at:
                _lose(standing, at, known=False)
                standing.heard_at, standing.live = at, False

    def peer_up(self, peer: Peer, at: float) -> None:
        """Let the next seed speak for *peer* again; until then it stays unknown."""
        if self._down.get(peer, at) <= at:
            self._down.pop(peer, None)

    def collector_down(self, collector: str, at: float) -> None:
        """Make every peer of *collector* unknown."""
        peers = {p for t in self._tables.values() for p in t.standings if p.collector == collector}
        for peer in peers:
            self.peer_down(peer, at)

    def lapse(self) -> None:
        """Note that the feed was lost: nothing is judged until each prefix is seeded again."""
        for table in self._tables.values():
            table.seeded_at = None
            for standing in table.standings.values():
                standing.live = False

    def share(self, prefix: str, origins: Collection[int]) -> Visibility | None:
        """Return how visible *prefix* is by *origins*; None while it is not seeded."""
        table = self._tables[prefix]
        if table.seeded_at is None:
            return None
        counts: Counter[int] = Counter()
        for standing in table.standings.values():
            counts.update(origins_of(standing.path or ()))
        baseline = {peer: s for peer, s in table.standings.items() if s.baseline}
        known = {peer: s for peer, s in baseline.items() if s.known}
        holding = sum(_reaches(standing, origins) for standing in known.values())
        return Visibility(
            share=holding / len(known) if known else 0.0,
            holding=holding,
            of=len(known),
            unknown=len(baseline) - len(known),
            origins=dict(counts.most_common()),
            collectors=len({peer.collector for peer in known}),
            since=max([table.seeded_at, *(s.at for s in table.standings.values())]),
        )

    def baseline(self, prefix: str, at: float) -> Mapping[Peer, float]:
        """Return the peers of the baseline with when each last held the prefix; holders do now."""
        standings = self._tables[prefix].standings
        return {
            peer: s.held_at if s.path is None else max(s.held_at, at)
            for peer, s in standings.items()
            if s.baseline
        }

    @property
    def watched(self) -> Mapping[str, Collection[int]]:
        """The watched prefixes and the origins they are expected from."""
        return {prefix: table.origins for prefix, table in self._tables.items()}

    def restore(self, prefix: str, baseline: Mapping[Peer, float], at: float) -> None:
        """Add a stored baseline, which counts once the prefix is seeded; week-old peers do not."""
        table = self._tables.get(prefix)
        if table is None:
            return
        for peer, held_at in baseline.items():
            standing = self._standing(table, peer) if held_at >= at - MEMORY else None
            if standing is not None:
                standing.baseline = True
                standing.held_at = max(standing.held_at, min(held_at, at))

    def _standing(self, table: _Table, peer: Peer) -> _Standing | None:
        standing = table.standings.get(peer)
        if standing is None and len(table.standings) < MAX_PEERS:
            standing = table.standings[peer] = _Standing()
        return standing

    def _fresh(self, peer: Peer, prefix: str, at: float) -> _Standing | None:
        """Return the standing that news as of *at* may change, if any."""
        table = self._tables.get(prefix)
        standing = self._standing(table, peer) if table else None
        return standing if standing is not None and standing.heard_at <= at else None

    def _hear(self, peer: Peer, standing: _Standing, at: float) -> None:
        """Note that *peer* spoke itself, so its session is up."""
        standing.heard_at, standing.live = at, True
        self._down.pop(peer, None)

    def _miss(self, table: _Table, peer: Peer, at: float) -> None:
        """Take a seed's silence about *peer* for no route, unless its session is down."""
        standing = table.standings[peer]
        if _yields(standing, at) and peer not in self._down:
            _lose(standing, at, known=True)


def _yields(standing: _Standing, at: float) -> bool:
    return not standing.live and standing.at <= at


def _hold(standing: _Standing, path: Path, at: float) -> None:
    standing.path, standing.at, standing.known = path, at, True
    standing.held_at = max(standing.held_at, at)


def _lose(standing: _Standing, at: float, *, known: bool) -> None:
    if standing.path is not None:
        standing.held_at = max(standing.held_at, at)
    standing.path, standing.at, standing.known = None, at, known


def _reaches(standing: _Standing, origins: Collection[int]) -> bool:
    return standing.path is not None and any(o in origins for o in origins_of(standing.path))


def _forget(table: _Table, at: float) -> None:
    """Drop peers that gave the route up long ago, but keep a lost prefix's whole baseline."""
    baseline = [s for s in table.standings.values() if s.baseline]
    if 2 * sum(_reaches(s, table.origins) for s in baseline) <= len(baseline):
        return
    for standing in baseline:
        if standing.path is None and standing.held_at < at - MEMORY:
            standing.baseline = False


def merged(watched: Iterable[tuple[str, Collection[int]]]) -> dict[str, frozenset[int]]:
    """Return each prefix once, with the origins of all the checks that watch it."""
    origins: dict[str, frozenset[int]] = {}
    for prefix, some in watched:
        origins[prefix] = origins.get(prefix, frozenset()) | frozenset(some)
    return origins
