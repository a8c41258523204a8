"""How looks add up: majorities in three values, what combines them, and since when they hold."""

from dataclasses import replace
from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import KEY, TIMING, case, seen, series, voices
from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.diagnoses.bgp import given_by
from vedette.agent.diagnoses.view import Voice
from vedette.agent.diagnoses.votes import (
    at_least,
    both,
    either,
    failing,
    failing_for,
    fine,
    half,
    most,
)
from vedette.agent.looking.timing import Timing
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.finding import Kind, Verdict
from vedette.checks.settings import FailingSettings, Missing

OK, FAILING, UNKNOWN = Verdict
STALE = "stale"
LATE = 10 * TIMING.fresh_for
is_empty = failing_for("nodata", "nxdomain")
EARLY, LATER = Evidence(True, 10, 40), Evidence(True, 20, 30)
FALSE = Evidence(False)


def servers(*words: str) -> list[Voice]:
    """Return one server per word: its newest look at LATE says so, a stale one's is long ago."""
    looks = (seen(0, "nodata") if word == STALE else seen(LATE, word) for word in words)
    return voices(*map(series, looks), now=LATE)


def by_definition(words: tuple[str, ...], need: int) -> bool | None:
    """Return whether *need* of *words* are empty, by trying all that the unknown could be."""
    empty = sum(word in ("nodata", "nxdomain") for word in words)
    unknown = sum(word in (UNKNOWN, STALE) for word in words)
    could_be = {empty + extra >= need for extra in range(unknown + 1)}
    return could_be.pop() if len(could_be) == 1 else None


@pytest.mark.parametrize("count", range(1, 6))
def test_at_least_is_decided_when_the_unknown_cannot_turn_it(count: int) -> None:
    """True with enough votes, False where the unknown could not make them so, else undecided."""
    for words in combinations_with_replacement((OK, "nodata", "timeout", UNKNOWN, STALE), count):
        for need in range(1, count + 1):
            said = at_least(need, servers(*words), is_empty).holds
            assert said is by_definition(words, need), (words, need)


@pytest.mark.parametrize(
    ("count", "most_of", "half_of"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 3, 2), (5, 3, 3)]
)
def test_most_is_more_than_half(count: int, most_of: int, half_of: int) -> None:
    """A majority is more than half, and half of an odd number is rounded up."""
    for votes in range(count + 1):
        asked = servers(*["nodata"] * votes, *[OK] * (count - votes))

        assert most(asked, is_empty).holds is (votes >= most_of)
        assert half(asked, is_empty).holds is (votes >= half_of)


def test_nobody_asked_is_undecided() -> None:
    """Where nobody was asked, nothing is known, good or bad."""
    assert most([], failing) == half([], failing) == UNDECIDED


@given(st.lists(st.integers(0, 60), min_size=1, max_size=7))
def test_one_bad_look_each_spans_no_time(starts: list[int]) -> None:
    """However far apart servers are asked, one bad look at each fills no hold."""
    evidence = most(voices(*(series(seen(at, "nodata")) for at in starts), now=60), is_empty)

    assert (evidence.holds, evidence.seen_at) == (True, evidence.began_at)


def test_majority_dates() -> None:
    """A majority began when its last needed server failed, and is as new as the oldest needed."""
    asked = [
        series(seen(0, "nodata"), seen(60, "nodata")),
        series(seen(20, "nodata"), seen(50, "nodata")),
        series(seen(40, OK)),
    ]

    assert most(voices(*asked, now=60), is_empty) == Evidence(True, 20, 50)


@pytest.mark.parametrize(
    ("words", "began_at"),
    [
        (["nodata", OK, "nodata"], 60),
        (["nodata", UNKNOWN, "nodata"], 0),
        (["timeout", "nodata", "nxdomain"], 30),
        (["timeout", "timeout", "nodata"], 60),
        (["nodata", "timeout", "nodata"], 0),
        ([OK, "timeout", "nodata"], 60),
    ],
    ids=case,
)
def test_a_cause_began_with_the_first_look_that_gave_it(words: list[str], began_at: int) -> None:
    """Within an unbroken fault a cause counts from its own first look, not from another's."""
    asked = series(*(seen(30 * i, word) for i, word in enumerate(words)))

    assert most(voices(asked, now=60), is_empty) == Evidence(True, began_at, 60)


@pytest.mark.parametrize(
    ("words", "began_at"), [([OK, OK], 0), (["nodata", OK], 30), ([OK, "ttl", OK, OK], 60)]
)
def test_well_since_the_first_good_look(words: list[str], began_at: int) -> None:
    """What is well has been so since the first good look after the last bad one."""
    asked = series(*(seen(30 * i, word) for i, word in enumerate(words)))

    assert most(voices(asked, now=90), fine).began_at == began_at


def test_disregarded_looks_fill_no_hold() -> None:
    """What failed before sight came back does not count, though the looks are still there."""
    asked = series(seen(0, "nodata"), seen(30, "nodata"))
    asked.failing_since = None

    assert most(voices(asked, now=35), is_empty) == Evidence(True, 35, 35)


@pytest.mark.parametrize(("one", "other"), list(product((EARLY, FALSE, UNDECIDED), repeat=2)))
def test_both_and_either_are_those_of_three_values(one: Evidence, other: Evidence) -> None:
    """Undecided stays undecided just where the other part does not settle it (Kleene's logic)."""
    order = {False: 0, None: 1, True: 2}

    assert both(one, other).holds is min(one.holds, other.holds, key=order.__getitem__)
    assert either(one, other).holds is max(one.holds, other.holds, key=order.__getitem__)


def test_both_hold_since_the_last_began() -> None:
    """Two things hold together since the later one began, and while both were seen."""
    assert both(EARLY, LATER) == both(LATER, EARLY) == Evidence(True, 20, 30)
    assert both(EARLY, Evidence(True, 50, 90)) == Evidence(True, 50, 50)


def test_either_is_one_of_them_and_not_their_sum() -> None:
    """Single bad looks at two things, far apart, fill no hold together."""
    assert either(Evidence(True, 0, 0), Evidence(True, 60, 60)) == Evidence(True, 0, 0)
    assert either(LATER, EARLY) == EARLY
    assert either() == UNDECIDED


WORDS = {"x": "timeout", ".": OK, "?": UNKNOWN}


def going(
    pattern: str, every: float = 30.0, timing: Timing = TIMING, later: float = 0.0
) -> list[Voice]:
    """Return one server that was looked at as *pattern* says, as it stands *later*.

    x is a bad look, a dot a good one, ? one that could not be made; in a space nobody looked.
    """
    looks = [seen(every * i, WORDS[word]) for i, word in enumerate(pattern) if word != " "]
    return voices(series(*looks, timing=timing), now=every * (len(pattern) - 1) + later)


@pytest.mark.parametrize(
    ("pattern", "holds", "span"),
    [
        (".....", False, 0),
        ("..xx.", False, 0),
        (".xx.x", True, 90),  # three of five, and bad now
        ("xx.x.", True, 90),  # three of five, and well now
        ("xx.xx..", False, 0),  # two good looks after it: over
        ("xxxxx", True, 120),
        ("x....x", True, 0),  # one bad look is one bad look
    ],
)
def test_what_comes_and_goes_is_a_fault(pattern: str, holds: bool, span: float) -> None:
    """Three bad looks of the newest five are a fault, whatever lies between them."""
    evidence = most(going(pattern), failing)
    assert (evidence.holds, evidence.seen_at - evidence.began_at) == (holds, span)


def test_a_blip_seen_often_is_still_a_blip() -> None:
    """Eight bad seconds fill no hold of fifteen, however often it was looked in them."""
    evidence = most(going("xxxxxxxx..", every=1.0), failing)
    assert evidence.holds is True or evidence.holds is False
    assert evidence.seen_at - evidence.began_at < 15


@pytest.mark.parametrize(
    ("pattern", "holds", "span"),
    [
        ("xxxxxx.xxxxxxxxxx", True, 16),  # one good look amid bad ones is chance
        ("xxxxxx.xxxx.xxxx.", True, 15),  # also if it is the newest
        ("xxxxxx..xxxxxxxxx", True, 8),  # two in a row are none: it was over
        ("xxxxxx.?.xxxxxxxx", True, 7),  # in a row, as far as was seen
        ("xxxxxx.xxxxxxxx..", False, 0),
        ("x.x.x.x.x.x.x.x.x", True, 0),  # but so large a share must fail
        ("xx.x.xx.x.xx.x.xx", True, 16),
        ("xx.x.x.x.x", True, 9),  # 6 of 10
        ("xx.x.x.x.", False, 0),  # 5 of 9
    ],
)
def test_a_good_look_amid_bad_ones_begins_no_hold_anew(
    pattern: str, holds: bool, span: float
) -> None:
    """Of looks each second at what mostly fails one is well by chance: a fault would never hold."""
    evidence = most(going(pattern, every=1.0), failing)
    assert (evidence.holds, evidence.seen_at - evidence.began_at) == (holds, span)


@pytest.mark.parametrize(
    ("share", "is_fault"),
    [(0.05, False), (0.2, False), (0.4, False), (0.7, True), (0.8, True), (0.95, True)],
)
@given(st.integers(0, 100), st.sampled_from([2.0, 3.0, 5.0, 7.5]))
def test_a_share_is_a_fault_however_often_it_is_looked_at(
    share: float, is_fault: bool, first: int, spacing: float
) -> None:
    """Extra looks that go on, as others ask for them, neither hide a fault nor make one."""
    timing, made = replace(TIMING, every=15), []
    for n in range(first, first + 40):
        bad = int((n + 1) * share) != int(n * share)
        made.append(seen(spacing * n, "timeout" if bad else OK))
    evidence = most(voices(series(*made, timing=timing), now=made[-1].started_at), failing)
    spans = evidence.holds is True and evidence.seen_at - evidence.began_at >= timing.hold

    assert spans is is_fault


@pytest.mark.parametrize(
    ("looks", "of", "pattern", "holds", "span"),
    [
        (3, 5, "xx.x.", True, 90),
        (4, 5, "xx.x.", False, 0),
        (4, 5, "xxxx.", True, 90),
        (2, 3, "xx.", True, 30),
        (2, 3, "x.x.", False, 0),  # the first is beyond the newest three
        (1, 2, "x.", True, 0),  # one bad look spans no time, whoever counts it
        (5, 5, "xxxx", True, 90),  # what goes on is a fault by its hold alone
        (60, 60, "x" * 59 + ".", False, 0),
    ],
)
def test_how_many_of_how_many_is_the_check_s_to_say(
    looks: int, of: int, pattern: str, holds: bool, span: float
) -> None:
    """M of N says when what comes and goes is a fault."""
    timing = replace(TIMING, failing=FailingSettings(looks=looks, of=of))
    evidence = most(going(pattern, timing=timing), failing)
    assert (evidence.holds, evidence.seen_at - evidence.began_at) == (holds, span)


def missing(how: Missing, pattern: str, later: float = 0.0) -> Evidence:
    return most(going(pattern, timing=replace(TIMING, missing=how), later=later), failing)


@pytest.mark.parametrize("pattern", ["?", ".?", "x?", "??", "x??x?"])
@pytest.mark.parametrize(
    ("how", "holds"),
    [
        (Missing.BREACHING, True),
        (Missing.NOT_BREACHING, False),
        (Missing.IGNORE, None),
        (Missing.MISSING, None),
    ],
)
def test_what_could_not_be_seen(how: Missing, holds: bool | None, pattern: str) -> None:
    """It is bad, or good, only where the user said so."""
    assert missing(how, pattern).holds is holds


@pytest.mark.parametrize("how", [*Missing])
@pytest.mark.parametrize("pattern", [".", "x", "xx", ".x", "x.", "x.xx.", "xx....."])
def test_what_was_seen_is_the_same_however_the_rest_is_taken(how: Missing, pattern: str) -> None:
    """Where every look could be made, the setting changes nothing."""
    assert missing(how, pattern) == most(going(pattern), failing)


@pytest.mark.parametrize(
    ("pattern", "span"),
    [
        ("??", 30),
        ("x?", 30),
        ("?x", 30),
        (".?", 0),
        ("?.?", 0),
        ("?.??", 90),  # three of five
        ("?     ?", 0),  # the machine slept in between
        ("??    ??", 30),
    ],
)
def test_since_when_it_could_not_be_seen(pattern: str, span: float) -> None:
    """Breaching holds from the first look that failed or could not be made, without a gap."""
    evidence = missing(Missing.BREACHING, pattern)
    assert (evidence.holds, evidence.seen_at - evidence.began_at) == (True, span)


@pytest.mark.parametrize("pattern", [".", "x", "?", "xx", "??", ".?"])
def test_that_nobody_looked_for_long_fills_no_hold(pattern: str) -> None:
    """A machine that slept is no fault: breaching then holds, and since no time at all."""
    evidence = missing(Missing.BREACHING, pattern, later=3600)
    assert (evidence.holds, evidence.seen_at) == (True, evidence.began_at)


def test_what_came_and_went_before_a_sleep_fills_no_hold() -> None:
    """Two bad looks of the evening and one of the morning are not three of five."""
    evidence = most(going(".xx" + " " * 100 + "x"), failing)
    assert (evidence.holds, evidence.seen_at) == (True, evidence.began_at)


@pytest.mark.parametrize("kind", [*Kind])
def test_breaching_says_nothing_of_why(kind: Kind) -> None:
    """A look that could not be made is one that timed out, and no other diagnosis."""
    key = KEY._replace(kind=kind)
    timing = replace(TIMING, missing=Missing.BREACHING)
    voice = voices(series(seen(0, UNKNOWN, key=key), key=key, timing=timing), now=0)

    assert most(voice, failing).holds is True
    assert most(voice, is_empty).holds is False
    assert most(voice, failing_for("timeout")).holds is (kind is not Kind.BGP)
    for reason in BgpReason if kind is Kind.BGP else ():
        assert given_by(reason)(voice).holds is None
