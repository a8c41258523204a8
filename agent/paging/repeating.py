"""What stands at receivers that forget what is not sent again, as Alertmanager does."""

import asyncio
import logging
from typing import NoReturn

from vedette.agent.paging.attempt import attempt
from vedette.agent.paging.taken import Taken
from vedette.exporters.page import Outcome, Repeating

log = logging.getLogger(__name__)


async def keep_repeating(pager: Repeating, taken: Taken, wait: float) -> NoReturn:
    """Send again what stands at *pager*, for ever, after a *wait* in seconds for peers' ends."""
    pager.stand(taken.calls(pager.name), taken.ends(pager.name))
    await asyncio.sleep(wait)
    failing = False
    while True:
        delivery = await attempt(pager.name, pager.repeat())
        failed = delivery.outcome is not Outcome.DELIVERED
        if failed and not failing:
            log.error("%s does not take what stands again (%s)", pager.name, delivery.detail)
        failing = failed
        await asyncio.sleep(pager.every)
