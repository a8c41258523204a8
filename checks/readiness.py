"""Waiting for sockets that live for one question.

An event loop is made for sockets that stay. To watch one takes it an object or two and as many as
seven system calls (libuv), most of them to begin and to end. So the loop watches a single epoll
instance, and that the sockets: one call to begin, and none to end, as the kernel forgets a socket
that is closed.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from weakref import WeakKeyDictionary

Ready = asyncio.Future[None]


async def readable(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, until: float | None = None
) -> None:
    """Wait until there is something to read, or the end, or the clock of *loop* shows *until*.

    It may be in vain, so the socket must not block.
    """
    number = sock.fileno()
    if _is_watched(sock):
        ready: Ready = loop.create_future()
        _watch_of(loop).begin(number, _READ, ready, known=False)
    else:
        ready = _by_loop(number, loop.add_reader, loop.remove_reader)
    if until is None:
        return await ready
    timer = loop.call_at(until, _wake, ready)
    try:
        await ready
    finally:
        timer.cancel()


class Waits:
    """The waits for one socket, one at a time; each may be in vain, so it must not block.

    What they return is awaited at once. Closing the socket ends all that there is to end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket) -> None:
        self._loop = loop
        self._number = sock.fileno()
        self._watch = _watch_of(loop) if _is_watched(sock) else None
        self._known = False

    def readable(self) -> Ready:
        """Return what is done when there is something to read, or the end."""
        if self._watch is None:
            return _by_loop(self._number, self._loop.add_reader, self._loop.remove_reader)
        return self._once(self._watch, _READ)

    def writable(self) -> Ready:
        """Return what is done when there is room to write, or a connection stands or has failed."""
        if self._watch is None:
            return _by_loop(self._number, self._loop.add_writer, self._loop.remove_writer)
        return self._once(self._watch, _WRITE)

    def _once(self, watch: "_Watch", events: int) -> Ready:
        ready: Ready = self._loop.create_future()
        watch.begin(self._number, events, ready, known=self._known)
        self._known = True
        return ready


def _by_loop(
    number: int,
    begin: Callable[[int, Callable[[Ready], None], Ready], object],
    end: Callable[[int], object],
) -> Ready:
    # By number: asked for an object that it does not hold yet, a selector first prints it.
    ready: Ready = asyncio.get_running_loop().create_future()
    begin(number, _wake, ready)
    ready.add_done_callback(lambda _: end(number))
    return ready


_HAS_EPOLL = hasattr(select, "epoll")
_READ = select.EPOLLIN | select.EPOLLONESHOT if _HAS_EPOLL else 0
_WRITE = select.EPOLLOUT | select.EPOLLONESHOT if _HAS_EPOLL else 0


def _is_watched(sock: socket.socket) -> bool:
    """Whether there is epoll, as on Linux; else the loop watches, as it does those of a replay."""
    return _HAS_EPOLL and isinstance(sock, socket.socket)


class _Watch:
    """Wakes each who waits once there is something to read, or room to write."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._waiting: dict[int, Ready] = {}
        loop.add_reader(self._epoll.fileno(), self._wake)

    def begin(self, number: int, events: int, ready: Ready, *, known: bool) -> None:
        """Set *ready* at the next of *events* on the socket *number*, unless it ends before.

        *known* says that the socket has been waited for before.
        """
        self._waiting[number] = ready
        if known:
            self._epoll.modify(number, events)
            return
        try:
            self._epoll.register(number, events)
        except FileExistsError:  # by other Waits than these
            self._epoll.modify(number, events)

    def _wake(self) -> None:
        for number, _ in self._epoll.poll(0):
            # Nobody waits any more where a wait was cancelled and the socket is still open.
            if ready := self._waiting.pop(number, None):
                _wake(ready)


_WATCHES: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _watch_of(loop: asyncio.AbstractEventLoop) -> _Watch:
    watch = _WATCHES.get(loop)
    if watch is None:
        watch = _WATCHES[loop] = _Watch(loop)
    return watch


def _wake(ready: Ready) -> None:
    if not ready.done():
        ready.set_result(None)
