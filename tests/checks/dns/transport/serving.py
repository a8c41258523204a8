"""Servers of every encrypted transport, and a client that asks them for api.example.com."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import h2.config
import h2.connection
import h2.events
import pytest
import trustme

from tests.checks.dns.messages import API, reply_to
from tests.servers.doq import Doq, Handle, doq
from tests.servers.stream import Talk, server_context, stream_server
from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.message import Reply
from vedette.checks.dns.server import DEFAULT_PATH, Channel, Transport
from vedette.checks.net import Endpoint, NetworkFailure

HOST = "dns.example"
ONE = "api.example.com. 60 IN A 192.0.2.1"

ENCRYPTED = pytest.mark.parametrize("transport", ["tls", "https", "quic"])
STREAMS = pytest.mark.parametrize("transport", ["tls", "https"])

Respond = Callable[[bytes], Sequence[bytes]]
"""The octets of a query to the octets of each reply, in order; none: silence."""


def good(wire: bytes) -> Sequence[bytes]:
    return [reply_to(wire, (ONE,))]


def silent(wire: bytes) -> Sequence[bytes]:
    return []


class Client:
    """Asks for api.example.com."""

    def __init__(self, ca_file: str | None) -> None:
        self.ca_file = ca_file

    async def asks(
        self, transport: str, server: Endpoint, *, seconds: float = 5.0, host: str = HOST
    ) -> Reply:
        """Ask *server*, which the config calls *host*."""
        path = DEFAULT_PATH if transport == "https" else ""
        channel = Channel(server, Transport(transport), host, path, self.ca_file)
        deadline = asyncio.get_running_loop().time() + seconds
        return await exchange(API, channel, deadline=deadline, called="the server")

    async def fails(
        self, transport: str, server: Endpoint, *, seconds: float = 5.0, host: str = HOST
    ) -> NetworkFailure:
        """Ask and return the failure."""
        with pytest.raises(NetworkFailure) as caught:
            await self.asks(transport, server, seconds=seconds, host=host)
        return caught.value


def framed(wire: bytes) -> bytes:
    return len(wire).to_bytes(2) + wire


def over_tls(respond: Respond) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2))
        for wire in respond(await reader.readexactly(size)):
            writer.write(framed(wire))
        await reader.read()

    return talk


Answer = Callable[[h2.connection.H2Connection, int, bytes], None]
"""Does with an HTTP/2 connection, on a stream's number, what the request's body deserves."""


def over_http2(
    answer: Answer, requests: list[dict[bytes, bytes]] | None = None, *, first: bytes = b""
) -> Talk:
    """Answer so, after the octets *first*."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        body = b""
        while data := await reader.read(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived) and requests is not None:
                    requests.append(dict(event.headers))
                if isinstance(event, h2.events.DataReceived):
                    body += event.data
                if isinstance(event, h2.events.StreamEnded):
                    writer.write(http.data_to_send() + first)
                    answer(http, event.stream_id, body)
            writer.write(http.data_to_send())

    return talk


def http(
    body: bytes = b"", status: int = 200, media_type: str | None = "application/dns-message"
) -> Answer:
    """Answer so, whatever is asked; *body* must fit the client's first window."""

    def answer(http: h2.connection.H2Connection, stream: int, _: bytes) -> None:
        headers = [(":status", str(status))]
        if media_type is not None:
            headers.append(("content-type", media_type))
        http.send_headers(stream, headers)
        for start in range(0, len(body), 16384):
            http.send_data(stream, body[start : start + 16384])
        http.end_stream(stream)

    return answer


def dns_over_http2(respond: Respond) -> Answer:
    def answer(connection: h2.connection.H2Connection, stream: int, body: bytes) -> None:
        for wire in respond(body):
            http(wire)(connection, stream, body)

    return answer


def over_quic(respond: Respond) -> Handle:
    def handle(connection: Doq, stream: int, asked: bytes) -> None:
        for wire in respond(asked[2:]):
            connection.write(stream, framed(wire), last=True)

    return handle


def serving(
    transport: str, certificate: trustme.LeafCert, respond: Respond
) -> AbstractAsyncContextManager[Endpoint]:
    """Answer with *respond* over *transport*."""
    if transport == "quic":
        return doq(over_quic(respond), certificate)
    if transport == "https":
        context = server_context(certificate, "h2")
        return stream_server(over_http2(dns_over_http2(respond)), context)
    return stream_server(over_tls(respond), server_context(certificate))
