"""Which looks mean what: majorities in three values, and a vantage's own sight."""

import math
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.test_ledger import KEY, TIMING, seen, series
from vedette.agent.alarm import Evidence, Memory, State, step
from vedette.agent.diagnoses import (
    Sight,
    prefix_withdrawn,
    record_emptied,
    service_down,
    sight,
    unless_blind,
)
from vedette.agent.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict

OK, FAILING, UNKNOWN = Verdict
EMPTY_WORDS = ("nodata", "nxdomain", "too_few")
STALE = "stale"
LATE = 10 * TIMING.fresh_for
CONTROLS = [CheckKey("controls", Kind.HTTP, f"https://{name}.example/") for name in "abcde"]


def servers(*words: str, place: str = "authoritative"):
    """Return one server per word: its newest look at LATE says so, a stale one's is long ago."""
    return [
        series(
            seen(0, "nodata", subject=f"{place} {i}", place=place)
            if word == STALE
            else seen(LATE, word, subject=f"{place} {i}", place=place)
        )
        for i, word in enumerate(words)
    ]


def by_definition(words: tuple[str, ...]) -> bool | None:
    """Return the majority of *words*, spelled out by trying all that the unknown could be."""
    empty = sum(word in EMPTY_WORDS for word in words)
    unknown = sum(word in (UNKNOWN, STALE) for word in words)
    could_be = {(empty + extra) * 2 > len(words) for extra in range(unknown + 1)}
    return could_be.pop() if len(could_be) == 1 else None


@pytest.mark.parametrize("count", range(1, 6))
def test_record_emptied_is_a_majority(count: int) -> None:
    """True with most servers empty, False where the unknown could not make it most, else None."""
    for words in combinations_with_replacement((OK, "nodata", "timeout", UNKNOWN, STALE), count):
        assert record_emptied(servers(*words), LATE).holds is by_definition(words), words


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        (["nodata", "nodata", OK, OK], False),
        (["nodata", "nxdomain", "too_few", OK], True),
        (["nodata", "nodata", UNKNOWN, OK], None),
        (["timeout", "timeout", "timeout", "timeout"], False),
        (["nodata", "timeout"], False),
        (["nodata", UNKNOWN], None),
        ([UNKNOWN, UNKNOWN], None),
        ([STALE, STALE, STALE], None),
        ([], None),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else str(value),
)
def test_record_emptied_table(words: list[str], holds: bool | None) -> None:
    """NODATA, NXDOMAIN and too few records count as empty; silence and half a vote do not."""
    assert record_emptied(servers(*words), LATE).holds is holds


def test_authoritative_servers_decide() -> None:
    """Where authoritative servers were asked, what resolvers say does not count."""
    resolvers = servers("nodata", "nodata", "nodata", place="resolver")

    assert record_emptied([*servers(OK), *resolvers], LATE).holds is False
    assert record_emptied([*servers(UNKNOWN), *resolvers], LATE).holds is None
    assert record_emptied(resolvers, LATE).holds is True


def test_service_down_is_by_name() -> None:
    """Results by address never say down, and never save a page that fails by name."""
    dead, fine = (servers(word, word, word, place="address") for word in (FAILING, OK))

    assert service_down(dead, LATE).holds is None
    assert service_down([*dead, *servers(OK, place="name")], LATE).holds is False
    assert service_down([*fine, *servers(FAILING, place="name")], LATE).holds is True


@pytest.mark.parametrize(
    ("word", "holds"), [("withdrawn", True), ("timeout", False), (OK, False), (UNKNOWN, None)]
)
def test_prefix_withdrawn_needs_its_reason(word: str, holds: bool | None) -> None:
    """A prefix is withdrawn only where the look says withdrawn."""
    assert prefix_withdrawn(servers(word, place="feed"), LATE).holds is holds


@given(st.lists(st.integers(0, 60), min_size=1, max_size=7))
def test_one_bad_look_each_spans_no_time(starts: list[int]) -> None:
    """However far apart servers are asked, one bad look at each fills no hold."""
    every = [series(seen(at, "nodata", subject=str(i))) for i, at in enumerate(starts)]
    evidence = record_emptied(every, 60.0)

    assert (evidence.holds, evidence.seen_at) == (True, evidence.began_at)


def test_majority_dates() -> None:
    """A majority began when its last needed server failed, and is as new as the oldest needed."""
    asked = [
        series(seen(0, "nodata", subject="a"), seen(60, "nodata", subject="a")),
        series(seen(20, "nodata", subject="b"), seen(50, "nodata", subject="b")),
        series(seen(40, OK, subject="c")),
    ]

    assert record_emptied(asked, 60) == Evidence(True, 20, 50)


def test_only_an_unbroken_fault_counts() -> None:
    """A good look between two bad ones starts the fault anew."""
    asked = [series(seen(0, "nodata"), seen(30, OK), seen(60, "nodata"))]

    assert record_emptied(asked, 60) == Evidence(True, 60, 60)


def controls(*words: str, at: float = LATE) -> Ledger:
    ledger = Ledger()
    for key, word in zip(CONTROLS, words, strict=False):
        if word != STALE:
            ledger.add(key, TIMING, [seen(at, word, key=key, place="name")])
    return ledger


@pytest.mark.parametrize(
    ("words", "blind"),
    [
        ([OK], False),
        ([FAILING], True),
        ([UNKNOWN], None),
        ([FAILING, OK], False),
        ([FAILING, FAILING, OK], True),
        ([FAILING, UNKNOWN, OK], None),
        ([FAILING, OK, OK], False),
        ([UNKNOWN, UNKNOWN, OK], None),
        ([STALE, OK, OK], False),
        ([STALE, STALE], None),
        ([FAILING, FAILING, OK, OK], False),
        ([FAILING, FAILING, FAILING, OK], True),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, list) else str(value),
)
def test_sight(words: list[str], blind: bool | None) -> None:
    """Blind when most controls fail, seeing when most cannot be failing, else undecided."""
    assert sight(controls(*words), CONTROLS[: len(words)], LATE).blind.holds is blind


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 1))
def test_one_bad_look_each_is_no_blindness(starts: list[int], hold: int) -> None:
    """However far apart controls are asked, one bad look at each pages nobody."""
    ledger, keys = Ledger(), CONTROLS[: len(starts)]
    for key, at in zip(keys, starts, strict=True):
        ledger.add(key, TIMING, [seen(at, FAILING, key=key, place="name")])
    blind = sight(ledger, keys, 60).blind

    assert blind.holds
    assert step(Memory(), blind, hold=hold, clear=60, now=60).state is not State.ALARM


def test_without_controls_we_trust_ourselves() -> None:
    """An agent without controls is never blind, and its sight is always proven."""
    seeing = sight(Ledger(), [], 0)
    fault = Evidence(True, 5, 10)

    assert seeing.blind.holds is False
    assert unless_blind(fault, seeing) == fault


def test_sight_is_proven_by_half_of_the_controls() -> None:
    """Sight is proven as late as half of the controls were seen well."""
    ledger = Ledger()
    for key, at in zip(CONTROLS, (10, 20, 30, 40), strict=False):
        ledger.add(key, TIMING, [seen(at, OK, key=key)])

    assert sight(ledger, CONTROLS[:4], 40).proven_at == 30
    assert sight(Ledger(), CONTROLS[:4], 40).proven_at == -math.inf


FAULT, FINE, NOTHING = Evidence(True, 100, 130), Evidence(False), Evidence(None)
BLIND, SEEING = Evidence(True, 0, 100), Evidence(False)


@pytest.mark.parametrize(
    ("evidence", "seeing", "holds"),
    [
        (FAULT, Sight(BLIND, 120), None),
        (FINE, Sight(BLIND, 120), None),
        (FAULT, Sight(NOTHING, 120), None),
        (FINE, Sight(NOTHING, 120), None),
        (FAULT, Sight(SEEING, 99), None),
        (FAULT, Sight(SEEING, 100), True),
        (FINE, Sight(SEEING, 0), False),
        (NOTHING, Sight(SEEING, 120), None),
    ],
)
def test_unless_blind(evidence: Evidence, seeing: Sight, holds: bool | None) -> None:
    """No vantage without sight judges anybody, and a fault needs sight proven since it began."""
    assert unless_blind(evidence, seeing).holds is holds


def test_key_reads_as_a_path() -> None:
    """A check's key is written service, kind, check."""
    assert str(KEY).split("/") == [KEY.service, KEY.kind, KEY.check]
