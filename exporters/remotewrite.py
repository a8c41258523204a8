"""Prometheus remote write 1.0: samples as snappy-compressed protobuf.

Rule: pure; no I/O, no clock. https://prometheus.io/docs/specs/prw/remote_write_spec/

The message has four fields in use, and what a series is called is written once and kept: that makes
a sample of a known series a concatenation. A protobuf runtime would build every label of every
series anew each time.
"""

import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

HEADERS: Mapping[str, str] = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
STALE = struct.pack("<Q", 0x7FF0000000000002)
"""The NaN by whose bits a receiver knows that a series has ended."""
MOST = 2000
"""Samples in one request, as Prometheus itself has it."""

_STEP, _NEW = 100, 10
"""Samples in one step, a quarter of a millisecond of work, and for how many a new series counts."""

_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n"}
_VALUES = {"+Inf": "inf", "-Inf": "-inf", "NaN": "nan"}


@dataclass(frozen=True, slots=True)
class Request:
    """One request's body, with how many samples it has and when they were taken, in seconds."""

    body: bytes
    samples: int
    at: float


@dataclass(slots=True)
class Encoder:
    """Makes requests of Prometheus text; every series gets the *external* labels that it lacks."""

    external: Mapping[str, str] = field(default_factory=dict)
    _known: dict[str, bytes] = field(default_factory=dict)
    """The encoded labels of the series of the last text, by their text."""
    _steps: int = 0

    def requests(self, pieces: Iterable[bytes], at: float) -> Iterator[Request | None]:
        """Return the requests that tell of a whole text, in *pieces*, and of what it lacks now.

        *at* is epoch seconds. None is a step without a request, in which others may have a turn.
        A text that ends in the middle of a line is not told of.
        """
        now, rest = dict[str, bytes](), b""
        waiting: list[bytes] = []
        stamp = _timestamp(at)
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line and not line.startswith(b"#"):
                    waiting.append(self._sample(line.decode(), stamp, now))
                    if len(waiting) >= MOST:
                        yield self._request(waiting, at)
                    elif self._is_due():
                        yield None
        for text, labels in self._known.items():
            if text not in now:
                waiting.append(_series(labels, STALE, stamp))
            if len(waiting) >= MOST:
                yield self._request(waiting, at)
        self._known = now
        if waiting:
            yield self._request(waiting, at)

    def _is_due(self) -> bool:
        """Whether as much was done as one step may take; a series that is new takes longer."""
        if self._steps < _STEP:
            return False
        self._steps = 0
        return True

    def _sample(self, line: str, stamp: bytes, now: dict[str, bytes]) -> bytes:
        text, _, value = line.rpartition(" ")
        known = self._known.get(text)
        self._steps += _NEW if known is None else 1
        labels = now[text] = known or self._labels(text)
        return _series(labels, struct.pack("<d", float(_VALUES.get(value, value))), stamp)

    def _labels(self, text: str) -> bytes:
        """Return the labels of a series, in the order of their names as the protocol has it."""
        name, _, rest = text.partition("{")
        told = {key: _ESCAPED.sub(_unescaped, value) for key, value in _LABEL.findall(rest)}
        labels = {**self.external, **told, "__name__": name}
        return b"".join(
            _field(1, _field(1, key.encode()) + _field(2, value.encode()))
            for key, value in sorted(labels.items())
            if value  # an empty label is none
        )

    @staticmethod
    def _request(waiting: list[bytes], at: float) -> Request:
        from cramjam import snappy  # noqa: PLC0415 - 1.5 MB, for who sends at all

        body = bytes(snappy.compress_raw(b"".join(waiting)))
        request = Request(body, len(waiting), at)
        waiting.clear()
        return request


def _series(labels: bytes, value: bytes, stamp: bytes) -> bytes:
    """Return a TimeSeries of one sample as a field of a WriteRequest."""
    return _field(1, labels + _field(2, b"\x09" + value + stamp))


def _timestamp(at: float) -> bytes:
    return b"\x10" + _varint(round(at * 1000))


def _field(number: int, content: bytes) -> bytes:
    """Return a field with a length. https://protobuf.dev/programming-guides/encoding/"""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])
