"""The judge: replies in, findings out."""

import dns.edns
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checks.dns.messages import API, SOA, heard, query, reply_to
from vedette.checks.dns.judge import Rules, judge, rules_of
from vedette.checks.dns.message import Reply, Transport, ask, match, parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Verdict

ONE = "api.example.com. 60 IN A 192.0.2.1"
TWO = "api.example.com. 60 IN A 192.0.2.2"
OUT = "api.example.com. 30 IN CNAME edge.example.net."
IN = "api.example.com. 30 IN CNAME pool.example.com."
POOL = "pool.example.com. 20 IN A 192.0.2.7"
BACK = "edge.example.net. 30 IN CNAME api.example.com."
ZONE, FOREIGN = SOA.format("example.com."), SOA.format("example.net.")
REFERRAL = "example.com. 60 IN NS ns1.example.com."
AUTHORITY, RECURSIVE = Rules(authoritative=True), Rules(authoritative=False)
INSIDE = rules_of(DnsSettings(name="api.example.com", allowed=["192.0.2.0/31"]), authoritative=True)
OUTSIDE = rules_of(
    DnsSettings(name="api.example.com", allowed=["198.51.100.0/24"]), authoritative=True
)
NONE = Rules(authoritative=True, min_records=0)
THREE = Rules(authoritative=True, min_records=3)

CASES = {
    "records": (AUTHORITY, {"answer": (ONE, TWO)}, None),
    "records in bounds": (INSIDE, {"answer": (ONE,)}, None),
    "one out of bounds": (INSIDE, {"answer": (ONE, TWO)}, Reason.WRONG_ANSWER),
    "out of bounds": (OUTSIDE, {"answer": (ONE,)}, Reason.WRONG_ANSWER),
    "too few": (THREE, {"answer": (ONE, TWO)}, Reason.TOO_FEW),
    "empty": (AUTHORITY, {"authority": (ZONE,)}, Reason.NODATA),
    "empty without SOA": (AUTHORITY, {}, Reason.NODATA),
    "empty at a resolver": (RECURSIVE, {"aa": False}, Reason.NODATA),
    "empty is fine": (NONE, {"authority": (ZONE,)}, None),
    "nxdomain": (AUTHORITY, {"rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
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
    "loop": (AUTHORITY, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "loop at a resolver": (RECURSIVE, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "somebody else's records": (AUTHORITY, {"answer": (POOL,)}, Reason.NODATA),
}


@pytest.mark.parametrize(("rules", "reply", "reason"), CASES.values(), ids=CASES)
def test_reason(rules: Rules, reply: dict, reason: Reason | None) -> None:
    """Every reply has exactly the reason that the table says, and OK has none."""
    finding = judge(heard(reply_to(query(API), **reply)), API, rules, server="ns1 (192.0.2.53)")
    assert finding.reason is reason
    assert finding.verdict is (Verdict.FAILING if reason else Verdict.OK)
    assert finding.detail.startswith("ns1 (192.0.2.53) ")


def test_facts() -> None:
    """The facts are those of the whole chain, and the records come sorted."""
    wire = reply_to(query(API), (IN, "pool.example.com. 20 IN A 192.0.2.9", POOL))
    facts = judge(heard(wire), API, AUTHORITY, server="ns1").facts
    assert facts == {
        "answers": ("192.0.2.7", "192.0.2.9"),
        "count": 2,
        "ttl": 20,
        "rcode": "NOERROR",
        "aa": True,
        "cnames": ("pool.example.com",),
        "transport": "udp",
        "server": "ns1",
    }


def test_detail_of_an_emptied_record() -> None:
    """The sentence of an emptied record says who answers what for which name."""
    finding = judge(heard(reply_to(query(API))), API, AUTHORITY, server="ns1 (192.0.2.53)")
    says = "ns1 (192.0.2.53) answers NOERROR with no A record for api.example.com"
    assert finding.detail == says


def test_extended_error() -> None:
    """A server's extended error is a fact and stands in the sentence."""
    message = dns.message.make_response(dns.message.from_wire(query(API)))
    message.set_rcode(dns.rcode.SERVFAIL)
    message.use_edns(options=[dns.edns.EDEOption(22, "at delegation example.com")])
    finding = judge(heard(message.to_wire()), API, RECURSIVE, server="9.9.9.9")
    assert finding.facts["ede"] == ("22 at delegation example.com",)
    assert finding.detail.endswith("(extended error 22 at delegation example.com)")


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [(["NS1.example.com.", "ns2.example.com"], None), (["ns1.example.com"], Reason.WRONG_ANSWER)],
)
def test_allowed_name_servers(allowed: list[str], reason: Reason | None) -> None:
    """Name servers are compared as names: without case and without the final dot."""
    question = ask("example.com", "NS", recursive=True)
    rules = rules_of(
        DnsSettings(name="example.com", type="NS", allowed=allowed), authoritative=False
    )
    lines = ("example.com. 60 IN NS ns1.example.com.", "example.com. 60 IN NS NS2.example.com.")
    finding = judge(heard(reply_to(query(question), lines)), question, rules, server="1.1.1.1")
    assert finding.reason is reason


@settings(max_examples=200)
@given(
    st.sampled_from([reply for _, reply, _ in CASES.values()]),
    st.lists(st.tuples(st.integers(2, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 40),
    st.sampled_from([AUTHORITY, RECURSIVE, INSIDE, NONE]),
)
def test_mutated_replies(
    reply: dict, changes: list[tuple[int, int]], cut: int, rules: Rules
) -> None:
    """Whatever octets come, matching, parsing and judging raise nothing."""
    wire = bytearray(reply_to(query(API), **reply))
    for place, octet in changes:
        wire[place % len(wire)] = octet
    mutated = bytes(wire[: len(wire) - cut])
    match(mutated, query(API), API)
    message = parse(mutated)
    if message is not None:
        judge(
            Reply(message=message, wire=mutated, seconds=0, transport=Transport.UDP),
            API,
            rules,
            server="ns1",
        )
