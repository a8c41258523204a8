"""What looks at a page mean over several vantages: down, in a region, or for some."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import TIMING, seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.diagnoses import together
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict

OK, FAILING, UNKNOWN = Verdict
PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
DOWN, REGIONAL, DEGRADED = (
    Diagnosis.SERVICE_DOWN,
    Diagnosis.REGIONAL_FAILURE,
    Diagnosis.SERVICE_DEGRADED,
)
HERE = {
    "ams": Vantage("ams", "alfa", "eu"),
    "fra": Vantage("fra", "bravo", "eu"),
    "nyc": Vantage("nyc", "charlie", "us"),
    "sfo": Vantage("sfo", "delta", "us"),
    "sgp": Vantage("sgp", "echo", "asia"),
}
WELL, DEAD, PARTLY, LOST, BLIND = "well", "dead", "partly", "lost", "blind"
STIRRED, ONCE, JUST = "stirred", "once", "just"
"""How a page is: well, dead by name, dead at one address, not known; and a blind vantage. It failed
twice of late, or once, and is well now; or it has just begun to fail."""
DOUBTED, JUST_LOST, JUST_BLIND = "doubted", "just lost", "just blind"
"""It has just begun to fail for one that has yet to prove its sight, and to be not known."""
words = st.sampled_from([WELL, DEAD, PARTLY, LOST, BLIND, STIRRED, ONCE])
_FAILED_AT = {
    STIRRED: (-600, -300),
    ONCE: (-300,),
    JUST: (60,),
    DOUBTED: (60,),
    JUST_BLIND: (60,),
}


def ledger(word: str) -> Ledger:
    """Return what a vantage has looked at for a minute, for which the page is as *word* says."""
    made = Ledger()
    by_name = {DEAD: FAILING, LOST: UNKNOWN, BLIND: FAILING}.get(word, OK)
    by_address = FAILING if word == PARTLY else by_name
    for at in range(-600, 61, 30):
        now = FAILING if at in _FAILED_AT.get(word, ()) else by_name if at >= 0 else OK
        now = UNKNOWN if (word, at) == (JUST_LOST, 60) else now
        looks = [
            seen(at, now, key=PAGE, subject="shop.example", place="name"),
            seen(at, by_address if at >= 0 else OK, key=PAGE, subject="192.0.2.1", place="address"),
        ]
        made.add(PAGE, TIMING, looks)
        is_blind = (word == BLIND and at >= 0) or (word == JUST_BLIND and at == 60)
        sight = FAILING if is_blind else OK
        if (word, at) != (DOUBTED, 60):
            made.add(CONTROL, TIMING, [seen(at, sight, key=CONTROL, place="name")])
    return made


def judged(
    said: Mapping[str, str], vantages: Mapping[str, Vantage] = HERE
) -> Mapping[Diagnosis, Evidence]:
    """Return what is said of the page where it is for each vantage as *said*."""
    own = next(iter(said))
    asked = {name: vantages[name] for name in said}
    ledgers = {name: ledger(word) for name, word in said.items()}
    fleet = Fleet(ledgers, Quorum(own, asked), [CONTROL], now=60)
    what = together.Page(PAGE, TIMING.hold)
    return {diagnosis: judge(what, fleet) for diagnosis, judge in together.JUDGES.items()}


def given_for(**said: str) -> set[Diagnosis]:
    return {diagnosis for diagnosis, evidence in judged(said).items() if evidence.holds}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"ams": DEAD}, {DOWN}),
        ({"ams": PARTLY}, {DEGRADED}),
        ({"ams": DEAD, "nyc": DEAD}, {DOWN}),
        ({"ams": DEAD, "nyc": WELL}, set()),
        ({"ams": PARTLY, "nyc": WELL}, set()),
        ({"ams": PARTLY, "nyc": PARTLY}, {DEGRADED}),
        ({"ams": DEAD, "nyc": PARTLY}, {DEGRADED}),
        ({"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL}, {DOWN}),
        ({"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL, "sgp": WELL}, {REGIONAL}),
        ({"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL, "sgp": BLIND}, {DOWN}),
        ({"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL, "sgp": LOST}, {DOWN}),
        ({"ams": PARTLY, "fra": PARTLY, "nyc": WELL}, {REGIONAL}),
        ({"ams": PARTLY, "fra": PARTLY, "nyc": BLIND}, {DEGRADED}),
        ({"ams": PARTLY, "fra": PARTLY, "nyc": ONCE}, {REGIONAL}),
        ({"ams": PARTLY, "fra": PARTLY, "nyc": STIRRED}, {DEGRADED}),
        ({"ams": PARTLY, "fra": STIRRED, "nyc": WELL}, set()),
        ({"ams": PARTLY, "fra": PARTLY}, {DEGRADED}),
        ({"ams": DEAD, "nyc": DEAD, "fra": WELL, "sfo": WELL, "sgp": WELL}, {DEGRADED}),
        ({"ams": PARTLY, "fra": PARTLY, "nyc": PARTLY, "sfo": WELL}, {DEGRADED}),
        ({"ams": DEAD, "nyc": BLIND}, {DOWN}),
        ({"ams": BLIND, "nyc": BLIND}, set()),
        ({"ams": LOST, "nyc": LOST}, set()),
        ({"ams": WELL, "nyc": WELL}, set()),
    ],
    ids=lambda value: ",".join(value.values()) if isinstance(value, dict) else "",
)
def test_what_a_page_is(said: Mapping[str, str], expected: set[Diagnosis]) -> None:
    """Half of those that see make it down, one region is regional, and fewer are degraded."""
    assert given_for(**said) == expected


def test_it_is_down_since_half_of_them_say_so() -> None:
    """One bad look of a third does not make a fault of two of five as old as theirs."""
    for third, began_at in ((DEAD, 0), (JUST, 60)):
        said = {"ams": DEAD, "fra": DEAD, "nyc": third, "sfo": WELL, "sgp": WELL}
        assert judged(said)[DOWN] == Evidence(True, began_at, 60)


@pytest.mark.parametrize(
    ("lost", "began_at"), [(BLIND, 0), (LOST, 0), (JUST_BLIND, 60), (JUST_LOST, 60)]
)
def test_it_is_down_since_the_rest_knew_nothing(lost: str, began_at: float) -> None:
    """Where two of five are half of those that know, it is down since the fifth knows nothing."""
    said = {"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL, "sgp": lost}

    assert judged(said)[DOWN] == Evidence(True, began_at, 60)


def test_what_is_known_in_a_moment_is_waited_for() -> None:
    """While one more has yet to prove that it sees, two of five are no half, and go on as they do.

    With it they are three, since it began.
    """
    said = {"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL, "sgp": DOUBTED}

    assert judged(said)[DOWN] == UNDECIDED
    assert judged(said)[REGIONAL].holds
    assert judged({**said, "sgp": JUST})[DOWN] == Evidence(True, 60, 60)


def test_a_vantage_without_a_region_makes_nothing_regional() -> None:
    """What is in trouble for one whose region nobody knows is not the trouble of a region."""
    unplaced = {**HERE, "ams": Vantage("ams", "alfa"), "fra": Vantage("fra", "bravo")}
    said = {"ams": PARTLY, "fra": PARTLY, "nyc": WELL}
    holding = {
        diagnosis for diagnosis, evidence in judged(said, unplaced).items() if evidence.holds
    }

    assert holding == {DEGRADED}


def test_what_is_well_for_some_of_a_region_is_not_regional() -> None:
    """A page that is in trouble for two agents of a region, and not for a third, is degraded."""
    region = {name: replace(one, region="eu") for name, one in HERE.items()}
    evidence = judged({"ams": PARTLY, "fra": PARTLY, "nyc": WELL}, region)

    assert {diagnosis for diagnosis, one in evidence.items() if one.holds} == {DEGRADED}


def test_one_provider_of_a_region_is_not_a_region() -> None:
    """Two agents of one provider in one region are one voice, however bad they find the page."""
    same = {**HERE, "fra": Vantage("fra", "alfa", "eu")}
    evidence = judged({"ams": DEAD, "fra": DEAD, "nyc": WELL, "sfo": WELL}, same)

    assert not any(one.holds for one in evidence.values())


@pytest.mark.parametrize("count", range(1, 6))
def test_down_is_a_quorum_and_half_of_those_that_know(count: int) -> None:
    """For every fleet of well and dead vantages, down is two providers, or one alone, and half."""
    for said in product([WELL, DEAD], repeat=count):
        dead = said.count(DEAD)
        expected = dead >= min(2, count) and 2 * dead >= count
        holds = judged(dict(zip(HERE, said, strict=False)))[DOWN].holds
        assert holds is expected, said


@given(st.fixed_dictionaries(dict.fromkeys(HERE, words)))
def test_at_most_one_of_them_is_given(said: Mapping[str, str]) -> None:
    """A page is down, or in trouble in a region, or for some: never two of them at once."""
    assert len(given_for(**said)) <= 1


@given(st.fixed_dictionaries(dict.fromkeys(HERE, words)), st.permutations(list(HERE)))
def test_order_of_vantages_changes_nothing(said: Mapping[str, str], order: list[str]) -> None:
    """The same looks mean the same in whatever order vantages are asked, and whoever asks."""
    assert judged({name: said[name] for name in order}) == judged(said)


@given(
    st.fixed_dictionaries(dict.fromkeys(HERE, words)),
    st.sampled_from(sorted(HERE)),
)
def test_unknown_is_not_well(said: Mapping[str, str], name: str) -> None:
    """One that does not know, heard at last, may settle what was open, and overturns no decision.

    Down alone is of the share of those that know, which one more may turn.
    """
    before = judged({**said, name: LOST})
    after = judged({**said, name: WELL})

    assert not (before[DOWN].holds is False and after[DOWN].holds)
