"""What a reply says, as the facts of its finding."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.checks.dns.messages import API, query, reply_to
from tests.checks.dns.replies import (
    BACK,
    IN,
    ONE,
    OUT,
    PARENT,
    POOL,
    RECURSIVE,
    REFERRAL,
    SECOND,
    judged,
)
from vedette.checks.dns import judge as module
from vedette.checks.dns.judge import judge
from vedette.checks.dns.message import Reply, ask
from vedette.checks.dns.server import Transport


def test_records_of_a_referral() -> None:
    """The records at a parent are the NS set of its referral, as people write host names."""
    question = ask("example.com", "NS", recursive=False)
    wire = reply_to(query(question), authority=(REFERRAL, SECOND), aa=False)
    facts = judged(wire, question, PARENT).facts
    assert facts["answers"] == ("ns1.example.com", "ns2.example.com")
    assert (facts["count"], facts["ttl"], facts["aa"]) == (2, 60, False)


@pytest.mark.parametrize(
    ("rdtype", "kept", "lowered"),
    [
        ("MX", "10 Mail.Example.COM.", "10 mail.example.com."),
        ("SRV", "1 2 443 Edge.Example.COM.", "1 2 443 edge.example.com."),
        ("HTTPS", "0 CDN.Example.NET.", "0 cdn.example.net."),
        ("SOA", "NS1.Example.COM. Host.X. 1 2 3 4 5", "ns1.example.com. host.x. 1 2 3 4 5"),
        ("TXT", '"v=DKIM1; p=AbC"', '"v=DKIM1; p=AbC"'),
    ],
)
def test_names_in_records_have_no_capitals(rdtype: str, kept: str, lowered: str) -> None:
    """A record says the same from a server that keeps a name's capitals and from one that does not.

    BIND keeps them, NSD and Knot DNS do not. What is no name is told as it is.
    """
    question = ask("example.com", rdtype, recursive=False)
    wire = reply_to(query(question), (f"example.com. 60 IN {rdtype} {kept}",))
    assert judged(wire, question).facts["answers"] == (lowered,)


def test_facts() -> None:
    """The facts are those of the whole chain, and the records come sorted."""
    wire = reply_to(query(API), (IN, "pool.example.com. 20 IN A 192.0.2.9", POOL))
    assert judged(wire).facts == {
        "answers": ("192.0.2.7", "192.0.2.9"),
        "count": 2,
        "ttl": 20,
        "rcode": "NOERROR",
        "aa": True,
        "chain": ("api.example.com -> pool.example.com",),
        "transport": "udp",
        "server": "ns1 (192.0.2.53)",
        "address": "192.0.2.53",
    }


def test_every_fact_is_documented() -> None:
    """The judge's own text names every fact there is."""
    message = dns.message.from_wire(reply_to(query(API), (OUT, BACK)))
    message.flags |= dns.flags.AD
    message.use_edns(options=[dns.edns.EDEOption(3, "stale"), dns.edns.NSIDOption(b"fra")])
    reply = Reply(message=message, wire=b"", seconds=0.1, transport=Transport.TCP, dropped=2)
    facts = judge(reply, API, RECURSIVE, server="9.9.9.9", address="9.9.9.9").facts
    assert {"dnssec", "dropped", "ede", "nsid", "address", "chain"} <= set(facts)
    assert [name for name in facts if f"`{name}`" not in (module.__doc__ or "")] == []


@pytest.mark.parametrize(
    ("code", "text", "fact", "says"),
    [
        (22, "at delegation", "22 at delegation", "22 (No Reachable Authority): at delegation"),
        (9, None, "9", "9 (DNSKEY Missing)"),
        (22, "a\n\x1b[31m\u202eb", "22 a??[31m?b", r"22 (No Reachable Authority): a\010\027[31m?b"),
        (22, "x" * 900, "22 " + "x" * 200, "22 (No Reachable Authority): " + "x" * 171),
    ],
)
def test_extended_error(code: int, text: str | None, fact: str, says: str) -> None:
    """An extended error is a fact and stands in the sentence, short and free of control codes."""
    message = dns.message.make_response(dns.message.from_wire(query(API)))
    message.set_rcode(dns.rcode.SERVFAIL)
    message.use_edns(options=[dns.edns.EDEOption(code, text)])
    finding = judged(message.to_wire(), by=RECURSIVE)
    assert finding.facts["ede"] == (fact,)
    assert finding.detail.endswith(f"; extended error {says}")


def test_an_extended_error_that_is_cut_off() -> None:
    """An answer is read though the text of its extended error ends within a letter."""
    reply = reply_to(query(API))
    message = dns.message.from_wire(reply)
    message.use_edns(options=[dns.edns.GenericOption(15, b"\x00\x16au\xc3")])
    finding = judged(message.to_wire(), by=RECURSIVE)
    assert finding.facts["ede"] == ("22 au\N{REPLACEMENT CHARACTER}",)


def test_many_extended_errors() -> None:
    """A server that sends hundreds of extended errors fills no page with them."""
    message = dns.message.make_response(dns.message.from_wire(query(API)))
    message.use_edns(options=[dns.edns.EDEOption(0, "x" * 300)] * 100)
    finding = judged(message.to_wire(max_size=65535), by=RECURSIVE)
    assert len(finding.facts["ede"]) == 5
    assert len(finding.detail) < 1500


@pytest.mark.parametrize(
    ("octets", "fact"), [(b"ns1.fra", "ns1.fra"), (b"\x00\x9f", "009f"), (b"", None)]
)
def test_server_identifier(octets: bytes, fact: str | None) -> None:
    """A server's identifier is text where it is one, else hexadecimal; an empty one is none."""
    message = dns.message.from_wire(reply_to(query(API), (ONE,)))
    message.use_edns(options=[dns.edns.NSIDOption(octets)])
    assert judged(message.to_wire()).facts.get("nsid") == fact
