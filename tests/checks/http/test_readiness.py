"""Waiting for a socket."""

import asyncio
import socket

from vedette.checks.http.readiness import Readable


async def test_what_nobody_waits_for_does_not_keep_the_loop_busy():
    """The watch ends with the first wake that finds nobody, and begins again with the next wait."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        readable = Readable(loop, ours.fileno())
        theirs.send(b"1")
        await readable.wait()
        for _ in range(3):  # it stays readable, and nobody reads
            await asyncio.sleep(0)
        assert not loop.remove_reader(ours.fileno())
        await readable.wait()
        assert ours.recv(2) == b"1"
        readable.forget()
        assert not loop.remove_reader(ours.fileno())
