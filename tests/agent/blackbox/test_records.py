"""Records as text, in miekg/dns's words, and replies of strangers."""

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.blackbox.records import UnreadableError, read


def written(owner: str, rdclass: str, rdtype: str, data: str) -> str:
    """Return how a reply with this record, which repeats the owner's name, is written."""
    message = dns.message.make_response(dns.message.make_query(owner, rdtype))
    message.answer.append(dns.rrset.from_text(owner, 300, rdclass, rdtype, data))
    (record,) = read(message.to_wire()).answer
    return record.text


@pytest.mark.parametrize(
    ("rdtype", "data", "text"),
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:db8::1", "2001:db8::1"),
        ("AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("NS", "ns1.example.com.", "ns1.example.com."),
        ("MX", "10 mail.example.com.", "10 mail.example.com."),
        ("SOA", "ns.example.com. noc.example.com. 7 1 2 3 4",
         "ns.example.com. noc.example.com. 7 1 2 3 4"),
        ("TXT", r'"a b" "c\"d" "\001"', r'"a b" "c\"d" "\001"'),
        ("CAA", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("SRV", "1 2 443 a.example.com.", "1 2 443 a.example.com."),
        ("DS", "1 13 2 " + "ab" * 32, "1 13 2 " + "AB" * 32),
        ("DNSKEY", "257 3 13 " + "A" * 86 + "==", "257 3 13 " + "A" * 86 + "=="),
        ("NSEC", "b.example.com. A RRSIG", "b.example.com. A RRSIG"),
        ("TYPE65400", r"\# 3 aabbcc", r"\# 3 aabbcc"),
    ],
)  # fmt: skip
def test_records_are_written_as_miekg_dns_writes_them(rdtype, data, text):
    """Owner with its dot, TTL, class and type, with tabs between them; then the data."""
    assert written("example.com.", "IN", rdtype, data) == f"example.com.\t300\tIN\t{rdtype}\t{text}"


def test_other_classes_and_odd_names_are_written_too():
    """Chaos has its class, and a dot within a label its backslash."""
    assert written(r"a\.b.example.", "CH", "TXT", "x") == 'a\\.b.example.\t300\tCH\tTXT\t"x"'


def test_counts_and_response_code_are_read_with_edns():
    """An OPT record counts as additional, and has the upper bits of the response code."""
    message = dns.message.make_response(dns.message.make_query("a.test", "A", use_edns=0))
    message.set_rcode(16)
    reply = read(message.to_wire())
    assert (reply.rcode, len(reply.answer), len(reply.additional)) == (16, 0, 1)
    assert "OPT PSEUDOSECTION" in reply.additional[0].text


def test_a_name_that_leads_to_itself_ends():
    """A pointer to itself is written as data that cannot be read, and holds nobody up."""
    header = bytes.fromhex("0000 8000 0000 0001 0000 0000")
    loop = header + b"\xc0\x0c" + bytes.fromhex("0005 0001 00000000 0002 c00c")
    with pytest.raises(UnreadableError):
        _ = read(loop).answer[0].text


@given(st.binary(max_size=200))
def test_octets_of_a_stranger_are_a_message_or_unreadable(data):
    """Nothing else is raised, neither by the walk nor by the texts."""
    header = bytes.fromhex("0000 8000 0001 0002 0001 0001")
    for wire in (data, header + data):
        try:
            reply = read(wire)
            for record in (*reply.answer, *reply.authority, *reply.additional):
                assert record.text
        except UnreadableError:
            continue
