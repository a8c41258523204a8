"""Pages on their way: order per key, patience, and no key waiting for another."""

import asyncio
from itertools import cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Desk,
    Receiver,
    Sheet,
    delivered,
    lives,
    meant,
    page,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.backoff import LONGEST_WAIT, backoff
from vedette.agent.paging.outbox import AT_ONCE, Outbox
from vedette.exporters.page import Action, Delivery, Outcome


@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_is_bounded(attempts: int, chance: float) -> None:
    """Without a wish of the receiver's, no wait is negative or longer than a minute."""
    assert 0 <= backoff(attempts, None, chance) <= LONGEST_WAIT


@given(st.integers(1, 100), st.floats(0, 3600), st.floats(0, 1, exclude_max=True))
def test_receivers_wish_is_kept(attempts: int, asked: float, chance: float) -> None:
    """What the receiver asked to wait is waited, neither less nor more."""
    assert backoff(attempts, asked, chance) == asked


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=12))
def test_pages_of_a_key_stay_in_order(wanted: list[tuple[str, int]]) -> None:
    """However often each is refused for now, a key's calls and ends arrive once and in order."""
    turns = {key: cycle(Action) for key in "abc"}
    pages = [page(key, str(i), next(turns[key])) for i, (key, _) in enumerate(wanted)]
    patience = {str(i): tries for i, (_, tries) in enumerate(wanted)}
    pager = Receiver(lambda one, n: DELIVERED if n > patience[meant(one)[2]] else RETRY)
    outbox = delivered(pager, pages=pages, seconds=5000)

    assert not outbox.waiting
    for key in "abc":
        came = (meant(one) for _, one in pager.asked)
        arrived = list(dict.fromkeys(summary for k, _, summary in came if k == key))
        ended = [e.row.page.summary for e in outbox.ended if e.row.page.key == key]
        assert arrived == ended == [one.summary for one in pages if one.key == key]
    assert len(pager.asked) == sum(tries + 1 for tries in patience.values())


def test_of_calls_that_wait_the_newest_goes_out() -> None:
    """A receiver keeps the first headline it gets: that is the cause, where it is known by then."""
    pager = Receiver(lambda *_: RETRY if pager.asked[-1][0] < 400 else DELIVERED)
    plot = [(0.0, page(summary="symptom")), (90.0, page(summary="cause")), (500.0, page())]
    outbox = lives([pager], plot)

    taken = [e.row.page.summary for e in outbox.ended if e.delivery.outcome is Outcome.DELIVERED]
    assert taken == ["cause", ""]
    assert outbox.delivered["pd", Outcome.SUPERSEDED] == 1


@virtual
async def test_what_newer_calls_take_the_place_of_is_undelivered_since_the_first() -> None:
    """A pager that is down for an hour is told as such, however often what it lacks is renewed."""
    clock = asyncio.get_running_loop().time
    outbox = Outbox([Receiver(lambda *_: RETRY)], Journal(Sheet()), now=clock)
    running = asyncio.create_task(outbox.run())
    for number in range(60):
        outbox.add(page(summary=str(number)), clock())
        await asyncio.sleep(60)
    running.cancel()
    await asyncio.wait([running])

    assert outbox.undelivered == {"pd": [0.0]}
    assert [one.row.page.summary for one in outbox.waiting] == ["59"]


def test_retry_after_is_honoured() -> None:
    """The next attempt is made when the receiver asked for it."""
    busy = Delivery(outcome=Outcome.RETRY, retry_after=300.0)
    pager = Receiver(lambda _, n: busy if n == 1 else DELIVERED)
    delivered(pager, pages=[page()])

    assert [at for at, _ in pager.asked] == pytest.approx([0, 300], abs=0.1)


def test_rejected_ends() -> None:
    """A page that will never be accepted is tried once, and does not hold up its successor."""
    pager = Receiver(lambda one, _: REJECTED if one.summary == "bad" else DELIVERED)
    outbox = lives([pager], [(0.0, page(summary="bad")), (1.0, page(summary="good"))])

    assert [summary for _, summary in pager.order] == ["bad", "good"]
    assert outbox.delivered == {("pd", Outcome.REJECTED): 1, ("pd", Outcome.DELIVERED): 1}


def test_hanging_key_blocks_no_other() -> None:
    """While one key's page hangs, other keys' pages go out at once, also those that come later."""
    pager = Receiver(lambda one, _: None if one.key == "hangs" else DELIVERED)
    first = [(0.0, one) for one in (page("hangs", "1"), page("fine"))]
    later = [(10.0, page("hangs", "2")), (20.0, page("later"))]
    outbox = lives([pager], [*first, *later], 100)
    times = {(one.key, one.summary): at for at, one in pager.asked}

    assert times == pytest.approx({("hangs", "1"): 0, ("fine", ""): 0, ("later", ""): 20}, abs=0.1)
    assert [w.row.page.key for w in outbox.waiting] == ["hangs", "hangs"]


def test_attempts_at_once_are_bounded() -> None:
    """However many keys wait, few attempts are under way at once, and of each pager as many."""
    dead, fine = Receiver(lambda *_: None, "dead"), Receiver(lambda *_: DELIVERED, "fine")
    delivered(dead, fine, pages=[page(str(i)) for i in range(3 * AT_ONCE)])

    assert (len(dead.asked), len(fine.asked)) == (AT_ONCE, 3 * AT_ONCE)


def test_triggers_go_first() -> None:
    """Where there is no room for all, calls for help go out before good news."""
    pager = Receiver(lambda *_: DELIVERED)
    good = [page(f"r{i}", action=RESOLVE) for i in range(AT_ONCE)]
    delivered(pager, pages=[*good, page("t")])

    assert pager.order[0] == ("t", "")


def test_every_pager_gets_every_page() -> None:
    """One pager's trouble keeps no page from the other."""
    dead, fine = Receiver(lambda *_: None, "dead"), Receiver(lambda *_: DELIVERED, "fine")
    outbox = delivered(dead, fine, pages=[page("a"), page("b")])

    assert fine.order == [("a", ""), ("b", "")]
    assert {w.row.pager for w in outbox.waiting} == {"dead"}


@virtual
async def test_drills_do_not_pile_up_at_a_dead_pager() -> None:
    """A pager that is down over many drills gets the pages of one when it is back; others get all.

    Later drills reach it again.
    """
    clock = asyncio.get_running_loop().time
    back_at = clock() + 9.5 * 3600
    dead = Receiver(lambda *_: RETRY if clock() < back_at else DELIVERED)
    well = Receiver(lambda *_: DELIVERED, "well")
    outbox = Outbox([dead, well], Journal(Sheet()), now=clock)
    running = asyncio.create_task(outbox.run())
    for _ in range(12):
        for action in (TRIGGER, RESOLVE):
            outbox.add(page("drill", action=action), clock(), to=["pd", "well"])
            await asyncio.sleep(1800)
    running.cancel()
    await asyncio.wait([running])
    taken = [one.row.page.action for one in outbox.ended if one.row.pager == "pd"]
    assert taken == [TRIGGER, RESOLVE] * 3
    assert [one.action for _, one in well.asked] == [TRIGGER, RESOLVE] * 12


def test_pages_waiting_at_start_are_delivered() -> None:
    """What a stopped agent left behind goes out first, in order, and numbers go on from it."""
    pager = Receiver(lambda *_: DELIVERED)
    rows = [Row(i, "pd", page(str(i), str(i)), 0) for i in (3, 4)]
    outbox = delivered(pager, pages=[page(summary="new")], former=Former(rows, last_row=4))

    assert [summary for _, summary in pager.order] == ["3", "4", "new"]
    assert [ended.row.id for ended in outbox.ended] == [3, 4, 5]


def test_page_of_a_removed_pager_ends() -> None:
    """A page for a pager that left the config is given up, with the reason."""
    outbox = delivered(former=Former([Row(1, "gone", page(), 0)], last_row=1))

    assert not outbox.waiting
    assert outbox.ended[0].delivery.outcome is Outcome.REJECTED
    assert "gone" in outbox.ended[0].delivery.detail


@virtual
async def test_every_step_is_written_down() -> None:
    """Queueing returns its statements for the caller's transaction, and each end is journalled."""
    desk = Desk()
    (queued,) = desk.outbox.add(page(), 0)
    assert desk.sheet.told == []
    await desk.run(10)
    (ended,) = desk.sheet.told
    assert ended != queued
