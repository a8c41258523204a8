"""When a check looks: on the monotonic loop clock, at a phase of its own, never twice at once."""

import asyncio
import hashlib
import math
from collections.abc import Awaitable, Callable
from heapq import heappop, heappush
from itertools import count

TOGETHER = 0.005
"""Seconds by which a tick may come early, with another: to be woken costs more than to look."""


def phase(check: str, vantage: str, every: float) -> float:
    """Return seconds in [0, every): spread by a hash of the names, so that restarts keep it."""
    digest = hashlib.blake2b(f"{vantage}\0{check}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * every


def next_due(due: float, now: float, every: float) -> tuple[float, int]:
    """Return the first tick after *due* that is not past at *now*, and how many were missed."""
    missed = max(0, int((now - due) // every))
    return due + every * (missed + 1), missed


class Ticks:
    """The next ticks of many on the loop that runs, with a single timer for the first of them."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, asyncio.Future[bool]]] = []
        self._order = count()
        self._timer: asyncio.Handle | None = None
        self._timer_at = math.inf

    def add(self, due: float, tick: "asyncio.Future[bool]") -> None:
        """Set *tick* to False at *due*, unless it is done by then."""
        heappush(self._waiting, (due, next(self._order), tick))
        if due < self._timer_at:
            self._set_timer()

    def _set_timer(self) -> None:
        while self._waiting and self._waiting[0][2].done():
            heappop(self._waiting)
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_at = None, math.inf
        if self._waiting:
            self._timer_at = self._waiting[0][0]
            self._timer = asyncio.get_running_loop().call_at(self._timer_at, self._tick)

    def _tick(self) -> None:
        until = asyncio.get_running_loop().time() + TOGETHER
        while self._waiting and self._waiting[0][0] <= until:
            tick = heappop(self._waiting)[2]
            if not tick.done():
                tick.set_result(False)
        self._set_timer()


class Bell:
    """Wakes one who waits for a tick, or earlier when somebody rings; a ring is never missed."""

    __slots__ = ("_rang", "_waiting")

    def __init__(self) -> None:
        self._rang = False
        self._waiting: asyncio.Future[bool] | None = None

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        self._rang = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(True)

    async def wait(self, due: float, ticks: Ticks) -> bool:
        """Wait until *due* or a ring, and return whether it rang; what is past lets others run."""
        loop = asyncio.get_running_loop()
        if not self._rang:
            if due <= loop.time():
                await asyncio.sleep(0)
                return False
            self._waiting = loop.create_future()
            ticks.add(due, self._waiting)
            try:
                if not await self._waiting:
                    return False
            finally:
                self._waiting = None
        self._rang = False
        return True


async def keep(
    every: float,
    first: float,
    once: Callable[[], Awaitable[None]],
    ticked: Callable[[float, int], None],
    bell: Bell | None = None,
    ticks: Ticks | None = None,
) -> None:
    """Call *once* every *every* seconds, *first* seconds from now, for ever, and when *bell* rings.

    A run that outlasts its interval makes its successors wait for the next free tick; *ticked*
    is told each tick's lateness in seconds and how many ticks were skipped after it. A run that was
    rung for moves no tick, unless it lasts until one, and is that one then. Those who share *ticks*
    are woken together where they are due together.
    """
    clock = asyncio.get_running_loop().time
    bell, ticks = bell or Bell(), ticks or Ticks()
    due = clock() + first
    while True:
        rang = await bell.wait(due, ticks)
        lateness = 0.0 if rang else max(0.0, clock() - due)
        await once()
        if not rang or clock() >= due:
            due, missed = next_due(due, clock(), every)
            ticked(lateness, missed)
