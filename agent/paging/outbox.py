"""Pages on their way: in order per pager and key, tried until accepted or refused.

What no pager has accepted in time, or what one has refused, goes to its second channel as well.
"""

import asyncio
import logging
import math
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from vedette.agent.clock import utc
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row, Told
from vedette.agent.memory.statements import Statement, back_up, end, queue
from vedette.agent.paging.arrears import NOTHING, Arrear, Former, arrears, taken_up
from vedette.agent.paging.attempt import attempt
from vedette.agent.paging.backoff import LONGEST_WAIT, backoff
from vedette.agent.paging.deduplication import HEARD_WITHIN, Deduplication, Place
from vedette.agent.paging.ended import Ended, tell
from vedette.agent.paging.late import late
from vedette.agent.paging.queue import Queue, Waiting
from vedette.agent.paging.recipients import Recipients
from vedette.agent.paging.refused import Refused
from vedette.agent.paging.repeating import keep_repeating
from vedette.agent.paging.routing import Route, Routes
from vedette.agent.paging.secondchannels import called_off, handed_over
from vedette.agent.paging.taken import Taken
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.pace import Pace
from vedette.exporters.page import (
    Action,
    Delivery,
    Outcome,
    Page,
    Pager,
    Repeating,
)

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Attempts that may be under way at one pager."""
SETTLED_WITHIN = 5.0
_TURN = 0.05


class Outbox:
    """Holds what is undelivered and hands it over, one page per key at a time.

    It takes up what a *former* life has left.
    """

    def __init__(
        self,
        pagers: Sequence[Pager],
        journal: Journal,
        *,
        now: Callable[[], float],
        routes: Routes | None = None,
        former: Former = NOTHING,
    ) -> None:
        self.pagers: Mapping[str, Pager] = {pager.name: pager for pager in pagers}
        self._routes = routes or Routes([Route(name) for name in self.pagers])
        self._journal = journal
        self._now = now
        self._began_at = now()
        former = former.by(self._began_at)
        self._last_row = former.last_row
        self._wake = asyncio.Event()
        self._settling = False
        self._quiet_until: dict[str, float] = {}
        self._taken = Taken(former.told)
        self._arrears = arrears(former, self._routes, self.pagers)
        self._refused = Refused()
        self._deduplication: Deduplication | None = None
        self._accepted: Callable[[str, str, Action], None] = lambda _pager, _key, _action: None
        self._doubtful: set[Place] = set()
        self._queue = Queue(self._backup_at, self._held_until)
        self._recipients = Recipients(self.pagers, self._routes, self._queue, self._taken)
        for row in taken_up(former, self._routes):
            self._queue.add(Waiting(row))
        self.ended: list[Ended] = []
        self.delivered: dict[tuple[str, Outcome], int] = {}

    def agree(
        self,
        hearsay: Hearsay,
        accepted: Callable[[str, str, Action], None],
        burns: Callable[[str], bool | None],
        turn: int = 0,
        blind_at: Callable[[], float] = lambda: -math.inf,
        gone: Collection[str] = (),
    ) -> None:
        """Heed from now on what peers have told, by *hearsay*, and tell them what is *accepted*.

        That is called with the pager, the key and the action of each page of ours that is; *burns*
        says whether what a key stands for is seen to fail, and *blind_at* when this agent last saw
        nothing. It watches the services of the keys *gone* no longer. Each has another *turn*.
        """
        self._accepted = accepted
        self._deduplication = Deduplication(
            hearsay, self._queue, burns, blind_at, gone, turn=turn, began_at=self._began_at
        )
        hearsay.heard = self._doubt

    @property
    def undelivered(self) -> Mapping[str, Sequence[float]]:
        """Since when each page is on its way that its pager has neither accepted nor refused."""
        since: dict[str, list[float]] = {name: [] for name in self.pagers}
        for waiting in self.waiting:
            since.setdefault(waiting.row.pager, []).append(waiting.since)
        return since

    @property
    def refused(self) -> Sequence[Row]:
        """The calls that a pager has refused, and that are not over."""
        return self._refused.calls

    @property
    def heard(self) -> Mapping[str, float]:
        """When the newest page of each key was queued that any pager has accepted."""
        return self._taken.heard

    @property
    def waiting(self) -> Sequence[Waiting]:
        """What nobody has accepted or refused yet, the oldest first."""
        return [*self._queue]

    def add(self, page: Page, now: float, to: Collection[str] | None = None) -> list[Statement]:
        """Queue *page* for every pager that is told; return what must be kept with its cause.

        With *to* it is a drill's, and goes to those pagers, whatever the routes say.
        """
        recipients = self._recipients
        names = recipients.of(page) if to is None else recipients.of_drill(page, to)
        over: Sequence[Waiting] = ()
        if page.action is Action.RESOLVE:
            over = called_off(page.key, self.pagers, names, self._queue, self._routes)
            self._refused.end(page.key)
        return [
            *(self._mark(one, now) for one in over),
            *(self._put(name, page, now) for name in names),
        ]

    def _put(self, pager: str, page: Page, at: float) -> Statement:
        self._last_row += 1
        row = Row(self._last_row, pager, page, at)
        self._queue.add(Waiting(row, due_at=at))
        self._doubt(pager, page.key)
        return queue(row)

    async def run(self) -> None:
        """Deliver for ever; pages of different keys go out side by side, triggers first."""
        left, self._arrears = self._arrears, ()
        self._give_again(left)
        for waiting in self.waiting:
            self._leave_out((waiting.row.pager, waiting.row.page.key))
        wait = HEARD_WITHIN if self._deduplication else 0.0  # a peer may have ended it
        async with asyncio.TaskGroup() as tasks:
            for pager in self.pagers.values():
                if isinstance(pager, Repeating):
                    tasks.create_task(keep_repeating(pager, self._taken, wait))
            while True:
                self._wake.clear()
                self._supersede()
                self._call_again()
                self._give_again(self._refused.due(self._now()))
                self._back_up_due()
                for waiting in self._due():
                    tasks.create_task(self._attempt(waiting))
                await self._sleep()

    def _give_again(self, left: Iterable[Arrear]) -> None:
        """Queue what was left undone or refused, but where something newer waits by now.

        What a second channel has had already does not go there again.
        """
        now, statements = self._now(), list[Statement]()
        for pager, page, since in left:
            if self._queue.holds(pager, page.key):
                continue
            statements.append(self._put(pager, page, now if since is None else since))
            names = self._routes.backups(pager, page)
            if any(self._recipients.is_called(name, page.key) for name in names):
                statements.append(self._mark(self._queue.of(pager, page.key)[-1], now))
        self._journal.write(statements)

    def _due(self) -> Iterator[Waiting]:
        """Yield what goes out now, as much as there is room for at each pager."""
        if self._settling:
            return
        now = self._now()
        for pager in self._queue.pagers:
            while self._has_room(pager) and self._ready_at(pager, now) <= now:
                waiting = self._queue.begin(pager, now)
                if waiting is None:
                    break
                if pace := self._pace(pager):
                    pace.take(now)
                yield waiting

    def _has_room(self, pager: str) -> bool:
        return self._queue.trying(pager) < AT_ONCE

    def _pace(self, pager: str) -> Pace | None:
        return getattr(self.pagers.get(pager), "pace", None)

    def _ready_at(self, pager: str, now: float) -> float:
        """Return when *pager* may be asked again."""
        pace = self._pace(pager)
        paced_at = pace.ready_at(now) if pace else now
        return max(self._quiet_until.get(pager, 0.0), paced_at)

    async def _sleep(self) -> None:
        """Wait for what is due next, a second channel or a new call, a page or an attempt's end."""
        now = self._now()
        times = [
            max(at, self._ready_at(pager, now))
            for pager in self._queue.pagers
            if self._has_room(pager) and (at := self._queue.next_at(pager)) is not None
        ]
        if backed_up := self._queue.backed_up_next:
            times.append(backed_up[0])
        if self._deduplication:
            times.append(self._deduplication.next_at)
        first = min([*times, self._refused.next_at, now + LONGEST_WAIT])
        try:
            async with asyncio.timeout(max(_TURN, first - now)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _attempt(self, waiting: Waiting) -> None:
        try:
            await self._try(waiting)
        finally:
            self._queue.tried(waiting)
            self._doubt(waiting.row.pager, waiting.row.page.key)

    async def _try(self, waiting: Waiting) -> None:
        row = waiting.row
        pager = self.pagers.get(row.pager)
        if pager is None:
            gone = f"pager {row.pager} is no longer in the config"
            self._end(waiting, Delivery(outcome=Outcome.REJECTED, detail=gone))
            return
        end_ = self._queue.end_of(waiting)
        said = late(row.page, end_.queued_at) if end_ else row.page
        delivery = await attempt(row.pager, pager.send(said))
        if delivery.outcome is not Outcome.RETRY:
            self._end(waiting, delivery)
            return
        waiting.attempts += 1
        waiting.detail = delivery.detail
        asked = delivery.retry_after or None  # who asks for no wait is not asked without end
        now, wait = self._now(), backoff(waiting.attempts, asked, random.random())
        waiting.due_at = max(now + wait, self._retried_from(row))
        if asked is not None:
            # It is asked of us, not of this page.
            self._quiet_until[row.pager] = now + wait
        log.warning(
            "page %s not accepted by %s (%s): trying again in %.0f s",
            row.page.key, row.pager, delivery.detail, waiting.due_at - now,
        )  # fmt: skip

    def _retried_from(self, row: Row) -> float:
        """Return from when on to try again; what a second channel would get is not held."""
        is_call = row.page.action is Action.TRIGGER and self._backup_at(row) is None
        held = is_call and self._deduplication
        return held.retried_from(row) if held else -math.inf

    def _held_until(self, row: Row, resolve: Row | None) -> float:
        """Return from when on *row* goes out, behind which its *resolve* may wait."""
        held = self._deduplication
        return held.held_until(row, resolve, self._now()) if held else -math.inf

    def _doubt(self, pager: str, key: str) -> None:
        """Look again, at the next turn, whether what is next of *key* should go out at all."""
        self._doubtful.add((pager, key))
        self._wake.set()

    def _supersede(self) -> None:
        """End unsent what need not be sent, as peers have told, and note what to call for again."""
        doubtful, self._doubtful = self._doubtful, set()
        for place in doubtful:
            self._leave_out(place)
        if self._deduplication is None:
            return
        for place in doubtful:
            while moot := self._deduplication.moot(place, self._taken.at(place)):
                waiting, why = moot
                self._queue.withdraw(waiting)
                self._end(waiting, Delivery(outcome=Outcome.SUPERSEDED, detail=why))
            self._deduplication.expect(place, self._taken.at(place))
            if self._deduplication.is_over(place, self._taken.at(place)):
                self._drop(place)

    def _leave_out(self, place: Place) -> None:
        """Send no call of which there is newer word: receivers keep the first headline they get.

        But until its second channel has it: that is called for by its time.
        """
        while outdated := self._queue.outdated(*place):
            call, newer = outdated
            if not call.row.backed and self._backup_at(call.row) is not None:
                return
            newer.since, newer.due_at = min(call.since, newer.since), max(call.due_at, newer.due_at)
            self._queue.withdraw(call)
            self._end(
                call, Delivery(outcome=Outcome.SUPERSEDED, detail="there is newer word of it")
            )

    def _call_again(self) -> None:
        """Call again where a peer has ended what still burns."""
        now, statements = self._now(), list[Statement]()
        for pager, key in self._deduplication.lost(now) if self._deduplication else ():
            log.warning("page %s was ended at %s by a peer: calling again", key, pager)
            if call := self._taken.call((pager, key)):
                # Receivers drop what they have had already: a call again is another page.
                why = {"called_again": f"{utc(now)}: a peer had ended it, and it is seen to fail"}
                again = replace(call, details={**call.details, **why})
                statements.append(self._put(pager, again, now))
        self._journal.write(statements)

    def _end(self, waiting: Waiting, delivery: Delivery) -> None:
        now, row = self._now(), waiting.row
        refused = delivery.outcome is Outcome.REJECTED
        backed = self._back_up(waiting, now) if refused else []
        self._queue.end(waiting)
        if refused and self._is_wanted(row):
            self._refused.note(row, now)
        else:
            self._refused.forget((row.pager, row.page.key))
        if row.page.action is Action.RESOLVE and delivery.outcome is Outcome.SUPERSEDED:
            self._drop((row.pager, row.page.key))
        self._taken.note(Told(row.pager, row.page, delivery.outcome, now, row.queued_at))
        if delivery.outcome is Outcome.DELIVERED:
            self._accepted(row.pager, row.page.key, row.page.action)
        ended = Ended(row, now, delivery)
        self.ended = [*self.ended[-49:], ended]
        counted = row.pager, delivery.outcome
        self.delivered[counted] = self.delivered.get(counted, 0) + 1
        self._journal.write([end(row.id, now, delivery.outcome, delivery.detail), *backed])
        tell(ended)

    def _is_wanted(self, row: Row) -> bool:
        """Whether a pager that has refused *row* is to have it: a call of its own, or its end."""
        if row.page.action is Action.TRIGGER:
            return row.pager in self._routes.first(row.page)
        is_called = self._taken.call((row.pager, row.page.key)) is not None
        return is_called and row.pager in self.pagers

    def _drop(self, place: Place) -> None:
        """Have what is left to a peer not be told again and again."""
        name, key = place
        if isinstance(pager := self.pagers.get(name), Repeating):
            pager.drop(key)

    def _backup_at(self, row: Row) -> float | None:
        return self._routes.backup_at(row.pager, row.page, row.queued_at)

    def _back_up_due(self) -> None:
        now, statements = self._now(), list[Statement]()
        while (following := self._queue.backed_up_next) and following[0] <= now:
            statements += self._back_up(following[1], now)
        self._journal.write(statements)

    def _back_up(self, waiting: Waiting, now: float) -> list[Statement]:
        """Queue a page for its second channels too, and its end, where that is known already."""
        handed = handed_over(waiting, self._queue, self._routes)
        if not handed.pages:
            return []
        names = ", ".join(dict.fromkeys(name for name, _ in handed.pages))
        log.warning("page %s goes to %s: %s has not accepted it", waiting.row.page.key, names,
                    waiting.row.pager)  # fmt: skip
        return [
            *(self._mark(one, now) for one in handed.calls),
            *(self._put(name, page, now) for name, page in handed.pages),
        ]

    def _mark(self, waiting: Waiting, now: float) -> Statement:
        """Note that a call is no longer for second channels: they have it, or its end."""
        waiting.row = replace(waiting.row, backed=True)
        return back_up(waiting.row.id, now)

    async def settle(self) -> None:
        """Begin nothing more, and wait a while for what is underway: a page cut off goes twice."""
        self._settling = True
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLED_WITHIN):
                while any(map(self._queue.trying, self._queue.pagers)):
                    self._wake.clear()
                    await self._wake.wait()

    async def close(self) -> None:
        """Give back the pagers' connections."""
        for pager in self.pagers.values():
            await pager.close()
