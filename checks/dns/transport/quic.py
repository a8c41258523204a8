"""DNS over QUIC (RFC 9250): a connection of its own per question, the question on one stream.

aioquic does the protocol and the verifying; the socket and the clock are ours, so that a closed
port fails at once, only the server's own datagrams are read, and nobody waits for a close to drain.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StreamDataReceived,
    StreamReset,
)
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto
from service_identity import CertificateError

from vedette.checks.certificate import names
from vedette.checks.dns.server import Transport
from vedette.checks.dns.transport import tls
from vedette.checks.dns.transport.datagram import next_datagram
from vedette.checks.dns.transport.distrust import Fault, distrusted
from vedette.checks.dns.transport.query import Query
from vedette.checks.dns.transport.stream import framed, unframed
from vedette.checks.net import NetworkFailure

_NO_ERROR = 0  # DOQ_NO_ERROR, RFC 9250 section 4.3
_MOST = 1 << 18
"""How many octets of datagrams one answer may take."""
_NOT_DNS = "does not speak DNS over QUIC on this port"

# It logs every handshake; what goes wrong is in the finding.
logging.getLogger("quic").setLevel(logging.CRITICAL)


async def ask_quic(query: Query) -> tuple[bytes, int]:
    """Return the reply's octets and 0, for no stray can come, or raise NetworkFailure."""
    query, end = query.unnumbered(), query.channel.endpoint
    try:
        with socket.socket(query.family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((end.host, end.port))
            async with asyncio.timeout_at(query.deadline):
                with _conversation(sock, query) as conversation:
                    wire = await conversation.reply()
    except TimeoutError as error:
        raise query.silent(Transport.QUIC) from error
    except OSError as error:
        raise query.failed(error, Transport.QUIC) from error
    return query.only(wire), 0


@cache
def _configuration(ca_file: str | None) -> QuicConfiguration:
    """Return what all questions share: ALPN, and whom to trust, by default whom the system does."""
    system = ssl.get_default_verify_paths()
    return QuicConfiguration(
        alpn_protocols=[tls.ALPN[Transport.QUIC]],
        cafile=ca_file or system.cafile,
        capath=None if ca_file else system.capath,
    )


@contextlib.contextmanager
def _conversation(sock: socket.socket, query: Query) -> Iterator["_Conversation"]:
    """Begin one, and say goodbye without waiting for the echo."""
    conversation = _Conversation(sock, query)
    try:
        yield conversation
    finally:
        with contextlib.suppress(OSError):
            conversation.close()


class _Conversation:
    """A QUIC connection, and the one stream on it."""

    def __init__(self, sock: socket.socket, query: Query) -> None:
        channel = query.channel
        configuration = replace(_configuration(channel.ca_file), server_name=channel.server_name)
        self._query = query
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._address = channel.endpoint.host, channel.endpoint.port
        self._quic = QuicConnection(configuration=configuration)
        self._quic.connect(self._address, now=self._loop.time())
        self._stream = -1
        self._received = 0
        self._buffer = bytearray()

    async def reply(self) -> bytes:
        """Shake hands, ask, and return the one message that the stream carries."""
        while True:
            self._transmit()
            await self._advance()
            while event := self._quic.next_event():
                message = self._note(event)
                if message is not None:
                    return message
            # The event itself comes only after the close has drained, three timeouts later.
            ended = getattr(self._quic, "_close_event", None)
            if ended:
                raise self._ended(ended)

    def close(self) -> None:
        """Tell the server that all is done, or what was wrong."""
        self._quic.close(error_code=_NO_ERROR)
        self._transmit()

    def _transmit(self) -> None:
        for datagram, _ in self._quic.datagrams_to_send(now=self._loop.time()):
            self._socket.send(datagram)

    async def _advance(self) -> None:
        """Take in the next datagram, or what the passing of time brings."""
        timer = self._quic.get_timer() or self._query.deadline
        datagram = await next_datagram(self._socket, timer)
        if datagram is None:
            self._quic.handle_timer(now=max(timer, self._loop.time()))
            # A timer that never moves on must not keep the loop from the deadline.
            await asyncio.sleep(0)
            return
        self._received += len(datagram)
        if self._received > _MOST:
            raise self._query.malformed(f"with more than {_MOST} octets of QUIC")
        try:
            self._quic.receive_datagram(datagram, self._address, now=self._loop.time())
        except crypto.Error as error:  # verifying reads the authorities anew each time
            why = "the certificates of those to trust cannot be read"
            raise self._query.unasked(why) from error
        except CertificateError as error:
            raise self._unreadable(str(error)) from error

    def _note(self, event: QuicEvent) -> bytes | None:
        """Return the reply once it is there; raise where it can come no more."""
        match event:
            case HandshakeCompleted():
                self._ask(event.alpn_protocol)
            case StreamDataReceived() if event.stream_id == self._stream:
                self._buffer += event.data
                message = unframed(self._buffer)
                if message is None and event.end_stream:
                    raise self._query.hung_up()
                return message
            case StreamReset() if event.stream_id == self._stream:
                raise self._query.unreachable(f"resets the stream with error {event.error_code}")
            case ConnectionTerminated():
                raise self._ended(event)
        return None

    def _ask(self, protocol: str | None) -> None:
        if protocol != tls.ALPN[Transport.QUIC]:
            raise self._query.unreachable(_NOT_DNS)
        self._stream = self._quic.get_next_available_stream_id()
        self._quic.send_stream_data(self._stream, framed(self._query.sent), end_stream=True)

    def _ended(self, event: ConnectionTerminated) -> NetworkFailure:
        """Say why the connection ended, by the server's will or because it was not verified."""
        match event.error_code - QuicErrorCode.CRYPTO_ERROR:
            case AlertDescription.no_application_protocol:
                return self._query.unreachable(_NOT_DNS)
            case AlertDescription.certificate_expired:
                return self._distrusted(Fault.DATES, event.reason_phrase)
            case AlertDescription.bad_certificate if event.reason_phrase.startswith("hostname "):
                return self._distrusted(Fault.NAME, event.reason_phrase)
            case AlertDescription.bad_certificate:
                return self._distrusted(Fault.TRUST, event.reason_phrase)
        why = f"closes QUIC with error {event.error_code} ({event.reason_phrase[:80]!r})"
        return self._query.unreachable(why)

    def _unreadable(self, why: str) -> NetworkFailure:
        """Say what a name in the certificate means that aioquic cannot read."""
        leaf = self._leaf()
        if leaf is not None and self._query.channel.server_name in names(leaf):
            return self._query.unasked(f"a name in its certificate cannot be read: {why}")
        return self._distrusted(Fault.NAME, why)

    def _leaf(self) -> x509.Certificate | None:
        return getattr(self._quic.tls, "_peer_certificate", None)

    def _distrusted(self, fault: Fault, why: str) -> NetworkFailure:
        leaf = self._leaf()
        chain = [leaf.public_bytes(Encoding.DER)] if leaf else []
        host = self._query.channel.server_name
        return self._query.unreachable(distrusted(fault, chain, host, why))
