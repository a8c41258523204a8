"""An event loop whose clock jumps to the next timer: hours pass while nothing is waited for."""

import asyncio
import heapq
from asyncio.base_events import BaseEventLoop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from itertools import count
from typing import Any, Protocol

BEGINNING = 1000.0
"""What the clock shows at first: checks may take times before zero for none."""


class StalledError(RuntimeError):
    """All wait for something that never comes: a bug of the replay."""


class VirtualLoop(BaseEventLoop):
    """Runs callbacks in asyncio's order on a clock of its own, and watches simulated sockets.

    Nothing outside ever wakes it: no signal, no other thread, no socket of the kernel.
    """

    _ready: deque[asyncio.Handle]  # BaseEventLoop's own, which call_soon fills

    def __init__(self) -> None:
        super().__init__()
        self._now = BEGINNING
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._order = count()
        self._readers: dict[int, tuple[Callable[..., object], tuple[Any, ...]]] = {}

    def time(self) -> float:
        """Return the virtual seconds."""
        return self._now

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - as asyncio has it
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a time; what is due at the same time runs in the order it was asked for."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        # Pairs are compared without a call of Python; nobody need know of a cancelled one.
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def _run_once(self) -> None:
        """Run what is ready; without any, pass on to the next timer."""
        if not self._ready:
            self._pass_on()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - as every event loop does

    def _pass_on(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
        if not timers:
            if self.is_running() and not self._stopping:  # type: ignore[attr-defined]
                raise StalledError("the virtual loop waits for something that never comes")
            return
        self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                self._ready.append(timer)

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""

    # Simulated sockets.

    def add_reader(  # type: ignore[override]
        self,
        fd: int,
        callback: Callable[..., object],
        *args: Any,  # noqa: ANN401 - as asyncio has it
    ) -> None:
        """Call *callback* when a simulated socket has something to read."""
        self._readers[fd] = callback, args

    def remove_reader(self, fd: int) -> bool:  # type: ignore[override]
        """Forget the callback."""
        return self._readers.pop(fd, None) is not None

    def readable(self, fd: int) -> None:
        """Say that the socket *fd* has something to read."""
        reader = self._readers.get(fd)
        if reader is not None:
            reader[0](*reader[1])

    async def sock_connect(  # type: ignore[override]
        self, sock: "Simulated", address: tuple[str, int]
    ) -> None:
        """Connect a simulated socket."""
        sock.connect(address)

    async def sock_sendall(self, sock: "Simulated", data: bytes) -> None:  # type: ignore[override]
        """Send by a simulated socket."""
        sock.send(data)


class Simulated(Protocol):
    """What the loop asks of a simulated socket."""

    def connect(self, address: tuple[str, int]) -> None:
        """Choose whom to talk to."""

    def send(self, data: bytes) -> int:
        """Send, and return how many octets."""
