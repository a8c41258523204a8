"""Prefixes as the feeds see them: the share of peers over the last hour.

Rule: time is passed in. The ledger keeps the last looks, which are many in little time while routes
change; what is kept here are the steps of an hour, so that the picture shows where they began.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.agent.memory.looks import Seen
from vedette.agent.status.look import WORST_FIRST
from vedette.agent.status.turns import in_turns
from vedette.checks.bgp.check import FEED
from vedette.checks.finding import Finding, Kind, Verdict

SHOWN = 12
"""How many prefixes are drawn, those that are not well first."""
SPAN = 3600.0
STEPS = 120
"""How many steps are kept of a prefix: more of them in an hour push out the oldest."""
STEP = 0.005
"""How much a share must differ to make a step."""
EVERY = 5.0
WIDTH, HEIGHT = 184, 36
_EDGE = 2
"""Room above and below, so that a line at 0 or 100 % is drawn whole."""

Checks = Mapping[str, Sequence[CheckKey]]


@dataclass(slots=True)
class _Steps:
    """Epoch seconds with the share from then on; None where it was not known."""

    kept: deque[tuple[float, float | None]] = field(default_factory=lambda: deque(maxlen=STEPS))
    seen_at: float = float("-inf")

    def take(self, look: Seen) -> None:
        self.seen_at = look.started_at
        share = _share(look.finding)
        if self.kept and _is_same(self.kept[-1][1], share):
            return
        self.kept.append((look.started_at, share))
        while len(self.kept) > 1 and self.kept[1][0] < look.started_at - SPAN:
            self.kept.popleft()


def _is_same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < STEP


class History:
    """The shares of the last hour, by prefix and feed; bounded, and empty after a restart."""

    def __init__(self, checks: Callable[[], Checks], ledger: Ledger) -> None:
        self._checks = checks
        self._ledger = ledger
        self._steps: dict[tuple[CheckKey, str], _Steps] = {}

    async def keep(self) -> NoReturn:
        """Take in what is looked at, for ever."""
        while True:
            await self.take()
            await asyncio.sleep(EVERY)

    async def take(self) -> None:
        """Take in the looks that are new, and forget what is no longer looked at."""
        present = set()
        async for series in in_turns(_watched(self._checks(), self._ledger)):
            name = series.key, series.place
            present.add(name)
            steps = self._steps.setdefault(name, _Steps())
            for look in tuple(series.looks):
                if look.started_at > steps.seen_at:
                    steps.take(look)
        for gone in self._steps.keys() - present:
            del self._steps[gone]

    def of(self, series: Series, now: float) -> Sequence[tuple[float, float | None]]:
        """Return the steps of *series* up to *now*, oldest first; none older than an hour."""
        steps = self._steps.get((series.key, series.place))
        if steps is None or not steps.kept:
            return [(look.started_at, _share(look.finding)) for look in tuple(series.looks)]
        points = [(max(at, now - SPAN), share) for at, share in steps.kept]
        return [*points, (now, _share(series.last.finding))]


def _watched(checks: Checks, ledger: Ledger) -> Sequence[Series]:
    """Return the series of all prefixes; a check of another kind costs nothing."""
    keys = [key for some in checks.values() for key in some if key.kind is Kind.BGP]
    return [series for key in keys for series in ledger.of(key) if series.place != FEED]


@dataclass(frozen=True, slots=True)
class Plot:
    """Share over time as SVG: *line* is a path, *area* what is under it; *said* is it in words."""

    line: str
    area: str
    said: str


@dataclass(frozen=True, slots=True)
class Route:
    """One prefix by one feed; *share* is None while nobody knows."""

    service: str
    prefix: str
    feed: str
    verdict: Verdict
    share: float | None
    peers: str
    plot: Plot | None


@dataclass(frozen=True, slots=True)
class Routes:
    """The prefixes that are drawn, and how many there are in all."""

    shown: Sequence[Route]
    total: int


async def routes(checks: Checks, ledger: Ledger, history: History, now: float) -> Routes:
    """Return the prefixes of all services, those that are not well first."""
    by_verdict: dict[Verdict, list[Series]] = {verdict: [] for verdict in WORST_FIRST}
    async for series in in_turns(_watched(checks, ledger)):
        by_verdict[series.verdict(now)].append(series)
    found = [series for some in by_verdict.values() for series in some]
    return Routes([_route(series, history, now) for series in found[:SHOWN]], len(found))


def _route(series: Series, history: History, now: float) -> Route:
    facts = series.last.finding.facts
    share = _share(series.last.finding)
    holding, of = facts.get("holding"), facts.get("of")
    known = share is not None and holding is not None
    return Route(
        service=series.key.service,
        prefix=series.key.check,
        feed=series.place,
        verdict=series.verdict(now),
        share=share,
        peers=f"{holding} of {of} peers" if known else "",
        plot=plot(history.of(series, now)),
    )


def _share(finding: Finding) -> float | None:
    share = finding.facts.get("share")
    return float(share) if isinstance(share, int | float) else None


def plot(points: Sequence[tuple[float, float | None]]) -> Plot | None:
    """Draw shares by epoch seconds, oldest first, as steps: a share stands until the next look.

    Where it was unknown the line has a gap. None where nothing was known.
    """
    known = [share for _, share in points if share is not None]
    if not known:
        return None
    begin, end = points[0][0], points[-1][0]
    scale = WIDTH / (end - begin) if end > begin else 0.0
    line, area = [], []
    at: tuple[float, float] | None = None
    for when, share in points:
        x = (when - begin) * scale
        if share is None:
            if at:
                line.append(f"H{x:.1f}")
                area.append(_down(x))
            at = None
            continue
        y = _EDGE + (1 - share) * (HEIGHT - 2 * _EDGE)
        line.append(f"M{x:.1f} {y:.1f}" if at is None else f"H{x:.1f}V{y:.1f}")
        area.append(f"M{x:.1f} {HEIGHT}V{y:.1f}" if at is None else f"H{x:.1f}V{y:.1f}")
        at = x, y
    if at:
        area.append(_down(at[0]))
    return Plot("".join(line), "".join(area), _said(known, end - begin))


def _down(x: float) -> str:
    return f"H{x:.1f}V{HEIGHT}z"


def _said(known: Sequence[float], seconds: float) -> str:
    span = f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} seconds"
    first, last = known[0], known[-1]
    return (
        f"share of the peers over {span}: {100 * first:.0f} % at first, "
        f"{100 * min(known):.0f} % at least, {100 * last:.0f} % now"
    )
