"""Waiting for sockets of one question: woken in time, for nobody else, and nothing stays behind."""

import asyncio
import gc
import socket
from collections.abc import Sequence
from pathlib import Path

import pytest

from vedette.checks.readiness import Waits, readable


def pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected sockets that do not block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setblocking(False)
    return ours, theirs


async def woken_by(words: Sequence[bytes], begin, ours: socket.socket, theirs: socket.socket):
    """Assert that each wait that *begin* begins lasts until one of *words* comes, and no longer."""
    for word in words:
        waiting = await begin()
        await asyncio.sleep(0)
        assert not waiting.done()
        theirs.send(word)
        await asyncio.wait_for(waiting, 5)
        assert ours.recv(10) == word


def test_who_waits_is_woken_by_what_comes(runner: asyncio.Runner) -> None:
    """What came before the wait, during it, and on the same socket later: each ends one wait."""

    async def main() -> None:
        running, (ours, theirs) = asyncio.get_running_loop(), pair()
        with ours, theirs:
            theirs.send(b"before")
            await asyncio.wait_for(readable(running, ours), 5)
            assert ours.recv(10) == b"before"

            async def begin() -> asyncio.Future:
                return asyncio.ensure_future(readable(running, ours))

            await woken_by([b"first", b"second"], begin, ours, theirs)

    runner.run(main())


def test_the_wait_ends_when_its_time_is_up(runner: asyncio.Runner) -> None:
    """Without anything to read it ends by the loop's clock, and a wait that is cancelled ends."""

    async def main() -> None:
        running, (ours, theirs) = asyncio.get_running_loop(), pair()
        with ours, theirs:
            until = running.time() + 0.02
            await readable(running, ours, until)
            assert running.time() >= until - 0.002  # uvloop's clock counts milliseconds
            waiting = asyncio.ensure_future(readable(running, ours))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    runner.run(main())


def test_a_number_that_is_used_again_wakes_its_new_owner(runner: asyncio.Runner) -> None:
    """A socket that was closed amid a wait leaves nothing to the next one of the same number."""
    gc.collect()  # what other tests left behind must not free a lower number amid this one

    async def main() -> None:
        running, (ours, theirs) = asyncio.get_running_loop(), pair()
        waiting = asyncio.ensure_future(readable(running, ours))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        number = ours.fileno()
        ours.close()
        theirs.close()
        again, other = pair()
        with again, other:
            assert again.fileno() == number
            other.send(b"new")
            await asyncio.wait_for(readable(running, again), 5)
            assert again.recv(10) == b"new"

    runner.run(main())


def test_many_wait_at_once() -> None:
    """Each of many is woken by its own socket and by no other."""

    async def main() -> None:
        running, pairs = asyncio.get_running_loop(), [pair() for _ in range(50)]
        waiting = [asyncio.ensure_future(readable(running, ours)) for ours, _ in pairs]
        await asyncio.sleep(0)
        for _, theirs in pairs[::2]:
            theirs.send(b"x")
        await asyncio.wait_for(asyncio.gather(*waiting[::2]), 5)
        assert not any(one.done() for one in waiting[1::2])
        for _, theirs in pairs[1::2]:
            theirs.send(b"x")
        await asyncio.wait_for(asyncio.gather(*waiting), 5)
        for ends in pairs:
            for end in ends:
                end.close()

    asyncio.run(main())


class Unwatched:
    """A socket that is none of the kernel's to us, as those of a replay."""

    def __init__(self, sock: socket.socket) -> None:
        self.fileno = sock.fileno


@pytest.mark.parametrize("seen_as", [lambda sock: sock, Unwatched], ids=["epoll", "loop"])
def test_one_socket_is_waited_for_in_both_directions(seen_as, runner: asyncio.Runner) -> None:
    """Room to write, then something to read, again and again; nothing wakes whom it is not for."""

    async def main() -> None:
        running, (ours, theirs) = asyncio.get_running_loop(), pair()
        with ours, theirs:
            waits = Waits(running, seen_as(ours))

            async def begin() -> asyncio.Future:
                await asyncio.wait_for(waits.writable(), 5)
                return waits.readable()

            await woken_by([b"first", b"second"], begin, ours, theirs)

    runner.run(main())


@pytest.mark.parametrize("seen_as", [lambda sock: sock, Unwatched], ids=["epoll", "loop"])
def test_what_nobody_waits_for_does_not_keep_the_loop_busy(seen_as) -> None:
    """What comes after a wait was cancelled wakes nobody, and is there for the next wait."""

    async def main() -> None:
        running, (ours, theirs) = asyncio.get_running_loop(), pair()
        with ours, theirs:
            waits = Waits(running, seen_as(ours))
            waits.readable().cancel()
            theirs.send(b"x")
            for _ in range(3):
                await asyncio.sleep(0)
            assert not running.remove_reader(ours.fileno())
            await asyncio.wait_for(waits.readable(), 5)
            assert ours.recv(10) == b"x"

    asyncio.run(main())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system has no /proc")
def test_a_loop_that_ends_leaves_no_descriptor() -> None:
    """What a loop watched with is closed with it."""

    async def main() -> None:
        ours, theirs = pair()
        with ours, theirs:
            theirs.send(b"x")
            await readable(asyncio.get_running_loop(), ours)

    def descriptors() -> int:
        return len([*Path("/proc/self/fd").iterdir()])

    asyncio.run(main())
    before = descriptors()
    for _ in range(5):
        asyncio.run(main())
    assert descriptors() <= before
