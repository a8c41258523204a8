"""Encrypted transports: every way to fail has its reason, and a sentence that says how."""

import asyncio
from collections.abc import Sequence

import pytest
import trustme

from tests.checks.dns.transport.serving import (
    ENCRYPTED,
    STREAMS,
    Answer,
    Client,
    good,
    http,
    over_http2,
    over_quic,
    serving,
    silent,
)
from tests.servers.bind import Bind
from tests.servers.doq import Handle, doq
from tests.servers.process import free_port
from tests.servers.stream import server_context, stream_server
from vedette.checks.dns.reason import Reason
from vedette.checks.net import Endpoint, NetworkFailure


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http(status=503), "answers HTTP 503"),
        (http(status=301), "answers HTTP 301"),
        (http(b"<html>", media_type="text/html"), "answers with 'text/html', not with"),
        (http(b"?", media_type=None), "answers with 'nothing', not with"),
        (lambda http, stream, _: http.reset_stream(stream, 2), "resets the request: internal err"),
        (lambda http, stream, _: http.reset_stream(stream, 999), "resets the request: error 999"),
        (lambda http, *_: http.close_connection(11), "closes HTTP/2: enhance your calm"),
    ],
)
async def test_http(
    answer: Answer, says: str, certificate: trustme.LeafCert, client: Client
) -> None:
    """HTTP that is no answer is unreachable, and the sentence says what it is."""
    async with stream_server(over_http2(answer), server_context(certificate, "h2")) as server:
        failure = await client.fails("https", server)
    assert failure.reason is Reason.UNREACHABLE
    assert says in failure.detail


@pytest.mark.parametrize("protocols", [("http/1.1",), ()])
async def test_no_http2(
    protocols: Sequence[str], certificate: trustme.LeafCert, client: Client
) -> None:
    """A server of HTTP/1.1 alone is unreachable, and the sentence says what it lacks."""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with stream_server(never, server_context(certificate, *protocols)) as server:
        failure = await client.fails("https", server)
    assert failure.reason is Reason.UNREACHABLE
    assert "HTTP/2" in failure.detail


async def test_octets_that_are_not_http2(certificate: trustme.LeafCert, client: Client) -> None:
    """Octets that are no HTTP/2, where it was agreed on, are malformed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x00" * 9)  # a frame of data on stream 0
        await reader.read()

    async with stream_server(talk, server_context(certificate, "h2")) as server:
        failure = await client.fails("https", server)
    assert failure.reason is Reason.MALFORMED
    assert "not HTTP/2" in failure.detail


async def test_other_protocol_over_quic(certificate: trustme.LeafCert, client: Client) -> None:
    """A QUIC server without DNS is unreachable, and the sentence says so."""
    async with doq(over_quic(good), certificate, protocol="h3") as server:
        failure = await client.fails("quic", server)
    assert failure.reason is Reason.UNREACHABLE
    assert "does not speak DNS over QUIC" in failure.detail


@pytest.mark.parametrize(
    ("handle", "says"),
    [
        (lambda quic, stream, _: quic.reset(stream, 3), "resets the stream with error 3"),
        (lambda quic, stream, _: quic.write(stream, b"\x00", last=True), "closes the connection"),
        (lambda quic, *_: quic.close(2, "too\nmuch"), r"closes QUIC with error 2 ('too\nmuch')"),
    ],
)
async def test_quic_without_answer(
    handle: Handle,
    says: str,
    certificate: trustme.LeafCert,
    client: Client,
) -> None:
    """A stream or connection that ends without an answer is unreachable, at once."""
    async with doq(handle, certificate) as server:
        failure = await client.fails("quic", server)
    assert failure.reason is Reason.UNREACHABLE
    assert says in failure.detail


@ENCRYPTED
async def test_closed_port(transport: str, client: Client) -> None:
    """A closed port is unreachable at once, over QUIC too."""
    failure = await client.fails(transport, Endpoint("127.0.0.1", free_port()))
    assert (type(failure), failure.reason) == (NetworkFailure, Reason.UNREACHABLE)
    assert f"over {transport.upper()}: Connection refused" in failure.detail


@ENCRYPTED
async def test_silence(transport: str, certificate: trustme.LeafCert, client: Client) -> None:
    """A server that never answers is a timeout, at the deadline."""
    clock = asyncio.get_running_loop().time
    async with serving(transport, certificate, silent) as server:
        start = clock()
        failure = await client.fails(transport, server, seconds=0.3)
        assert 0.29 <= clock() - start < 2
    assert failure.reason is Reason.TIMEOUT
    assert f"over {transport.upper()} in time" in failure.detail


@ENCRYPTED
async def test_silence_before_the_handshake(transport: str, client: Client) -> None:
    """A port that is open, where nobody says a word, is a timeout."""

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    class Nobody(asyncio.DatagramProtocol):
        pass

    async with stream_server(never) as server:
        loop, address = asyncio.get_running_loop(), (server.host, server.port)
        transport_, _ = await loop.create_datagram_endpoint(Nobody, local_addr=address)
        try:
            failure = await client.fails(transport, server, seconds=0.2)
        finally:
            transport_.close()
    assert failure.reason is Reason.TIMEOUT


@STREAMS
@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"", "closes the connection in the TLS handshake"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak TLS on this port"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "fails in the TLS handshake: "),
    ],
    ids=["closed", "plain", "alert"],
)
async def test_no_tls(transport: str, said: bytes, says: str, client: Client) -> None:
    """A port that speaks no TLS, or not ours, is unreachable, and the sentence says so."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(said)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    async with stream_server(talk) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.UNREACHABLE
    assert says in failure.detail


@STREAMS
async def test_plain_dns_where_tls_should_be(transport: str, real: Bind, client: Client) -> None:
    """A real DNS server takes our handshake for a message that never ends, or hangs up on it."""
    failure = await client.fails(transport, real.endpoint, seconds=0.3)
    assert failure.reason in (Reason.TIMEOUT, Reason.UNREACHABLE)


@STREAMS
@pytest.mark.parametrize("said", [b"", b"\x00"], ids=["at once", "inside"])
async def test_cut(
    transport: str, said: bytes, certificate: trustme.LeafCert, client: Client
) -> None:
    """A connection that is cut before or inside the answer is unreachable."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(said)
        await writer.drain()
        writer.close()

    async with stream_server(talk, server_context(certificate, "h2")) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.UNREACHABLE
    assert "closes the connection without an answer" in failure.detail
