"""Bodies that are compressed: whatever the coding and the cut, and never much at a time."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from vedette.checks.http.inflate import Damaged, inflater


def raw_deflate(data: bytes) -> bytes:
    squeezed = zlib.compressobj(wbits=-15)
    return squeezed.compress(data) + squeezed.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
}


def inflated(encoding: str, pieces: list[bytes]) -> bytes:
    stream = inflater([encoding])
    assert stream is not None
    body = b"".join(out for piece in pieces for out in stream.inflate(piece))
    stream.finish()
    return body


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(
    st.sampled_from(sorted(CODINGS)), st.binary(max_size=300), st.integers(0, 900), st.integers(1)
)
def test_every_coding(name: str, data: bytes, times: int, size: int) -> None:
    """A body inflates to what it was, however it is cut into pieces."""
    encoding, compress = CODINGS[name]
    body = data * times
    said = compress(body)
    assert inflated(encoding, cut(said, min(size, len(said)))) == body


@pytest.mark.parametrize("name", sorted(CODINGS))
@pytest.mark.parametrize("more", [-1, 0, 1, 257, 258, 259])
@pytest.mark.parametrize("pieces", [1, 2, 16])
def test_full_pieces(name: str, more: int, pieces: int) -> None:
    """The last octets of a body come too where they just do not fit into a piece."""
    encoding, compress = CODINGS[name]
    body = bytes(pieces * 64 * 1024 + more)
    assert inflated(encoding, [compress(body)]) == body


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_members(name: str) -> None:
    """A body of several parts, each compressed alone, is their sum."""
    encoding, compress = CODINGS[name]
    said = compress(b"one") + compress(b"two" * 50_000) + compress(b"three")

    for size in (1, 7, len(said)):
        assert inflated(encoding, cut(said, size)) == b"one" + b"two" * 50_000 + b"three"


def test_one_after_another() -> None:
    """Two codings are undone in the reverse of their order."""
    assert inflated("gzip, br", [brotli.compress(gzip.compress(b"both"))]) == b"both"


@pytest.mark.parametrize(
    "encodings", [[], [""], ["identity"], ["aws-chunked"], ["gzip, aws-chunked"], ["gzip"] * 5]
)
def test_nothing_to_undo(encodings: list[str]) -> None:
    """What has no coding, or one that we do not know, is left as it was sent."""
    assert inflater(encodings) is None


@pytest.mark.parametrize("name", sorted(CODINGS))
def test_cut_short(name: str) -> None:
    """A body that ends too early is damaged."""
    encoding, compress = CODINGS[name]
    with pytest.raises(Damaged, match="ends in the middle"):
        inflated(encoding, [compress(b"hello" * 99)[:-3]])


@pytest.mark.parametrize("name", sorted(CODINGS))
def test_something_else(name: str) -> None:
    """A body that is not what it says is damaged."""
    with pytest.raises(Damaged):
        inflated(CODINGS[name][0], [b"<html>This is not compressed</html>" * 9])


@pytest.mark.parametrize("name", sorted(CODINGS))
def test_bomb(name: str) -> None:
    """Of a body that grows a thousandfold no more is inflated than is taken."""
    encoding, compress = CODINGS[name]
    said = compress(bytes(1 << 26))
    stream = inflater([encoding])
    assert stream is not None
    tracemalloc.start()
    try:
        taken = sum(len(next(stream.inflate(piece), b"")) for piece in cut(said, 16384)[:1])
        assert 0 < taken <= 1 << 17
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_large_window() -> None:
    """A zstd body that would have us keep more than 8 MiB is refused."""
    options = {zstd.CompressionParameter.window_log: 27}
    said = zstd.compress(b"x" * 99, options=options)
    large = zstd.ZstdCompressor(options=options)
    unsized = large.compress(b"x") + large.flush(zstd.ZstdCompressor.FLUSH_FRAME)
    with pytest.raises(Damaged):
        inflated("zstd", [unsized])
    assert inflated("zstd", [said]) == b"x" * 99  # it says its size, so the window is small
