"""Which state holds when, and which probes of a partial failure fail."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.replay.states import History, Turns, fails


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, "........"),
        (0.25, "...x...x"),
        (0.5, ".x.x.x.x"),
        (0.75, ".xxx.xxx"),
        (1.0, "xxxxxxxx"),
    ],
)
def test_a_share_of_probes_fails_at_its_places(share: float, expected: str) -> None:
    """Probe k fails exactly where floor(k * share) grows."""
    assert expected == "".join("x" if fails(k, share) else "." for k in range(1, 9))


@given(st.floats(0, 1), st.integers(1, 400))
def test_as_many_probes_fail_as_the_share_says(share: float, count: int) -> None:
    """Of n probes floor(n * share) fail, whatever the share."""
    assert sum(fails(k, share) for k in range(1, count + 1)) == math.floor(count * share + 1e-9)


def test_a_tenth_is_not_lost_to_rounding() -> None:
    """0.1 is no binary fraction, and still the tenth probe is the one that fails."""
    assert [k for k in range(1, 31) if fails(k, 0.1)] == [10, 20, 30]


def test_agents_do_not_fail_in_step() -> None:
    """An agent's position in the list shifts its failing probes by as many."""
    first, second = Turns(0), Turns(1)

    assert [first.fails(1, 0.25) for _ in range(8)] == [k in (4, 8) for k in range(1, 9)]
    assert [second.fails(1, 0.25) for _ in range(8)] == [k in (3, 7) for k in range(1, 9)]


def test_counting_begins_anew_with_each_change() -> None:
    """A probe is numbered from the change on that is in effect."""
    turns = Turns(0)
    for _ in range(3):
        turns.fails(1, 0.5)

    assert [turns.fails(2, 0.5) for _ in range(4)] == [False, True, False, True]


def test_a_question_that_belongs_to_a_probe_meets_its_fate() -> None:
    """Asking again with checking disabled is no probe of its own."""
    turns = Turns(0)

    seen = [(turns.fails(1, 0.5), turns.fails_again(1, 0.5)) for _ in range(4)]

    assert seen == [(False, False), (True, True)] * 2


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers()), max_size=20),
    st.integers(-10, 60),
)
def test_the_last_change_in_order_holds(changes: list[tuple[int, int]], at: int) -> None:
    """At its own time a change is in effect; of several at once the later one in the file is."""
    ordered = sorted(changes, key=lambda change: change[0])
    history = History(None, [(float(t), state) for t, state in ordered])
    begun = [state for t, state in ordered if t <= at]

    assert history.at(at) == (begun[-1] if begun else None)
