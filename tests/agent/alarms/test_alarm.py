"""One alarm's arithmetic: holds, clears, and what undecided time is worth."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, Memory, State, step

GOOD = Evidence(False)
times = st.integers(0, 1000).map(float)
memories = st.builds(
    Memory,
    state=st.sampled_from(State),
    began_at=times,
    good_for=times,
    stepped_at=st.none() | times,
)


def bad(began_at: float, seen_at: float) -> Evidence:
    return Evidence(True, began_at, seen_at)


def after(evidence: list[tuple[float, Evidence]], hold: float = 15, clear: float = 60) -> Memory:
    """Return what an alarm in ALARM remembers after *evidence*, given by time."""
    memory = Memory(State.ALARM, began_at=1.0)
    for now, one in evidence:
        memory = step(memory, one, hold=hold, clear=clear, now=now)
    return memory


@given(memories, times, times, st.lists(times))
def test_undecided_changes_only_the_date(
    memory: Memory, hold: float, clear: float, nows: list[float]
) -> None:
    """However long evidence stays undecided, state, fault and good time stay as they were."""
    stepped = memory
    for now in nows:
        stepped = step(stepped, UNDECIDED, hold=hold, clear=clear, now=now)

    assert replace(stepped, stepped_at=memory.stepped_at) == memory


@given(memories, times, times, times)
def test_one_bad_look_alarms_nobody(memory: Memory, at: float, hold: float, later: float) -> None:
    """One bad look spans no time and fills no hold, not even 0, however late it is judged."""
    stepped = step(memory, bad(at, at), hold=hold, clear=0, now=at + later)

    assert stepped.state is memory.state


@given(st.sampled_from([State.OK, State.INSUFFICIENT_DATA]), times, times, times)
def test_alarm_needs_hold(state: State, began: float, span: float, hold: float) -> None:
    """An alarm starts exactly when its bad looks span more than nothing and at least hold."""
    now = began + span
    stepped = step(Memory(state), bad(began, now), hold=hold, clear=60, now=now)

    assert (stepped.state is State.ALARM) == (span > 0 and span >= hold)
    assert stepped.state in {state, State.ALARM}


def test_alarm_dates_the_fault_not_the_step() -> None:
    """An alarm began when its first bad look did."""
    stepped = step(Memory(), bad(100, 130), hold=15, clear=60, now=137)

    assert (stepped.state, stepped.began_at) == (State.ALARM, 100)


@given(memories.filter(lambda m: m.state is not State.ALARM), times, times)
def test_good_is_ok_at_once_outside_alarm(memory: Memory, clear: float, now: float) -> None:
    """Where there was no alarm, good evidence needs no time to be believed."""
    assert step(memory, GOOD, hold=15, clear=clear, now=now).state is State.OK


@pytest.mark.parametrize(
    ("evidence", "state"),
    [
        ([(0, GOOD), (59, GOOD)], State.ALARM),
        ([(0, GOOD), (60, GOOD)], State.OK),
        ([(0, GOOD), (30, GOOD), (90, UNDECIDED), (119, GOOD)], State.ALARM),
        ([(0, GOOD), (30, GOOD), (90, UNDECIDED), (120, GOOD)], State.OK),
        ([(0, GOOD), (59, GOOD), (59.5, bad(59, 59)), (60, GOOD)], State.ALARM),
        ([(0, GOOD), (500, UNDECIDED), (501, GOOD)], State.ALARM),
        ([(0, GOOD), (40, GOOD), (10, GOOD), (20, GOOD)], State.ALARM),
        ([(0, GOOD), (40, GOOD), (10, GOOD), (30, GOOD)], State.OK),
    ],
    ids=[
        "a second short",
        "long enough",
        "undecided time is not good",
        "good time before and after undecided time adds up",
        "one bad look starts it anew",
        "a long undecided gap",
        "a clock set back gives nothing",
        "a clock set back takes nothing",
    ],
)
def test_resolve_needs_good_time(evidence: list[tuple[float, Evidence]], state: State) -> None:
    """An alarm ends after `clear` seconds of good in all, since the newest bad look."""
    assert after(evidence).state is state


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from([GOOD, UNDECIDED, bad(0, 0)]))))
def test_clear_counts_exactly_the_good_seconds(timeline: list[tuple[int, Evidence]]) -> None:
    """An alarm's good time is the sum of the intervals that ended well since the last bad look."""
    memory, now, good = Memory(State.ALARM, stepped_at=0.0), 0.0, 0.0
    for seconds, evidence in timeline:
        now += seconds
        memory = step(memory, evidence, hold=15, clear=1e9, now=now)
        if evidence.holds is not None:
            good = 0.0 if evidence.holds else good + seconds

        assert memory.good_for == good


def test_time_asleep_is_not_good() -> None:
    """An alarm that wakes without a date counts no time before its first step."""
    memory = Memory(State.ALARM, began_at=1, good_for=10, stepped_at=None)

    assert step(memory, GOOD, hold=15, clear=60, now=1e6).good_for == 10
