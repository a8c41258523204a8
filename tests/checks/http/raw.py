"""A TCP server that does exactly what a test says, however wrong, and a certificate as wrong."""

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import trustme

from tests.servers.stream import Talk, server_context, stream_server

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2099, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@asynccontextmanager
async def raw(
    behaviour: Talk,
    *,
    certificate: trustme.LeafCert | None = None,
    protocols: Sequence[str] = ("http/1.1",),
    cipher: str = "",
) -> AsyncIterator[int]:
    """Serve *behaviour* on a loopback port, which is what the block gets.

    With a *certificate* it is over TLS, and *protocols* are offered by ALPN. With a *cipher* that
    is the only one, of TLS 1.2.
    """
    context = server_context(certificate, *protocols) if certificate else None
    if context and cipher:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(cipher)
    async with stream_server(behaviour, context) as server:
        yield server.port


def says(*pieces: bytes, hang: bool = False, ask: bool = True) -> Talk:
    """Send *pieces* after the request (or, not *ask*, at once), then close, or else *hang*."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if ask:
            await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if hang:
            await asyncio.Event().wait()
        if writer.can_write_eof():
            writer.write_eof()
            await reader.read()  # closing with unread input would reset what we said
        else:
            writer.close()
            await writer.wait_closed()

    return behave


def drips(head: bytes, drop: bytes, seconds: float = 0.01) -> Talk:
    """Send *head* after the request and then *drop* again and again."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(seconds)

    return behave


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a TCP RST after the request."""
    await reader.readuntil(b"\r\n\r\n")
    inner = writer.get_extra_info("socket")
    inner.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.contextmanager
def full_backlog() -> Iterator[int]:
    """Hold a port whose queue of new connections is full, so that a SYN gets no answer (Linux)."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextlib.contextmanager
def refusing(context: ssl.SSLContext) -> Iterator[int]:
    """Hold a port whose server shakes hands by *context*, says why that failed, and stays."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client, contextlib.suppress(OSError):
                # The wrapped socket closes when the handshake fails, and with it our last word.
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                session = context.wrap_bio(incoming, outgoing, server_side=True)
                try:
                    while True:
                        with contextlib.suppress(ssl.SSLWantReadError):
                            session.do_handshake()
                            break
                        client.sendall(outgoing.read())
                        incoming.write(client.recv(65536))
                finally:
                    client.sendall(outgoing.read())
                    done.wait(5)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()
