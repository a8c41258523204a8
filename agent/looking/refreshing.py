"""The slow work of checks, as walks of delegations: beside their looks, when each of them says."""

import asyncio
import logging
import math
from collections.abc import Sequence
from typing import NoReturn

from vedette.agent.counts import Counts
from vedette.agent.looking.cadence import AT_ONCE
from vedette.agent.plan import Planned
from vedette.checks.finding import Refreshing

log = logging.getLogger(__name__)

AFTER_A_BUG = 5.0
"""Seconds after which work is begun again that a bug of ours has ended."""


async def keep_refreshing(checks: Sequence[Planned], counts: Counts) -> NoReturn:
    """Refresh those of *checks* that have anything to refresh, for ever."""
    async with asyncio.TaskGroup() as tasks:
        for number, one in enumerate(checks):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            if isinstance(one.check, Refreshing):
                work = _keep_refreshing(str(one.key), one.check, counts)
                tasks.create_task(work, name=f"refresh {one.key}")
        await asyncio.get_running_loop().create_future()
    raise AssertionError


async def _keep_refreshing(name: str, check: Refreshing, counts: Counts) -> None:
    """Refresh a check when it says, until it says never; a bug costs nobody else anything."""
    seconds = 0.0
    while seconds < math.inf:
        await asyncio.sleep(seconds)
        seconds = await _refresh(name, check, counts)


async def _refresh(name: str, check: Refreshing, counts: Counts) -> float:
    try:
        return await check.refresh()
    except Exception:
        counts.internal_errors += 1
        log.exception("refresh %s failed: this is a bug, please report it", name)
        return AFTER_A_BUG
