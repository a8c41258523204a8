"""A DNS server that sends back whatever octets a test wants, over UDP and TCP."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from tests.servers.process import free_port
from vedette.checks.net import Endpoint

Respond = Callable[[bytes], Sequence[bytes]]
"""The octets of a query to the octets of each reply, in order."""


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, respond: Respond) -> None:
        self.respond = respond

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own transport is not of the class, only of its shape (until Python 3.14).
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for wire in self.respond(data):
            self.transport.sendto(wire, addr)


@asynccontextmanager
async def responder(
    udp: Respond | None = None,
    tcp: Respond | None = None,
    *,
    raw: bool = False,
) -> AsyncIterator[Endpoint]:
    """Answer queries with *udp* and *tcp*; where one is None that port is closed.

    Over TCP each reply is framed, unless *raw*: then its octets go out as they are, one a segment.
    The connection closes after the last reply, and stays open where there is none.
    """
    loop, host, port = asyncio.get_running_loop(), "127.0.0.1", free_port()
    open_ended = set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert tcp is not None
        open_ended.add(writer)
        size = int.from_bytes(await reader.readexactly(2))
        for wire in tcp(await reader.readexactly(size)):
            parts = [wire[i : i + 1] for i in range(len(wire))] if raw else [_framed(wire)]
            for part in parts:
                writer.write(part)
                await writer.drain()
            open_ended.discard(writer)
        if writer not in open_ended:
            writer.close()

    transport = None
    if udp is not None:
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(udp), local_addr=(host, port)
        )
    server = await asyncio.start_server(serve, host, port) if tcp is not None else None
    try:
        yield Endpoint(host, port)
    finally:
        for writer in open_ended:
            writer.close()
        if transport is not None:
            transport.close()
        if server is not None:
            server.close()
            await server.wait_closed()


def _framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2) + wire
