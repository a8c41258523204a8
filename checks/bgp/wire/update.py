"""One BGP UPDATE to what it withdraws and announces (RFC 4271 section 4.3).

With multiprotocol NLRI (RFC 4760), AS numbers of four octets (RFC 6793), path identifiers
(RFC 7911), messages of up to 65,535 octets (RFC 8654) and the error handling of RFC 7606.
"""

import struct
from typing import NamedTuple

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.wire.interest import Interest

Route = tuple[str, int | None]
"""A canonical prefix and its path identifier, None on sessions without."""

_AS_PATH, _AGGREGATOR, _MP_REACH, _MP_UNREACH, _AS4_PATH, _AS4_AGGREGATOR = 2, 7, 14, 15, 17, 18
_OF_USE = frozenset({_AS_PATH, _AGGREGATOR, _MP_REACH, _MP_UNREACH, _AS4_PATH, _AS4_AGGREGATOR})
_AS_TRANS = b"\x5b\xa0"  # 23456
_AS_SET, _AS_SEQUENCE, _CONFED_SEQUENCE, _CONFED_SET = 1, 2, 3, 4
UNICAST = {b"\0\1\1": 4, b"\0\2\1": 6}
"""AFI and SAFI of what is read, and its IP version."""
_BITS = {4: 32, 6: 128}
_END_OF_RIB = bytes(4)


class WireError(ValueError):
    """Octets that are not what the protocol says; the message is one sentence."""


class Decoded(NamedTuple):
    """What an UPDATE says of the prefixes of interest.

    *path* is None where it announces none of them. *end_of_rib* is the IP version whose table is
    complete (RFC 4724). *elements* counts all prefixes, of interest or not. *fault* is one
    sentence: with faulty attributes all that was announced counts as withdrawn (RFC 7606 section
    2); with faulty NLRI what stands before the fault is believed, for no session can be reset.
    """

    withdrawn: list[Route]
    announced: list[Route]
    path: Path | None = None
    end_of_rib: int | None = None
    elements: int = 0
    fault: str | None = None


def decode(body: bytes, *, wide: bool, add_path: frozenset[int], interest: Interest) -> Decoded:
    """Read an UPDATE without its 19 octets of header; raise WireError.

    *wide*: the AS_PATH has AS numbers of four octets. *add_path*: the IP versions whose NLRI have
    path identifiers.
    """
    if body == _END_OF_RIB:
        return Decoded([], [], None, 4)
    withdrawn_end, attributes_end = _borders(body)
    attributes, fault = _attributes(body[withdrawn_end + 2 : attributes_end])
    read = _Nlri(add_path, interest)
    withdrawn = read.routes(4, body[2:withdrawn_end])
    announced = read.routes(4, body[attributes_end:])
    if _MP_UNREACH in attributes:
        version, octets = _unreachable(attributes[_MP_UNREACH])
        is_alone = len(attributes) == 1 and (withdrawn_end, attributes_end) == (2, len(body))
        if version and not octets and is_alone and not fault:
            return Decoded([], [], None, version)
        withdrawn += read.routes(version, octets)
    if _MP_REACH in attributes:
        announced += read.routes(*_reachable(attributes[_MP_REACH]))
    path = None
    if announced and not fault:
        try:
            path = path_of(attributes, wide=wide)
        except WireError as error:
            fault = str(error)
    if fault:
        return Decoded(withdrawn + announced, [], None, None, read.elements, fault)
    return Decoded(withdrawn, announced, path, None, read.elements, read.fault)


def read_path(attributes: bytes, *, wide: bool) -> Path:
    """Return the AS path among a RIB entry's attributes, () for a local route; raise WireError."""
    found, fault = _attributes(attributes)
    if fault:
        raise WireError(fault)
    return path_of(found, wide=wide) if _AS_PATH in found else ()


def path_of(attributes: dict[int, bytes], *, wide: bool) -> Path:
    """Return AS_PATH, with what AS4_PATH knows better (RFC 6793 section 4.2.3); raise WireError."""
    if _AS_PATH not in attributes:
        raise WireError("an announcement has no AS_PATH")
    path, inner = _segments(attributes[_AS_PATH], "I" if wide else "H")
    path = path or inner  # a route of the confederation's own, from the member that has it
    if wide or _AS4_PATH not in attributes or _is_aggregated_by_old(attributes):
        return path
    try:
        path4, _ = _segments(attributes[_AS4_PATH], "I")
    except WireError:
        return path  # RFC 6793 section 6: a malformed AS4_PATH is discarded
    return path[: len(path) - len(path4)] + path4 if len(path4) <= len(path) else path


def _is_aggregated_by_old(attributes: dict[int, bytes]) -> bool:
    """Tell whether a speaker without AS4_PATH aggregated last, so that AS4_PATH is outdated."""
    aggregator = attributes.get(_AGGREGATOR, _AS_TRANS)
    return _AS4_AGGREGATOR in attributes and aggregator[:2] != _AS_TRANS


def _segments(value: bytes, letter: str) -> tuple[Path, Path]:
    """Read segments, and apart from them those of confederations (RFC 5065)."""
    hops: list[int | tuple[int, ...]] = []
    inner: list[int | tuple[int, ...]] = []
    offset, end, width = 0, len(value), 4 if letter == "I" else 2
    while offset < end:
        kind, count = value[offset], value[offset + 1] if offset + 1 < end else 0
        stop = offset + 2 + count * width
        if not count or stop > end or not _AS_SET <= kind <= _CONFED_SET:
            raise WireError("an AS_PATH is malformed")
        members = struct.unpack_from(f"!{count}{letter}", value, offset + 2)
        taken = hops if kind in (_AS_SET, _AS_SEQUENCE) else inner
        taken += members if kind in (_AS_SEQUENCE, _CONFED_SEQUENCE) else [members]
        offset = stop
    return tuple(hops), tuple(inner)


def _borders(body: bytes) -> tuple[int, int]:
    """Return where the withdrawn routes end, and where the path attributes do."""
    withdrawn_end = 2 + int.from_bytes(body[:2])
    attributes = withdrawn_end + 2
    attributes_end = attributes + int.from_bytes(body[withdrawn_end:attributes])
    if attributes > len(body) or attributes_end > len(body):
        raise WireError("an UPDATE is shorter than its lengths say")
    return withdrawn_end, attributes_end


def _attributes(data: bytes) -> tuple[dict[int, bytes], str | None]:
    """Return the attributes that matter by their type codes, and what is wrong with them."""
    found: dict[int, bytes] = {}
    offset, end = 0, len(data)
    while offset < end:
        size = 2 if data[offset] & 0x10 else 1  # extended length
        start = offset + 2 + size
        stop = start + int.from_bytes(data[offset + 2 : start])
        if start > end or stop > end:
            return found, "path attributes are shorter than their lengths say"
        code = data[offset + 1]
        if code in _OF_USE:
            if code in found and code in (_MP_REACH, _MP_UNREACH):
                raise WireError("an UPDATE has the same multiprotocol attribute twice")
            found.setdefault(code, data[start:stop])  # RFC 7606 section 3 (g): the first counts
        offset = stop
    return found, None


def _unreachable(value: bytes) -> tuple[int | None, bytes]:
    """Return the IP version, None for other families, and NLRI of MP_UNREACH_NLRI."""
    if len(value) < 3:
        raise WireError("an MP_UNREACH_NLRI is too short")
    return UNICAST.get(value[:3]), value[3:]


def _reachable(value: bytes) -> tuple[int | None, bytes]:
    """Return the IP version, None for other families, and NLRI of MP_REACH_NLRI."""
    if len(value) < 5 or len(value) < 5 + value[3]:
        raise WireError("an MP_REACH_NLRI is too short")
    return UNICAST.get(value[:3]), value[5 + value[3] :]


class _Nlri:
    """Reads the NLRI of one UPDATE (RFC 4271 section 4.3), and counts what it reads."""

    def __init__(self, add_path: frozenset[int], interest: Interest) -> None:
        self.elements = 0
        self.fault: str | None = None
        self._add_path = add_path
        self._wanted = interest.of_octets

    def routes(self, version: int | None, data: bytes) -> list[Route]:
        """Return the routes of interest; none of a family that is not read, which is None."""
        if version is None or not data:
            return []
        if version in self._add_path:
            return self._with_ids(version, data)
        found: list[Route] = []
        count = offset = 0
        end, most, wanted = len(data), _BITS[version], self._wanted
        while offset < end:
            bits = data[offset]
            stop = offset + 1 + (bits + 7 >> 3)
            if bits > most or stop > end:
                self.fault = "a prefix is longer than it may be"
                break
            prefix = wanted(data[offset:stop], version)
            if prefix is not None:
                found.append((prefix, None))
            count += 1
            offset = stop
        self.elements += count
        return found

    def _with_ids(self, version: int, data: bytes) -> list[Route]:
        """Do the same where four octets of path identifier precede each prefix (RFC 7911)."""
        found: list[Route] = []
        offset, end, most = 0, len(data), _BITS[version]
        while offset < end:
            start = offset + 4
            bits = data[start] if start < end else 255
            stop = start + 1 + (bits + 7 >> 3)
            if bits > most or stop > end:
                self.fault = "a prefix is longer than it may be"
                break
            prefix = self._wanted(data[start:stop], version)
            if prefix is not None:
                found.append((prefix, int.from_bytes(data[offset:start])))
            self.elements += 1
            offset = stop
        return found
