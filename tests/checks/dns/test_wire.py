"""The reader of TTL offsets, held against dnspython."""

from collections.abc import Iterator

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vedette.checks.dns.wire import Form, form, least_ttl, same

_LABEL = st.text("abcxyz019-_", min_size=1, max_size=12)
_NAME = st.lists(_LABEL, max_size=4).map(lambda labels: ".".join([*labels, "example."]))
_TTL = st.sampled_from([0, 1, 30, 3600, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]) | st.integers(0, 86400)
_RDATA = st.sampled_from(
    [
        ("A", "192.0.2.1"),
        ("AAAA", "2001:db8::1"),
        ("CNAME", "www.example."),
        ("NS", "ns1.example."),
        ("MX", "10 mail.example."),
        ("TXT", '"v=spf1 -all" "more"'),
        ("SOA", "ns1.example. host.example. 1 2 3 4 5"),
        ("TYPE65280", r"\# 3 010203"),
    ]
)
_RECORD = st.tuples(_NAME, _TTL, _RDATA)
_SECTION = st.lists(_RECORD, max_size=5)


def _message(sections: tuple[list, list, list], *, edns: bool) -> bytes:
    message = dns.message.Message(0x1234)
    message.flags = dns.flags.QR
    message.question.append(dns.rrset.from_text("www.example.", 0, "IN", "A"))
    for section, records in zip(message.sections[1:], sections, strict=True):
        for owner, ttl, (rdtype, text) in records:
            rrset = dns.rrset.from_text(owner, 0, "IN", rdtype, text)
            rrset.ttl = ttl
            section.append(rrset)
    if edns:
        message.use_edns(0, payload=1232)
    return message.to_wire()


_WIRE = st.builds(_message, st.tuples(_SECTION, _SECTION, _SECTION), edns=st.booleans())


def _ttls(wire: bytes) -> Iterator[int]:
    """Return the TTLs that dnspython finds, record by record, OPT's left out."""
    message = dns.message.from_wire(wire, one_rr_per_rrset=True, ignore_trailing=True)
    for section in message.sections[1:]:
        yield from (rrset.ttl for rrset in section)


def _found(wire: bytes, shape: Form) -> list[int]:
    numbers = [int.from_bytes(wire[at : at + 4]) for at in shape.ttls]
    return [0 if number > 0x7FFFFFFF else number for number in numbers]


@given(_WIRE)
def test_finds_what_dnspython_finds(wire: bytes) -> None:
    """On any message the TTLs are dnspython's, in order, and the least one is the answer's."""
    shape = form(wire)

    assert shape is not None
    assert _found(wire, shape) == list(_ttls(wire))
    answer = dns.message.from_wire(wire, one_rr_per_rrset=True).answer
    assert least_ttl(wire, shape) == min((rrset.ttl for rrset in answer), default=None)


@given(_WIRE, st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=6))
def test_mutated_messages(wire: bytes, changes: list[tuple[int, int]]) -> None:
    """On octets changed at random it never raises, and agrees wherever dnspython can read them."""
    mutated = bytearray(wire)
    for at, octet in changes:
        mutated[at % len(mutated)] = octet
    shape = form(bytes(mutated))
    try:
        message = dns.message.from_wire(bytes(mutated), one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError):
        return
    assume(message.opcode() == dns.opcode.QUERY and not message.had_tsig)
    assert shape is not None
    assert _found(bytes(mutated), shape) == list(_ttls(bytes(mutated)))


@given(_WIRE, st.data())
def test_same_is_blind_to_id_and_ttls_only(wire: bytes, data: st.DataObject) -> None:
    """Other ids and TTLs leave a message the same; any other octet that differs does not."""
    shape = form(wire)
    assert shape is not None
    free = {0, 1} | {at + i for at in shape.ttls for i in range(4)}
    at = data.draw(st.integers(0, len(wire) - 1))
    other = bytearray(wire)
    other[at] ^= data.draw(st.integers(1, 255))

    assert same(bytes(other), wire, shape) == (at in free)
    assert not same(wire + b"\0", wire, shape)


@pytest.mark.parametrize("length", range(0, 60, 3))
def test_cut_short(length: int) -> None:
    """Octets that end too early have no form."""
    wire = _message(([("www.example.", 60, ("A", "192.0.2.1"))], [], []), edns=True)

    assert form(wire[: min(length, len(wire) - 1)]) is None


@given(st.binary(max_size=300))
def test_any_octets(octets: bytes) -> None:
    """Any octets at all are walked without an exception and without a loop."""
    shape = form(octets)

    assert shape is None or same(octets, octets, shape)
