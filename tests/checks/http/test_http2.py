"""HTTP/2 servers that misbehave: each way has its reason, within the deadline."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
import trustme
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.checks.http.fetching import failed, fetched
from tests.checks.http.raw import raw
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import TlsSettings

Answer = Callable[[h2.connection.H2Connection, asyncio.StreamWriter], Awaitable[None]]


def frames(*made: Frame) -> bytes:
    return b"".join(frame.serialize() for frame in made)


def headers(**pairs: str) -> bytes:
    """Return a response's headers as HPACK literals without indexing (RFC 7541 section 6.2.2)."""
    block = b""
    for name, value in {":status": "200", **pairs}.items():
        block += b"\0" + bytes([len(name)]) + name.encode()
        block += bytes([len(value)]) + value.encode()
    return block


HEAD = HeadersFrame(1, headers(), flags=["END_HEADERS"])

FLOODS: dict[str, tuple[bytes, Reason]] = {
    "settings": (frames(SettingsFrame(0)), Reason.PROTOCOL),
    "pings": (frames(PingFrame(0, b"12345678")), Reason.PROTOCOL),
    "window updates": (frames(WindowUpdateFrame(0, 1)), Reason.PROTOCOL),
    "empty data": (frames(HEAD) + frames(DataFrame(1, b"")) * 1500, Reason.PROTOCOL),
    "interim answers": (
        frames(HeadersFrame(1, headers(**{":status": "103"}), flags=["END_HEADERS"])),
        Reason.PROTOCOL,
    ),
    "continuations": (
        frames(HeadersFrame(1, headers())) + frames(ContinuationFrame(1, b"")) * 9999,
        Reason.PROTOCOL,
    ),
    "streams of its own": (
        frames(HeadersFrame(2, headers(), flags=["END_HEADERS"])),
        Reason.PROTOCOL,
    ),
    "resets": (frames(RstStreamFrame(1, 8)), Reason.RESET),
    "goaway": (frames(GoAwayFrame(0, last_stream_id=0)), Reason.RESET),
    "frames too large": (b"\xff\xff\xff\0\0\0\0\0\1", Reason.PROTOCOL),
    "HTTP/1.1": (b"HTTP/1.1 400 Bad Request\r\n\r\n", Reason.PROTOCOL),
    "a large header": (
        frames(HeadersFrame(1, headers())) + frames(ContinuationFrame(1, b"\0" * 16000)) * 80,
        Reason.PROTOCOL,
    ),
}


@pytest.fixture(scope="module")
def leaf(ca: trustme.CA) -> trustme.LeafCert:
    return ca.issue_cert("api.test")


def sends(*made: Frame) -> Answer:
    async def answer(_http: h2.connection.H2Connection, writer: asyncio.StreamWriter) -> None:
        writer.write(frames(*made))

    return answer


@asynccontextmanager
async def speaking(leaf: trustme.LeafCert, answer: Answer) -> AsyncIterator[int]:
    """Serve HTTP/2 over TLS, with *answer* once a request has come."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        http.initiate_connection()
        writer.write(http.data_to_send())
        while not any(
            isinstance(event, h2.events.StreamEnded)
            for event in http.receive_data(await reader.read(65536))
        ):
            pass
        writer.write(http.data_to_send())
        await answer(http, writer)
        await asyncio.Event().wait()

    async with raw(behave, certificate=leaf, protocols=["h2"]) as port:
        yield port


@pytest.mark.parametrize(("said", "reason"), FLOODS.values(), ids=FLOODS.keys())
async def test_floods(
    leaf: trustme.LeafCert, tls: TlsSettings, said: bytes, reason: Reason
) -> None:
    """A server that sends frames without end, or what is no HTTP/2, is told by its reason."""

    async def answer(_http: h2.connection.H2Connection, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(said * max(1, 16384 // len(said)))
            await writer.drain()

    async with speaking(leaf, answer) as port:
        found, detail, fetch = await failed(f"https://api.test:{port}/", tls=tls, timeout=1)

    assert found is reason, detail
    assert fetch.facts["tls_version"] == "TLSv1.3"


@pytest.mark.parametrize("last", [RstStreamFrame(1, 0xD), GoAwayFrame(0, 0, 0xD)])
async def test_http1_alone(leaf: trustme.LeafCert, tls: TlsSettings, last: Frame) -> None:
    """A server that wants to be asked by HTTP/1.1, as browsers then do, is not said to be gone."""
    async with speaking(leaf, sends(last)) as port:
        reason, detail, _ = await failed(f"https://api.test:{port}/", tls=tls)

    assert reason is Reason.PROTOCOL
    assert "takes this request by HTTP/1.1 alone: offer no HTTP/2 to it" in detail


async def test_silence(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A server that speaks HTTP/2 and does not answer is a timeout in processing."""
    async with speaking(leaf, sends()) as port:
        reason, _, fetch = await failed(f"https://api.test:{port}/", tls=tls, timeout=0.3)

    assert (reason, fetch.phase) == (Reason.TIMEOUT, "processing")


@pytest.mark.parametrize("status", ["", "abc", "2_0_0", "+200", "050", "99999"])
async def test_odd_status(leaf: trustme.LeafCert, tls: TlsSettings, status: str) -> None:
    """A status that is not three digits breaks HTTP/2, and is told at once."""
    head = HeadersFrame(1, headers(**{":status": status}), flags=["END_HEADERS", "END_STREAM"])
    async with speaking(leaf, sends(head)) as port:
        reason, detail, _ = await failed(f"https://api.test:{port}/", tls=tls)

    assert reason is Reason.PROTOCOL
    assert f"its status is {status!r}" in detail


async def test_spaces_around_a_value(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A header whose value has spaces around it is that value, as for browsers and curl."""
    said = headers(**{"x-frame-options": " SAMEORIGIN\t"})
    head = HeadersFrame(1, said, flags=["END_HEADERS", "END_STREAM"])
    async with speaking(leaf, sends(head)) as port:
        response, _ = await fetched(f"https://api.test:{port}/", tls=tls)

    assert response.header("x-frame-options") == "SAMEORIGIN"


async def test_goaway_before_the_answer(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A server that takes no more requests may still answer ours."""
    goaway = GoAwayFrame(0, last_stream_id=1, error_code=h2.errors.ErrorCodes.NO_ERROR)
    body = DataFrame(1, b"all is well", flags=["END_STREAM"])
    async with speaking(leaf, sends(goaway, HEAD, body)) as port:
        response, _ = await fetched(f"https://api.test:{port}/", tls=tls)

    assert (response.version, response.body) == ("2", b"all is well")


async def test_endless_body(leaf: trustme.LeafCert, tls: TlsSettings) -> None:
    """A body without end is read up to the limit, past the first windows, and no further."""

    async def answer(http: h2.connection.H2Connection, writer: asyncio.StreamWriter) -> None:
        http.send_headers(1, [(":status", "200")])
        sent = 0
        while sent < 1 << 17:
            http.send_data(1, b"x" * 16384)
            sent += 16384
            writer.write(http.data_to_send())
            await writer.drain()

    async with speaking(leaf, answer) as port:
        response, _ = await fetched(f"https://api.test:{port}/", tls=tls, max_body=100_000)

    assert (response.complete, response.size) == (False, 100_000)
