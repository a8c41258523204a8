"""Pages and what became of them; what nobody has accepted yet comes first.

Rule: pure; time is passed in.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from vedette.agent.memory.pages import Sent
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.heartbeat import refusing
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.queue import Waiting
from vedette.exporters.page import Page

SHOWN = 20
"""How many of each sort are shown."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One page at one pager; *outcome* is None while nobody has accepted or refused it."""

    key: str
    pager: str
    action: str
    summary: str
    outcome: str | None
    at: float
    attempts: int
    answer: str


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The pages that are owed, the oldest first, *by* which pagers, and the newest that are not.

    *refused* are the last pages of pagers that have refused the last that they were sent.
    """

    owed: Sequence[Delivery]
    ended: Sequence[Delivery]
    total: int
    oldest: float | None
    by: Sequence[str]
    refused: Sequence[Delivery]

    @property
    def more(self) -> int:
        """How many that are owed are not shown."""
        return self.total - len(self.owed)


def deliveries(outbox: Outbox) -> Deliveries:
    """Return the pages that this run of the agent knows."""
    waiting = outbox.waiting
    first = nsmallest(SHOWN, waiting, key=lambda one: one.row.queued_at)
    owed = [
        _delivery(one.row.pager, one.row.page, None, one.row.queued_at, _said(one), one.attempts)
        for one in first
    ]
    oldest = owed[0].at if owed else None
    by = [*dict.fromkeys(one.row.pager for one in waiting)]
    refused = [_ended(one) for one in refusing(outbox.ended)]
    newest = [_ended(one) for one in outbox.ended[: -SHOWN - 1 : -1]]
    return Deliveries(owed, newest, len(waiting), oldest, by, refused)


def _said(waiting: Waiting) -> str:
    """Return what the last attempt was told, or why there was none: nobody hurries a held page."""
    is_held = waiting.since > waiting.row.queued_at and not (waiting.attempts or waiting.trying)
    return "held: peers may have told of it" if is_held else waiting.detail


def of_record(sent: Iterable[Sent]) -> Iterator[Delivery]:
    """Yield the pages of the record."""
    for one in sent:
        ended = one.ended_at is not None
        at = one.ended_at if one.ended_at is not None else one.row.queued_at
        yield _delivery(
            one.row.pager, one.row.page, one.outcome if ended else None, at, one.detail, 0
        )


def _ended(one: Ended) -> Delivery:
    row, delivery = one.row, one.delivery
    return _delivery(row.pager, row.page, delivery.outcome, one.at, delivery.detail, 0)


def _delivery(
    pager: str, page: Page, outcome: str | None, at: float, answer: str, attempts: int
) -> Delivery:
    return Delivery(
        page.key, pager, page.action, page.summary or page.key, outcome, at, attempts, answer
    )
