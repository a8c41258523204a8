"""A question as it goes on the wire, and what the reply to it says.

Rule: no I/O.
"""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.wire
from dns.rrset import RRset

from vedette.checks.dns.names import spoken
from vedette.checks.dns.server import Transport

EDNS_PAYLOAD = 1232
"""What fits every path unfragmented (DNS flag day 2020)."""


class _ExtendedError(dns.edns.EDEOption):
    """One whose text may be cut off, and so no UTF-8 (RFC 8914): that spoils no answer."""

    @classmethod
    def from_wire_parser(
        cls, _otype: dns.edns.OptionType | str, parser: dns.wire.Parser
    ) -> "_ExtendedError":
        code, octets = parser.get_uint16(), parser.get_remaining()
        text = octets.removesuffix(b"\0").decode(errors="replace")
        return cls(dns.edns.EDECode.make(code), text or None)


dns.edns.register_type(_ExtendedError, dns.edns.OptionType.EDE)


@dataclass(frozen=True, slots=True)
class Question:
    """A name and type to ask for, encoded once; every exchange puts its own id before *tail*."""

    name: dns.name.Name
    rdtype: dns.rdatatype.RdataType
    recursive: bool
    tail: bytes
    """The query's wire form after its id."""
    length: int
    """How many octets name, type and class take in the question section."""

    @property
    def unchecked(self) -> "Question":
        """The same, put to a resolver with checking disabled (CD, RFC 4035 section 3.2.2)."""
        return ask(self.name, self.rdtype, recursive=True, checking_disabled=True)

    @property
    def tail_without_edns(self) -> bytes:
        """The same as *tail* without the OPT record, the only one after the question."""
        return self.tail[:8] + b"\x00\x00" + self.tail[10 : 10 + self.length]

    def __str__(self) -> str:
        return f"{spoken(self.name)} {dns.rdatatype.to_text(self.rdtype)}"


@lru_cache(maxsize=4096)  # the same few questions again and again
def ask(
    name: dns.name.Name | str,
    rdtype: dns.rdatatype.RdataType | str,
    *,
    recursive: bool,
    dnssec_ok: bool = False,
    checking_disabled: bool = False,
) -> Question:
    """Encode a question; *recursive* sets RD, the others DO and CD (RFC 4035 section 3.2).

    A resolver is asked for the AD bit too (RFC 6840 section 5.7), and everybody for its identifier
    (NSID, RFC 5001).
    """
    flags = dns.flags.RD | dns.flags.AD if recursive else 0
    query = dns.message.make_query(
        name,
        rdtype,
        use_edns=0,
        payload=EDNS_PAYLOAD,
        want_dnssec=dnssec_ok,
        flags=flags | (dns.flags.CD if checking_disabled else 0),
        options=[dns.edns.NSIDOption(b"")],
    )
    asked = query.question[0]
    name_length = sum(len(label) + 1 for label in asked.name.labels)
    return Question(asked.name, asked.rdtype, recursive, query.to_wire()[2:], name_length + 4)


class Match(Enum):
    """Whether some octets are the reply to a question."""

    OURS = auto()
    STRAY = auto()  # of another id or another question: not for us
    GARBAGE = auto()  # for us, and unreadable


def match(wire: bytes, sent: bytes, question: Question) -> Match:
    """Compare id and question section of *wire* with the query *sent* (RFC 5452 section 9.1).

    Most servers repeat the question as it came, but a name in another case is the same name
    (RFC 4343), and resolvers take it for that.
    """
    if wire[:2] != sent[:2]:
        return Match.STRAY
    # A response (QR) to a standard query (opcode 0): RFC 1035 section 4.1.1.
    if len(wire) < 12 or wire[2] & 0xF8 != 0x80:
        return Match.GARBAGE
    asked = int.from_bytes(wire[4:6])
    if asked == 0 and rcode(wire):
        # Who cannot or will not read a query may leave the question out of the error.
        return Match.OURS
    end = 12 + question.length
    # Nearly always they are the same octets, and no name need be read.
    if asked == 1 and (wire[12:end] == sent[12:end] or _equal(wire[12:end], sent[12:end])):
        return Match.OURS
    try:
        dns.message.from_wire(wire, question_only=True)
    except (dns.exception.DNSException, ValueError):
        return Match.GARBAGE
    return Match.STRAY


def _equal(question: bytes, asked: bytes) -> bool:
    """Whether two questions are for one name, type and class; no length of a label is a letter."""
    return question[-4:] == asked[-4:] and question[:-4].lower() == asked[:-4].lower()


def rcode(wire: bytes) -> int:
    """Return the error code of the header; EDNS has further bits of it."""
    return wire[3] & 0x0F


def truncated(wire: bytes) -> bool:
    """Whether the TC bit is set (RFC 2181 section 9); the rest must then not be read."""
    return bool(wire[2] & 0x02)


def parse(wire: bytes) -> dns.message.Message | None:
    """Read a whole message, or return None where it cannot be read.

    Octets after the message are ignored, as the great resolvers ignore them.
    """
    try:
        return dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError):
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply to one question, with how it came."""

    message: dns.message.Message
    wire: bytes
    seconds: float
    transport: Transport
    dropped: int = 0
    """How many strays came before it."""


LINKS = 16
"""How many CNAMEs in a row are followed; resolvers give up at about as many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer section read from the asked name on, along its CNAMEs."""

    aliases: tuple[dns.name.Name, ...]
    """The CNAME targets in chain order."""
    records: tuple[dns.rdata.Rdata, ...]
    """What the last name of the chain has of the asked type."""
    ttls: tuple[int, ...]
    """That of each CNAME in chain order, then that of the records where there are any."""
    loops: bool
    """Whether the chain has no end: it leads back to itself, or has more than LINKS links."""

    @property
    def ttl(self) -> int | None:
        """The least TTL of chain and records; None where there is nothing."""
        return min(self.ttls, default=None)


def follow(message: dns.message.Message, question: Question) -> Answer:
    """Follow the CNAME chain inside the answer section (RFC 1034 section 3.6.2)."""
    sets: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[RRset]] = {}
    for rrset in message.answer:
        if rrset.rdclass == dns.rdataclass.IN and len(rrset):
            sets.setdefault((rrset.name, rrset.rdtype), []).append(rrset)
    owner, aliases, ttls, loops = question.name, list[dns.name.Name](), list[int](), False
    found = sets.get((owner, question.rdtype), [])
    while not (found or loops) and (links := sets.get((owner, dns.rdatatype.CNAME))):
        ttls.append(links[0].ttl)
        owner = links[0][0].target
        loops = owner == question.name or owner in aliases or len(aliases) == LINKS
        aliases.append(owner)
        found = [] if loops else sets.get((owner, question.rdtype), [])
    return Answer(
        aliases=tuple(aliases),
        records=tuple(record for rrset in found for record in rrset),
        ttls=(*ttls, *(rrset.ttl for rrset in found[:1])),
        loops=loops,
    )
