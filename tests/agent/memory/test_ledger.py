"""What a series remembers, how long a look speaks for the present, what the ledger forgets."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, seen, series
from vedette.agent import composite, diagnoses
from vedette.agent.memory.ledger import JUDGED, CheckKey, Ledger
from vedette.agent.memory.looks import KEPT
from vedette.checks.finding import Kind, Observation, Verdict

OK, FAILING, UNKNOWN = Verdict


@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=100))
def test_series_dates_faults(verdicts: list[Verdict]) -> None:
    """A fault began at the first FAILING look after the last OK one; UNKNOWN moves no date."""
    made = series(*(seen(at, verdict) for at, verdict in enumerate(verdicts)))
    oks = [at for at, verdict in enumerate(verdicts) if verdict is OK]
    fails = [at for at, verdict in enumerate(verdicts) if verdict is FAILING]
    since = [at for at in fails if not oks or at > oks[-1]]

    assert made.ok_at == (oks[-1] if oks else None)
    assert made.failed_at == (fails[-1] if fails else None)
    assert made.failing_since == (since[0] if since else None)
    assert len(made.looks) == min(len(verdicts), KEPT)
    assert made.last.finding.verdict is verdicts[-1]


@given(st.lists(st.sampled_from(Verdict), min_size=1, max_size=100))
def test_trouble_ends_with_two_good_looks_in_a_row(verdicts: list[Verdict]) -> None:
    """It began at the first FAILING look after them, whatever could not be seen between."""
    made = series(*(seen(at, verdict) for at, verdict in enumerate(verdicts)))
    known = [(at, verdict) for at, verdict in enumerate(verdicts) if verdict is not UNKNOWN]
    well = [at for (_, one), (at, other) in pairwise(known) if one is other is OK]
    since = [at for at, verdict in known if verdict is FAILING and (not well or at > well[-1])]

    assert made.troubled_since == (since[0] if since else None)


@given(st.sampled_from(Verdict), st.floats(0, 5), st.floats(0, 1000))
def test_old_looks_are_unknown(verdict: Verdict, seconds: float, age: float) -> None:
    """A look speaks for the present until one successor may have been lost, then for nothing."""
    made = series(seen(1000, verdict, seconds=seconds))
    said = made.verdict(1000 + seconds + age)

    assert said is (verdict if age < TIMING.fresh_for - 0.001 else said)
    assert said is (UNKNOWN if age > TIMING.fresh_for + 0.001 else said)


def test_one_lost_look_is_no_gap() -> None:
    """A verdict outlives one lost round with its timeout, so that a hiccup hides nothing."""
    two_rounds = 2 * TIMING.every + TIMING.timeout

    assert series(seen(0, FAILING)).verdict(two_rounds) is FAILING


def test_failed_for_reads_the_newest_look() -> None:
    """Only the newest look's reason counts."""
    made = series(seen(0, "nodata"), seen(30, "timeout"))

    assert made.failed_for("timeout", "other")
    assert not made.failed_for("nodata")


def test_ledger_forgets_subjects_no_longer_named() -> None:
    """A subject that a round does not name is gone, and one that stays keeps its past."""
    ledger = Ledger()
    ledger.add(KEY, TIMING, [seen(0, FAILING, subject="a"), seen(0, subject="b")])
    ledger.add(KEY, TIMING, [seen(30, FAILING, subject="a"), seen(30, subject="c")])

    assert [s.subject for s in ledger.of(KEY)] == ["a", "c"]
    assert ledger.of(KEY)[0].failing_since == 0


def test_a_subject_is_one_of_its_place() -> None:
    """A server that is asked in two roles has two series, which do not mix their looks."""
    ledger = Ledger()
    for at in (0, 30):
        looks = [seen(at), seen(at, FAILING, place="recursive")]
        ledger.add(KEY, TIMING, looks)

    assert [(s.place, s.failing_since, len(s.looks)) for s in ledger.of(KEY)] == [
        ("authoritative", None, 2),
        ("recursive", 0, 2),
    ]


def test_ledger_lists_checks_in_one_order() -> None:
    """The order of checks does not depend on which looked first."""
    keys = [CheckKey("b", Kind.DNS, "x A"), CheckKey("a", Kind.HTTP, "y"), KEY]
    orders = []
    for some in (keys, keys[::-1]):
        ledger = Ledger()
        for key in some:
            ledger.add(key, TIMING, [seen(0, key=key)])
        orders.append([s.key for s in ledger])

    assert orders[0] == orders[1] == sorted(keys)


def test_unseen_check_has_no_series() -> None:
    """A check that nobody has looked at is empty, not an error."""
    assert Ledger().of(KEY) == ()


def test_a_failure_of_long_ago_is_no_beginning() -> None:
    """Two bad looks with nothing but stale silence between them do not span the time between."""
    late = TIMING.fresh_for + 1

    assert series(seen(0.0, FAILING), seen(late, FAILING)).failing_since == late
    assert series(seen(0.0, FAILING), seen(late - 1, FAILING)).failing_since == 0.0


def test_trouble_of_long_ago_is_no_beginning() -> None:
    """A good look bridges a time as well as a bad one, and one that could not be made does not."""
    late = TIMING.fresh_for + 1

    def since(*looks: tuple[float, Verdict]) -> float | None:
        return series(*(seen(at, verdict) for at, verdict in looks)).troubled_since

    assert since((0.0, FAILING), (late, FAILING)) == late
    assert since((0.0, FAILING), (30.0, UNKNOWN), (late, FAILING)) == late
    assert since((0.0, FAILING), (30.0, OK), (late, FAILING)) == 0.0
    assert since((0.0, FAILING), (30.0, OK), (late + 30, FAILING)) == late + 30


def versions(*looks: Observation) -> list[int]:
    """Return how much news a ledger had after each look."""
    ledger, told = Ledger(), []
    for look in looks:
        ledger.add(KEY, TIMING, [look])
        told.append(ledger.version)
    return told


def test_one_more_look_like_many_before_is_no_news() -> None:
    """After another, looks are news, as many as are counted; then only if they show another."""
    many = TIMING.failing.of + 1
    bad, later = seen(0.0, FAILING), [seen(30.0 * i) for i in range(1, many + 4)]

    assert versions(bad, *later) == [*range(1, many + 2), many + 1, many + 1, many + 1]
    last = [seen(30.0 * many, "nodata"), seen(30.0 * many, zone="example"), seen(30.0 * many + 999)]
    for other in last:
        assert versions(bad, *later[: many - 1], other)[-1] == many + 1


def test_what_was_never_otherwise_is_no_news() -> None:
    """Of what is well from the first look on only that look is news: nothing else is counted."""
    looks = [seen(30.0 * i) for i in range(4)]

    assert versions(*looks, seen(120.0, FAILING), seen(150.0)) == [1, 1, 1, 1, 2, 3]


def test_what_only_informs_is_no_news() -> None:
    """A TTL that counts down, as a resolver's does, has nothing judged anew."""
    told = versions(*(seen(30.0 * i, ttl=300 - i) for i in range(5)))

    assert told[-1] == 1


@pytest.mark.parametrize("apart", [30.0, 3000.0])
def test_what_only_informs_is_kept_of_the_newest_look(apart: float) -> None:
    """Looks that show the same share a finding, also those of a peer that looks more seldom."""
    made = series(*(seen(apart * i, ttl=300 - i) for i in range(5)))

    assert len({id(look.finding) for look in made.looks}) == 1
    assert (made.looks[0].finding.facts["ttl"], made.last.finding.facts["ttl"]) == (300, 296)


def test_every_fact_that_is_judged_is_compared() -> None:
    """A fact that a judge reads and the ledger does not compare would be judged late."""
    sources = [
        path.read_text()
        for package in (diagnoses, composite)
        for path in Path(package.__path__[0]).glob("*.py")
    ]
    read = {name for text in sources for name in re.findall(r'facts(?:\.get\(|\[)"(\w+)"', text)}

    assert read == set(JUDGED) - {"disturbed"}


def test_news_are_listed_since_a_version_newest_first() -> None:
    """Who has read up to a version is told of each check once that has news since."""
    other = KEY._replace(check="other.example A")
    ledger = Ledger()
    for at, (key, verdict) in enumerate(((KEY, FAILING), (other, FAILING), (KEY, OK))):
        ledger.add(key, TIMING, [seen(float(at), verdict, key=key)])

    assert ledger.news(0) == [KEY, other]
    assert ledger.news(2) == [KEY]
    assert ledger.news(3) == []


def test_what_comes_and_goes_is_kept_once() -> None:
    """Of looks that differ in what informs people alone one finding is kept, in a row or not."""
    verdicts = (OK, FAILING, OK, FAILING, FAILING, OK)
    made = series(*(seen(30 * i, v, detail=f"look {i}") for i, v in enumerate(verdicts)))

    assert [look.finding.detail for look in made.looks] == [f"look {i}" for i in (0, 1, 0, 1, 1, 0)]
    assert len(made.looks.findings()) == 2
    assert made.last.finding.detail == "look 5"
