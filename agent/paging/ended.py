"""What became of a page at a pager, and the line of the log that says so."""

import logging
from dataclasses import dataclass

from vedette.agent.memory.pages import Row
from vedette.exporters.page import ACCEPTED, Delivery, Outcome

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one page at one pager."""

    row: Row
    at: float
    delivery: Delivery


def tell(ended: Ended) -> None:
    """Log what became of a page: a warning where not all have it, an error where nobody has."""
    pager, page, said = ended.row.pager, ended.row.page, ended.delivery.detail
    match ended.delivery.outcome:
        case Outcome.REJECTED:
            log.error("page %s refused by %s: %s", page.key, pager, said)
        case Outcome.SUPERSEDED:
            log.info("%s of %s is not sent to %s: %s", page.action, page.key, pager, said)
        case _ if said in ("", ACCEPTED):
            log.info("%s of %s accepted by %s", page.action, page.key, pager)
        case _:
            log.warning("%s of %s given to %s: %s", page.action, page.key, pager, said)
