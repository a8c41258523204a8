"""The judge and whatever octets servers send: at the edges, recorded, and mutated."""

import struct
from time import perf_counter

import dns.flags
import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checks.dns.messages import API, query, reply_to
from tests.checks.dns.recorded import RECORDED, Recorded
from tests.checks.dns.replies import (
    AUTHORITY,
    CASES,
    PARENT,
    PARENTS,
    SECURE,
    judged,
)
from vedette.checks.dns.judge import Rules, judge
from vedette.checks.dns.message import LINKS, Question, Reply, parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Transport
from vedette.checks.finding import Verdict


def chain(length: int) -> bytes:
    """Return a reply with a chain of *length* CNAMEs that ends in nothing, as small as can be."""
    wire = bytearray(struct.pack("!HHHHHH", 0x1234, 0x8400, 1, length, 0, 0))
    wire += API.tail[10 : 10 + API.length]
    owner, zone = b"\xc0\x0c", b"\xc0\x10"
    for link in range(length):
        target = b"\x03" + f"{link:03x}".encode() + zone
        wire += owner + struct.pack("!HHIH", 5, 1, 60, len(target)) + target
        owner = target
    return bytes(wire)


@pytest.mark.parametrize(
    ("length", "reason"), [(LINKS, None), (LINKS + 1, Reason.CNAME_LOOP), (2900, Reason.CNAME_LOOP)]
)
def test_long_chains(length: int, reason: Reason | None) -> None:
    """A chain that no resolver follows is told as one, and 64 KB of it cost little time."""
    start = perf_counter()
    finding = judged(chain(length))
    assert perf_counter() - start < 2  # following all of it link by link takes a quarter minute
    assert finding.reason is reason
    assert len(finding.facts["chain"]) == min(length, LINKS + 1)
    if reason:
        assert f"more than {LINKS} CNAMEs in a row" in finding.detail


def record(owner: bytes, rdata: bytes, *, rdtype: int = 1, ttl: int = 60) -> bytes:
    """Return a record of class IN as it stands in a message."""
    return owner + struct.pack("!HHIH", rdtype, 1, ttl, len(rdata)) + rdata


def answering(*records: bytes) -> bytes:
    """Return an authoritative reply to API with these octets as its answer section."""
    head = struct.pack("!HHHHHH", 0x1234, 0x8400, 1, len(records), 0, 0)
    return head + API.tail[10 : 10 + API.length] + b"".join(records)


LONGEST = (b"\x3f" + b"x" * 63) * 3 + b"\x3d" + b"x" * 61 + b"\x00"
"""A name of 255 octets, the most there may be (RFC 1035 section 3.1)."""
ADDRESS = b"\xc0\x00\x02\x01"


@pytest.mark.parametrize(
    ("wire", "reason", "ttl"),
    [
        (answering(record(b"\xc0\x0c", ADDRESS, ttl=0)), None, 0),
        (answering(record(b"\xc0\x0c", ADDRESS, ttl=0x80000001)), None, 0),
        (answering(record(b"\xc0\x0c", LONGEST, rdtype=5)), None, 60),
        (answering(record(LONGEST, ADDRESS)), Reason.MISMATCHED, None),
        (answering(record(b"\xc0\x0c", b"\x01x" + LONGEST, rdtype=5)), Reason.MALFORMED, None),
        (answering(record(b"\xc0\x21", ADDRESS)), Reason.MALFORMED, None),
        (
            answering(record(b"\x00", b"", rdtype=41), record(b"\x00", b"", rdtype=41)),
            Reason.MALFORMED,
            None,
        ),
        (answering(record(b"\xc0\x0c", ADDRESS[:3])), Reason.MALFORMED, None),
        (answering(record(b"\xc0\x0c", b"")), Reason.MALFORMED, None),
        (answering(record(b"\xc0\x0c", ADDRESS))[:-1], Reason.MALFORMED, None),
    ],
    ids=[
        "TTL of 0",
        "TTL with the highest bit",
        "name of 255 octets",
        "owner of 255 octets",
        "name of 257 octets",
        "name that points to itself",
        "OPT twice",
        "short address",
        "no address",
        "cut short",
    ],
)
def test_edges_of_the_format(wire: bytes, reason: Reason | None, ttl: int | None) -> None:
    """What the format allows is judged, and what it forbids cannot be read."""
    message = parse(wire)
    if reason is Reason.MALFORMED:
        assert message is None
    else:
        finding = judged(wire)
        assert finding.reason is reason
        assert finding.facts["ttl"] == ttl


EXPECTED = {
    "two addresses, signed": (AUTHORITY, None),
    "a CNAME, signed": (AUTHORITY, None),
    "a DNAME with its CNAME, signed": (AUTHORITY, None),
    "no such type, with proof": (AUTHORITY, Reason.NODATA),
    "no such name, with proof": (AUTHORITY, Reason.NXDOMAIN),
    "a referral with DS": (PARENT, Reason.TOO_FEW),
    "service bindings": (AUTHORITY, None),
    "validated by a resolver": (SECURE, None),
    "a resolver's SERVFAIL with an extended error": (SECURE, Reason.SERVFAIL),
}


@pytest.mark.parametrize("title", RECORDED)
def test_recorded(title: str) -> None:
    """Replies of real servers have the reason that a person would give, and name their server."""
    reply, (by, reason) = RECORDED[title], EXPECTED[title]
    finding = judged(reply.wire, reply.question, by)
    assert finding.reason is reason
    assert finding.facts["nsid"] in ("ns1.fra", "ub1.fra")


def test_recorded_chain() -> None:
    """A CNAME that a DNAME makes is a link like any other, and signatures are no records."""
    reply = RECORDED["a DNAME with its CNAME, signed"]
    facts = judged(reply.wire, reply.question).facts
    assert facts["chain"] == ("a.old.example.com -> a.new.example.com",)
    assert facts["answers"] == ("192.0.2.9",)


ALL = [Recorded(API, reply_to(query(API), **reply)) for _, reply, _ in CASES.values()]
ALL += RECORDED.values()
EVERY = [by for by, _, _ in (*CASES.values(), *PARENTS.values())]
OCTETS = st.lists(st.tuples(st.integers(2, 800), st.integers(0, 255)), max_size=6)


@settings(max_examples=300)
@given(st.sampled_from(ALL), OCTETS, st.integers(0, 60), st.sampled_from(EVERY))
def test_mutated_octets(reply: Recorded, flips: list[tuple[int, int]], cut: int, by: Rules) -> None:
    """Whatever octets come, reading and judging raise nothing, and there is always a reason."""
    wire = bytearray(reply.wire)
    for place, bits in flips:
        wire[place % len(wire)] ^= bits
    mutated = bytes(wire[: len(wire) - cut])
    message = parse(mutated)
    if message is not None:
        hold(message, reply.question, by)


@settings(max_examples=150)
@given(st.sampled_from(ALL), st.sampled_from(ALL), st.data(), st.sampled_from(EVERY))
def test_mutated_records(reply: Recorded, other: Recorded, data: st.DataObject, by: Rules) -> None:
    """Records doubled, dropped, mingled with others' and moved between sections are judged too."""
    message = dns.message.from_wire(reply.wire)
    found = [
        rrset
        for wire in (reply.wire, other.wire)
        for section in dns.message.from_wire(wire).sections[1:]
        for rrset in section
    ]
    if found:
        for section in message.sections[1:]:
            section[:] = data.draw(st.lists(st.sampled_from(found), max_size=5))
    message.flags ^= data.draw(st.sampled_from([0, dns.flags.AA, dns.flags.AD]))
    again = parse(message.to_wire())
    assert again is not None
    hold(again, reply.question, by)


def hold(message: dns.message.Message, question: Question, by: Rules) -> None:
    """Hold a finding to what every finding must be."""
    reply = Reply(message=message, wire=b"", seconds=0, transport=Transport.UDP)
    finding = judge(reply, question, by, server="ns1")
    assert finding.reason in ({None} if finding.verdict is Verdict.OK else set(Reason))
    assert finding.detail.startswith("ns1 ")
    assert finding.detail.isprintable()
