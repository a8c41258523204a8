"""Waiting for sockets that live for one question.

An event loop is made for sockets that stay. To watch one takes it an object or two and as many as
seven system calls (libuv), most of them to begin and to end. So the loop watches a single epoll
instance, and that the sockets: one call to begin, and none to end, as the kernel forgets a socket
that is closed.
"""

import asyncio
import select
import socket
from weakref import WeakKeyDictionary


async def readable(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, until: float | None = None
) -> None:
    """Wait until there is something to read, or the end, or the clock of *loop* shows *until*.

    It may be in vain, so the socket must not block.
    """
    number = sock.fileno()
    ready: asyncio.Future[None] = loop.create_future()
    timer = None if until is None else loop.call_at(until, _wake, ready)
    try:
        if _HAS_EPOLL and isinstance(sock, socket.socket):
            await _watch_of(loop).once(number, ready)
        else:
            await _by_loop(loop, number, ready)
    finally:
        if timer:
            timer.cancel()


async def _by_loop(
    loop: asyncio.AbstractEventLoop, number: int, ready: "asyncio.Future[None]"
) -> None:
    # By number: asked for an object that it does not hold yet, a selector first prints it.
    loop.add_reader(number, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(number)


_HAS_EPOLL = hasattr(select, "epoll")
"""Linux has it; elsewhere the loop watches each socket, as it does those of a replay."""
_ONCE = select.EPOLLIN | select.EPOLLONESHOT if _HAS_EPOLL else 0


class _Watch:
    """Wakes each who waits once there is something to read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        loop.add_reader(self._epoll.fileno(), self._wake)

    async def once(self, number: int, ready: "asyncio.Future[None]") -> None:
        """Wait for *ready*, which is set when there is something to read on the socket *number*."""
        self._waiting[number] = ready
        try:
            self._begin(number)
            await ready
        finally:
            del self._waiting[number]

    def _begin(self, number: int) -> None:
        try:
            self._epoll.register(number, _ONCE)
        except FileExistsError:  # somebody has waited for the same socket before
            self._epoll.modify(number, _ONCE)

    def _wake(self) -> None:
        for number, _ in self._epoll.poll(0):
            if number in self._waiting:
                _wake(self._waiting[number])


_WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _watch_of(loop: asyncio.AbstractEventLoop) -> _Watch:
    watch = _WATCHES.get(loop)
    if watch is None:
        watch = _WATCHES[loop] = _Watch(loop)
    return watch


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
