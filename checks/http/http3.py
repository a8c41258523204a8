"""HTTP/3 (RFC 9114): a QUIC connection of its own, the request on one stream.

aioquic does the protocol and the verifying; the socket and the clock are ours, so that a closed
port fails at once, and nobody waits for a close to drain. `connect` ends with the first datagram of
the server's, `tls` with the handshake.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from aioquic.h3.connection import H3_ALPN, ErrorCode, H3Connection, H3Stream
from aioquic.h3.events import DataReceived, H3Event, Headers, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamReset
from aioquic.quic.packet import QuicErrorCode
from aioquic.tls import AlertDescription
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import crypto
from service_identity import CertificateError

from vedette.checks.certificate import UNREADABLE
from vedette.checks.finding import Fact
from vedette.checks.http import tls
from vedette.checks.http.certificates import certificates
from vedette.checks.http.connection import translate
from vedette.checks.http.framed import Framed, trimmed
from vedette.checks.http.hop import Hop
from vedette.checks.http.http2 import fields
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.tls import TlsSettings
from vedette.checks.net import (
    CouldNotLook,
    Endpoint,
    NetworkFailure,
    family,
    has_route,
    is_address,
)
from vedette.checks.readiness import readable
from vedette.checks.stopwatch import receive
from vedette.checks.tls import Renewed

_MOST_IDLE = 10_000
"""How many datagrams may come that hold nothing of the answer."""
_MOST_BEFORE = 1 << 18
"""Octets of datagrams up to the end of the answer's head: handshake, settings and headers."""

# It logs every handshake; what goes wrong is in the finding.
logging.getLogger("quic").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def conversation(request: Request, peer: Endpoint, hop: Hop) -> Iterator["Http3"]:
    """Begin one with *peer*, and say goodbye without waiting for the echo."""
    hop.begin("connect")
    try:
        with socket.socket(family(peer.host), socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((peer.host, peer.port))
            made = Http3(request, sock, peer, hop)
            try:
                yield made
            finally:
                made.close()
    except TimeoutError:
        raise
    except OSError as error:
        raise translate(error, peer, routed=has_route(peer)) from error


def _configuration(settings: TlsSettings, server_name: str) -> QuicConfiguration:
    try:
        made = _renewed(replace(settings, server_name=None)).current()
    except ValueError as error:
        raise CouldNotLook(Reason.TLS_HANDSHAKE, str(error)) from error
    return replace(made, server_name=server_name)


@lru_cache(maxsize=1024)
def _renewed(settings: TlsSettings) -> Renewed[QuicConfiguration]:
    return Renewed(partial(_template, settings), tls.files(settings))


def _template(settings: TlsSettings) -> QuicConfiguration:
    tls.built(settings, ("h3",))  # says what is wrong with the files
    system = ssl.get_default_verify_paths()
    own = settings.ca_file is not None
    made = QuicConfiguration(
        alpn_protocols=H3_ALPN,
        cadata=_authorities(settings.ca_file) if settings.ca_file and settings.verify else None,
        cafile=None if own else system.cafile,
        capath=None if own else system.capath,
        verify_mode=ssl.CERT_REQUIRED if settings.verify else ssl.CERT_NONE,
    )
    if settings.cert_file is not None:
        try:
            made.load_cert_chain(settings.cert_file, settings.key_file)
        except OSError as error:
            raise ValueError(f"cannot read {error.filename}: {error.strerror}") from error
    return made


def _authorities(ca_file: str) -> bytes:
    """Return what *ca_file* holds, which aioquic parses for every handshake; raise ValueError."""
    try:
        data = Path(ca_file).read_bytes()
        x509.load_pem_x509_certificates(data)
    except (OSError, *UNREADABLE) as error:
        raise ValueError(f"cannot read certificates from {ca_file}: {error}") from error
    return data


class _Answers(H3Connection):
    """The server's side of it; whether there is a body at all is for who knows what was asked."""

    def _check_content_length(self, stream: H3Stream) -> None:
        pass

    def _decode_headers(self, stream_id: int, frame_data: bytes | None) -> Headers:
        headers = super()._decode_headers(stream_id, frame_data)
        return [(name, trimmed(value)) for name, value in headers]


class Http3(Framed):
    """One request and its answer."""

    version = "3"

    def __init__(self, request: Request, sock: socket.socket, peer: Endpoint, hop: Hop) -> None:
        self._name = request.tls.server_name or request.target.server_name
        super().__init__(peer, hop)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._address = peer.host, peer.port
        self._quic = QuicConnection(configuration=_configuration(request.tls, self._name))
        self._http: H3Connection | None = None
        self._method = request.method
        self._before = 0
        self._received = 0
        self._quic.connect(self._address, now=self._loop.time())

    async def ask(self, request: Request) -> None:
        """Send *request*, and fill the hop by the head of the answer."""
        while self._http is None:
            await self._turn()
        self._hop.begin("processing")
        self._send(self._http, request)
        while self._hop.status is None:
            await self._turn()

    def close(self) -> None:
        """Tell the server that all is done, or what was wrong."""
        self._quic.close(error_code=ErrorCode.H3_NO_ERROR)
        with contextlib.suppress(OSError):
            self._transmit()

    async def _turn(self) -> None:
        """Say what there is to say, and take in what comes next."""
        self._transmit()
        await self._advance()
        while event := self._quic.next_event():
            self._note(event)
        # The event itself comes only after the close has drained, three timeouts later.
        ended = getattr(self._quic, "_close_event", None)
        if ended and not self._ended:
            raise self._terminated(ended)

    def _transmit(self) -> None:
        for datagram, _ in self._quic.datagrams_to_send(now=self._loop.time()):
            with contextlib.suppress(BlockingIOError):  # lost, as any datagram may be
                self._socket.send(datagram)

    async def _advance(self) -> None:
        """Take in the next datagram, or what the passing of time brings."""
        datagram = await self._datagram(self._quic.get_timer())
        if datagram is None:
            return
        if self._hop.phase == "connect":
            self._hop.begin("tls")
        self._idle += 1
        if self._idle > _MOST_IDLE:
            raise self._broken("it sends datagrams that are no answer, without end")
        if self._hop.status is None:
            self._before += len(datagram)
            if self._before > _MOST_BEFORE:
                raise self._broken(f"its headers do not end within {_MOST_BEFORE} octets")
        try:
            self._quic.receive_datagram(datagram, self._address, now=self._loop.time())
        except crypto.Error as error:  # verifying reads the authorities anew each time
            words = "the certificates of those to trust cannot be read"
            raise CouldNotLook(Reason.TLS_HANDSHAKE, words) from error
        except CertificateError as error:
            self._hop.tls = self._facts()
            raise self._unreadable(str(error)) from error

    def _unreadable(self, why: str) -> NetworkFailure:
        """Say what a name in the certificate means that aioquic cannot read."""
        known = self._hop.tls
        if is_address(self._name) or not tls.covers(known, self._name.lower()):
            return NetworkFailure(Reason.TLS_NAME, tls.misnamed(known, self._name))
        return CouldNotLook(Reason.TLS_NAME, f"a name in the certificate cannot be read: {why}")

    async def _datagram(self, timer: float | None) -> bytes | None:
        try:
            async with asyncio.timeout_at(timer):
                await readable(self._loop, self._socket)
        except TimeoutError:
            assert timer is not None
            self._quic.handle_timer(now=max(timer, self._loop.time()))
            # A timer that never moves on must not keep the loop from the deadline.
            await asyncio.sleep(0)
            return None
        try:
            return receive(self._socket, 65535)
        except BlockingIOError:  # a datagram's checksum was found wrong when it was read
            return None

    def _note(self, event: QuicEvent) -> None:
        match event:
            case HandshakeCompleted():
                self._hop.tls = self._verified(self._facts())
                self._http = _Answers(self._quic)
            case ConnectionTerminated() if not self._ended:
                raise self._terminated(event)
            case StreamReset() if not self._ended:
                raise self._gone(f"reset the stream (error {event.error_code})")
        if self._http is not None:
            for part in self._http.handle_event(event):
                self._take(part)

    def _send(self, http: H3Connection, request: Request) -> None:
        stream = self._quic.get_next_available_stream_id()
        pairs = [(name.encode(), value.encode()) for name, value in fields(request)]
        http.send_headers(stream, pairs, end_stream=not request.body)
        if request.body:
            http.send_data(stream, request.body, end_stream=True)

    def _take(self, event: H3Event) -> None:
        match event:
            case HeadersReceived():
                if self._hop.status is None:
                    self._heard()
                    self._head(event.headers)
                self._ended = event.stream_ended
            case DataReceived():
                self._idle = 0 if event.data else self._idle
                self._body += event.data
                self._received += len(event.data)
                self._ended = event.stream_ended
        if self._ended:
            self._measure()

    def _measure(self) -> None:
        """Hold the body against its length; HEAD and a 304 tell that of another (RFC 9110 8.6)."""
        if self._method == "HEAD" or self._hop.status == 304:
            return
        told = next((v for name, v in self._hop.headers if name == "content-length"), None)
        if told is not None and int(told) != self._received:
            raise self._broken(f"its body has {self._received} of {told} octets")

    def _facts(self) -> dict[str, Fact]:
        """Return what is known of the handshake, finished or failed."""
        shaken = self._quic.tls
        leaf = getattr(shaken, "_peer_certificate", None)
        if leaf is None:
            return {}
        chain = (leaf, *getattr(shaken, "_peer_certificate_chain", ()))
        known = certificates(tuple(each.public_bytes(Encoding.DER) for each in chain))
        assert shaken.key_schedule is not None  # it was agreed on before there was a certificate
        cipher = f"TLS_{shaken.key_schedule.cipher_suite.name}"
        return {"tls_version": "TLSv1.3", "tls_cipher": cipher, **known}

    def _verified(self, known: dict[str, Fact]) -> dict[str, Fact]:
        """Add when the verified chain ends; which authority it led to aioquic does not tell."""
        if self._quic.configuration.verify_mode == ssl.CERT_NONE:
            return known
        return {**known, "verified_not_after": known.get("chain_not_after")}

    def _terminated(self, event: ConnectionTerminated) -> NetworkFailure:
        """Say why the connection ended, by the server's will or because it was not verified."""
        if self._http is not None:
            if event.error_code in {ErrorCode.H3_NO_ERROR, QuicErrorCode.NO_ERROR}:
                return self._gone("closed the connection")
            return self._broken(f"error {event.error_code} {event.reason_phrase[:80]!r}")
        self._hop.tls = self._facts()
        return self._distrusted(event) or NetworkFailure(
            Reason.TLS_HANDSHAKE,
            f"{self._peer} ended the QUIC handshake with error {event.error_code} "
            f"({event.reason_phrase[:80]!r})",
        )

    def _distrusted(self, event: ConnectionTerminated) -> NetworkFailure | None:
        """Return what was wrong with the certificate, if that was it."""
        known, why = self._hop.tls, event.reason_phrase
        match event.error_code - QuicErrorCode.CRYPTO_ERROR:
            case AlertDescription.certificate_expired if why.endswith("not valid yet"):
                return NetworkFailure(Reason.TLS_EXPIRED, "a certificate is not valid yet")
            case AlertDescription.certificate_expired:  # the server's own: others are untrusted
                own = {**known, "verified_not_after": known.get("certificate_not_after")}
                return NetworkFailure(Reason.TLS_EXPIRED, tls.expired(own))
            case AlertDescription.bad_certificate if why.startswith("hostname "):
                return NetworkFailure(Reason.TLS_NAME, tls.misnamed(known, self._name))
            case AlertDescription.bad_certificate:
                words = tls.untrusted(known, why)
                return NetworkFailure(Reason.TLS_UNTRUSTED, words)
        return None
