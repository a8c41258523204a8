"""Servers that want our memory or our time: each ends with its reason, and costs little."""

import asyncio
import gzip
import time
import tracemalloc
from collections.abc import Coroutine
from typing import Any

import brotli
import pytest
from backports import zstd

from tests.checks.http.fetching import asked, failed, fetched
from tests.checks.http.raw import drips, raw, says
from tests.servers.stream import Talk
from vedette.checks.http.reason import Reason

MOST = 1 << 20
OK = b"HTTP/1.1 200 OK\r\n"
ZEROS = bytes(1 << 26)


def compressed(coding: str, body: bytes) -> Talk:
    head = f"Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n"
    return says(OK + head.encode() + body)


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End our side before anything was said, and keep the other open."""
    writer.write_eof()
    await reader.read()
    await asyncio.Event().wait()


HOSTILE: dict[str, tuple[Talk, Reason | None]] = {
    "2 GB": (drips(OK + b"Content-Length: 2147483648\r\n\r\n", b"x" * 16384, 0), None),
    "no end": (drips(OK + b"\r\n", b"x" * 16384, 0), None),
    "a chunk of 2 GB": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n80000000\r\n", b"x" * 16384, 0),
        None,
    ),
    "one long header": (drips(OK + b"X: ", b"x" * 16384, 0), Reason.PROTOCOL),
    "one long chunk line": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 16384, 0),
        Reason.PROTOCOL,
    ),
    "long trailers": (
        drips(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: 1\r\n" * 999, 0),
        Reason.PROTOCOL,
    ),
    "gzip of nothing": (
        drips(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 99, 0),
        Reason.TIMEOUT,
    ),
    "not gzip": (compressed("gzip", b"<html>" * 999), Reason.PROTOCOL),
    "half a gzip": (compressed("gzip", gzip.compress(b"x" * 999)[:-4]), Reason.PROTOCOL),
    "half-closed": (half_closed, Reason.RESET),
}

BOMBS = {
    "gzip": gzip.compress(ZEROS),
    "br": brotli.compress(ZEROS, quality=5),
    "zstd": zstd.compress(ZEROS),
    "gzip, gzip": gzip.compress(gzip.compress(ZEROS)),
}


async def peak(work: Coroutine[Any, Any, Any]) -> int:
    """Do *work* and return how many octets it held at the most, of those that Python counts."""
    tracemalloc.start()
    try:
        await work
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("behaviour", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_ends(behaviour: Talk, reason: Reason | None) -> None:
    """However much or little a server sends, it ends in time, with its reason, in a megabyte."""

    async def look() -> None:
        if reason is None:
            response = await asked(url, max_body=65536).run()
            assert (response.complete, response.size) == (False, 65536)
        else:
            found, detail, _ = await failed(url, timeout=0.3)
            assert found is reason, detail

    async with raw(behaviour) as port:
        url = f"http://a.test:{port}/"
        assert await peak(look()) < MOST


@pytest.mark.parametrize("coding", sorted(BOMBS))
async def test_bomb(coding: str) -> None:
    """A body that grows a thousandfold is inflated up to the limit, kept or only counted."""
    async with raw(compressed(coding, BOMBS[coding])) as port:
        url = f"http://a.test:{port}/"
        response, _ = await fetched(url, max_body=200_000)
        assert (response.complete, len(response.body)) == (False, 200_000)
        assert await peak(asked(url, max_body=200_000).run()) < MOST


async def test_nothing_again_and_again() -> None:
    """A small body of which millions of empty ones are inflated ends at the deadline too."""
    empty = gzip.compress(gzip.compress(b"", mtime=0) * 2_000_000, compresslevel=1)
    async with raw(compressed("gzip, gzip, gzip", gzip.compress(empty))) as port:
        start = time.monotonic()
        reason, _, _ = await failed(f"http://a.test:{port}/", timeout=0.2)

    assert reason is Reason.TIMEOUT
    assert time.monotonic() - start < 0.6


async def test_endless_redirects() -> None:
    """Redirects without end, each with cookies and a long way to go, stop at the limit."""
    where = b"Location: /" + b"x" * 8000 + b"\r\n"
    cookies = b"".join(b"Set-Cookie: c%d=%s\r\n" % (n, b"y" * 500) for n in range(99))
    async with raw(says(b"HTTP/1.1 302 Found\r\n" + where + cookies + b"\r\n")) as port:
        fetch = asked(f"http://a.test:{port}/", max_redirects=10)
        assert await peak(fetch.run()) < 2 * MOST

    assert len(fetch.hops) == 11


@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_in_small_pieces(size: int) -> None:
    """An answer that comes in small pieces is the same answer."""
    body = gzip.compress(b"all is well")
    head = b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    said = OK + head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    async with raw(says(*pieces)) as port:
        response, _ = await fetched(f"http://a.test:{port}/")

    assert (response.body, response.size) == (b"all is well", len(body))
