"""Sockets between an agent and the name servers of a scenario."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Self

from vedette.agent.replay.loop import VirtualLoop

Ask = Callable[[str, bytes], tuple[bytes | None, float]]
"""The reply of an address to a DNS message, None for none, and the seconds until it comes."""

_numbers = count(1_000_000)


class SimulatedSocket:
    """As much of a socket as DNS over UDP and TCP uses; *kind* tells how messages are framed."""

    def __init__(self, loop: VirtualLoop, ask: Ask, kind: socket.SocketKind) -> None:
        self._loop = loop
        self._ask = ask
        self._stream = kind is socket.SOCK_STREAM
        self._number = next(_numbers)
        self._peer = ""
        self._waiting: deque[bytes] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """Return its number, which the kernel does not know."""
        return self._number

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def setsockopt(self, *_: int) -> None:
        """There is nothing to set."""

    def getsockopt(self, *_: int) -> bytes:
        """The kernel knows nothing of it."""
        return b""

    def connect(self, address: tuple[str, int]) -> None:
        """Choose whom to talk to."""
        self._peer = address[0]

    def send(self, data: bytes) -> int:
        """Ask; the reply comes in its time."""
        reply, seconds = self._ask(self._peer, data[2:] if self._stream else data)
        if reply is not None:
            framed = len(reply).to_bytes(2) + reply if self._stream else reply
            self._timer = self._loop.call_later(seconds, self._deliver, framed)
        return len(data)

    def recv(self, _: int) -> bytes:
        """Return what has come; raise BlockingIOError where nothing has."""
        if not self._waiting:
            raise BlockingIOError
        return self._waiting.popleft()

    def recvmsg(self, most: int, _: int) -> tuple[bytes, list[object], int, None]:
        """Return the same, without the kernel's word on when it came."""
        return self.recv(most), [], 0, None

    def close(self) -> None:
        """Hang up; what is on its way is lost."""
        if self._timer is not None:
            self._timer.cancel()

    def _deliver(self, octets: bytes) -> None:
        self._timer = None
        self._waiting.append(octets)
        self._loop.readable(self._number)
