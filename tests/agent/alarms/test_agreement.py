"""The quorum: three values over failure domains, since when it holds, and who makes it up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.agreement import Distinct, Quorum, Vantage, WhenShort, share
from vedette.agent.alarms.alarm import UNDECIDED, Evidence

PROVIDERS = {"fra": "alfa", "ber": "alfa", "nyc": "bravo", "sgp": "charlie"}
QUORUM = Quorum("fra", {name: Vantage(name, of) for name, of in PROVIDERS.items()})
FALSE = Evidence(False)

evidences = st.one_of(
    st.sampled_from([FALSE, UNDECIDED]),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(
        lambda dates: Evidence(True, min(dates), max(dates))
    ),
)
ballots = st.dictionaries(st.sampled_from(sorted(PROVIDERS)), evidences)


def votes(**said: bool | None) -> dict[str, Evidence]:
    return {name: Evidence(holds) for name, holds in said.items()}


def by_definition(said: Mapping[str, bool | None], agree: int) -> bool | None:
    """Return what a quorum of *agree* says, by trying all that the undecided could be."""
    need = min(agree, len({PROVIDERS[name] for name in said}))
    outcomes = set()
    for guess in product([True, False], repeat=len(said)):
        whole = [
            g if known is None else known for g, known in zip(guess, said.values(), strict=True)
        ]
        agreeing = {PROVIDERS[name] for name, holds in zip(said, whole, strict=True) if holds}
        outcomes.add(len(agreeing) >= need)
    return outcomes.pop() if len(outcomes) == 1 else None


@pytest.mark.parametrize("agree", range(1, 5))
@pytest.mark.parametrize("count", range(1, 5))
def test_quorum_is_decided_when_the_undecided_cannot_turn_it(agree: int, count: int) -> None:
    """True with enough providers, False where the undecided could not make them, else undecided."""
    quorum = Quorum("fra", QUORUM.vantages, agree)
    names = list(PROVIDERS)[:count]
    for values in product([True, False, None], repeat=count):
        said = dict(zip(names, values, strict=True))
        assert quorum.judge(votes(**said)).holds is by_definition(said, agree), said


def test_a_vantage_that_is_not_configured_has_no_vote() -> None:
    """What a stranger says makes up no quorum, and a stranger or nobody decides nothing."""
    assert QUORUM.judge(votes(fra=True, nyc=False, stranger=True)).holds is False
    assert QUORUM.judge(votes(stranger=False)) == QUORUM.judge({}) == UNDECIDED


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"fra": (0, 60), "nyc": (20, 50)}, (20, 50)),
        ({"fra": (0, 60), "nyc": (20, 50), "sgp": (40, 40)}, (20, 50)),
        ({"fra": (30, 60), "ber": (0, 40), "nyc": (10, 50)}, (10, 40)),
        ({"fra": (0, 10), "nyc": (40, 60)}, (40, 40)),
        ({"fra": (0, 0), "nyc": (60, 60)}, (60, 60)),
    ],
    ids=str,
)
def test_quorum_holds_since_the_last_provider_needed(
    said: Mapping[str, tuple[int, int]], expected: tuple[int, int]
) -> None:
    """It began when the last provider needed began, and is as new as the oldest one needed."""
    evidence = QUORUM.judge({name: Evidence(True, *dates) for name, dates in said.items()})

    assert evidence == Evidence(True, *expected)


@given(ballots, st.randoms())
def test_order_of_votes_changes_nothing(ballot: Mapping[str, Evidence], random) -> None:
    """In whatever order vantages are asked, the quorum says the same since the same time."""
    shuffled = list(ballot.items())
    random.shuffle(shuffled)

    assert QUORUM.judge(dict(shuffled)) == QUORUM.judge(ballot)


@given(ballots, st.sampled_from(sorted(PROVIDERS)))
def test_a_bad_word_more_never_ends_a_fault(ballot: Mapping[str, Evidence], name: str) -> None:
    """One that was heard as well or undecided and now says so too never makes it less true."""
    order = [False, None, True]
    before = QUORUM.judge({**ballot, name: FALSE}).holds
    after = QUORUM.judge({**ballot, name: Evidence(True, 30, 30)}).holds

    assert order.index(after) >= order.index(before)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=4))
def test_one_bad_look_each_fills_no_hold(starts: Sequence[int]) -> None:
    """However far apart vantages looked, one bad look at each spans no time."""
    said = dict(zip(PROVIDERS, (Evidence(True, at, at) for at in starts), strict=False))
    evidence = QUORUM.judge(said)

    assert (evidence.holds, evidence.seen_at) == (True, evidence.began_at)


@pytest.mark.parametrize(
    ("names", "need"),
    [([], 1), (["fra"], 1), (["fra", "ber"], 1), (["fra", "nyc"], 2), (list(PROVIDERS), 2)],
    ids=str,
)
def test_no_more_are_needed_than_can_be_asked(names: Sequence[str], need: int) -> None:
    """One provider alone is enough where it is the only one; two are needed of any more."""
    assert QUORUM.need(names) == need


def test_share_counts_agents_that_know() -> None:
    """A share is of the vantages that say anything, and two of one provider are two of them."""
    assert share(votes(fra=True, ber=True, nyc=False, sgp=None)) == (2, 3)
    assert share({}) == (0, 0)


PLACED = {
    "fra": Vantage("fra", "alfa", "eu", "ops", 64501),
    "ber": Vantage("ber", "Alfa", "EU", "Ext", 64502),
    "ams": Vantage("ams", "bravo", "eu", "ops", 64502),
    "nyc": Vantage("nyc", "charlie", "us", "ext", 64503),
}


@pytest.mark.parametrize(
    ("distinct", "voices"),
    [
        (Distinct.PROVIDER, 3),
        (Distinct.ACCOUNT, 2),
        (Distinct.REGION, 2),
        (Distinct.ASN, 3),
        (Distinct.VANTAGE, 4),
    ],
)
def test_voices_are_by_the_domain_that_counts(distinct: Distinct, voices: int) -> None:
    """Agents that share the domain are one voice, and no more are needed than there are voices.

    However it is written: two names that differ in case alone are of the same.
    """
    quorum = Quorum("fra", PLACED, agree=9, distinct=distinct)

    assert quorum.need(PLACED) == voices
    for size in range(len(PLACED) + 1):
        for names in combinations(PLACED, size):
            said = {name: Evidence(name in names) for name in PLACED}
            assert quorum.judge(said).holds is (len(quorum.domains(names)) == voices)


def test_domains_that_are_not_known_are_one() -> None:
    """Who does not say where it is may be anywhere: it makes up no quorum with another such."""
    quorum = Quorum("a", {"a": Vantage("a", "x"), "b": Vantage("b", "y")}, distinct=Distinct.REGION)

    assert quorum.judge(votes(a=True, b=False)).holds is True
    assert quorum.need("ab") == 1


@pytest.mark.parametrize(
    ("live", "hold", "degrade"),
    [
        (["fra", "ams", "nyc"], (3, False), (3, False)),
        (["fra", "ber", "ams"], (3, True), (2, False)),
        (["fra", "ber"], (3, True), (1, False)),
        ([], (3, True), (1, True)),
    ],
)
def test_a_quorum_that_is_short_holds_or_degrades(
    live: list[str], hold: tuple[int, bool], degrade: tuple[int, bool]
) -> None:
    """It stays as it is, or as many are enough as are left; of nobody, one still must say so."""
    for when_short, expected in ((WhenShort.HOLD, hold), (WhenShort.DEGRADE, degrade)):
        quorum = Quorum("fra", PLACED, agree=3, when_short=when_short).left(live)
        assert (quorum.need(PLACED), quorum.is_short(live)) == expected


def test_a_service_may_have_a_quorum_of_its_own() -> None:
    """What is not said of a service is as for all."""
    own = replace(QUORUM, agree=3)
    quorum = replace(QUORUM, services={"shop": own})

    assert quorum.of("shop") is own
    assert quorum.of("bank") is quorum


@pytest.mark.parametrize(
    ("live", "says"),
    [
        (["fra", "nyc"], ""),
        (["fra", "ber"], "1 of the 2 providers that must agree sees the internet"),
        ([], "0 of the 2 providers that must agree see the internet"),
    ],
)
def test_a_shortage_in_words(live: list[str], says: str) -> None:
    """It says how many see, of how many of what are needed."""
    assert QUORUM.shortage(live) == (says and f"the fleet is short: {says}")
