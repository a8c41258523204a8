"""What is read off a round: whose answers count, when they are good, and the delegation."""

import pytest

from tests.agent.observations import seen, series
from vedette.agent.memory.lastgood import DELEGATION, LastKnownGood
from vedette.agent.memory.ledger import Series
from vedette.agent.memory.rounds import answers_of, deciding
from vedette.checks.dns.delegation import Side, judge
from vedette.checks.finding import Fact, Finding, Verdict

OK, FAILING, UNKNOWN = Verdict
A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def server(
    word: Verdict | str, *answers: str, place: str = "authoritative", at: float = 0
) -> Series:
    return series(seen(at, word, subject=f"{place} {answers}", place=place, answers=answers))


ALIAS = series(seen(0, chain=("www.shop.example -> edge.example",), count=0))


def compared(word: Verdict | str, place: str) -> Series:
    return series(seen(0, word, subject="all of them", place=place))


@pytest.mark.parametrize(
    ("places", "decide"),
    [
        (["authoritative", "recursive", "dnssec"], ["authoritative"]),
        (["dnssec", "recursive", "recursive"], ["recursive", "recursive"]),
        (["parent", "dnssec"], ["parent", "dnssec"]),
        ([], []),
    ],
)
def test_who_decides(places: list[str], decide: list[str]) -> None:
    """Authorities decide about a record, without any resolvers do, and without those all asked."""
    asked = [series(seen(0, place=place)) for place in places]

    assert [s.place for s in deciding(asked)] == decide


@pytest.mark.parametrize(
    ("aliases", "decides"),
    [(2, "recursive"), (1, "authoritative")],
    ids=["most", "half"],
)
def test_resolvers_decide_behind_an_alias(aliases: int, decides: str) -> None:
    """Where most authorities say only that the name is an alias, those who follow it decide."""
    chain = ("www.shop.example -> edge.example",)
    servers = [
        series(seen(0, chain=chain if n < aliases else (), count=0 if n < aliases else 1))
        for n in range(2)
    ]
    resolver = series(seen(0, place="recursive", chain=chain, count=1))

    assert {s.place for s in deciding([*servers, resolver])} == {decides}
    assert list(deciding(servers)) == servers


@pytest.mark.parametrize(
    ("servers", "answers"),
    [
        ([server(OK, B, A)], {A, B}),
        ([server(OK, A), server(OK, B)], {A, B}),
        ([server(OK, A), server("nodata")], None),
        ([server(OK, A), server(UNKNOWN)], None),
        ([server(OK, A), server(OK, B), server("nodata", C)], {A, B}),
        ([server("nodata", C)], None),
        ([server(OK)], set()),
        ([], None),
        ([server("nodata"), server(OK, A, place="recursive")], None),
        ([server(OK, A), server("nodata", place="recursive")], {A}),
        ([server(OK, A, place="recursive"), server("nodata", place="parent")], {A}),
        ([server(OK, A, place="parent")], {A}),
        ([ALIAS, server(OK, A, place="recursive")], {A}),
        ([ALIAS, server("nodata", place="recursive")], None),
        ([server(OK, A), compared("disagree", "agreement")], None),
        ([server(OK, A), compared("serial_lag", "agreement")], {A}),
        ([server(OK, A), compared("bogus", "dnssec")], None),
        ([server(OK, A), compared("signature_expiring", "dnssec")], {A}),
        ([server(OK, A), compared(UNKNOWN, "dnssec")], {A}),
        ([server(OK, A), compared(FAILING, "delegation")], {A}),
        ([server(OK, A, at=-1e6)], None),
    ],
    ids=[
        "one", "joined", "half is not most", "unknown is not good", "most", "failing", "empty",
        "nobody", "authoritative servers decide", "resolvers do not then", "resolvers without them",
        "else all", "behind an alias", "nothing behind an alias", "disputed", "serials apart",
        "bogus", "expiring", "not validated", "delegation is apart", "long ago",
    ],
)  # fmt: skip
def test_good_needs_most_of_those_who_decide(
    servers: list[Series], answers: set[str] | None
) -> None:
    """A round is good while most deciding servers are well and nothing is bogus or disputed."""
    good = answers_of(servers, 0).good

    assert (None if good is None else {one for some in good.values() for one in some}) == answers


def test_failing_servers_show_too() -> None:
    """What a failing server answers can be an old set come back, so it is told apart from good."""
    both = answers_of([server(OK, A), server(OK, B), server("timeout", C)], 0)

    assert sorted(both.shown.values(), key=sorted) == [{A}, {B}, {C}]
    assert C not in {one for some in both.good.values() for one in some}


def delegation(word: Verdict | str, **facts: Fact) -> Series:
    facts = {"zone": "shop.example", "agrees": True, "delegation": ("ns1", "ns2"), **facts}
    return series(seen(0, word, subject="delegation of shop.example", place="delegation", **facts))


@pytest.mark.parametrize(
    ("round_", "known"),
    [
        ([delegation(OK)], ("ns1", "ns2")),
        ([delegation(FAILING, changed=True)], ("ns1", "ns2")),
        ([delegation(FAILING, agrees=False)], ("ns1", "ns2")),
        ([delegation(FAILING, agrees=False, changed=False)], None),
        ([delegation(FAILING, agrees=False, changed=True)], None),
        ([delegation(UNKNOWN)], None),
        ([delegation(OK, delegation=())], None),
        ([delegation(OK), compared("bogus", "dnssec")], None),
        ([delegation(OK), compared("signature_expiring", "dnssec")], ("ns1", "ns2")),
        ([server(OK, A)], None),
    ],
    ids=[
        "agrees", "changed", "disputed, and nothing is known", "still disputed",
        "changed and disputed", "unknown", "empty", "bogus", "expiring", "not looked at",
    ],
)  # fmt: skip
def test_a_delegation_is_learnt_where_parent_and_child_agree(
    round_: list[Series], known: tuple[str, ...] | None
) -> None:
    """The delegation ripens like answers, also a changed one, unless it is bogus.

    One that is disputed does so where no other is known.
    """
    good = LastKnownGood(after=10)
    for now in (0, 10):
        good.learn("api.shop.example A", round_, now)

    assert good.delegation("shop.example") == known
    assert (good.of("shop.example", DELEGATION) is None) == (known is None)


def test_a_delegation_that_parent_and_child_never_agreed_on_is_guarded_too() -> None:
    """Where the child always named a server more, a move to strangers who agree is a change."""
    good = LastKnownGood(after=10)

    def looked(now: float, parent: set[str], child: set[str]) -> Finding:
        sides = (Side(called="it", names=frozenset(names)) for names in (parent, child))
        found = judge("shop.example", *sides, good.delegation("shop.example"))
        look = seen(now, found.reason or OK, subject="it", place="delegation", **found.facts)
        good.learn("shop.example NS", [series(look)], now)
        return found

    for now in (0, 10, 20):
        assert looked(now, {"ns1", "ns2"}, {"ns1", "ns2", "ns3"}).facts.get("changed") is not True
    assert looked(30, {"stranger"}, {"stranger"}).facts["changed"] is True


def test_answers_and_delegation_are_learnt_apart() -> None:
    """A changed delegation does not keep the answers from ripening, nor the other way round."""
    good = LastKnownGood(after=10)
    for now in (0, 10):
        good.learn("api.shop.example A", [server("nodata"), delegation(OK)], now)
        good.learn("www.shop.example A", [server(OK, A), delegation(OK)], now)

    assert (good.addresses("api.shop.example"), good.addresses("www.shop.example")) == ((), (A,))
    assert good.delegation("shop.example") == ("ns1", "ns2")
