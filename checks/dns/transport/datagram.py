"""Waiting for a datagram without ever losing one.

A cancelled `sock_recv` may take a datagram with it that has just been read; here nothing is read
before somebody takes it.
"""

import asyncio
import socket


async def next_datagram(sock: socket.socket, until: float) -> bytes | None:
    """Return the next datagram, or None where there is none *until* then on the loop's clock."""
    loop = asyncio.get_running_loop()
    # By number: asked for an object that it does not hold yet, a selector first prints it.
    number = sock.fileno()
    while loop.time() < until:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(number, _wake, ready)
        timer = loop.call_at(until, _wake, ready)
        try:
            await ready
        finally:
            timer.cancel()
            loop.remove_reader(number)
        try:
            return sock.recv(65535)
        except BlockingIOError:
            # The time is up, or a datagram's checksum was found wrong when it was read.
            continue
    return None


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
