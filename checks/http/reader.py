"""The answer to one HTTP/1.1 request, as it arrives (RFC 9112 sections 2 to 8).

Rule: no I/O. As strict as h11, against which it is tested, at a fraction of its cost; it knows a
client's side of one request and nothing more.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from vedette.checks.http.response import Headers

Head = tuple[str, int, Headers]
"""Version, status and headers, whose names are in lower case."""

_MOST = 64 * 1024
"""Octets of a head, of a trailer section or of a chunk's first line."""

_BEGINNING = b"HTTP/"
_STATUS = re.compile(r"HTTP/([0-9]\.[0-9]) ([0-9]{3})(?: [^\x00\n\v\f\r]*)?\r?")
# No two parts of a pattern match the same: else a long run of spaces would take minutes.
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\x00\n\v\f\r]*)\r?")
_SHORT = 128
"""Octets of a line that is remembered: most come again with the next answer, but for its date."""
_FOLD = re.compile(r"\r?\n[ \t]+")  # RFC 9112 section 5.2
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,20})(?:;.*|[ \t]*)")
_LENGTH = re.compile(r"[0-9]{1,20}")


class Malformed(Exception):  # noqa: N818 - what a server sends is a value, not an error of ours
    """What came is not an answer in HTTP/1.1."""


class Reader:
    """Takes octets and gives the head of the final answer, and its body without the framing.

    That is a 101 too for who *upgrades*; what comes after it is in another protocol, and not read.
    """

    def __init__(self, method: str, *, upgrades: bool = False) -> None:
        self.head: Head | None = None
        self.ended = False
        self._method = method
        self._upgrades = upgrades
        self._buffer = bytearray()
        self._body = bytearray()
        self._searched = 0
        self._left = 0
        self._step: Callable[[], bool] = self._read_head

    def feed(self, data: bytes) -> None:
        """Take what came next; raise Malformed."""
        self._buffer += data
        while not self.ended and self._step():
            pass

    def close(self) -> None:
        """Take the end of the stream; raise EOFError where more had to come."""
        if self._step != self._read_to_end:
            raise EOFError
        self.ended = True

    def take(self) -> bytes:
        """Return what came of the body since the last time."""
        data = bytes(self._body)
        self._body.clear()
        return data

    def _read_head(self) -> bool:
        if not self._buffer.startswith(_BEGINNING[: len(self._buffer)]):
            raise Malformed(f"it does not speak HTTP/1, it began with {bytes(self._buffer[:32])!r}")
        text = self._section()
        if text is None:
            return False
        first, _, rest = text.partition("\n")
        version, status = (_status if len(first) <= _SHORT else _read_status)(first)
        headers = _fields(rest)
        frame = _framing(headers)
        upgraded = status == 101
        if status < 100 or (upgraded and not self._upgrades):
            raise Malformed(f"it answered {status}, which nobody asked for")
        # Else it is interim, and the final answer follows (RFC 9110 section 15.2).
        if status >= 200 or upgraded:
            self.head = version, status, headers
            self._expect(frame, status)
        return True

    def _expect(self, frame: str | int | None, status: int) -> None:
        """Prepare for the body by the rules of RFC 9112 section 6.3."""
        tunnel = self._method == "CONNECT" and status < 300
        if self._method == "HEAD" or status in {101, 204, 304} or tunnel:
            frame = 0
        if frame is None:
            self._step = self._read_to_end
        elif frame == "chunked":
            self._step = self._read_chunk_head
        else:
            self._left = int(frame)
            self._step = self._read_length
            self.ended = not self._left

    def _section(self) -> str | None:
        """Take lines up to an empty one, or return None where it has not come yet."""
        for empty in (b"\n", b"\r\n"):
            if self._buffer.startswith(empty):
                del self._buffer[: len(empty)]
                return ""
        start, end = _blank(self._buffer, self._searched)
        if end > _MOST:
            raise Malformed(f"its headers are longer than {_MOST} octets")
        if start < 0:
            self._searched = max(0, len(self._buffer) - 2)
            return None
        text = self._buffer[: start + 1].decode("latin-1")
        del self._buffer[:end]
        self._searched = 0
        return text

    def _read_to_end(self) -> bool:
        self._body += self._buffer
        self._buffer.clear()
        return False

    def _read_length(self) -> bool:
        self._move()
        self.ended = not self._left
        return False

    def _read_chunk_head(self) -> bool:
        end = self._buffer.find(b"\r\n", self._searched)
        if end < 0:
            if len(self._buffer) > _MOST:
                raise Malformed(f"the first line of a chunk is longer than {_MOST} octets")
            self._searched = max(0, len(self._buffer) - 1)
            return False
        match = _CHUNK.fullmatch(self._buffer, 0, end)
        if match is None:
            raise Malformed(f"a chunk begins with {bytes(self._buffer[: min(end, 80)])!r}")
        self._left = int(match[1], 16)
        # A match looks into the buffer, which cannot shrink meanwhile.
        del match, self._buffer[: end + 2]
        self._searched = 0
        self._step = self._read_chunk if self._left else self._read_trailers
        return True

    def _read_chunk(self) -> bool:
        self._move()
        if self._left or len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            raise Malformed("a chunk is longer than it says")
        del self._buffer[:2]
        self._step = self._read_chunk_head
        return True

    def _read_trailers(self) -> bool:
        text = self._section()
        if text is None:
            return False
        _framing(_fields(text))
        self.ended = True
        return False

    def _move(self) -> None:
        data = self._buffer[: self._left]
        del self._buffer[: len(data)]
        self._body += data
        self._left -= len(data)


def _blank(buffer: bytearray, searched: int) -> tuple[int, int]:
    """Return where the first empty line begins, with the end of the one before, and where it ends.

    Where there is none yet, it begins at -1.
    """
    strict, lenient = buffer.find(b"\n\r\n", searched), buffer.find(b"\n\n", searched)
    if strict >= 0 and not 0 <= lenient < strict:
        return strict, strict + 3
    return lenient, lenient + 2 if lenient >= 0 else len(buffer)


def _read_status(line: str) -> tuple[str, int]:
    match = _STATUS.fullmatch(line)
    if match is None:
        raise Malformed(f"its status line is {line[:80]!r}")
    return match[1], int(match[2])


_status = lru_cache(maxsize=64)(_read_status)


def _fields(text: str) -> Headers:
    if "\n " in text or "\n\t" in text:
        text = _FOLD.sub(" ", text)
    lines = text.split("\n")[:-1]
    return tuple([(_field if len(line) <= _SHORT else _read_field)(line) for line in lines])


def _read_field(line: str) -> tuple[str, str]:
    match = _FIELD.fullmatch(line)
    if match is None:
        raise Malformed(f"a header is {line[:80]!r}")
    return match[1].lower(), match[2].strip(" \t")


_field = lru_cache(maxsize=1024)(_read_field)


def _framing(headers: Headers) -> str | int | None:
    """Return how the body is framed: "chunked", its length, or None for the end of the stream."""
    codings: list[str] = []
    given: list[str] = []
    for name, value in headers:
        if name == "content-length":
            given += value.split(",")
        elif name == "transfer-encoding":
            codings.append(value.lower())
    lengths = {length.strip(" \t") for length in given}
    if len(lengths) > 1 or not all(map(_LENGTH.fullmatch, lengths)):
        raise Malformed(f"its Content-Length is {', '.join(sorted(lengths))[:80]!r}")
    if codings not in ([], ["chunked"]):
        raise Malformed(f"its Transfer-Encoding is {', '.join(codings)[:80]!r}")
    if codings:
        return "chunked"
    return int(lengths.pop()) if lengths else None
