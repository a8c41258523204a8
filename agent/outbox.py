"""Pages on their way: in order per pager and key, tried until accepted or refused."""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.journal import Journal
from vedette.agent.store import Row, Statement, end, queue
from vedette.exporters.page import Action, Delivery, Outcome, Page, Pager

log = logging.getLogger(__name__)

FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
AT_ONCE = 8


@dataclass(slots=True)
class Waiting:
    """A row of the outbox with what the last attempts said."""

    row: Row
    attempts: int = 0
    due_at: float = 0.0
    detail: str = ""
    trying: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one page at one pager."""

    row: Row
    at: float
    delivery: Delivery


def backoff(attempts: int, asked: float | None, chance: float) -> float:
    """Return the seconds before the next try: what the receiver asked, or full jitter 1 s → 60 s.

    *chance* is in [0, 1).
    """
    if asked is not None:
        return asked
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempts, 16)) * chance


class Outbox:
    """Holds what is undelivered and hands it over, one page per key at a time."""

    def __init__(
        self,
        pagers: Sequence[Pager],
        journal: Journal,
        *,
        now: Callable[[], float],
        waiting: Sequence[Row] = (),
        last_row: int = 0,
    ) -> None:
        self._pagers: Mapping[str, Pager] = {pager.name: pager for pager in pagers}
        self._journal = journal
        self._now = now
        self._last_row = last_row
        self._wake = asyncio.Event()
        self.waiting = [Waiting(row) for row in waiting]
        self.ended: list[Ended] = []
        self.delivered: dict[tuple[str, Outcome], int] = {}

    def add(self, page: Page, now: float) -> list[Statement]:
        """Queue *page* for every pager; return what must be kept in the same transaction."""
        statements = []
        for name in self._pagers:
            self._last_row += 1
            row = Row(self._last_row, name, page, now)
            self.waiting.append(Waiting(row, due_at=now))
            statements.append(queue(row))
        self._wake.set()
        return statements

    async def run(self) -> None:
        """Deliver for ever; pages of different keys go out side by side, triggers first."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for waiting in self._due():
                    waiting.trying = True
                    tasks.create_task(self._attempt(waiting))
                await self._sleep()

    def _idle(self) -> list[Waiting]:
        """Return the head of each key's queue, unless it is being tried; the rest waits for it."""
        heads: dict[tuple[str, str], Waiting] = {}
        for waiting in self.waiting:
            heads.setdefault((waiting.row.pager, waiting.row.page.key), waiting)
        return [head for head in heads.values() if not head.trying]

    def _due(self) -> Sequence[Waiting]:
        """Return what may go out now, as much as there is room for."""
        now = self._now()
        ready = [w for w in self._idle() if w.due_at <= now]
        ready.sort(key=lambda w: w.row.page.action is not Action.TRIGGER)
        return ready[: self._room()]

    def _room(self) -> int:
        return AT_ONCE - sum(w.trying for w in self.waiting)

    async def _sleep(self) -> None:
        """Wait for the next head to be due, a new page, or the end of an attempt."""
        now = self._now()
        due_at = [w.due_at for w in self._idle()] if self._room() else []
        try:
            async with asyncio.timeout(max(0.05, min(due_at, default=now + LONGEST_WAIT) - now)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _attempt(self, waiting: Waiting) -> None:
        try:
            await self._try(waiting)
        finally:
            waiting.trying = False
            self._wake.set()

    async def _try(self, waiting: Waiting) -> None:
        row = waiting.row
        pager = self._pagers.get(row.pager)
        if pager is None:
            gone = f"pager {row.pager} is no longer in the config"
            self._end(waiting, Delivery(outcome=Outcome.REJECTED, detail=gone))
            return
        delivery = await pager.send(row.page)
        if delivery.outcome is not Outcome.RETRY:
            self._end(waiting, delivery)
            return
        waiting.attempts += 1
        waiting.detail = delivery.detail
        wait = backoff(waiting.attempts, delivery.retry_after, random.random())
        waiting.due_at = self._now() + wait
        log.warning(
            "page %s not accepted by %s (%s): trying again in %.0f s",
            row.page.key, row.pager, delivery.detail, wait,
        )  # fmt: skip

    def _end(self, waiting: Waiting, delivery: Delivery) -> None:
        now, row = self._now(), waiting.row
        self.waiting.remove(waiting)
        self.ended = [*self.ended[-49:], Ended(row, now, delivery)]
        counted = row.pager, delivery.outcome
        self.delivered[counted] = self.delivered.get(counted, 0) + 1
        self._journal.write([end(row.id, now, delivery.outcome, delivery.detail)])
        if delivery.outcome is Outcome.REJECTED:
            log.error("page %s refused by %s: %s", row.page.key, row.pager, delivery.detail)
        else:
            log.info("%s of %s accepted by %s", row.page.action, row.page.key, row.pager)

    async def close(self) -> None:
        """Give back the pagers' connections."""
        for pager in self._pagers.values():
            await pager.close()
