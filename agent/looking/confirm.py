"""Looks again every second at what has just begun to fail: speed must not cost anybody's sleep.

A fault is certain when it has lasted for a hold; a check that looks twice a minute would take a
minute to say so. Extra looks have a budget per target: an outage must not meet a storm of probes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from vedette.agent.memory.ledger import Series
from vedette.checks.finding import Verdict

EVERY = 1.0
"""Seconds between two extra looks."""
BURST = 20.0
"""How many extra looks a target gets at once: as many as it takes to fill a hold."""
RATE = 0.2
"""How many a second it gets in the long run, from all the checks that look at it."""
MOST = 100_000
"""How many targets are remembered."""


class Budget:
    """How many extra looks each target has left; *now* is epoch seconds."""

    def __init__(self, burst: float = BURST, rate: float = RATE) -> None:
        self._burst, self._rate = burst, rate
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, targets: Collection[str], now: float) -> bool:
        """Spend one look at all of *targets*, if all of them have one left."""
        left = {target: self._now_left(target, now) for target in targets}
        if not all(looks >= 1 for looks in left.values()):
            return False
        for target, looks in left.items():
            self._left[target] = (looks - 1, now)
        while len(self._left) > MOST:
            del self._left[next(iter(self._left))]
        return True

    def _now_left(self, target: str, now: float) -> float:
        looks, at = self._left.pop(target, (self._burst, now))
        looks = min(self._burst, looks + self._rate * max(0.0, now - at))
        self._left[target] = (looks, now)
        return looks


def began_now(series: Iterable[Series]) -> float | None:
    """Return when the first of *series* failed whose newest look is its first bad one, if any."""
    bad = (one for one in series if one.last.finding.verdict is Verdict.FAILING)
    return min(
        (one.last.started_at for one in bad if one.failing_since == one.last.started_at),
        default=None,
    )


def doubtful(series: Iterable[Series], now: float) -> frozenset[str]:
    """Return the subjects that fail, and were not seen to for a hold yet, or were well just once.

    One good look does not show that it is over where most looks fail, and not all of them. What
    could not be looked at for longer, as its budget is spent, waits for its tick.
    """
    return frozenset(one.subject for one in series if _is_doubtful(one, now))


def _is_doubtful(series: Series, now: float) -> bool:
    verdict, timing = series.last.finding.verdict, series.timing
    began_at = series.failing_since if verdict is Verdict.FAILING else series.troubled_since
    if verdict is Verdict.UNKNOWN or began_at is None or series.failed_at is None:
        return False
    is_certain = series.failed_at - began_at >= timing.hold
    return not is_certain and now - began_at <= timing.hold + timing.timeout + EVERY


async def look_until_certain(
    look: Callable[[], Awaitable[None]],
    doubts: Callable[[], Collection[str]],
    budget: Budget,
    now: Callable[[], float],
    every: float,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool:
    """Look, and look again while there are *doubts*, each time that their targets have a look left.

    A look that is due after *every* seconds anyway costs none. Returns whether there were doubts.
    """
    await look()
    looked_at, doubted = now(), False
    while targets := doubts():
        doubted = True
        await sleep(EVERY)
        if now() - looked_at >= every or budget.take(targets, now()):
            await look()
            looked_at = now()
    return doubted
