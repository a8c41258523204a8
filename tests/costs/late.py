"""Servers that answer a moment late, so that whoever asks has gone to sleep before.

On a machine of two busy processors an answer sometimes comes before the asker waits for it, and
the wait is not made. After late answers the system calls, and the coroutines that wake, are the
same each time.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import count
from typing import cast

import dns.flags
import dns.message
import dns.rrset

from vedette.checks.net import Endpoint

LATE = 0.006
"""Seconds."""
CHANGING = "new.count.test"
"""The name whose address is another one in each answer; that of all others never changes."""


class _Names(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self._numbers = count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(LATE, self._transport.sendto, self._answer(data), addr)

    def _answer(self, data: bytes) -> bytes:
        query = dns.message.from_wire(data)
        reply = dns.message.make_response(query, recursion_available=True)
        name = query.question[0].name
        number = next(self._numbers) if name.to_text(omit_final_dot=True) == CHANGING else 0
        address = f"192.0.2.{number % 250 + 1}"
        reply.answer = [dns.rrset.from_text(name, 300, "IN", "A", address)]
        return reply.to_wire()


@asynccontextmanager
async def _names() -> AsyncIterator[Endpoint]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(_Names, local_addr=("127.0.0.1", 0))
    try:
        yield Endpoint(*transport.get_extra_info("sockname"))
    finally:
        transport.close()


@asynccontextmanager
async def _relay(port: int) -> AsyncIterator[Endpoint]:
    """Relay to *port*; what comes within a moment goes on as one."""
    tasks: set[asyncio.Task[None]] = set()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 20):
                await asyncio.sleep(LATE)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.001):
                        data += await reader.read(1 << 20)
                writer.write(data)
            await asyncio.sleep(LATE)
            writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        inward, outward = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(pass_on(reader, outward), pass_on(inward, writer))
        finally:
            outward.transport.abort()
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Endpoint(*server.sockets[0].getsockname())
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextmanager
def _running(server: "asyncio._AsyncContextManager[Endpoint]") -> Iterator[Endpoint]:
    """Keep *server* in a thread of its own until the block ends."""
    runner, started, stop = asyncio.Runner(), threading.Event(), asyncio.Event()
    places: list[Endpoint] = []

    async def serve() -> None:
        async with server as place:
            places.append(place)
            started.set()
            await stop.wait()

    def run() -> None:
        with runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(10)
        yield places[0]
    finally:
        runner.get_loop().call_soon_threadsafe(stop.set)
        thread.join(10)


@contextmanager
def names() -> Iterator[Endpoint]:
    """Answer every question for an address, over UDP, until the block ends."""
    with _running(_names()) as place:
        yield place


@contextmanager
def relay(port: int) -> Iterator[Endpoint]:
    """Relay connections to *port* of this machine until the block ends."""
    with _running(_relay(port)) as place:
        yield place
