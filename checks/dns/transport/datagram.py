"""Waiting for what comes without ever losing it, and knowing when it came.

A cancelled `sock_recv` may take a datagram with it that has just been read; here nothing is read
before somebody takes it.
"""

import asyncio
import socket

from vedette.checks.readiness import readable
from vedette.checks.stopwatch import receive


async def next_datagram(sock: socket.socket, until: float) -> bytes | None:
    """Return the next datagram, or None where there is none *until* then on the loop's clock."""
    loop = asyncio.get_running_loop()
    while loop.time() < until:
        await readable(loop, sock, until)
        try:
            return receive(sock, 65535)
        except BlockingIOError:
            # The time is up, or a datagram's checksum was found wrong when it was read.
            continue
    return None


async def next_octets(sock: socket.socket, most: int) -> bytes:
    """Return what comes next over a stream, and nothing at its end; raise OSError."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return receive(sock, most)
        except BlockingIOError:
            await readable(loop, sock)
