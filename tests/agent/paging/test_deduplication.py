"""What peers have told pagers: what of ours waits how long for it, goes, or is said again."""

import math

import pytest

from tests.agent.paging.test_queue import no_backup, row
from vedette.agent.memory.pages import Row
from vedette.agent.paging.deduplication import (
    HEARD_WITHIN,
    HELD_FOR,
    LOOK_AGAIN,
    TOGETHER,
    TURN,
    TURNS,
    WORD,
    Deduplication,
)
from vedette.agent.paging.queue import Queue, Waiting
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action

START = 1.7e9
NOW = START + 1000
TRIGGER, RESOLVE = Action.TRIGGER, Action.RESOLVE
PLACE = ("pd", "k")


class Agent:
    """An agent that began at START, with what it has heard, holds, and sees."""

    def __init__(self, *waiting: Row, turn: int = 0, blind_at: float = -math.inf) -> None:
        self.hearsay, self.queue = Hearsay(), Queue(no_backup)
        self.burns: bool | None = False
        for one in waiting:
            self.queue.add(Waiting(one))
        self.of = Deduplication(
            self.hearsay,
            self.queue,
            lambda _key: self.burns,
            lambda: blind_at,
            (),
            turn=turn,
            began_at=START,
        )

    def hear(self, at: float, action: Action) -> None:
        """Hear that a peer's page was taken."""
        self.hearsay.hear("peer", *PLACE, at, action)


def waits(queued_at: float, action: Action = TRIGGER, number: int = 1) -> Row:
    return Row(number, "pd", row(number, "k", action).page, queued_at)


@pytest.mark.parametrize("ended_at", [START - 60, NOW])
def test_what_is_over_goes_out_in_turns(ended_at: float) -> None:
    """Held half a minute from its end or from the start, of each agent 5 s longer than the last."""
    calls, ends = waits(NOW - 900), waits(ended_at, RESOLVE, 2)
    held = [Agent(turn=turn).of.held_until(calls, ends, NOW) for turn in range(TURNS + 2)]
    turns = [*range(TURNS), TURNS - 1, TURNS - 1]

    assert [at - max(ended_at, START) for at in held] == [HELD_FOR + turn * TURN for turn in turns]


@pytest.mark.parametrize(
    ("queued_at", "until"),
    [(START - 1, START + HEARD_WITHIN), (START, -math.inf), (NOW, -math.inf)],
)
def test_only_what_a_former_life_left_waits_to_hear_of_peers(
    queued_at: float, until: float
) -> None:
    """What is left from before the start is held for a few seconds, and nothing of this life is."""
    for action in Action:
        assert Agent().of.held_until(waits(queued_at, action), None, NOW) == until


@pytest.mark.parametrize("burns", [True, False, None])
@pytest.mark.parametrize(
    ("blind_at", "ended_at", "is_theirs"),
    [
        (-math.inf, -math.inf, False),
        (NOW - 1, NOW, False),  # it was blind, and heard of an end, before the fault
        (NOW, -math.inf, True),
        (NOW + 5, -math.inf, True),
        (-math.inf, NOW + 1, True),
    ],
)
def test_a_call_that_comes_late_waits_until_its_fault_is_seen(
    blind_at: float, ended_at: float, is_theirs: bool, burns: bool | None
) -> None:
    """Who was cut off since, or has heard that a peer ended it, calls for what it sees alone.

    An end waits no longer than peers need to say what they have called for.
    """
    agent = Agent(blind_at=blind_at)
    agent.hear(ended_at, RESOLVE)
    agent.burns = burns
    is_held = is_theirs and burns is False
    until = agent.of.held_until(waits(NOW), None, NOW + 10)

    assert until == (NOW + 10 + LOOK_AGAIN if is_held else -math.inf)
    end_at = agent.of.held_until(waits(NOW, RESOLVE), None, NOW + 10)
    assert end_at == min(blind_at, NOW) + HEARD_WITHIN


@pytest.mark.parametrize(
    ("called_at", "ended_at", "has_time"),
    [
        (-math.inf, -math.inf, False),
        (NOW - TOGETHER - 1, -math.inf, False),  # for another fault
        (NOW - TOGETHER, -math.inf, True),
        (NOW + 9, -math.inf, True),
        (NOW + 9, NOW + 10, False),  # and ended it
    ],
)
def test_a_call_is_tried_again_without_hurry_where_a_peer_has_called(
    called_at: float, ended_at: float, has_time: bool
) -> None:
    """Somebody knows then, and it may be over soon; else it is tried as soon as may be."""
    agent = Agent(turn=1)
    agent.hear(called_at, TRIGGER)
    agent.hear(ended_at, RESOLVE)

    assert agent.of.retried_from(waits(NOW)) == (NOW + HELD_FOR + TURN if has_time else -math.inf)


@pytest.mark.parametrize(
    ("called_at", "taken_at", "is_moot"),
    [
        (NOW + WORD, NOW - 9, True),
        (NOW + WORD - 0.1, NOW - 9, False),  # it may have been before our end
        (NOW + 9, NOW + 5, False),  # both have called after the end
        (-math.inf, NOW - 9, False),
    ],
)
def test_an_end_that_comes_late_ends_no_call_of_a_peer(
    called_at: float, taken_at: float, is_moot: bool
) -> None:
    """A resolve that waits is not sent where a peer's call was surely taken since."""
    agent = Agent(waits(NOW, RESOLVE))
    agent.hear(called_at, TRIGGER)
    found = agent.of.moot(PLACE, taken_at)

    assert (found is not None and found[1]) == (
        "called for by peer peer since" if is_moot else False
    )


def test_what_a_peer_has_ended_while_it_burns_is_called_for_again_once() -> None:
    """Half a minute after that end, or when it is seen then, and not again for the same end."""
    agent = Agent(turn=2)
    agent.hear(NOW, RESOLVE)
    agent.of.expect(PLACE, NOW - 100)
    due = NOW + HELD_FOR + 2 * TURN
    assert agent.of.next_at == due
    assert [*agent.of.lost(due - 0.1)] == []
    assert [*agent.of.lost(due)] == []  # it is not seen to burn
    assert agent.of.next_at == due + LOOK_AGAIN
    agent.burns = True
    assert [*agent.of.lost(due + LOOK_AGAIN)] == [PLACE]
    agent.of.expect(PLACE, NOW - 100)
    assert (agent.of.next_at, [*agent.of.lost(math.inf)]) == (math.inf, [])

    agent.hear(NOW + 500, RESOLVE)
    agent.of.expect(PLACE, NOW + 100)
    assert agent.of.next_at == NOW + 500 + HELD_FOR + 2 * TURN


@pytest.mark.parametrize(
    ("called_at", "ended_at", "taken_at", "is_expected"),
    [
        (-math.inf, -math.inf, NOW, False),  # nobody has ended it
        (-math.inf, NOW, None, False),  # nothing of ours is open
        (-math.inf, NOW, NOW + WORD, True),
        (-math.inf, NOW, NOW + WORD + 0.1, False),  # it was ended before we called
        (NOW + 1, NOW, NOW - 9, False),  # a peer has called since
        (NOW - 1, NOW, NOW - 9, True),
    ],
)
def test_only_what_a_peer_has_ended_of_ours_is_called_for_again(
    called_at: float, ended_at: float, taken_at: float | None, is_expected: bool
) -> None:
    """That is what our pager took before, and for which nobody has called since."""
    agent = Agent()
    agent.hear(called_at, TRIGGER)
    agent.hear(ended_at, RESOLVE)
    agent.of.expect(PLACE, taken_at)

    assert (agent.of.next_at < math.inf) is is_expected
    assert agent.of.is_over(PLACE, taken_at) is is_expected
    agent.burns = True
    assert not agent.of.is_over(PLACE, taken_at)
