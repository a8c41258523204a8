"""The bounded queue between a source and the routes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import PREFIX, peer
from vedette.checks.bgp.feed.intake import Gap, Intake, Past, Returned, Table
from vedette.checks.bgp.update import CollectorDown, EndOfRib, PeerState, Update, Withdraw

CAPACITY = 8


def news(number: int, at: float = 5) -> Withdraw:
    return Withdraw(peer(number), 64511, PREFIX, at)


def number_of(item: object) -> float:
    assert isinstance(item, Withdraw)
    return item.at


def made(at: float = 10) -> Intake:
    return Intake(lambda: at, CAPACITY)


def test_what_goes_in_comes_out_in_order() -> None:
    """Updates, batches and tables are taken as they came; a table ends a turn."""
    intake = made()
    intake.put(news(0))
    intake.put([news(1), news(2)])
    intake.put([])
    intake.seed(PREFIX, {}, 4)
    intake.put(news(3))
    assert intake.take(2) == [news(0), news(1)]
    assert intake.take(9) == [news(2), Table(PREFIX, {}, 4)]
    assert intake.take(9) == [news(3)]
    assert intake.take(9) == []


@pytest.mark.parametrize(
    "long", [PeerState(peer(1), False, 5), EndOfRib(peer(1), 4, 5), CollectorDown("rrc00", 5)]
)
def test_what_a_session_is_to_all_prefixes_ends_a_turn(long: Update) -> None:
    """Where a collector resets, probes are not late for the time that all of its peers take."""
    intake = made()
    for update in (news(0), long, news(1)):
        intake.put(update)
    assert intake.take(9) == [news(0), long]
    assert intake.take(9)[-1] == news(1)


def test_a_seed_never_speaks_of_the_future() -> None:
    """A table that claims a time to come is one of now, or nothing newer could overrule it."""
    intake = made()
    intake.seed(PREFIX, {}, 1e9)
    assert intake.take(1) == [Table(PREFIX, {}, 10)]


@given(st.lists(st.integers(0, 2 * CAPACITY), max_size=20), st.integers(0, 20))
def test_it_is_bounded_and_nothing_is_lost_uncounted(batches: list[int], every: int) -> None:
    """Whatever comes, no more than fits is kept, and each update is taken or counted as dropped.

    What is taken after a drop comes after its gap.
    """
    intake, put, gap = made(), 0, 0
    taken: list[float] = []
    for turn, size in enumerate(batches):
        before = intake.drops
        intake.put([news(0, at=put + n) for n in range(size)])
        put += size
        assert len(intake) <= CAPACITY + 1
        if intake.drops > before:
            assert intake.take(1) == [Gap(intake.drops)]
            gap = put
        if every and turn % every == 0:
            some = [number_of(item) for item in intake.take(3)]
            assert all(number >= gap for number in some)
            taken += some
    taken += [number_of(item) for item in intake.take(100)]
    assert taken == sorted(taken)
    assert len(taken) + intake.drops == put


def test_what_was_long_ago_survives_a_drop() -> None:
    """Tables are asked for again after a gap; what was a day ago is asked only once."""
    intake = made()
    intake.remember(PREFIX, [peer(1)], 1)
    intake.seed(PREFIX, {}, 4)
    intake.put([news(0)] * (CAPACITY + 1))
    assert intake.take(9) == [Past(PREFIX, frozenset({peer(1)}), 1), Gap(CAPACITY + 2)]


async def test_a_source_that_can_wait_has_room_when_half_is_taken() -> None:
    """`room` waits while more than half of the queue is full."""
    intake = made()
    await intake.room()
    intake.put([news(0)] * 5)
    waiting = asyncio.create_task(intake.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    intake.take(1)
    await waiting
    assert intake.drops == 0


def test_what_a_frame_tells_of_sessions() -> None:
    """Updates show a session up, states and lost collectors show it down."""
    intake = made()
    steps: list[tuple[Update, tuple[int, int]]] = [
        (news(0), (1, 0)),
        (PeerState(peer(1), False, 5), (1, 1)),
        (EndOfRib(peer(1), 4, 5), (2, 0)),
        (CollectorDown("rrc00", 5), (0, 2)),
    ]
    for update, expected in steps:
        intake.put(update)
        (health,) = intake.sessions.health().values()
        assert (health.up, health.down) == expected
    assert intake.frames == 4


def test_a_collector_that_returns_is_told_once() -> None:
    """After a collector was lost, its first word says that it is back."""
    intake = made()
    intake.put(news(0))
    intake.put(CollectorDown("rrc00", 6))
    intake.take(9)
    intake.heard(peer(0), 7)
    intake.heard(peer(1), 7)
    assert intake.take(9) == [Returned("rrc00")]


def test_lag_is_the_median_of_what_came() -> None:
    """One frame that was on its way for an hour does not make the feed late."""
    intake = made(at=3610)
    assert intake.lag is None
    intake.put(news(0, at=10))
    intake.put([news(0, at=3608), news(1, at=3609)])
    intake.heard(peer(1), 3607)
    assert intake.lag == 3


def test_a_source_begins_again_from_nothing() -> None:
    """Cleared, it holds nothing of the lost connection, but still counts what there was."""
    intake = made()
    intake.up()
    intake.put(news(0))
    intake.error("x" * 1000)
    intake.clear()
    assert (len(intake), intake.up_at, intake.sessions.health(), intake.lag) == (0, None, {}, None)
    assert (intake.frames, intake.errors, len(intake.last_error)) == (1, 1, 300)


def test_an_error_is_one_line_whatever_a_server_says() -> None:
    """It stands in the first line of a page, and on terminals."""
    intake = made()
    intake.error("400, message='Bad status line:\n  \x1b]0;owned\x07'")
    assert intake.last_error == "400, message='Bad status line: ]0;owned '"


def test_down_says_why_and_up_forgets_it() -> None:
    """What a source says of its trouble holds until it is up."""
    intake = made()
    intake.down("has no router")
    assert (intake.up_at, intake.trouble) == (None, "has no router")
    intake.up()
    assert (intake.up_at, intake.trouble) == (10, "")
