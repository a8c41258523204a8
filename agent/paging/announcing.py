"""Changes of an agent that are told where that is wanted, and wake nobody."""

import asyncio
from collections.abc import Callable, Iterable

from vedette.exporters.page import Announcing, Outcome, Pager

TIMES = 3
EVERY = 30.0


async def announce(
    pagers: Iterable[Pager], change: str, source: str, now: Callable[[], float]
) -> None:
    """Tell those of *pagers* that want it of a *change* of *source*, three times at most."""
    at = now()
    for pager in [one for one in pagers if isinstance(one, Announcing)]:
        for _ in range(TIMES):
            delivery = await pager.tell(change, source, at)
            if delivery is None or delivery.outcome is not Outcome.RETRY:
                break
            await asyncio.sleep(EVERY)
