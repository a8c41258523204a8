"""How alarms and checks stand, as rules see them."""

import pytest

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, State
from vedette.agent.composite import standing
from vedette.agent.composite.standing import Standing

OK, ALARM, INSUFFICIENT_DATA = State


@pytest.mark.parametrize(
    ("before", "evidence", "after"),
    [
        (None, Evidence(True, 5, 8), Standing(ALARM, 5, 8)),
        (Standing(OK, 1), Evidence(True, 5, 8), Standing(ALARM, 5, 8)),
        (Standing(ALARM, 5, 7), Evidence(True, 5, 8), Standing(ALARM, 5, 8)),
        (None, Evidence(False), Standing(OK, 10)),
        (Standing(OK, 1), Evidence(False), Standing(OK, 1)),
        (Standing(ALARM, 1, 9), Evidence(False), Standing(OK, 10)),
        (Standing(INSUFFICIENT_DATA, 1), UNDECIDED, Standing(INSUFFICIENT_DATA, 1)),
        (Standing(OK, 1), UNDECIDED, Standing(INSUFFICIENT_DATA, 10)),
        (Standing(OK, 99), Evidence(False), Standing(OK, 99)),
    ],
)
def test_check(before: Standing | None, evidence: Evidence, after: Standing) -> None:
    """A check that fails does so since its evidence says; any other, since it was first seen so."""
    assert standing.of_check(before, evidence, now=10) == after


@pytest.mark.parametrize(
    ("before", "state", "after"),
    [
        (None, ALARM, Standing(ALARM, 4)),
        (Standing(OK, 1), ALARM, Standing(ALARM, 4)),
        (Standing(ALARM, 1), OK, Standing(OK, 10)),
        (Standing(OK, 1), OK, Standing(OK, 1)),
        (None, INSUFFICIENT_DATA, Standing(INSUFFICIENT_DATA, 10)),
    ],
)
def test_alarm(before: Standing | None, state: State, after: Standing) -> None:
    """An alarm is in ALARM since its fault began; in another state, since it was first seen so."""
    assert standing.of_alarm(before, state, began_at=4, now=10) == after


@pytest.mark.parametrize("before", [None, Standing(OK, 1)])
def test_nothing_is_missing_before_it_could_be_there(before: Standing | None) -> None:
    """That nothing is known counts from when it should be, and is too early to tell until then."""
    stands = standing.of_check(before, UNDECIDED, now=10, heard_by=30)

    assert stands == standing.of_alarm(before, INSUFFICIENT_DATA, 0, now=10, heard_by=30)
    assert stands == Standing(INSUFFICIENT_DATA, 30)
    assert stands.is_early(29)
    assert not stands.is_early(30)


def test_what_is_seen_now_is_never_early() -> None:
    """What is seen counts at once, however late it should have been heard of."""
    stands = standing.of_check(None, Evidence(False), now=10, heard_by=30)

    assert stands == Standing(OK, 10)
    assert not stands.is_early(10)


def test_what_is_told_once_is_so_until_the_contrary_is() -> None:
    """A change of routes is told when it happens: it needs not be seen again to last."""
    told = Evidence(True, 5, 8)

    assert standing.of_check(None, told, now=10, lasts=True) == Standing(ALARM, 5)
    assert standing.of_check(None, told, now=10) == Standing(ALARM, 5, 8)


@pytest.mark.parametrize("state", [OK, ALARM])
def test_who_is_ahead_of_us_is_not_early(state: State) -> None:
    """What a peer has seen counts, though by its clock that is yet to come."""
    assert not Standing(state, 30).is_early(10)
