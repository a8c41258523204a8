"""Undoing the compression of a body (RFC 9110 section 8.4.1), a piece at a time.

Rule: no I/O. Never more than one piece is inflated before somebody takes it, so that a body which
grows a thousandfold costs no more memory than what is wanted of it. What inflates to nothing is an
empty piece each time: it may do so millions of times, and whoever takes it can stop.
"""

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE = 64 * 1024
_MOST_CODINGS = 4
_WINDOW_LOG = 23  # 8 MiB, the most that RFC 9659 lets a server use


class Damaged(Exception):  # noqa: N818 - what a server sends is a value, not an error of ours
    """The body is not what its Content-Encoding says."""


class Inflater(Protocol):
    """Undoes one coding."""

    def inflate(self, data: bytes) -> Iterator[bytes]:
        """Yield what *data* inflates to, in pieces that may be empty; raise Damaged."""

    def finish(self) -> None:
        """Raise Damaged where the body ended too early."""


def inflater(encodings: Sequence[str]) -> Inflater | None:
    """Return what undoes *encodings*, the values of Content-Encoding; None where nothing can."""
    codings = [each.strip().lower() for value in encodings for each in value.split(",")]
    codings = [each for each in codings if each not in {"", "identity"}]
    if not 0 < len(codings) <= _MOST_CODINGS or any(each not in _MADE for each in codings):
        return None
    last, *before = [_MADE[coding]() for coding in reversed(codings)]
    for each in before:
        last = _Chain(last, each)
    return last


class _Chain:
    """Two codings, the outer one undone first."""

    def __init__(self, outer: Inflater, inner: Inflater) -> None:
        self._outer, self._inner = outer, inner

    def inflate(self, data: bytes) -> Iterator[bytes]:
        for piece in self._outer.inflate(data):
            yield from self._inner.inflate(piece)

    def finish(self) -> None:
        self._outer.finish()
        self._inner.finish()


class _Zlib:
    """gzip with any number of members (RFC 1952), or deflate with or without its wrapper."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._begun = b""
        self._stream = zlib.decompressobj(31) if name == "gzip" else None

    def inflate(self, data: bytes) -> Iterator[bytes]:
        data, piece = self._begin(data), b""
        # A piece that is full may have left something that no octet of the input stands for.
        while data or len(piece) == _PIECE:
            stream = self._stream
            assert stream is not None
            try:
                piece = stream.decompress(data, _PIECE)
            except zlib.error as error:
                raise Damaged(f"the body is not {self._name}: {error}") from error
            data = stream.unconsumed_tail
            yield piece
            if stream.eof:
                data = stream.unused_data
                if data and self._name == "gzip":
                    self._stream = zlib.decompressobj(31)
                else:
                    data = b""

    def _begin(self, data: bytes) -> bytes:
        """Decide by its first two octets whether deflate has the wrapper that it should have."""
        if self._stream is not None:
            return data
        self._begun += data
        if len(self._begun) < 2:
            return b""
        wrapped = self._begun[0] & 15 == 8 and int.from_bytes(self._begun[:2]) % 31 == 0
        self._stream = zlib.decompressobj(15 if wrapped else -15)
        return self._begun

    def finish(self) -> None:
        if self._stream is None or not self._stream.eof:
            raise Damaged(f"the body ends in the middle of its {self._name}")


class _Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def inflate(self, data: bytes) -> Iterator[bytes]:
        try:
            piece = self._stream.process(data, output_buffer_limit=_PIECE)
            yield piece
            while piece:
                piece = self._stream.process(b"", output_buffer_limit=_PIECE)
                yield piece
        except brotli.error as error:
            raise Damaged("the body is not br") from error

    def finish(self) -> None:
        if not self._stream.is_finished():
            raise Damaged("the body ends in the middle of its br")


class _Zstd:
    """Zstandard with any number of frames (RFC 8878)."""

    def __init__(self) -> None:
        self._stream = self._frame()

    @staticmethod
    def _frame() -> zstd.ZstdDecompressor:
        options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
        return zstd.ZstdDecompressor(options=options)

    def inflate(self, data: bytes) -> Iterator[bytes]:
        while data or not (self._stream.needs_input or self._stream.eof):
            if self._stream.eof:
                self._stream = self._frame()
            try:
                piece = self._stream.decompress(data, max_length=_PIECE)
            except zstd.ZstdError as error:
                raise Damaged(f"the body is not zstd: {error}") from error
            data = self._stream.unused_data if self._stream.eof else b""
            yield piece

    def finish(self) -> None:
        if not self._stream.eof:
            raise Damaged("the body ends in the middle of its zstd")


_MADE: dict[str, Callable[[], Inflater]] = {
    "gzip": lambda: _Zlib("gzip"),
    "x-gzip": lambda: _Zlib("gzip"),
    "deflate": lambda: _Zlib("deflate"),
    "br": _Brotli,
    "zstd": _Zstd,
}
