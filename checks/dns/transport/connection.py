"""One TCP connection for one question, with TLS where the channel has it.

TLS runs over memory buffers instead of asyncio's transport, because the certificate of a failed
handshake can be read only from our own SSLObject, and because nobody waits for a close_notify then.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator

from vedette.checks.dns.server import Transport
from vedette.checks.dns.transport import tls
from vedette.checks.dns.transport.datagram import next_octets
from vedette.checks.dns.transport.query import Query
from vedette.checks.net import open_socket
from vedette.checks.stopwatch import connected_after, reading

_CHUNK = 16 * 1024  # a TLS record's length
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it


@contextlib.asynccontextmanager
async def connected(query: Query, transport: Transport) -> AsyncIterator["Connection"]:
    """Connect to the query's server, with TLS unless *transport* is TCP, until the block ends.

    Within the block too every trouble becomes a NetworkFailure, and the deadline holds.
    """
    loop, end, link = asyncio.get_running_loop(), query.channel.endpoint, None
    try:
        with open_socket(query.family, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            link = Connection(sock, query)
            async with asyncio.timeout_at(query.deadline):
                start = reading()
                await loop.sock_connect(sock, (end.host, end.port))
                connected_after(sock, reading() - start)
                if transport is not Transport.TCP:
                    # Else the query waits for the acknowledgement of our last handshake message.
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    await link.secure(transport)
                yield link
    except TimeoutError as error:
        # connect(2) gives up with the same exception; to us both are silence.
        raise query.silent(transport, link.dropped if link else 0) from error
    except ssl.SSLError as error:  # with TLS 1.3 a server refuses our handshake only later
        raise query.unreachable(f"breaks off TLS: {tls.words(error)}") from error
    except OSError as error:
        raise query.failed(error, transport) from error


class Connection:
    """A connected socket; TLS once it is secured."""

    def __init__(self, sock: socket.socket, query: Query) -> None:
        self.dropped = 0
        """How many strays came over it."""
        self._socket = sock
        self._query = query
        self._loop = asyncio.get_running_loop()
        self._session: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    async def secure(self, transport: Transport) -> None:
        """Shake hands and verify that the server is whom the config names."""
        try:
            context = tls.client_context(transport, self._query.channel.ca_file)
        except ValueError as error:
            raise self._query.unasked(str(error)) from error
        host = self._query.channel.server_name
        session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._session = session
        try:
            await self._shake_hands(session)
        except ssl.SSLError as error:
            # Tell the server why (RFC 8446 section 6.2), unless that would mean to wait.
            with contextlib.suppress(OSError):
                self._socket.send(self._outgoing.read())
            raise self._query.unreachable(tls.refused(error, session, host)) from error

    @property
    def protocol(self) -> str | None:
        """What was agreed on inside TLS (ALPN, RFC 7301)."""
        return self._session.selected_alpn_protocol() if self._session else None

    async def send(self, data: bytes) -> None:
        """Send all of *data*."""
        if self._session is None:
            await self._loop.sock_sendall(self._socket, data)
            return
        self._session.write(data)  # a memory buffer takes everything
        await self._flush()

    async def receive(self) -> bytes:
        """Return what comes next, and nothing at the end of the stream."""
        if self._session is None:
            return await self._read()
        while True:
            try:
                return self._session.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    async def _shake_hands(self, session: ssl.SSLObject) -> None:
        while True:
            try:
                session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    why = "closes the connection in the TLS handshake"
                    raise self._query.unreachable(why) from None
            else:
                return await self._flush()

    async def _fill(self) -> bool:
        data = await self._read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self._loop.sock_sendall(self._socket, self._outgoing.read())

    async def _read(self) -> bytes:
        # Who sends without end must not keep the loop from the deadline and from other probes.
        await asyncio.sleep(0)
        if _QUICK_ACK is not None:
            # Else a server with Nagle's algorithm has its answer wait 40 ms for our late
            # acknowledgement of what it sent after the handshake (RFC 8446 section 4.6.1).
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        return await next_octets(self._socket, _CHUNK)
