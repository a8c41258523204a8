"""The judge: replies in, findings out."""

import struct
from collections.abc import Mapping
from time import perf_counter

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checks.dns.messages import API, SOA, heard, query, reply_to
from tests.checks.dns.recorded import RECORDED, Recorded
from vedette.checks.dns import judge as module
from vedette.checks.dns.judge import Rules, judge, rules_of
from vedette.checks.dns.message import LINKS, Question, Reply, ask, parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place, Transport
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Finding, Verdict

ONE = "api.example.com. 60 IN A 192.0.2.1"
TWO = "api.example.com. 60 IN A 192.0.2.2"
OUT = "api.example.com. 30 IN CNAME edge.example.net."
IN = "api.example.com. 30 IN CNAME pool.example.com."
POOL = "pool.example.com. 20 IN A 192.0.2.7"
BACK = "edge.example.net. 30 IN CNAME api.example.com."
ITSELF = "api.example.com. 30 IN CNAME api.example.com."
CHAOS = "api.example.com. 60 CH TXT somebody"
DNAME = "example.com. 60 IN DNAME example.net."
SIGNED = (
    "api.example.com. 60 IN RRSIG A 13 3 60 20261221152834 20261121152834 32972 example.com. AAAA"
)
ELSEWHERE = (
    "pool.example.com. 60 IN RRSIG A 13 3 60 20261221152834 20261121152834 1 example.com. AAAA"
)
ZONE, FOREIGN = SOA.format("example.com."), SOA.format("example.net.")
REFERRAL = "example.com. 60 IN NS ns1.example.com."


def rules(place: Place = Place.AUTHORITATIVE, **written: object) -> Rules:
    """Return the rules that settings as they are *written* make."""
    return rules_of(DnsSettings.model_validate({"name": "api.example.com", **written}), place)


AUTHORITY, RECURSIVE = rules(), rules(Place.RECURSIVE)
INSIDE = rules(allowed=["192.0.2.0/31"])
EITHER = rules(allowed=["192.0.2.0/31", "192.0.2.2/32"])
OUTSIDE = rules(allowed=["198.51.100.0/24"])
NONE = rules(min_records=0)
THREE = rules(min_records=3)
ONLY_ONE, EMPTY = rules(max_records=1), rules(min_records=0, max_records=0)
EDGE = rules(cname_targets=["*.example.net"])
EDGE_ONLY = rules(cname_targets=["Edge.example.net.", "*.pool.example.com"])
SLOW = {"ttl": {"min": "1m", "max": "1h"}}
SECURE = rules(Place.RECURSIVE, dnssec=True, servers=["9.9.9.9"])

CASES: Mapping[str, tuple[Rules, dict, Reason | None]] = {
    "records": (AUTHORITY, {"answer": (ONE, TWO)}, None),
    "records in bounds": (INSIDE, {"answer": (ONE,)}, None),
    "one out of bounds": (INSIDE, {"answer": (ONE, TWO)}, Reason.WRONG_ANSWER),
    "in the second of two bounds": (EITHER, {"answer": (ONE, TWO)}, None),
    "out of bounds": (OUTSIDE, {"answer": (ONE,)}, Reason.WRONG_ANSWER),
    "too few": (THREE, {"answer": (ONE, TWO)}, Reason.TOO_FEW),
    "too many": (ONLY_ONE, {"answer": (ONE, TWO)}, Reason.TOO_MANY),
    "just enough": (ONLY_ONE, {"answer": (ONE,)}, None),
    "empty": (AUTHORITY, {"authority": (ZONE,)}, Reason.NODATA),
    "empty without SOA": (AUTHORITY, {}, Reason.NODATA),
    "empty at a resolver": (RECURSIVE, {"aa": False}, Reason.NODATA),
    "empty is fine": (NONE, {"authority": (ZONE,)}, None),
    "empty as it must be": (EMPTY, {"authority": (ZONE,)}, None),
    "not empty as it must be": (EMPTY, {"answer": (ONE,)}, Reason.TOO_MANY),
    "nxdomain": (AUTHORITY, {"rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "nxdomain is not empty": (EMPTY, {"rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "nxdomain at the chain's end": (
        AUTHORITY,
        {"answer": (IN,), "rcode": dns.rcode.NXDOMAIN},
        Reason.NXDOMAIN,
    ),
    "servfail": (AUTHORITY, {"rcode": dns.rcode.SERVFAIL}, Reason.SERVFAIL),
    "refused": (AUTHORITY, {"rcode": dns.rcode.REFUSED}, Reason.REFUSED),
    "formerr": (RECURSIVE, {"rcode": dns.rcode.FORMERR}, Reason.FORMERR),
    "notimp": (RECURSIVE, {"rcode": dns.rcode.NOTIMP}, Reason.NOTIMP),
    "yxdomain": (RECURSIVE, {"rcode": dns.rcode.YXDOMAIN}, Reason.OTHER_RCODE),
    "badvers": (RECURSIVE, {"rcode": dns.rcode.BADVERS}, Reason.OTHER_RCODE),
    "no authority": (AUTHORITY, {"answer": (ONE,), "aa": False}, Reason.LAME),
    "referral": (AUTHORITY, {"authority": (REFERRAL,), "aa": False}, Reason.LAME),
    "chain": (AUTHORITY, {"answer": (IN, POOL)}, None),
    "chain in another order": (AUTHORITY, {"answer": (POOL, IN)}, None),
    "CNAME out of the zone": (AUTHORITY, {"answer": (OUT,)}, None),
    "CNAME out of the zone counts for all": (THREE, {"answer": (OUT,)}, None),
    "CNAME out of the zone beside the name servers of another": (
        AUTHORITY,
        {"answer": (OUT,), "authority": ("example.net. 60 IN NS ns.example.net.",)},
        None,
    ),
    "CNAME into the zone with too few records": (THREE, {"answer": (IN, POOL)}, Reason.TOO_FEW),
    "CNAME into an empty name of the zone": (
        AUTHORITY,
        {"answer": (IN,), "authority": (ZONE,)},
        Reason.NODATA,
    ),
    "CNAME into an empty name of another zone": (
        AUTHORITY,
        {"answer": (OUT,), "authority": (FOREIGN,)},
        Reason.NODATA,
    ),
    "CNAME to nothing at a resolver": (RECURSIVE, {"answer": (OUT,)}, Reason.NODATA),
    "CNAME below an allowed name": (EDGE, {"answer": (OUT,)}, None),
    "CNAME to an allowed name": (EDGE_ONLY, {"answer": (OUT,)}, None),
    "CNAME elsewhere": (EDGE, {"answer": (IN, POOL)}, Reason.WRONG_ANSWER),
    "CNAME to the name that others must be below": (
        EDGE_ONLY,
        {"answer": (IN, POOL)},
        Reason.WRONG_ANSWER,
    ),
    "CNAME to a name that looks as if it was below": (
        EDGE,
        {"answer": (r"api.example.com. 30 IN CNAME evil\.example.net.",)},
        Reason.WRONG_ANSWER,
    ),
    "CNAME elsewhere at a resolver": (
        rules(Place.RECURSIVE, cname_targets=["*.example.net"]),
        {"answer": (IN, POOL)},
        Reason.WRONG_ANSWER,
    ),
    "no CNAME where one is allowed": (EDGE, {"answer": (ONE,)}, None),
    "loop": (AUTHORITY, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "loop at a resolver": (RECURSIVE, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "loop of one": (RECURSIVE, {"answer": (ITSELF,)}, Reason.CNAME_LOOP),
    "somebody else's records": (AUTHORITY, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's records at a resolver": (RECURSIVE, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's, where none are wanted": (NONE, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's with a signature": (
        AUTHORITY,
        {"answer": (POOL, SIGNED)},
        Reason.MISMATCHED,
    ),
    "somebody else's beside the right ones": (AUTHORITY, {"answer": (POOL, ONE)}, None),
    "somebody else's beside what is there of another type": (
        AUTHORITY,
        {"answer": (POOL, "api.example.com. 60 IN TXT hello")},
        Reason.NODATA,
    ),
    "the records of the name above": (
        AUTHORITY,
        {"answer": ("example.com. 60 IN A 192.0.2.9",)},
        Reason.MISMATCHED,
    ),
    "the DNAME of another name": (
        AUTHORITY,
        {"answer": ("example.org. 60 IN DNAME example.net.",)},
        Reason.MISMATCHED,
    ),
    "another class": (AUTHORITY, {"answer": (CHAOS,)}, Reason.MISMATCHED),
    "another class beside the right one": (AUTHORITY, {"answer": (CHAOS, ONE)}, None),
    "another type": (
        AUTHORITY,
        {"answer": ("api.example.com. 60 IN TXT hello",)},
        Reason.NODATA,
    ),
    "DNAME and CNAME": (AUTHORITY, {"answer": (DNAME, OUT)}, None),
    "DNAME without its CNAME": (AUTHORITY, {"answer": (DNAME,)}, Reason.NODATA),
    "records with signature": (ONLY_ONE, {"answer": (ONE, SIGNED)}, None),
    "a signature alone": (AUTHORITY, {"answer": (SIGNED,)}, Reason.NODATA),
    "a signature alone, where none are wanted": (EMPTY, {"answer": (SIGNED,)}, None),
    "somebody else's signature": (NONE, {"answer": (ELSEWHERE,)}, None),
    "TTL in its range": (rules(**SLOW), {"answer": (ONE,)}, None),
    "TTL too low": (rules(**SLOW), {"answer": ("api.example.com. 59 IN A 192.0.2.1",)}, Reason.TTL),
    "TTL too high": (
        rules(**SLOW),
        {"answer": ("api.example.com. 3601 IN A 192.0.2.1",)},
        Reason.TTL,
    ),
    "TTL as high as may be": (
        rules(**SLOW),
        {"answer": ("api.example.com. 3600 IN A 192.0.2.1",)},
        None,
    ),
    "TTL of a CNAME too low": (rules(**SLOW), {"answer": (OUT,)}, Reason.TTL),
    "TTL of 0": (rules(**SLOW), {"answer": ("api.example.com. 0 IN A 192.0.2.1",)}, Reason.TTL),
    "TTL of 0 is legal": (AUTHORITY, {"answer": ("api.example.com. 0 IN A 192.0.2.1",)}, None),
    "TTL that counts down": (
        rules(Place.RECURSIVE, **SLOW),
        {"answer": ("api.example.com. 1 IN A 192.0.2.1",)},
        None,
    ),
    "TTL too high at a resolver": (
        rules(Place.RECURSIVE, **SLOW),
        {"answer": ("api.example.com. 3601 IN A 192.0.2.1",)},
        Reason.TTL,
    ),
    "TTL without a most": (
        rules(Place.RECURSIVE, ttl={"min": 60}),
        {"answer": ("api.example.com. 1 IN A 192.0.2.1",)},
        None,
    ),
    "not validated": (SECURE, {"answer": (ONE,)}, Reason.BOGUS),
    "not validated, nor demanded": (RECURSIVE, {"answer": (ONE,)}, None),
    "not validated, and the chain is looked at": (
        rules(Place.RECURSIVE, dnssec=True, servers=["authoritative", "9.9.9.9"]),
        {"answer": (ONE,)},
        None,
    ),
    "not validated by an authority": (rules(dnssec=True), {"answer": (ONE,)}, None),
}

PARENT = rules(Place.PARENT, name="example.com", type="NS", servers=["parent"], min_records=2)
GOOD_PARENT = rules(
    Place.PARENT,
    name="example.com",
    type="NS",
    servers=["authoritative", "parent"],
    allowed=["ns1.example.com", "NS2.example.com"],
    ttl={"max": 10},
)
SECOND = "example.com. 60 IN NS ns2.example.com."
THIRD = "example.com. 60 IN NS ns.evil.example."
ABOVE = SOA.format("com.")
SIGNED_BELOW = f"example.com. 60 IN DS 1 13 2 {32 * '00'}"

PARENTS: Mapping[str, tuple[Rules, dict, Reason | None]] = {
    "delegation": (PARENT, {"authority": (REFERRAL, SECOND), "aa": False}, None),
    "delegation of a signed zone, which asks no validator": (
        rules(Place.PARENT, type="NS", dnssec=True, servers=["parent", "9.9.9.9"]),
        {"authority": (SIGNED_BELOW, REFERRAL), "aa": False},
        None,
    ),
    "one's own server that refers to others": (
        rules(type="NS"),
        {"authority": (REFERRAL, SECOND), "aa": False},
        Reason.LAME,
    ),
    "delegation to who is allowed": (
        GOOD_PARENT,
        {"authority": (REFERRAL, SECOND), "aa": False},
        None,
    ),
    "delegation to somebody else": (
        GOOD_PARENT,
        {"authority": (REFERRAL, THIRD), "aa": False},
        Reason.WRONG_ANSWER,
    ),
    "a server lost": (PARENT, {"authority": (REFERRAL,), "aa": False}, Reason.TOO_FEW),
    "server of parent and child": (PARENT, {"answer": (REFERRAL, SECOND)}, None),
    "delegation gone": (PARENT, {"authority": (ABOVE,)}, Reason.NODATA),
    "name gone": (PARENT, {"authority": (ABOVE,), "rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "no delegation and no authority": (PARENT, {"aa": False}, Reason.LAME),
    "refers elsewhere": (
        PARENT,
        {"authority": ("com. 60 IN NS a.gtld.example.",), "aa": False},
        Reason.LAME,
    ),
    "a cache in the parent's place": (
        PARENT,
        {"answer": (REFERRAL, SECOND), "aa": False},
        Reason.LAME,
    ),
    "refused": (PARENT, {"rcode": dns.rcode.REFUSED, "aa": False}, Reason.REFUSED),
}


def judged(wire: bytes, question: Question = API, by: Rules = AUTHORITY) -> Finding:
    """Return what *by* makes of a reply of ns1."""
    return judge(heard(wire), question, by, server="ns1 (192.0.2.53)", address="192.0.2.53")


@pytest.mark.parametrize(("by", "reply", "reason"), CASES.values(), ids=CASES)
def test_reason(by: Rules, reply: dict, reason: Reason | None) -> None:
    """Every reply has exactly the reason that the table says, and OK has none."""
    finding = judged(reply_to(query(API), **reply), by=by)
    assert finding.reason is reason
    assert finding.verdict is (Verdict.FAILING if reason else Verdict.OK)
    assert finding.detail.startswith("ns1 (192.0.2.53) ")


@pytest.mark.parametrize(("by", "reply", "reason"), PARENTS.values(), ids=PARENTS)
def test_reason_at_the_parent(by: Rules, reply: dict, reason: Reason | None) -> None:
    """A parent answers with a referral, without AA and with TTLs that the zone does not choose."""
    question = ask("example.com", "NS", recursive=False)
    finding = judged(reply_to(query(question), **reply), question, by)
    assert finding.reason is reason
    assert ("the delegation is gone" in finding.detail) == (
        reason in (Reason.NODATA, Reason.NXDOMAIN)
    )


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
    ("by", "reply", "says"),
    [
        (AUTHORITY, {"answer": (ONE,)}, "answers api.example.com A with 1 record"),
        (AUTHORITY, {"answer": (IN, POOL)}, "answers api.example.com A with 1 record"),
        (AUTHORITY, {"answer": (ONE, TWO)}, "answers api.example.com A with 2 records"),
        (
            AUTHORITY,
            {"answer": (OUT,)},
            "answers api.example.com A with a CNAME to edge.example.net",
        ),
        (
            AUTHORITY,
            {"answer": (IN,), "rcode": dns.rcode.NXDOMAIN},
            "answers NXDOMAIN: pool.example.com does not exist",
        ),
        (
            AUTHORITY,
            {"authority": (REFERRAL,), "aa": False},
            "refers to other servers for api.example.com A instead of answering",
        ),
        (
            AUTHORITY,
            {"authority": (ZONE,), "aa": False},
            "answers api.example.com A without authority (AA is not set)",
        ),
        (
            AUTHORITY,
            {"answer": (OUT, BACK)},
            "answers api.example.com A with CNAMEs that lead back to themselves",
        ),
        (AUTHORITY, {}, "answers NOERROR with no A record for api.example.com"),
        (
            AUTHORITY,
            {"answer": (IN,), "authority": (ZONE,)},
            "answers NOERROR with no A record for api.example.com (a CNAME to pool.example.com)",
        ),
        (
            EDGE,
            {"answer": (OUT, "edge.example.net. 9 IN CNAME x.evil.example.")},
            "answers that edge.example.net is a CNAME to x.evil.example, which is not allowed",
        ),
        (ONLY_ONE, {"answer": (ONE, TWO)}, "has 2 of at most 1 A records for api.example.com"),
        (
            AUTHORITY,
            {"answer": (POOL,)},
            "answers api.example.com A with records that nobody asked for: pool.example.com IN A",
        ),
        (
            rules(ttl={"min": "30s"}),
            {"answer": (IN, POOL)},
            "answers api.example.com A with a TTL of 20 s at pool.example.com, "
            "below the min of 30 s",
        ),
        (
            rules(ttl={"max": "30d"}),
            {"answer": ("api.example.com. 9999999 IN A 192.0.2.1",)},
            "answers api.example.com A with a TTL of 9999999 s at api.example.com, "
            "above the max of 2592000 s",
        ),
        (
            SECURE,
            {"answer": (ONE,)},
            "answers api.example.com A without having validated it (AD is not set)",
        ),
    ],
)
def test_sentence(by: Rules, reply: dict, says: str) -> None:
    """The sentence says who answers what for which name, and what is wrong with it."""
    assert judged(reply_to(query(API), **reply), by=by).detail == f"ns1 (192.0.2.53) {says}"


def test_cname_records_are_targets_too() -> None:
    """Where the CNAME itself is asked for, its target is held to the same list."""
    question = ask("api.example.com", "CNAME", recursive=False)
    wire = reply_to(query(question), (OUT,))
    assert (
        judged(wire, question, rules(type="CNAME", cname_targets=["*.example.net"])).reason is None
    )
    wrong = judged(wire, question, rules(type="CNAME", cname_targets=["example.net"]))
    assert wrong.reason is Reason.WRONG_ANSWER


@pytest.mark.parametrize("place", [Place.AUTHORITATIVE, Place.RECURSIVE])
def test_validated(place: Place) -> None:
    """AD is a resolver's word that the answer is secure; of an authority it says nothing."""
    message = dns.message.from_wire(reply_to(query(API), (ONE,)))
    message.flags |= dns.flags.AD
    finding = judged(message.to_wire(), by=rules(place, dnssec=True, servers=["9.9.9.9"]))
    assert finding.verdict is Verdict.OK
    assert finding.facts.get("dnssec") == ("secure" if place is Place.RECURSIVE else None)
    assert "dnssec" not in judged(reply_to(query(API), (ONE,)), by=rules(place)).facts


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


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [(["NS1.example.com.", "ns2.example.com"], None), (["ns1.example.com"], Reason.WRONG_ANSWER)],
)
def test_allowed_name_servers(allowed: list[str], reason: Reason | None) -> None:
    """Name servers are compared as names: without case and without the final dot."""
    question = ask("example.com", "NS", recursive=True)
    lines = ("example.com. 60 IN NS ns1.example.com.", "example.com. 60 IN NS NS2.example.com.")
    by = rules(Place.RECURSIVE, name="example.com", type="NS", allowed=allowed)
    assert judged(reply_to(query(question), lines), question, by).reason is reason


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
