"""One attempt at one pager."""

import logging
from collections.abc import Awaitable

from vedette.exporters.page import Delivery, Outcome

log = logging.getLogger(__name__)


async def attempt(pager: str, sending: Awaitable[Delivery]) -> Delivery:
    """Return what became of *sending*; our own bug at one pager costs no other a page."""
    try:
        return await sending
    except Exception as bug:
        log.exception("pager %s failed: this is a bug, please report it", pager)
        return Delivery(outcome=Outcome.RETRY, detail=f"a bug of ours: {bug!r}")
