"""Replies as the dns prober needs them: how many records, and each as miekg/dns writes it.

Rule: no I/O. The counts cost a walk over the octets; text is made only where something is matched
against it, and kept. dnspython, which takes ten times as long, writes spaces in the place of tabs.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv6Address

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

_HEADER = struct.Struct("!HHHHHH")
_FIXED = struct.Struct("!HHIH")
_SOA = struct.Struct("!IIIII")
_OPT = 41
_STYLE = dns.rdata.RdataStyle(hex_chunk_size=0, base64_chunk_size=0)
# miekg/dns writes the digits of these in capitals.
_CAPITALS = {dns.rdatatype.DS, dns.rdatatype.CDS, dns.rdatatype.DLV, dns.rdatatype.SSHFP}
_CAPITALS |= {dns.rdatatype.NSEC3, dns.rdatatype.NSEC3PARAM}


class UnreadableError(Exception):
    """Octets that are not a DNS message."""


@dataclass(frozen=True)
class Record:
    """One record of *wire*; its data are *length* octets from *start* on."""

    wire: bytes
    at: int
    """Where its owner's name is."""
    start: int
    length: int
    rdtype: int
    rdclass: int
    ttl: int

    @property
    def serial(self) -> int:
        """That of an SOA record (RFC 1035 section 3.3.13)."""
        serial: int = _SOA.unpack_from(self.wire, self.start + self.length - 20)[0]
        return serial

    @cached_property
    def text(self) -> str:
        """What miekg/dns's `RR.String()` returns, tabs and final dots included."""
        if self.rdtype == _OPT:
            return self._opt()
        owner = _name(self.wire, self.at)[0]
        head = f"{owner}\t{self.ttl}\t{_class(self.rdclass)}\t{_type(self.rdtype)}\t"
        try:
            return head + _WRITERS.get(self.rdtype, _any)(self)
        except (IndexError, ValueError, struct.error, dns.exception.DNSException, UnreadableError):
            return head + _generic(self)

    @cached_property
    def octets(self) -> bytes:
        """The text as RE2 reads it: of a str it would make them for each search."""
        return self.text.encode()

    def _opt(self) -> str:
        flags = "flags: do; " if self.ttl & 0x8000 else "flags:; "
        version = self.ttl >> 16 & 0xFF
        return f"\n;; OPT PSEUDOSECTION:\n; EDNS: version {version}; {flags}udp: {self.rdclass}"


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """What a reply holds; `read` gives the same one for the same octets."""

    rcode: int
    answer: Sequence[Record]
    authority: Sequence[Record]
    additional: Sequence[Record]


def read(wire: bytes) -> Message:
    """Walk over *wire* (RFC 1035 section 4.1); raise UnreadableError where that cannot be done.

    What is the same but for its id is not walked over again.
    """
    return _read(b"\0\0" + wire[2:])


@lru_cache(maxsize=1024)
def _read(wire: bytes) -> Message:
    try:
        _, flags, questions, *counts = _HEADER.unpack_from(wire)
        at = 12
        for _ in range(questions):
            at = _after_name(wire, at) + 4
        sections: list[list[Record]] = [[], [], []]
        for count, section in zip(counts, sections, strict=True):
            for _ in range(count):
                fixed = _after_name(wire, at)
                rdtype, rdclass, ttl, length = _FIXED.unpack_from(wire, fixed)
                section.append(Record(wire, at, fixed + 10, length, rdtype, rdclass, ttl))
                at = fixed + 10 + length
    except (IndexError, struct.error) as error:
        raise UnreadableError("the reply is not a whole DNS message") from error
    if at > len(wire):
        raise UnreadableError("the reply ends in the middle of a record")
    answer, authority, additional = sections
    high = next((r.ttl >> 20 & 0xFF0 for r in additional if r.rdtype == _OPT), 0)
    return Message(flags & 0xF | high, answer, authority, additional)


def _after_name(wire: bytes, at: int) -> int:
    """Return the offset after the name at *at*, which a pointer may end (section 4.1.4)."""
    while length := wire[at]:
        if length >= 0xC0:
            return at + 2
        if length > 63:
            raise UnreadableError("a name of the reply has a label of an unknown kind")
        at += length + 1
    return at + 1


def _name(wire: bytes, at: int) -> tuple[str, int]:
    """Return the name at *at* with its final dot, and the offset after it (section 4.1.4)."""
    labels, after, jumps = [], 0, 0
    while length := wire[at]:
        if length >= 0xC0:
            after = after or at + 2
            at, jumps = (length & 0x3F) << 8 | wire[at + 1], jumps + 1
            if jumps > 126:
                raise UnreadableError("a name of the reply leads round in a circle")
            continue
        if length > 63:
            raise UnreadableError("a name of the reply has a label of an unknown kind")
        labels.append(_label(wire[at + 1 : at + 1 + length]))
        at += 1 + length
    labels.append("")
    return ".".join(labels) or ".", after or at + 1


_SPECIAL = frozenset(b".\\\"'@;() ")


@lru_cache(maxsize=4096)
def _label(octets: bytes) -> str:
    return "".join(_escaped(octet, _SPECIAL) for octet in octets)


def _escaped(octet: int, special: frozenset[int]) -> str:
    if octet in special:
        return "\\" + chr(octet)
    return chr(octet) if 0x20 <= octet <= 0x7E else f"\\{octet:03d}"


@lru_cache(maxsize=256)
def _type(number: int) -> str:
    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(number))


@lru_cache(maxsize=256)
def _class(number: int) -> str:
    return dns.rdataclass.to_text(dns.rdataclass.RdataClass.make(number))


def _a(record: Record) -> str:
    if record.length != 4:
        raise UnreadableError("an address has four octets")
    return ".".join(map(str, record.wire[record.start : record.start + 4]))


def _aaaa(record: Record) -> str:
    octets = record.wire[record.start : record.start + record.length]
    address = IPv6Address(octets)
    mapped = address.ipv4_mapped
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _host(record: Record) -> str:
    return _name(record.wire, record.start)[0]


def _mx(record: Record) -> str:
    preference = int.from_bytes(record.wire[record.start : record.start + 2])
    return f"{preference} {_name(record.wire, record.start + 2)[0]}"


def _soa(record: Record) -> str:
    server, at = _name(record.wire, record.start)
    mailbox, at = _name(record.wire, at)
    numbers = " ".join(map(str, _SOA.unpack_from(record.wire, at)))
    return f"{server} {mailbox} {numbers}"


_QUOTED = frozenset(b'"\\')


def _strings(record: Record) -> str:
    at, end, texts = record.start, record.start + record.length, []
    while at < end:
        octets = record.wire[at + 1 : at + 1 + record.wire[at]]
        texts.append("".join(_escaped(octet, _QUOTED) for octet in octets))
        at += 1 + len(octets)
    return " ".join(f'"{text}"' for text in texts)


def _any(record: Record) -> str:
    """Let dnspython read the rarer types."""
    rdata = dns.rdata.from_wire(
        dns.rdataclass.RdataClass.make(record.rdclass),
        dns.rdatatype.RdataType.make(record.rdtype),
        record.wire,
        record.start,
        record.length,
    )
    text = rdata.to_styled_text(_STYLE)
    return text.upper() if record.rdtype in _CAPITALS else text


def _generic(record: Record) -> str:
    data = record.wire[record.start : record.start + record.length]
    return f"\\# {record.length} {data.hex()}"


_WRITERS: Mapping[int, Callable[[Record], str]] = {
    dns.rdatatype.A: _a,
    dns.rdatatype.AAAA: _aaaa,
    dns.rdatatype.NS: _host,
    dns.rdatatype.CNAME: _host,
    dns.rdatatype.PTR: _host,
    dns.rdatatype.DNAME: _host,
    dns.rdatatype.MX: _mx,
    dns.rdatatype.SOA: _soa,
    dns.rdatatype.TXT: _strings,
    dns.rdatatype.SPF: _strings,
    dns.rdatatype.HINFO: _strings,
}
