"""Whether a vantage sees the internet: its controls, and what they allow it to say."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.agent.observations import TIMING, case, seen
from vedette.agent.alarms.alarm import Evidence, Memory, State, step
from vedette.agent.diagnoses.sight import Sight, blindness, proven_at, unless_blind
from vedette.agent.diagnoses.view import View
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict

OK, FAILING, UNKNOWN = Verdict
STALE = "stale"
LATE = 10 * TIMING.fresh_for
CONTROLS = [CheckKey("controls", Kind.HTTP, f"https://{name}.example/") for name in "abcde"]
NAME = CheckKey("controls", Kind.DNS, "other.example A")


def controls(*words: str, at: float = LATE, times: int = 2) -> Ledger:
    ledger = Ledger()
    for key, word in zip(CONTROLS, words, strict=False):
        for n in range(times if word != STALE else 0):
            ledger.add(key, TIMING, [seen(at - times + 1 + n, word, key=key, place="name")])
    return ledger


@pytest.mark.parametrize(
    ("words", "blind"),
    [
        ([OK], False),
        ([FAILING], True),
        ([UNKNOWN], True),
        ([FAILING, OK], False),
        ([FAILING, FAILING, OK], True),
        ([FAILING, UNKNOWN, OK], True),
        ([FAILING, STALE, OK], None),
        ([FAILING, OK, OK], False),
        ([UNKNOWN, UNKNOWN, OK], True),
        ([UNKNOWN, OK, OK], False),
        ([STALE, OK, OK], False),
        ([STALE, STALE], None),
        ([FAILING, FAILING, OK, OK], False),
        ([FAILING, FAILING, FAILING, OK], True),
    ],
    ids=case,
)
def test_sight(words: list[str], blind: bool | None) -> None:
    """Blind when most controls fail or could not be looked at, seeing when most cannot be so."""
    assert blindness(View(controls(*words), LATE), CONTROLS[: len(words)]).holds is blind


def test_one_look_that_could_not_be_made_is_no_blindness() -> None:
    """A control that is not known now and then puts nothing off: two looks in a row must say so."""
    assert blindness(View(controls(UNKNOWN, times=1), LATE), CONTROLS[:1]).holds is None


@pytest.mark.parametrize(("word", "blind"), [(OK, False), ("timeout", True)])
def test_only_servers_prove_sight(word: str, blind: bool) -> None:
    """What servers are held against, and a control's own signatures, say nothing of our sight."""
    ledger = Ledger()
    compared = [
        seen(LATE, "bogus" if word is OK else OK, key=NAME, subject=place, place=place)
        for place in ("agreement", "delegation", "dnssec")
    ]
    ledger.add(NAME, TIMING, [seen(LATE, word, key=NAME), *compared])
    view = View(ledger, LATE)

    assert blindness(view, [NAME]).holds is blind
    assert proven_at(view, [NAME]) == (-math.inf if blind else LATE)


@pytest.mark.parametrize(
    ("words", "blind"),
    [
        ([UNKNOWN, FAILING], True),
        ([UNKNOWN, UNKNOWN, FAILING], True),
        ([UNKNOWN, OK], False),
        ([UNKNOWN, UNKNOWN, OK], None),
        ([UNKNOWN, UNKNOWN, OK, FAILING], None),
    ],
    ids=case,
)
def test_an_agent_that_starts_blind_is_blind(words: list[str], blind: bool | None) -> None:
    """Servers that it could not even look for do not keep it from saying so."""
    ledger = Ledger()
    subjects = [seen(LATE, word, key=NAME, subject=f"{n}") for n, word in enumerate(words)]
    ledger.add(NAME, TIMING, subjects)

    assert blindness(View(ledger, LATE), [NAME]).holds is blind
    assert blindness(View(ledger, LATE + 2 * TIMING.fresh_for), [NAME]).holds is None


@given(st.lists(st.integers(0, 60), min_size=1, max_size=5), st.integers(0, 1))
def test_one_bad_look_each_is_no_blindness(starts: list[int], hold: int) -> None:
    """However far apart controls are asked, one bad look at each pages nobody."""
    ledger, keys = Ledger(), CONTROLS[: len(starts)]
    for key, at in zip(keys, starts, strict=True):
        ledger.add(key, TIMING, [seen(at, FAILING, key=key, place="name")])
    blind = blindness(View(ledger, 60), keys)

    assert blind.holds
    assert step(Memory(), blind, hold=hold, clear=60, now=60).state is not State.ALARM


def test_without_controls_we_trust_ourselves() -> None:
    """An agent without controls is never blind, and its sight is always proven."""
    view = View(Ledger(), 0)

    assert blindness(view, []).holds is False
    assert proven_at(view, []) == math.inf


subjects = st.lists(st.tuples(st.integers(1, 9), st.sampled_from(Verdict)), min_size=1)


@given(st.lists(subjects.filter(lambda said: len(said) < 5), max_size=5))
@example([[(at, OK)] for at in (1, 2, 3, 4)])
def test_sight_is_proven_by_half_of_the_controls(said: list[list[tuple[int, Verdict]]]) -> None:
    """It is as late as half of the controls were seen well, each by half of its subjects.

    One that fails now, or may, proves nothing, however well it was before.
    """
    ledger, keys = Ledger(), CONTROLS[: len(said)]
    for key, control in zip(keys, said, strict=True):
        for looks in ([(0, OK)] * len(control), control):
            round_ = [seen(at, w, key=key, subject=f"{n}") for n, (at, w) in enumerate(looks)]
            ledger.add(key, TIMING, round_)

    def proves(control: list[tuple[int, Verdict]], since: int) -> bool:
        well = [at for at, word in control if word is OK]
        return 2 * sum(at >= since for at in well) >= len(control)

    proven = [at for at in range(10) if 2 * sum(proves(one, at) for one in said) >= len(said)]
    expected = max(proven, default=-math.inf) if said else math.inf
    assert proven_at(View(ledger, 10), keys) == expected


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
