"""Agents that page the same: nobody is woken again for what a peer has told."""

import asyncio
from dataclasses import replace

import pytest

from tests.agent.paging.test_outbox import (
    DELIVERED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Receiver,
    Sheet,
    page,
    run_for,
)
from tests.agent.paging.test_outbox_delivery import (
    GIVES_UP,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import end
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.routing import Route, Routes
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.pace import Pace
from vedette.exporters.page import Delivery, Outcome, Page

KEY = "k"

pytestmark = pytest.mark.usefixtures("quiet")


@virtual
async def story(
    word_at: float | None, *, said: str = "pd", aged: float = 0.0
) -> tuple[Receiver, Outbox]:
    """Play a fault of 5 s whose page hangs for 10 s; *word_at* a peer says it was accepted."""
    attempts = iter([RETRY])
    loop, hearsay, sheet = asyncio.get_running_loop(), Hearsay(), Sheet()
    pager = Receiver(lambda *_: next(attempts, DELIVERED))
    outbox = Outbox([pager], Journal(sheet), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    outbox.add(page(KEY), 0.0)
    loop.call_at(5, lambda: outbox.add(page(KEY, action=RESOLVE), 5.0))
    if word_at is not None:
        loop.call_at(word_at, lambda: hearsay.hear("fra-1", said, KEY, word_at - aged, TRIGGER))
    send = pager.send

    async def slow(one: Page) -> Delivery:
        answer = await send(one)
        if answer is RETRY:
            await asyncio.sleep(GIVES_UP)
        return answer

    pager.send = slow
    await run_for(outbox.run(), 200)
    assert outbox.waiting == []
    assert [s for s in sheet.told if s == ending(outbox.ended[0])] != []
    return pager, outbox


def ending(ended: Ended) -> object:
    """Return the statement by which the end of a page is kept."""
    return end(ended.row.id, ended.at, ended.delivery.outcome, ended.delivery.detail)


@pytest.mark.parametrize("word_at", [0.3, 7, 12, 34])
def test_what_a_peer_has_told_is_not_sent_when_it_is_over(word_at) -> None:
    """Once it is over and a peer has said so the trigger ends unsent; its resolve goes at once."""
    pager, outbox = story(word_at)

    assert [one.action for _, one in pager.asked] == [TRIGGER, RESOLVE]
    assert pager.asked[1][0] == pytest.approx(max(word_at, GIVES_UP), abs=0.1)
    trigger, _ = outbox.ended
    assert trigger.delivery == Delivery(outcome=Outcome.SUPERSEDED, detail="told by peer fra-1")
    assert outbox.delivered == {("pd", Outcome.SUPERSEDED): 1, ("pd", Outcome.DELIVERED): 1}


@pytest.mark.parametrize(
    "word", [{"word_at": None}, {"word_at": 7, "said": "mail"}, {"word_at": 7, "aged": 70}],
    ids=["none", "another pager's", "an older fault's"],
)  # fmt: skip
def test_what_nobody_has_told_goes_out_after_half_a_minute(word) -> None:
    """Without a word that fits, the pair goes out half a minute after the fault was over."""
    pager, outbox = story(**word)

    sent = [(at, one.action) for at, one in pager.asked[1:]]
    assert sent == [(pytest.approx(35, abs=0.2), TRIGGER), (pytest.approx(35, abs=0.2), RESOLVE)]
    assert outbox.delivered == {("pd", Outcome.DELIVERED): 2}


@virtual
async def restarted(word_at: float | None) -> Receiver:
    """Start with a pair that a former life has left behind."""
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    rows = [Row(1, "pd", page(KEY), -900), Row(2, "pd", page(KEY, action=RESOLVE), -800)]
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time, former=Former(rows, last_row=2))
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    if word_at is not None:
        loop.call_at(word_at, lambda: hearsay.hear("fra-1", "pd", KEY, -890, TRIGGER))
    await run_for(outbox.run(), 100)
    return pager


def test_a_restart_leaves_peers_time_to_say() -> None:
    """What is over and left of a former life is held from the start on, and ended by a word."""
    sent = [(at, one.action) for at, one in restarted(None).asked]
    assert sent == [(pytest.approx(30, abs=0.2), TRIGGER), (pytest.approx(30, abs=0.2), RESOLVE)]
    assert [one.action for _, one in restarted(3).asked] == [RESOLVE]


@virtual
async def test_what_was_never_tried_is_not_sent_either() -> None:
    """A trigger that waited for its turn until its fault was over is one like any other."""
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    pager.pace = Pace(1)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    for one in (page("other"), page(KEY), page(KEY, action=RESOLVE), page("late")):
        outbox.add(one, 0.0)
    hearsay.hear("fra-1", "pd", KEY, 1.0, TRIGGER)
    await run_for(outbox.run(), 300)
    sent = [(one.key, one.action) for _, one in pager.asked]
    assert sent == [("other", TRIGGER), ("late", TRIGGER), (KEY, RESOLVE)]


@virtual
async def test_only_what_is_over_is_left_out() -> None:
    """A trigger whose fault burns is sent, whatever peers say of it; so is the next fault's.

    Before that one goes no resolve of what a peer has told: it would end what the peer has opened.
    """
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    hearsay.hear("fra-1", "pd", KEY, 0.0, TRIGGER)
    hearsay.hear("fra-1", "pd", "burns", 0.0, TRIGGER)
    for one in (page(KEY, "1"), page(KEY, "2", RESOLVE), page(KEY, "3"), page("burns", "4")):
        outbox.add(one, 0.0)
    await run_for(outbox.run(), 300)
    assert sorted(one.summary for _, one in pager.asked) == ["3", "4"]


@pytest.mark.parametrize(
    ("words", "backups", "tried_at"),
    [
        ([(TRIGGER, 0.5)], [], 30),
        ([(TRIGGER, -2)], [], 30),
        ([], [], 11),
        ([(TRIGGER, -5)], [], 11),
        ([(TRIGGER, -1), (RESOLVE, 0.2)], [], 11),
        ([(RESOLVE, -1), (TRIGGER, 0.2)], [], 30),
        ([(TRIGGER, 0.5)], [Route("mail", backup_of="pd")], 11),
    ],
    ids=[
        "a peer has called", "a peer has called before", "nobody has", "for another fault",
        "and ended it", "after another's end", "there is a second channel",
    ],
)  # fmt: skip
@virtual
async def test_a_retry_is_no_hurry_once_a_peer_has_called(words, backups, tried_at: float) -> None:
    """A trigger that hung goes out again half a minute after it was queued, if it still burns.

    By then the end that others may have seen already has been seen here as well. What a second
    channel would get instead is tried at once.
    """
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    answers = iter([replace(RETRY, retry_after=1.0)])
    pager = Receiver(lambda *_: next(answers, DELIVERED))
    send = pager.send

    async def slow(one: Page) -> Delivery:
        answer = await send(one)
        await asyncio.sleep(GIVES_UP if answer is not DELIVERED else 0)
        return answer

    pager.send = slow
    routes = Routes([Route("pd"), *backups])
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time, routes=routes)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    outbox.add(page(KEY), 0.0)
    for action, at in words:
        loop.call_at(1, hearsay.hear, "fra-1", "pd", KEY, at, action)
    await run_for(outbox.run(), 100)
    assert [at for at, _ in pager.asked] == pytest.approx([0, tried_at], abs=0.2)
