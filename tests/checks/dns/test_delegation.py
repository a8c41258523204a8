"""Parent and child, held against each other and against the last-known-good delegation."""

from collections.abc import Mapping

import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.dns.messages import SOA, query, reply_to
from vedette.checks.dns.delegation import (
    Side,
    child_side,
    judge,
    own_addresses,
    parent_side,
    recall,
)
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import NetworkFailure

ZONE = "example.com"
NS1, NS2, EVIL = "ns1.example.com", "ns2.example.net", "ns1.evil.example"
NEW = "ns1.new.example"
PARENT, CHILD = "a.nic.com (192.0.2.53)", "ns1.example.com (192.0.2.1)"


def side(called: str, *names: str, rcode: str = "NOERROR", **addresses: str) -> Side:
    """Return what one side says; an address is given as ns1="192.0.2.1 192.0.2.2"."""
    return Side(
        called=called,
        names=frozenset(names),
        addresses={
            f"{label}.{ZONE}": frozenset(texts.split()) for label, texts in addresses.items()
        },
        rcode=rcode,
    )


GOOD = side(PARENT, NS1, NS2, ns1="192.0.2.1")
SAME = side(CHILD, NS1, NS2, ns1="192.0.2.1")
KNOWN = GOOD.texts
SILENT = NetworkFailure(Reason.TIMEOUT, "nobody answers")


def test_all_is_well() -> None:
    """Parent and child that say what is known to be good are fine, with all of it as facts."""
    assert judge(ZONE, GOOD, SAME, KNOWN) == Finding(
        verdict=Verdict.OK,
        detail=f"{PARENT} delegates example.com to {NS1}, {NS2}, as {CHILD} says",
        facts={
            "zone": ZONE,
            "server": PARENT,
            "parent_ns": (NS1, NS2),
            "child_ns": (NS1, NS2),
            "glue": ("ns1.example.com 192.0.2.1",),
            "delegation": (NS1, NS2, "ns1.example.com 192.0.2.1"),
            "changed": False,
            "agrees": True,
        },
    )


CASES: Mapping[str, tuple[Side, Side | NetworkFailure, str]] = {
    "taken over, the old servers still asked": (
        side(PARENT, EVIL),
        SAME,
        f"{PARENT} delegates example.com to {EVIL} "
        f"where it was {NS1}, {NS2}, as {CHILD} still says",
    ),
    "taken over, child and all": (
        side(PARENT, EVIL),
        side("ns1.evil.example (192.0.2.66)", EVIL),
        f"{PARENT} delegates example.com to {EVIL} where it was {NS1}, {NS2}",
    ),
    "taken over, and the old servers say a third thing": (
        side(PARENT, EVIL),
        side(CHILD, NS1, ns1="192.0.2.1"),
        f"{PARENT} delegates example.com to {EVIL} "
        f"where it was {NS1}, {NS2} and {CHILD} says {NS1}",
    ),
    "changed while the child is silent": (
        side(PARENT, EVIL),
        SILENT,
        f"{PARENT} delegates example.com to {EVIL} where it was {NS1}, {NS2}",
    ),
    "one gone at the child": (
        GOOD,
        side(CHILD, NS1, ns1="192.0.2.1"),
        f"{PARENT} delegates example.com to {NS1}, {NS2} where {CHILD} says {NS1}",
    ),
    "nothing at the child": (
        GOOD,
        side(CHILD),
        f"{PARENT} delegates example.com to {NS1}, {NS2} where {CHILD} says no servers",
    ),
    "glue changed": (
        side(PARENT, NS1, NS2, ns1="192.0.2.66"),
        SAME,
        f"{PARENT} delegates example.com to {NS1}, {NS2}; it gives ns1.example.com 192.0.2.66 "
        f"where it was 192.0.2.1, as {CHILD} still says",
    ),
    "glue gone": (
        side(PARENT, NS1, NS2, ns1=""),
        SAME,
        f"{PARENT} delegates example.com to {NS1}, {NS2}; it gives ns1.example.com no address "
        f"where it was 192.0.2.1, as {CHILD} still says",
    ),
    "glue that the child has outgrown": (
        GOOD,
        side(CHILD, NS1, NS2, ns1="192.0.2.1 2001:db8::1"),
        f"{PARENT} delegates example.com to {NS1}, {NS2}; it gives ns1.example.com 192.0.2.1 "
        f"where {CHILD} says 192.0.2.1, 2001:db8::1",
    ),
    "no delegation": (
        side(PARENT, rcode="NXDOMAIN"),
        SAME,
        f"{PARENT} does not delegate example.com any more: it answers NXDOMAIN "
        f"where it was {NS1}, {NS2}, as {CHILD} still says",
    ),
    "no servers": (
        side(PARENT),
        SILENT,
        f"{PARENT} does not delegate example.com any more: it answers NOERROR without NS records "
        f"where it was {NS1}, {NS2}",
    ),
}


@pytest.mark.parametrize(("parent", "child", "detail"), CASES.values(), ids=CASES)
def test_failing(parent: Side, child: Side | NetworkFailure, detail: str) -> None:
    """The sentence says what the parent says, what it said before, and what the child says."""
    finding = judge(ZONE, parent, child, KNOWN)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.DELEGATION)
    assert finding.detail == detail


@pytest.mark.parametrize("child", [SILENT, side(CHILD), SAME])
def test_no_delegation_is_never_well(child: Side | NetworkFailure) -> None:
    """A zone without delegation fails, also where nothing is known and the child has no word."""
    assert judge(ZONE, side(PARENT), child, None).reason is Reason.DELEGATION


@pytest.mark.parametrize(
    ("parent", "child", "known", "changed", "agrees"),
    [
        (GOOD, SAME, None, None, True),
        (GOOD, SILENT, KNOWN, False, None),
        (side(PARENT, EVIL), SAME, KNOWN, True, False),
        (side(PARENT, EVIL), SAME, None, None, False),
        (side(PARENT), SAME, None, True, False),
        (side(PARENT, EVIL), side(CHILD, EVIL), KNOWN, True, True),
        (GOOD, side(CHILD, NS1), KNOWN, False, False),
        (side(PARENT, NS1, NS2, ns1="192.0.2.9"), SILENT, KNOWN, True, None),
    ],
)
def test_facts_of_a_deviation(
    parent: Side,
    child: Side | NetworkFailure,
    known: tuple[str, ...] | None,
    changed: bool | None,
    agrees: bool | None,
) -> None:
    """Whether it changed and whether the child agrees are told apart, and only where known.

    A zone that is delegated no more has changed, whatever is known.
    """
    facts = judge(ZONE, parent, child, known).facts
    assert (facts.get("changed"), facts.get("agrees")) == (changed, agrees)


@pytest.mark.parametrize(("parent", "child"), [(SILENT, SAME), (GOOD, SILENT), (SILENT, SILENT)])
def test_who_cannot_be_asked(parent: Side | NetworkFailure, child: Side | NetworkFailure) -> None:
    """Where a side cannot be asked and nothing else is wrong we do not know."""
    finding = judge(ZONE, parent, child, KNOWN)
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.TIMEOUT)
    assert "nobody answers" in finding.detail


@pytest.mark.parametrize(
    ("parent", "known"),
    [
        (side(PARENT, NS1, NS2), KNOWN),
        (GOOD, (NS1, NS2)),
    ],
    ids=["answers as the child", "was never told"],
)
def test_glue_that_is_not_told(parent: Side, known: tuple[str, ...]) -> None:
    """A side that says nothing of addresses is compared by names alone."""
    assert judge(ZONE, parent, SAME, known).verdict is Verdict.OK


NAMES = st.frozensets(st.sampled_from([NS1, NS2, EVIL, "ns3.example.com"]), min_size=1)
ADDRESSES = st.frozensets(st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]), min_size=1)


@st.composite
def sides(draw: st.DrawFn, called: str = PARENT) -> Side:
    """Return a side with addresses of some of its names."""
    names = draw(NAMES)
    inside = sorted(name for name in names if name.endswith(ZONE))
    told = draw(st.lists(st.sampled_from(inside), unique=True)) if inside else []
    return Side(called=called, names=names, addresses={name: draw(ADDRESSES) for name in told})


@given(sides(), st.randoms())
def test_texts_are_a_set(parent: Side, shuffle: object) -> None:
    """The texts of a delegation bring it back, in whatever order they are kept."""
    texts = list(parent.texts)
    shuffle.shuffle(texts)  # type: ignore[attr-defined]
    again = recall(texts)
    assert (again.names, again.addresses) == (parent.names, parent.addresses)
    assert judge(ZONE, parent, parent, texts).verdict is Verdict.OK


@given(sides(), sides(CHILD), st.none() | sides().map(lambda one: one.texts))
def test_failing_exactly_when_something_deviates(
    parent: Side, child: Side, known: tuple[str, ...] | None
) -> None:
    """It fails for a change or a disagreement and for nothing else, and says where."""
    finding = judge(ZONE, parent, child, known)
    deviates = finding.facts.get("changed") is True or finding.facts["agrees"] is False
    assert (finding.verdict is Verdict.FAILING) == deviates
    assert (" where " in finding.detail) == deviates


@pytest.mark.parametrize(
    ("parent", "changed"),
    [
        (side(PARENT, NS1, NS2, ns1="192.0.2.1"), False),
        (side(PARENT, NEW), False),
        (side(PARENT, NS1, NEW, ns1="192.0.2.1"), False),
        (side(PARENT, NS2), False),
        (side(PARENT, NS1, EVIL, ns1="192.0.2.1"), True),
        (side(PARENT, EVIL), True),
        (side(PARENT, NS1, NEW, ns1="203.0.113.66"), True),
        (side(PARENT, rcode="NXDOMAIN"), True),
    ],
)
def test_a_move_among_declared_servers_is_no_change(parent: Side, changed: bool) -> None:
    """What the config allows may come and go; a stranger, another address or no server may not."""
    facts = judge(ZONE, parent, SAME, KNOWN, declared=[NS1, NS2, NEW]).facts

    assert facts["changed"] is changed
    assert judge(ZONE, parent, SAME, KNOWN).facts["changed"] is (parent.texts != KNOWN)


ASKED = ask(ZONE, "NS", recursive=False, dnssec_ok=True)
REFERRAL = (f"{ZONE}. 60 IN NS NS1.example.com.", f"{ZONE}. 60 IN NS {NS2}.")
GLUE = (
    "ns1.example.com. 60 IN A 192.0.2.1",
    "ns1.example.com. 60 IN AAAA 2001:db8::1",
    f"{NS2}. 60 IN A 192.0.2.2",
    "www.example.com. 60 IN A 192.0.2.3",
)


def replied(
    answer: tuple[str, ...] = (),
    authority: tuple[str, ...] = (),
    additional: tuple[str, ...] = (),
    *,
    aa: bool = True,
    rcode: int = 0,
) -> dns.message.Message:
    """Return a reply to ASKED."""
    wire = reply_to(
        query(ASKED),
        answer,
        authority,
        aa=aa,
        rcode=dns.rcode.Rcode.make(rcode),
        additional=additional,
    )
    return dns.message.from_wire(wire)


def test_parent_refers() -> None:
    """A referral is the delegation, with the glue of names below the zone and no other."""
    told = parent_side(replied((), REFERRAL, GLUE, aa=False), ASKED, PARENT)
    assert told == side(PARENT, NS1, NS2, ns1="192.0.2.1 2001:db8::1")
    told = parent_side(replied((), REFERRAL, GLUE[2:], aa=False), ASKED, PARENT)
    assert told == side(PARENT, NS1, NS2, ns1="")


def test_parent_has_the_zone_too() -> None:
    """Who answers as the child tells the names, and no glue."""
    for authority in ((), REFERRAL):
        told = parent_side(replied(REFERRAL, authority, GLUE), ASKED, PARENT)
        assert told == side(PARENT, NS1, NS2)


@pytest.mark.parametrize(("rcode", "text"), [(0, "NOERROR"), (3, "NXDOMAIN")])
def test_parent_denies(rcode: int, text: str) -> None:
    """An authoritative denial is a delegation to nobody."""
    told = parent_side(replied((), (SOA.format("com."),), rcode=rcode), ASKED, PARENT)
    assert told == side(PARENT, rcode=text)


UPWARD = (". 60 IN NS a.root.",)
BELOW = ("www.example.com. 60 IN NS ns1.example.com.",)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (replied(rcode=5), Reason.REFUSED),
        (replied(rcode=2), Reason.SERVFAIL),
        (replied(aa=False), Reason.LAME),
        (replied((), UPWARD, aa=False), Reason.LAME),
        (replied((), BELOW, aa=False), Reason.LAME),
        (replied((), (SOA.format("com."),), aa=False, rcode=3), Reason.LAME),
        (replied(REFERRAL, aa=False), Reason.LAME),
    ],
)
def test_no_word_of_a_parent(message: dns.message.Message, reason: Reason) -> None:
    """Errors, referrals elsewhere and what comes without authority are no delegation."""
    with pytest.raises(NetworkFailure) as caught:
        parent_side(message, ASKED, PARENT)
    assert caught.value.reason is reason
    assert PARENT in caught.value.detail


def test_child_answers() -> None:
    """The child's own NS set is in its answer, and counts only with authority."""
    assert child_side(replied(REFERRAL), ASKED, CHILD) == side(CHILD, NS1, NS2)
    assert child_side(replied((), (SOA.format(f"{ZONE}."),)), ASKED, CHILD) == side(CHILD)
    for message, reason in (
        (replied((), REFERRAL, aa=False), Reason.LAME),
        (replied(REFERRAL, aa=False), Reason.LAME),
        (replied(rcode=5), Reason.REFUSED),
    ):
        with pytest.raises(NetworkFailure) as caught:
            child_side(message, ASKED, CHILD)
        assert caught.value.reason is reason


def test_own_addresses() -> None:
    """The child speaks for a server's address only with authority: below a cut it is glue again."""
    asked = ask(NS1, "A", recursive=False, dnssec_ok=True)

    def read(*answer: str, aa: bool = True, rcode: int = 0) -> frozenset[str] | None:
        wire = reply_to(query(asked), answer, aa=aa, rcode=dns.rcode.Rcode.make(rcode))
        return own_addresses(dns.message.from_wire(wire), asked, CHILD)

    assert read(GLUE[0]) == {"192.0.2.1"}
    assert read() == read(rcode=3) == frozenset()
    assert read(aa=False) is None
    with pytest.raises(NetworkFailure):
        read(rcode=2)
