"""When a check looks: on the monotonic loop clock, at a phase of its own, never twice at once.

What waits for its tick is an entry in a queue. A task for each of ten thousand checks would be most
of what an agent holds, so one is only there while a check looks.
"""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Generic, TypeVar

TOGETHER = 0.01
"""Seconds by which a tick may come early, with another: to be woken costs more than to look."""
AT_ONCE = 16
"""How many begin before somebody else gets a turn: thousands may be due when a busy loop goes on,
and replies must not grow old meanwhile."""

T = TypeVar("T")
Ticked = Callable[[float, int], None]
"""Is told a tick's lateness in seconds, and how many ticks were skipped after it."""


def phase(check: str, vantage: str, every: float) -> float:
    """Return seconds in [0, every): spread by a hash of the names, so that restarts keep it."""
    digest = hashlib.blake2b(f"{vantage}\0{check}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * every


def next_due(due: float, now: float, every: float) -> tuple[float, int]:
    """Return the first tick after *due* that is not past at *now*, and how many were missed."""
    missed = max(0, int((now - due) // every))
    return due + every * (missed + 1), missed


class Bell:
    """Wakes one who waits for a tick, or earlier when somebody rings; a ring is never missed."""

    __slots__ = ("_due", "_rang", "_waiting")

    def __init__(self) -> None:
        self._rang = False
        self._waiting: asyncio.Future[bool] | None = None
        self._due = math.inf

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        self._rang = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

    def tick(self, due: float) -> None:
        """Wake who waits for *due*; nobody may any more."""
        if due == self._due and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(False)

    async def wait(self, due: float, ticks: "Ticks") -> bool:
        """Wait until *due* or a ring, and return whether it rang; what is past lets others run."""
        loop = asyncio.get_running_loop()
        if not self._rang:
            if due <= loop.time():
                await asyncio.sleep(0)
                return False
            self._waiting, self._due = loop.create_future(), due
            ticks.add(due, self)
            try:
                if not await self._waiting:
                    return False
            finally:
                self._waiting = None
        self._rang = False
        return True


class Ticks:
    """The next ticks of many on the loop that runs, with a single timer for the first of them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Bell]] = []
        self._order = count()
        self._timer: asyncio.Handle | None = None
        self._timer_at = math.inf

    def add(self, due: float, bell: Bell) -> None:
        """Have *bell* told at *due* that this is now."""
        heappush(self._waiting, (due, next(self._order), bell))
        if due < self._timer_at:
            self._set_timer()

    def end(self) -> None:
        """Tell nobody any more."""
        self._waiting.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, math.inf
        if self._waiting:
            self._timer_at = self._waiting[0][0]
            self._timer = asyncio.get_running_loop().call_at(self._timer_at, self._tick)

    def _tick(self) -> None:
        until = asyncio.get_running_loop().time() + TOGETHER
        told = 0
        while self._waiting and self._waiting[0][0] <= until and told < AT_ONCE:
            due, _, bell = heappop(self._waiting)
            bell.tick(due)
            told += 1
        self._set_timer()


class Turn(Bell, Generic[T]):
    """*what* has its turn every *every* seconds, and when it is rung for.

    It is all that is kept of it between two turns.
    """

    __slots__ = ("_cadence", "due", "every", "is_running", "queued_for", "what")

    def __init__(self, what: T, every: float) -> None:
        super().__init__()
        self.what, self.every = what, every
        self.due = self.queued_for = math.inf
        self.is_running = False
        self._cadence: Cadence[T] | None = None

    def begin(self, cadence: "Cadence[T]", due: float) -> None:
        """Have turns at *cadence*, from the tick *due* on."""
        self._cadence, self.due = cadence, due
        cadence.wait(self)
        if self._rang:
            self.ring()

    def ring(self) -> None:
        """Have a turn now, or another one after that which is under way."""
        super().ring()
        if self._cadence is not None and not self.is_running:
            self._rang = False
            self._cadence.start(self, rang=True)

    def tick(self, due: float) -> None:
        """Have the turn of a tick, unless one is under way."""
        if due != self.queued_for:
            super().tick(due)  # whoever has the turn may wait for something himself
            return
        self.queued_for = math.inf
        if self._cadence is not None and not self.is_running:
            self._cadence.start(self, rang=False)

    def is_rung_for(self) -> bool:
        """Whether somebody has rung since the last turn began; says so once."""
        rang, self._rang = self._rang, False
        return rang


class Cadence(Generic[T]):
    """Does *once* at each turn, in tasks of the group *tasks*, and never twice at once for one.

    A turn that outlasts its interval makes its successors wait for the next free tick; *ticked* is
    told of each tick. A turn that was rung for moves no tick, unless it lasts until one, and is
    that one then. All run in the context of who made this, whoever rings.
    """

    def __init__(
        self, once: Callable[[Turn[T]], Awaitable[None]], ticked: Ticked, tasks: asyncio.TaskGroup
    ) -> None:
        self._once, self._ticked, self._tasks = once, ticked, tasks
        self._ticks = Ticks()
        self._clock = asyncio.get_running_loop().time
        self._context = copy_context()

    def wait(self, turn: Turn[T]) -> None:
        """Have *turn* come when it is due."""
        turn.queued_for = turn.due
        self._ticks.add(turn.due, turn)

    def start(self, turn: Turn[T], *, rang: bool) -> None:
        """Begin a turn: that of a tick, or one that was rung for."""
        turn.is_running = True
        self._tasks.create_task(self._run(turn, rang=rang), context=self._context.copy())

    def end(self) -> None:
        """Begin no more turns."""
        self._ticks.end()

    async def _run(self, turn: Turn[T], *, rang: bool) -> None:
        clock = self._clock
        try:
            while True:
                lateness = 0.0 if rang else max(0.0, clock() - turn.due)
                await self._once(turn)
                if not rang or clock() >= turn.due:
                    turn.due, missed = next_due(turn.due, clock(), turn.every)
                    self._ticked(lateness, missed)
                if not turn.is_rung_for():
                    break
                rang = True
        finally:
            turn.is_running = False
        if turn.queued_for != turn.due:
            self.wait(turn)


async def keep(every: float, once: Callable[[], Awaitable[None]], bell: Bell | None = None) -> None:
    """Call *once* now, every *every* seconds, and when *bell* rings, for ever.

    It is as one alone has turns at a cadence, in the task that calls this.
    """
    clock = asyncio.get_running_loop().time
    bell, ticks, due = bell or Bell(), Ticks(), clock()
    while True:
        rang = await bell.wait(due, ticks)
        await once()
        if not rang or clock() >= due:
            due, _ = next_due(due, clock(), every)
