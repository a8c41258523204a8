"""Waiting for a socket without reading from it or writing to it.

By number: asked for a socket object that it does not hold yet, a selector first prints it.
"""

import asyncio


async def readable(loop: asyncio.AbstractEventLoop, number: int) -> None:
    """Wait until there is something to read, or the end."""
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(number, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(number)


async def writable(loop: asyncio.AbstractEventLoop, number: int) -> None:
    """Wait until there is room to write, or a connection stands or has failed."""
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(number, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_writer(number)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
