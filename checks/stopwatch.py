"""How long a look took, without the time in which what had come lay unread.

A busy loop reads late. The kernel says when a packet came (SO_TIMESTAMPNS, socket(7), Linux only),
so that the delay is counted as ours and not as the target's.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from contextvars import ContextVar
from time import CLOCK_REALTIME, clock_gettime, perf_counter

DISTURBED = "disturbed"
"""The fact, True, of a look whose seconds may be wrong by more than BOUND, for our own sake."""
BOUND = 0.001

_STAMPED = sys.platform == "linux"
_SO_TIMESTAMPNS = 35  # asm-generic/socket.h, SO_TIMESTAMPNS_OLD
_TIMESPEC = struct.Struct("@ll")
_ROOM = socket.CMSG_SPACE(_TIMESPEC.size)
_RTT = struct.Struct("@68xI")
"""Microseconds in struct tcp_info (linux/tcp.h): after the handshake, what its SYN took."""


class Stopwatch:
    """The seconds of one look; it stands still while what has come lies unread."""

    __slots__ = ("_clock", "_loop", "_read_at", "_start", "_task", "doubtful", "unread")

    def __init__(self, clock: Callable[[], float] = perf_counter) -> None:
        """Start; what is read in the task that runs now is taken off, as it waits for nothing else.

        *unread* are those seconds. *doubtful* are others by which the look may have been delayed:
        of what another task read for it, or what a clock that was set makes of the kernel's stamp.
        """
        self._clock = clock
        # To be asked by name: else each time the kernel is, until Python 3.12, who we are.
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = asyncio.current_task(self._loop)
        self.unread = self.doubtful = 0.0
        self._start = self._read_at = clock()

    def stop(self, *, answered: bool) -> float:
        """Return the seconds; what lies between the end of a whole answer and now is doubtful.

        It is the work of a moment, unless the host let us wait for a processor.
        """
        now = self._clock()
        self._task = None  # which keeps its context, which keeps this: nobody else would free them
        if answered and self._read_at > self._start:
            self.doubtful += max(0.0, now - self._read_at)
        return max(0.0, now - self._start - self.unread)

    def sent(self) -> None:
        """Note that the first question left just now: what went before is doubtful in its stead."""
        if self._read_at == self._start and asyncio.current_task(self._loop) is self._task:
            self.doubtful += self._clock() - self._start

    @property
    def is_disturbed(self) -> bool:
        """Whether the seconds may be wrong by more than BOUND."""
        return self.doubtful > BOUND

    def lay_unread(self, seconds: float) -> None:
        """Note that what has just been read had come *seconds* ago, by the kernel's word."""
        now = self._clock()
        is_ours = asyncio.current_task(self._loop) is self._task
        if is_ours and -BOUND <= seconds <= now - self._start - self.unread:
            self.unread += max(0.0, seconds)
            self._read_at = now
        else:
            self.doubtful += abs(seconds)


STOPWATCH: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)
"""Of the look that is being made; None where nobody asks how long it takes."""


def reading() -> float:
    """Return seconds from anywhere, which stand still while the look's replies lie unread."""
    watch = STOPWATCH.get()
    return perf_counter() - watch.unread if watch else perf_counter()


def is_disturbed() -> bool:
    """Whether the look that is being made takes longer, or seems to, for our own sake."""
    watch = STOPWATCH.get()
    return watch is not None and watch.is_disturbed


def receive(sock: socket.socket, most: int) -> bytes:
    """Return what *sock* has, as its recv() does, and tell the look how long it lay there."""
    watch = STOPWATCH.get()
    if watch is None or not _STAMPED:
        return sock.recv(most)
    sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    data, told, _, _ = sock.recvmsg(most, _ROOM)
    if told:
        seconds, nanoseconds = _TIMESPEC.unpack(told[0][2])
        # By the clock of the kernel's stamps, which is read for nothing else.
        watch.lay_unread(clock_gettime(CLOCK_REALTIME) - seconds - nanoseconds * 1e-9)
    return data


def connected_after(sock: socket.socket, seconds: float) -> None:
    """Tell the look how late it heard that *sock* is connected: after *seconds*."""
    watch = STOPWATCH.get()
    if watch is None or not _STAMPED:
        return
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RTT.size)
    took = _RTT.unpack(info)[0] * 1e-6 if len(info) == _RTT.size else 0.0
    if took:  # there is none of a SYN that was sent again: then a second more or less is no news
        watch.lay_unread(seconds - took)


def keep_stamping() -> socket.socket:
    """Return a socket that has the kernel stamp what comes, for as long as it is open.

    Without one it begins anew with each look, which costs the host more, and comes too late for it.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if _STAMPED:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return sock
