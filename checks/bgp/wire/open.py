"""A BGP OPEN message: what a speaker can do (RFC 4271 section 4.2, RFC 5492, RFC 9072)."""

from collections.abc import Iterator
from typing import NamedTuple

from vedette.checks.bgp.wire.update import UNICAST, WireError

_OPEN = 1
_HEADER = 19
_CAPABILITIES = 2
_FOUR_OCTET_AS, _ADD_PATH = 65, 69  # RFC 6793, RFC 7911
_RECEIVES, _SENDS = 1, 2
_NEITHER = frozenset[int]()


class Open(NamedTuple):
    """A speaker's AS number, and the IP versions in which it takes or sends path identifiers."""

    asn: int
    receives: frozenset[int] = _NEITHER
    sends: frozenset[int] = _NEITHER


def read_open(message: bytes) -> tuple[Open, bytes]:
    """Return the OPEN that *message* begins with, and what follows it; raise WireError."""
    length = int.from_bytes(message[16:18])
    if length < _HEADER + 10 or length > len(message) or message[18] != _OPEN:
        raise WireError("an OPEN is not as long as it says")
    body = message[_HEADER:length]
    asn, modes = int.from_bytes(body[1:3]), dict[int, int]()
    for code, value in _capabilities(body[9:]):
        if code == _FOUR_OCTET_AS and len(value) == 4:
            asn = int.from_bytes(value)
        elif code == _ADD_PATH:
            for offset in range(0, len(value) - 3, 4):
                version = UNICAST.get(value[offset : offset + 3])
                if version:
                    modes[version] = value[offset + 3]
    receives = frozenset(version for version, mode in modes.items() if mode & _RECEIVES)
    sends = frozenset(version for version, mode in modes.items() if mode & _SENDS)
    return Open(asn, receives, sends), message[length:]


def _capabilities(parameters: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield codes and values; *parameters* begin with their length."""
    width, rest = 1, parameters[1:]
    if parameters[:2] == b"\xff\xff":  # extended lengths, RFC 9072
        width, rest = 2, parameters[4:]
    for kind, value in _values(rest, width):
        if kind == _CAPABILITIES:
            yield from _values(value, 1)


def _values(data: bytes, width: int) -> Iterator[tuple[int, bytes]]:
    """Yield types and values, whose lengths have *width* octets; raise WireError."""
    offset = 0
    while offset < len(data):
        start = offset + 1 + width
        stop = start + int.from_bytes(data[offset + 1 : start])
        if start > len(data) or stop > len(data):
            raise WireError("an OPEN's parameters are shorter than their lengths say")
        yield data[offset], data[start:stop]
        offset = stop
