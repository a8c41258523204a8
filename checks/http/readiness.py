"""Waiting for a socket without reading from it or writing to it.

By number: asked for a socket object that it does not hold yet, a selector first prints it.
"""

import asyncio


class Readable:
    """Waits again and again until there is something to read on one socket, or the end.

    The loop watches it from the first wait on, until something comes that nobody waits for, or
    until `forget`: to begin and end that for every wait costs more than the reading.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._loop = loop
        self._number = number
        self._watched = False
        self._waiting: asyncio.Future[None] | None = None

    async def wait(self) -> None:
        """Wait; it may be in vain, so the socket must not block."""
        self._waiting = self._loop.create_future()
        if not self._watched:
            self._loop.add_reader(self._number, self._wake)
            self._watched = True
        try:
            await self._waiting
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is None:
            self.forget()
        else:
            _wake(self._waiting)

    def forget(self) -> None:
        """Have the loop watch it no longer, as before it is closed."""
        if self._watched:
            self._loop.remove_reader(self._number)
            self._watched = False


async def readable(loop: asyncio.AbstractEventLoop, number: int) -> None:
    """Wait once until there is something to read, or the end."""
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
