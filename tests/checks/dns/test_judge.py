"""The judge: replies in, findings out."""

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.checks.dns.messages import API, query, reply_to
from tests.checks.dns.replies import (
    AUTHORITY,
    BACK,
    CASES,
    EDGE,
    IN,
    ONE,
    ONLY_ONE,
    OUT,
    PARENTS,
    POOL,
    REFERRAL,
    SECURE,
    TWO,
    ZONE,
    judged,
    rules,
)
from vedette.checks.dns.judge import Rules
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.finding import Verdict


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
    ("allowed", "reason"),
    [(["NS1.example.com.", "ns2.example.com"], None), (["ns1.example.com"], Reason.WRONG_ANSWER)],
)
def test_allowed_name_servers(allowed: list[str], reason: Reason | None) -> None:
    """Name servers are compared as names: without case and without the final dot."""
    question = ask("example.com", "NS", recursive=True)
    lines = ("example.com. 60 IN NS ns1.example.com.", "example.com. 60 IN NS NS2.example.com.")
    by = rules(Place.RECURSIVE, name="example.com", type="NS", allowed=allowed)
    assert judged(reply_to(query(question), lines), question, by).reason is reason
