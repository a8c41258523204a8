"""One TCP connection to one address, with or without TLS.

The only module of the kind that opens a socket, and the one place where an OSError becomes a
NetworkFailure. A TimeoutError passes: the exchange, which owns the deadline, knows what it means.
TLS runs over memory buffers instead of asyncio's transport, because the certificate of a failed
handshake can be read only from our own SSLObject, and because nobody waits for a close_notify then.
"""

import asyncio
import contextlib
import errno
import os
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar

from vedette.checks.finding import Fact
from vedette.checks.http import tls
from vedette.checks.http.certificates import facts
from vedette.checks.http.reason import Reason
from vedette.checks.http.target import Target
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure, family, has_route
from vedette.checks.readiness import Waits
from vedette.checks.stopwatch import connected_after, reading, receive

_CHUNK = 16 * 1024  # a TLS record's length; also what a hostile peer can make us parse at a stretch

_GONE = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN})
# Said by our own host where it has no route, and by a router or filter on the way where it has one.
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES})
# Ours alone: no descriptor, memory or port left, no such family, a local filter, no scope.
_LOCAL = frozenset(
    {
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.EINVAL,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EPERM,
    }
)


def translate(error: OSError, peer: Endpoint, *, routed: bool) -> NetworkFailure:
    """Say what *error* on a connection to *peer* means; *routed*: our host has a route to it."""
    if error.errno == errno.ECONNREFUSED:
        return NetworkFailure(Reason.CONNECT_REFUSED, f"{peer} refused the connection")
    if error.errno in _GONE:
        return NetworkFailure(Reason.RESET, f"{peer} reset the connection")
    words = (error.strerror or str(error)).lower()
    if error.errno in _LOCAL or (error.errno in _NO_WAY and not routed):
        return CouldNotLook(Reason.UNREACHABLE, f"this host cannot connect to {peer}: {words}")
    return NetworkFailure(Reason.UNREACHABLE, f"{peer} cannot be reached: {words}")


class Connection:
    """A connected socket; TLS once it is secured."""

    def __init__(self, peer: Endpoint) -> None:
        self._peer = peer
        self._session: ssl.SSLObject | None = None
        self._heard = False
        try:
            self._socket = socket.socket(family(peer.host), socket.SOCK_STREAM)
        except OSError as error:
            raise self._failure(error) from error
        self._socket.setblocking(False)
        self._waits = Waits(asyncio.get_running_loop(), self._socket)

    async def connect(self) -> None:
        """Connect, once, to the one address."""
        start = reading()
        try:
            # Without this the request waits for the acknowledgement of our last handshake message.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            number = self._socket.connect_ex((self._peer.host, self._peer.port))
            if number == errno.EINPROGRESS:
                await self._waits.writable()
                number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        except OSError as error:
            raise self._failure(error) from error
        if number:
            raise self._failure(OSError(number, os.strerror(number)))
        connected_after(self._socket, reading() - start)

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:
        """Shake hands and verify; to an address Python sends no SNI (RFC 6066 section 3).

        What is left to be said leaves with the first `send`, which saves a packet.
        """
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = server_name.rstrip(".")  # RFC 6066 section 3
        try:
            session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        except (TypeError, ValueError) as error:
            words = f"{server_name!r} is no name that TLS can ask for: {error}"
            raise CouldNotLook(Reason.TLS_HANDSHAKE, words) from error
        self._session = session
        try:
            await self._shake_hands(session)
        except ssl.SSLError as error:
            self._send_alert()
            raise tls.failure(error, server_name, self.facts()) from error
        if context.verify_mode is not ssl.CERT_NONE and not context.check_hostname:
            self._check(name)

    def _check(self, name: str) -> None:
        """Raise NetworkFailure where the certificate, which is verified, is not for *name*."""
        known = self.facts()
        if not tls.covers(known, name.lower()):
            raise NetworkFailure(Reason.TLS_NAME, tls.misnamed(known, name))

    async def _shake_hands(self, session: ssl.SSLObject) -> None:
        while True:
            try:
                return session.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise NetworkFailure(
                        Reason.RESET, f"{self._peer} closed the connection in the TLS handshake"
                    ) from None

    @property
    def protocol(self) -> str | None:
        """What was agreed on inside TLS (ALPN, RFC 7301)."""
        return None if self._session is None else self._session.selected_alpn_protocol()

    def facts(self) -> dict[str, Fact]:
        """Return what TLS has told so far, nothing without it."""
        return {} if self._session is None else facts(self._session)

    async def send(self, data: bytes) -> None:
        """Send all of *data*; a peer that has gone shows in what is received next.

        It may have said why before it went: an early answer, or the alert with which TLS 1.3
        refuses us after our side of the handshake is done.
        """
        if self._session is not None:
            self._session.write(data)  # a memory buffer takes everything
            data = self._outgoing.read()
        try:
            await self._write(data)
        except (ConnectionResetError, BrokenPipeError):
            return

    async def receive(self) -> bytes:
        """Return what comes next, and nothing at a proper end of the stream."""
        if self._session is None:
            return await self._read()
        while True:
            try:
                data = self._session.read(_CHUNK)
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLZeroReturnError:
                return b""
            except ssl.SSLError as error:
                raise self._broken(error) from error
            else:
                self._heard = True
                return data

    def _broken(self, error: ssl.SSLError) -> NetworkFailure:
        if isinstance(error, ssl.SSLEOFError):  # RFC 9112 section 9.8: not a proper end
            return NetworkFailure(Reason.RESET, f"{self._peer} cut the connection inside TLS")
        if not self._heard:  # with TLS 1.3 a server refuses our handshake only here
            return tls.failure(error, "", {})
        return NetworkFailure(Reason.PROTOCOL, f"{self._peer} broke TLS: {tls.words(error)}")

    def close(self) -> None:
        """Close at once, without a word to the peer."""
        self._socket.close()

    async def _fill(self) -> bool:
        data = await self._read()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return bool(data)

    async def _flush(self) -> None:
        if self._outgoing.pending:
            try:
                await self._write(self._outgoing.read())
            except OSError as error:
                raise self._failure(error) from error

    def _send_alert(self) -> None:
        """Tell the server why (RFC 8446 section 6.2), unless that would mean to wait."""
        with contextlib.suppress(OSError):
            self._socket.send(self._outgoing.read())

    async def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await self._waits.writable()

    async def _read(self) -> bytes:
        while True:
            await self._waits.readable()
            try:
                return receive(self._socket, _CHUNK)
            except BlockingIOError:  # in vain
                continue
            except OSError as error:
                raise self._failure(error) from error

    def _failure(self, error: OSError) -> OSError | NetworkFailure:
        if isinstance(error, TimeoutError):
            return error
        routed = error.errno not in _NO_WAY or has_route(self._peer)
        return translate(error, self._peer, routed=routed)


def _new(peer: Endpoint, _target: Target) -> Connection:
    return Connection(peer)


CONNECTIONS: ContextVar[Callable[[Endpoint, Target], Connection]] = ContextVar(
    "connections", default=_new
)
"""Who makes connections: this module, or in its stead the world of a replayed incident, which has
TLS by its outcome."""
