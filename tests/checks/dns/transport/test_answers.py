"""Encrypted transports: real servers answer, and a reply must be one to the question."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import dns.flags
import dns.message
import dns.rrset
import h2.connection
import h2.errors
import pytest
import trustme
from hyperframe.frame import GoAwayFrame

from tests.checks.dns.messages import API, reply_to
from tests.checks.dns.transport.serving import (
    ENCRYPTED,
    HOST,
    ONE,
    STREAMS,
    Client,
    dns_over_http2,
    good,
    http,
    over_http2,
    serving,
)
from tests.servers.bind import Bind
from tests.servers.process import accepts, free_port, need, running
from tests.servers.stream import server_context, stream_server
from vedette.checks.dns.message import Reply, ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Transport
from vedette.checks.net import Endpoint

OTHER = ask("other.example.com", "A", recursive=False)


@pytest.mark.parametrize("transport", list(Transport)[:4])
def test_bind(transport: Transport, real: Bind, client: Client, runner: asyncio.Runner) -> None:
    """BIND answers over all that it speaks, on either loop."""
    server = {"tls": real.tls, "https": real.https}.get(transport, real.endpoint)
    reply = runner.run(client.asks(transport, server))
    assert reply.message.answer[0].to_text() == ONE
    assert (reply.transport, reply.dropped, reply.message.id == 0) == (
        transport,
        0,
        transport is Transport.HTTPS,
    )


@pytest.fixture(scope="module")
def unbound(
    certificate: trustme.LeafCert, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Endpoint]]:
    """Unbound, over TLS and HTTPS, with one record of its own."""
    folder = tmp_path_factory.mktemp("unbound")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    ports = {"tls": free_port(), "https": free_port()}
    lines = [
        *(f"interface: 127.0.0.1@{port}" for port in ports.values()),
        f"tls-port: {ports['tls']}",
        f"https-port: {ports['https']}",
        f'tls-service-key: "{folder}/key.pem"',
        f'tls-service-pem: "{folder}/cert.pem"',
        f'local-data: "{ONE}"',
        f'pidfile: "{folder}/pid"',
        *('chroot: ""', 'username: ""', "use-syslog: no", "do-daemonize: no"),
    ]
    config = folder / "unbound.conf"
    config.write_text("server:\n" + "".join(f"  {line}\n" for line in lines))
    command = [need("unbound"), "-d", "-c", str(config)]
    with running(command, log=folder / "log", ready=accepts(ports["https"])):
        yield {name: Endpoint("127.0.0.1", port) for name, port in ports.items()}


@STREAMS
async def test_unbound(transport: str, unbound: dict[str, Endpoint], client: Client) -> None:
    """Unbound answers over TLS and HTTPS."""
    reply = await client.asks(transport, unbound[transport])
    assert reply.message.answer[0].to_text() == ONE


def test_quic(certificate: trustme.LeafCert, client: Client, runner: asyncio.Runner) -> None:
    """The server of aioquic server answers over QUIC, on either loop, to a query with id 0."""
    asked: list[bytes] = []

    def respond(wire: bytes) -> Sequence[bytes]:
        asked.append(wire)
        return good(wire)

    async def talk() -> Reply:
        async with serving("quic", certificate, respond) as server:
            return await client.asks("quic", server)

    reply = runner.run(talk())
    assert (reply.message.answer[0].to_text(), reply.transport) == (ONE, Transport.QUIC)
    assert asked == [b"\x00\x00" + API.tail]


@ENCRYPTED
async def test_long_answer(transport: str, certificate: trustme.LeafCert, client: Client) -> None:
    """An answer as long as DNS can have it comes whole."""

    def respond(wire: bytes) -> Sequence[bytes]:
        message = dns.message.make_response(dns.message.from_wire(wire))
        texts = (f"{n} {'x' * 245}" for n in range(240))
        message.answer.append(dns.rrset.from_text_list("api.example.com.", 60, "IN", "TXT", texts))
        return [message.to_wire(max_size=65535)]

    async with serving(transport, certificate, respond) as server:
        reply = await client.asks(transport, server)
    assert len(reply.wire) > 60_000
    assert len(reply.message.answer[0]) == 240


async def test_request_over_https(certificate: trustme.LeafCert, client: Client) -> None:
    """The request is a POST to the configured path of the configured host, with id 0."""
    requests: list[dict[bytes, bytes]] = []
    asked: list[bytes] = []

    def respond(wire: bytes) -> Sequence[bytes]:
        asked.append(wire)
        return good(wire)

    talk = over_http2(dns_over_http2(respond), requests)
    async with stream_server(talk, server_context(certificate, "h2")) as server:
        await client.asks("https", server)
    assert asked == [b"\x00\x00" + API.tail]
    assert requests == [
        {
            b":method": b"POST",
            b":scheme": b"https",
            b":authority": f"{HOST}:{server.port}".encode(),
            b":path": b"/dns-query",
            b"accept": b"application/dns-message",
            b"content-type": b"application/dns-message",
            b"content-length": str(len(asked[0])).encode(),
        }
    ]


async def test_media_type_with_parameters(certificate: trustme.LeafCert, client: Client) -> None:
    """A media type is compared without case and parameters (RFC 9110 section 8.3.1)."""

    def answer(connection: h2.connection.H2Connection, stream: int, body: bytes) -> None:
        media_type = "Application/DNS-Message; charset=utf-8"
        http(good(body)[0], media_type=media_type)(connection, stream, body)

    async with stream_server(over_http2(answer), server_context(certificate, "h2")) as server:
        assert (await client.asks("https", server)).message.answer


async def test_goaway_before_the_answer(certificate: trustme.LeafCert, client: Client) -> None:
    """A server that takes no more requests may still answer ours (RFC 9113 section 6.8)."""
    goaway = GoAwayFrame(0, last_stream_id=1, error_code=h2.errors.ErrorCodes.NO_ERROR)
    talk = over_http2(dns_over_http2(good), first=goaway.serialize())
    async with stream_server(talk, server_context(certificate, "h2")) as server:
        assert (await client.asks("https", server)).message.answer


@pytest.mark.parametrize(("last", "code"), [(0, 0), (1, 2)], ids=["unread", "internal error"])
async def test_goaway_instead_of_an_answer(
    last: int, code: int, certificate: trustme.LeafCert, client: Client
) -> None:
    """A server that leaves with an error, or without having read the request, is unreachable."""
    goaway = GoAwayFrame(0, last_stream_id=last, error_code=code)
    talk = over_http2(lambda *_: None, first=goaway.serialize())
    async with stream_server(talk, server_context(certificate, "h2")) as server:
        failure = await client.fails("https", server)
    assert failure.reason is Reason.UNREACHABLE
    assert "closes HTTP/2: " in failure.detail


@ENCRYPTED
@pytest.mark.parametrize(
    "garbage", [b"", b"\x00", b"\x00\x00" + b"\xff" * 40, b"\xff" * 11], ids=range(4)
)
async def test_garbage(
    transport: str, garbage: bytes, certificate: trustme.LeafCert, client: Client
) -> None:
    """Octets that are no message are malformed, at once where nothing can follow them."""
    async with serving(transport, certificate, lambda wire: [wire[:2] + garbage]) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.MALFORMED


def wrong_id(wire: bytes) -> bytes:
    return bytes([wire[0] ^ 1]) + good(wire)[0][1:]


def wrong_question(wire: bytes) -> bytes:
    return reply_to(wire[:2] + OTHER.tail)


async def test_strays_over_tls(certificate: trustme.LeafCert, client: Client) -> None:
    """Replies to other questions are dropped and counted, and the right one is taken."""

    def respond(wire: bytes) -> Sequence[bytes]:
        return [wrong_id(wire), wrong_question(wire), b"", *good(wire)]

    async with serving("tls", certificate, respond) as server:
        reply = await client.asks("tls", server)
    assert (reply.dropped, len(reply.message.answer)) == (3, 1)


@ENCRYPTED
@pytest.mark.parametrize("stray", [wrong_id, wrong_question])
async def test_only_strays(
    transport: str,
    stray: Callable[[bytes], bytes],
    certificate: trustme.LeafCert,
    client: Client,
) -> None:
    """Where only replies to other questions came, that is the reason, rather than silence."""
    async with serving(transport, certificate, lambda wire: [stray(wire)]) as server:
        failure = await client.fails(transport, server, seconds=0.3 if transport == "tls" else 5)
    assert failure.reason is Reason.MISMATCHED
    assert "1 reply to other questions" in failure.detail


@ENCRYPTED
async def test_truncated(transport: str, certificate: trustme.LeafCert, client: Client) -> None:
    """A reply that is cut off over a stream is truncated for good."""

    def respond(wire: bytes) -> Sequence[bytes]:
        message = dns.message.from_wire(reply_to(wire))
        message.flags |= dns.flags.TC
        return [message.to_wire()]

    async with serving(transport, certificate, respond) as server:
        failure = await client.fails(transport, server)
    assert failure.reason is Reason.TRUNCATED
    assert f"even over {transport.upper()}" in failure.detail


async def test_too_long_for_dns(certificate: trustme.LeafCert, client: Client) -> None:
    """A body that is longer than a DNS message can be is refused as soon as it is."""
    talk = over_http2(http(b"\x00" * 65536))
    async with stream_server(talk, server_context(certificate, "h2")) as server:
        failure = await client.fails("https", server)
    assert failure.reason is Reason.MALFORMED
    assert "more than 65535 octets" in failure.detail
