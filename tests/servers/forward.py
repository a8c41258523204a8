"""A forward proxy: CONNECT, and absolute-form for plain HTTP; it notes what it was asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from tests.servers.stream import stream_server


@dataclass
class Forward:
    """A running proxy, which leads every name to 127.0.0.1."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    """What it was asked, request lines with headers."""
    answer: bytes = b""
    """What it says instead of doing what it is asked."""


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _serve(
    proxy: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    proxy.heads.append(head.decode())
    if proxy.answer:
        writer.write(proxy.answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()
        return
    method, target, _ = head.decode().split(" ", 2)
    place = target if method == "CONNECT" else target.split("/")[2]
    inward, outward = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]))
    try:
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\nVia: test\r\n\r\n")
        else:
            outward.write(head)
        await asyncio.gather(_pipe(reader, outward), _pipe(inward, writer))
    finally:
        outward.transport.abort()


@asynccontextmanager
async def forward(answer: bytes = b"") -> AsyncIterator[Forward]:
    """Run a proxy on loopback until the block ends."""
    proxy = Forward(answer=answer)
    async with stream_server(partial(_serve, proxy)) as at:
        proxy.port = at.port
        yield proxy
