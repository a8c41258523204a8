"""What replies tell a walk, and how a walk that leads nowhere is told."""

import dns.message
import dns.name
import pytest

from tests.checks.dns.messages import SOA, reply_to
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import NOT_ASKED, Asked, Authority, Referral, dead_end, read
from vedette.checks.dns.roots import Server
from vedette.checks.net import Endpoint


def server(name: str, address: str) -> Server:
    return Server(name, Endpoint(address, 53))


def test_referral_reading() -> None:
    """Only downward referrals count, and glue only from below the zone that gives it."""
    zone, name = dns.name.from_text("test."), dns.name.from_text("www.shop.test.")
    query = dns.message.make_query(name, "SOA").to_wire()

    def reading(*authority: str, **options: object) -> object:
        wire = reply_to(query, authority=authority, **{"aa": False, **options})  # type: ignore[arg-type]
        return read(dns.message.from_wire(wire), zone, name)

    glue = ("ns.shop.test. 60 IN A 192.0.2.1", "ns.evil.example. 60 IN A 192.0.2.2")
    down = reading(
        "shop.test. 60 IN NS ns.shop.test.",
        "shop.test. 60 IN NS ns.evil.example.",
        additional=glue,
    )
    assert isinstance(down, Referral)
    assert down.names == ("ns.evil.example", "ns.shop.test")
    assert down.glue == (server("ns.shop.test", "192.0.2.1"),)
    for owner in (".", "test.", "other.test.", "a.www.shop.test."):
        assert reading(f"{owner} 60 IN NS ns.shop.test.") is Reason.LAME
    inside = reading(SOA.format("shop.test."), aa=True)
    assert inside == Authority(zone=dns.name.from_text("shop.test."), exists=True)


@pytest.mark.parametrize("record", [r"CH A \# 3 000001", r"HS A \# 4 c0000201"])
def test_glue_of_another_class(record: str) -> None:
    """What a server adds in another class than the internet's is no glue, and breaks no walk."""
    zone, name = dns.name.from_text("test."), dns.name.from_text("www.shop.test.")
    wire = reply_to(
        dns.message.make_query(name, "SOA").to_wire(),
        authority=("shop.test. 60 IN NS ns.shop.test.",),
        additional=(f"ns.shop.test. 60 {record}", "ns.shop.test. 60 IN A 192.0.2.1"),
        aa=False,
    )
    down = read(dns.message.from_wire(wire), zone, name)
    assert isinstance(down, Referral)
    assert down.glue == (server("ns.shop.test", "192.0.2.1"),)


def asked(*outcomes: str) -> list[Asked]:
    """Return servers asked in vain, each with why."""
    return [
        Asked(
            server=server("ns", "192.0.2.9"),
            seconds=0.1,
            outcome=outcome,
            detail=f"it is {outcome}",
        )
        for outcome in outcomes
    ]


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        (["timeout"] * 13, "none of the 13 servers asked for test answers (timeout)"),
        (
            ["timeout", "unreachable", "timeout", NOT_ASKED],
            "none of the 3 servers asked for test answers (2 timeout, 1 unreachable)",
        ),
        (
            ["refused", "lame", "refused"],
            "none of the 3 servers asked for test leads on to a.test (2 refused, 1 lame)",
        ),
        (["timeout"], "the one server asked for test does not answer (ns (192.0.2.9): timeout)"),
        (
            ["refused"],
            "the one server asked for test does not lead on to a.test (ns (192.0.2.9): refused)",
        ),
        ([NOT_ASKED] * 3, "this host cannot ask the servers of test: it is not_asked"),
    ],
)
def test_dead_end(outcomes: list[str], sentence: str) -> None:
    """Where nobody leads on, the sentence says how many were asked and what became of them."""
    assert dead_end("test", "a.test", asked(*outcomes)) == sentence
