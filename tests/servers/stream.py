"""A server of octet streams, plain or over TLS, that does with each what a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import trustme

from vedette.checks.net import Endpoint

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Reads and writes as it likes; the connection is cut when it returns."""


def server_context(certificate: trustme.LeafCert, *protocols: str) -> ssl.SSLContext:
    """Return the context of a server that offers *protocols* by ALPN."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@contextlib.asynccontextmanager
async def stream_server(
    talk: Talk, context: ssl.SSLContext | None = None
) -> AsyncIterator[Endpoint]:
    """Have *talk* serve every connection, inside TLS where there is *context*, until the end."""
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # A client that goes away in the middle is none of the server's business.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
