"""What second channels get: each call once and in time, and none after its end."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Receiver,
    lives,
    meant,
    page,
)
from tests.agent.paging.test_outbox_routes import BACKED, pair
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.page import Action, Delivery, Page, Severity

TWO_BACKUPS = Routes(
    [Route("first"), Route("second", backup_of="first"),
     Route("third", None, frozenset({Severity.CRITICAL}), backup_of="first")]
)  # fmt: skip


def plotted(*events: tuple[float, Action]) -> list[tuple[float, Page]]:
    """Return the pages of one key at their times, each with its number as its summary."""
    return [(at, page(summary=str(i), action=action)) for i, (at, action) in enumerate(events)]


@pytest.mark.parametrize(
    ("plot", "told"),
    [
        ([(0.0, TRIGGER), (15.0, TRIGGER), (50.0, RESOLVE)], [(60, "1"), (60, "2")]),
        ([(0.0, TRIGGER), (100.0, TRIGGER), (130.0, RESOLVE)], [(60, "0"), (130, "2")]),
        ([(0.0, TRIGGER), (15.0, TRIGGER), (70.0, RESOLVE)], [(60, "1"), (70, "2")]),
        (
            [(0.0, TRIGGER), (10.0, RESOLVE), (20.0, TRIGGER), (30.0, RESOLVE)],
            [(60, "0"), (60, "1"), (80, "2"), (80, "3")],
        ),
        (
            [(0.0, TRIGGER), (65.0, RESOLVE), (70.0, TRIGGER)],
            [(60, "0"), (65, "1"), (130, "2")],
        ),
    ],
    ids=["over before", "over after", "over between", "twice", "begun again"],
)
def test_what_is_over_calls_nobody_again(
    plot: Sequence[tuple[float, Action]], told: Sequence[tuple[int, str]]
) -> None:
    """Of what ends before its pager takes it, the second channel gets one call and one end."""
    first, second = pair(Receiver(lambda *_: RETRY))
    lives((first, second), plotted(*plot), routes=BACKED)

    assert [(round(at), meant(one)[2]) for at, one in second.asked] == list(told)


def test_a_second_channel_gets_the_newest_of_what_waits() -> None:
    """Its headline is the cause where that is known by then, and it is called once."""
    first, second = pair(Receiver(lambda *_: RETRY))
    lives((first, second), plotted((0.0, TRIGGER), (50.0, TRIGGER)), routes=BACKED)

    assert [(round(at), one.summary) for at, one in second.asked] == [(60, "1")]


def test_a_second_channel_that_a_call_was_not_for_gets_what_it_takes() -> None:
    """Where a page became grave and ended, who takes the grave gets that, and its end."""
    first, second = pair(Receiver(lambda *_: RETRY))
    third = Receiver(lambda *_: DELIVERED, "third")
    plot = [
        (0.0, page(summary="grave", severity=Severity.CRITICAL)),
        (15.0, page(summary="better", severity=Severity.WARNING)),
        (50.0, page(summary="over", severity=Severity.WARNING, action=RESOLVE)),
    ]
    lives((first, second, third), plot, routes=TWO_BACKUPS)

    assert [meant(one)[2] for _, one in second.asked] == ["better", "over"]
    assert [meant(one)[2] for _, one in third.asked] == ["grave", "over"]


plots = st.lists(st.tuples(st.floats(0.1, 90), st.sampled_from(Action)), min_size=1, max_size=8)
answers = st.lists(st.sampled_from([RETRY, REJECTED, DELIVERED]), max_size=8)


@settings(deadline=None)
@given(plots, answers)
def test_a_second_channel_is_called_and_called_off_in_order(
    plot: list[tuple[float, Action]], said: list[Delivery]
) -> None:
    """Whatever its pager answers, a second channel gets nothing older after what is newer.

    No end comes to it without a call, and where its pager takes nothing, it knows what is so now.
    """
    left = iter(said)
    first, second = pair(Receiver(lambda *_: next(left, RETRY)))
    times = accumulate(gap for gap, _ in plot)
    acts = [action for _, action in plot]
    lives((first, second), plotted(*zip(times, acts, strict=True)), 3000.0, routes=BACKED)
    got = [one for _, one in second.asked]

    assert all(int(meant(one)[2]) < int(meant(other)[2]) for one, other in pairwise(got))
    assert all(one.action is TRIGGER or other.action is TRIGGER for one, other in pairwise(got))
    assert not got or got[0].action is TRIGGER
    if {*said} <= {RETRY} and TRIGGER in acts:
        assert got[-1].action is acts[-1]
