"""One look, any outcome, always an observation."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from vedette.checks.finding import Check, Finding, Look, Observation, Verdict
from vedette.checks.stopwatch import DISTURBED, STOPWATCH, Stopwatch

log = logging.getLogger(__name__)


class RunnerReason(StrEnum):
    """Why there is no finding: neither is the target's doing."""

    OVERRUN = "overrun"
    INTERNAL_ERROR = "internal_error"


async def look_all(
    check: Check,
    *,
    service: str,
    vantage: str,
    limit: float,
    now: Callable[[], float],
    stopwatch: Callable[[], float] | None = None,
) -> Sequence[Observation]:
    """Look at every subject of *check* at the same time; each ends within *limit* seconds.

    *stopwatch* tells seconds; the loop's own clock, the default, may be as coarse as 1 ms.
    """
    clock = stopwatch or asyncio.get_running_loop().time

    async def one(look: Look) -> Observation:
        started_at, watch = now(), Stopwatch(clock)
        STOPWATCH.set(watch)
        finding = await _finding(check.name, look, limit)
        seconds = watch.stop(answered=finding.verdict is Verdict.OK)
        if watch.is_disturbed:
            finding = replace(finding, facts={**finding.facts, DISTURBED: True})
        return Observation(
            service=service,
            check=check.name,
            kind=check.kind,
            vantage=vantage,
            subject=look.subject,
            place=look.place,
            finding=finding,
            started_at=started_at,
            seconds=seconds,
        )

    looks = check.looks()
    if len(looks) == 1:
        # The most common case by far, and it needs no task of its own.
        return [await one(looks[0])]
    return await asyncio.gather(*(one(look) for look in looks))


async def _finding(check: str, look: Look, limit: float) -> Finding:
    deadline = asyncio.timeout(limit)
    try:
        async with deadline:
            return await look.once()
    except Exception as error:
        if deadline.expired():
            return Finding(
                verdict=Verdict.UNKNOWN,
                reason=RunnerReason.OVERRUN,
                detail=f"the look at {look.subject} did not end within {limit:g} s",
            )
        log.exception("check %s at %s: internal error", check, look.subject)
        return Finding(
            verdict=Verdict.UNKNOWN,
            reason=RunnerReason.INTERNAL_ERROR,
            detail=f"a bug of ours, not of {look.subject}: {type(error).__name__}",
        )
