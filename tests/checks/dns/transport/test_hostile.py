"""Encrypted transports: servers that mean harm cost no time, no memory and nobody else's turn."""

import asyncio
import gc
import os
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.dns.messages import API
from tests.checks.dns.transport.serving import ENCRYPTED, Client, framed, serving, silent
from tests.servers.doq import Doq, doq
from tests.servers.stream import server_context, stream_server
from tests.waiting import meanwhile
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import DEFAULT_PATH, Channel, Transport
from vedette.checks.dns.transport.https import Post
from vedette.checks.dns.transport.query import Query
from vedette.checks.net import Endpoint, NetworkFailure

OTHER = ask("other.example.com", "A", recursive=False)


def frame(kind: int, body: bytes = b"", flags: int = 0, stream: int = 1) -> bytes:
    """Return a frame of HTTP/2 (RFC 9113 section 4.1)."""
    return len(body).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + body


SETTINGS = frame(4, stream=0)
HEAD = frame(1, b"\x88\x0f\x10\x17application/dns-message", flags=4)  # 200, and its media type


FLOODS = {
    "pings": (b"", frame(6, b"\x00" * 8, stream=0) * 100),
    "settings": (b"", SETTINGS * 100),
    "one header": (frame(1, b"\x88"), frame(9, b"\x00" * 16384)),
    "informational": (b"", frame(1, b"\x08\x03103", flags=4) * 100),
    "empty data": (HEAD, frame(0) * 100),
    "unknown frames": (b"", frame(250, b"\x00" * 100) * 100),
    "pushes": (b"", frame(5, b"\x00\x00\x00\x02\x88", flags=4)),
}
"""What an HTTP/2 server sends first, and then without end."""


FRAMES = st.builds(
    frame,
    st.integers(0, 13) | st.integers(0, 255),
    st.sampled_from([b"\x88", b"\x08\x03103", b"\x40\x01\xff\x01\xff"]) | st.binary(max_size=20),
    st.integers(0, 255),
    st.sampled_from([0, 1, 1, 2, 3, 2**31 - 1]),
)
QUERY = Query(
    question=API,
    sent=b"\x00\x00" + API.tail,
    channel=Channel(Endpoint("192.0.2.1", 443), Transport.HTTPS, path=DEFAULT_PATH),
    called="the server",
    deadline=0.0,
)


@given(frames=st.lists(FRAMES | st.just(SETTINGS) | st.just(HEAD), max_size=8), cut=st.integers(0))
def test_any_http2(frames: list[bytes], cut: int) -> None:
    """Whatever frames come, in whatever pieces, HTTP/2 goes on, ends, or has a reason."""
    post, octets, reason = Post(QUERY), b"".join(frames), None
    cut %= len(octets) + 1
    assert post.request()
    try:
        for piece in (octets[:cut], octets[cut:]):
            post.take(piece)
    except NetworkFailure as failure:
        reason = failure.reason
    assert reason in (None, Reason.MALFORMED, Reason.UNREACHABLE)
    assert not post.body or HEAD in frames


@asynccontextmanager
async def heartbeat() -> AsyncIterator[list[float]]:
    """Fill a list with what the loop did before it came back to somebody else, in CPU seconds."""
    late = list[float]()
    gc.collect()  # what other tests left behind is not this one's work

    async def beat() -> None:
        while True:
            at = time.thread_time()
            try:
                await asyncio.sleep(0.01)
            finally:
                late.append(time.thread_time() - at)

    async with meanwhile(beat()):
        await asyncio.sleep(0)
        yield late


@pytest.mark.parametrize(("first", "rest"), FLOODS.values(), ids=FLOODS)
async def test_flood_of_http2(
    first: bytes, rest: bytes, certificate: trustme.LeafCert, client: Client
) -> None:
    """HTTP/2 frames without end are cut off before the deadline, and nobody else waits."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(SETTINGS + first)
        while True:
            writer.write(rest)
            await writer.drain()
            await asyncio.sleep(0)

    async with (
        stream_server(talk, server_context(certificate, "h2")) as server,
        heartbeat() as late,
    ):
        failure = await client.fails("https", server)
    assert failure.reason is Reason.MALFORMED
    assert max(late) < 0.3


async def test_flood_of_strays(certificate: trustme.LeafCert, client: Client) -> None:
    """Replies to other questions without end stop at the deadline, and nobody else waits."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(framed(b"\x12\x34" + OTHER.tail) * 100)
            await writer.drain()
            await asyncio.sleep(0)

    async with (
        stream_server(talk, server_context(certificate)) as server,
        heartbeat() as late,
    ):
        failure = await client.fails("tls", server, seconds=0.4)
    assert failure.reason is Reason.MISMATCHED
    assert max(late) < 0.3


async def test_flood_over_quic(certificate: trustme.LeafCert, client: Client) -> None:
    """A server that sends other streams without end is cut off."""

    def handle(connection: Doq, stream: int, _: bytes) -> None:
        other = connection._quic.get_next_available_stream_id(is_unidirectional=True)
        connection.write(other, b"\x00" * (1 << 20))

    async with doq(handle, certificate) as server:
        failure = await client.fails("quic", server)
    assert failure.reason is Reason.MALFORMED
    assert "octets of QUIC" in failure.detail


def dripping(
    transport: str, certificate: trustme.LeafCert, sent: list[bytes]
) -> AbstractAsyncContextManager[Endpoint]:
    """Answer with the length of a message and then its octets, one a millisecond, into *sent*."""
    heads = {"tls": b"\xff\xff", "https": SETTINGS + HEAD + frame(0, b"\x00" * 16384)[:9]}

    async def over_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(heads[transport])
        while True:
            writer.write(b"\x00")
            sent.append(b"\x00")
            await asyncio.sleep(0.001)

    def over_quic(connection: Doq, stream: int, _: bytes) -> None:
        connection.write(stream, b"\x00" if sent else b"\xff\xff")
        sent.append(b"\x00")
        asyncio.get_running_loop().call_later(0.001, over_quic, connection, stream, b"")

    if transport == "quic":
        return doq(over_quic, certificate)
    protocols = ["h2"] if transport == "https" else []
    return stream_server(over_stream, server_context(certificate, *protocols))


@ENCRYPTED
async def test_drip(transport: str, certificate: trustme.LeafCert, client: Client) -> None:
    """An answer that comes one octet at a time ends at the deadline."""
    clock, sent = asyncio.get_running_loop().time, list[bytes]()
    async with dripping(transport, certificate, sent) as server:
        start = clock()
        failure = await client.fails(transport, server, seconds=0.4)
        assert 0.39 <= clock() - start < 2
    assert failure.reason is Reason.TIMEOUT
    assert len(sent) > 10


def sockets() -> set[str]:
    """Return which sockets this process holds."""
    links = Path("/proc/self/fd").iterdir()
    return {str(link.readlink()) for link in links if link.is_socket()}


@ENCRYPTED
@pytest.mark.parametrize("after", [0.0, 0.002, 0.1])
def test_cancelled(
    transport: str,
    after: float,
    certificate: trustme.LeafCert,
    client: Client,
    runner: asyncio.Runner,
) -> None:
    """An exchange that is cancelled at any point closes its socket and leaves nothing behind."""

    async def talk() -> set[str]:
        before = sockets()
        async with serving(transport, certificate, silent) as server:
            task = asyncio.create_task(client.asks(transport, server, seconds=30))
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.05)  # so that the server sees what was hung up on it
        await asyncio.sleep(0.01)  # and the loop closes the server's sockets
        return sockets() - before

    assert runner.run(talk()) == set()


async def test_noise_over_quic(client: Client) -> None:
    """Datagrams that are no QUIC are dropped, as anybody may have sent them."""

    class Noise(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
            for noise in (b"", b"\x00", b"\xff" * 1200, data, data[:40], os.urandom(200)):
                self.transport.sendto(noise, address)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Noise, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        failure = await client.fails("quic", Endpoint("127.0.0.1", port), seconds=0.3)
    finally:
        transport.close()
    assert failure.reason is Reason.TIMEOUT
