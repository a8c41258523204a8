"""What an agent still has to say when a peer has ended the same: what is seen to fail alone."""

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
from tests.agent.paging.test_outbox_routes import Forgetful
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Told
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action, Delivery

KEY = "k"
ENDED_AT, NEWS_AT, OVER_AT = 90.0, 95.0, 160.0

pytestmark = pytest.mark.usefixtures("quiet")


@virtual
async def told(
    *, taken: bool, fails_until: float, news: bool = False, called: float | None = None
) -> list[tuple[float, Action]]:
    """Return what a pager takes from 50 s on for a fault that begins at 0, and that a peer called.

    The first call is *taken* at once, or can be from 50 s on, with *news* of it at NEWS_AT. The
    peer ends it at ENDED_AT, and may have *called* again; this agent sees it fail so long, and ends
    it at OVER_AT.
    """
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED if taken or loop.time() > ENDED_AT else RETRY)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    over = False

    def burns(_key: str) -> bool | None:
        return None if over else loop.time() < fails_until

    def end() -> None:
        nonlocal over
        over = True
        outbox.add(page(KEY, action=RESOLVE), loop.time())

    outbox.agree(hearsay, lambda *_: None, burns)
    outbox.add(page(KEY), 0.0)
    words = [(TRIGGER, 0.5), (RESOLVE, ENDED_AT), *([(TRIGGER, called)] if called else [])]
    for action, at in words:
        loop.call_at(at, hearsay.hear, "fra-1", "pd", KEY, at, action)
    if news:
        more = replace(page(KEY), summary="and more")
        loop.call_at(NEWS_AT, lambda: outbox.add(more, NEWS_AT))
    loop.call_at(OVER_AT, end)
    await run_for(outbox.run(), 400)
    assert outbox.waiting == []
    asked = pager.asked
    return [(at, one.action) for at, one in asked if at > ENDED_AT]


def test_a_call_that_gets_through_late_wakes_nobody_again() -> None:
    """Who sees the end some seconds after a peer does not call in between; its end is told."""
    assert told(taken=False, fails_until=60) == [(OVER_AT, RESOLVE)]


def test_a_late_call_for_what_fails_goes_out() -> None:
    """Whatever a peer has ended, who still sees it fail calls."""
    (_, action), *_ = told(taken=False, fails_until=1000)
    assert action is TRIGGER


def test_news_of_what_a_peer_has_ended_open_no_page() -> None:
    """As of a storm whose members differ: what is seen to fail no longer is told to nobody."""
    assert told(taken=True, fails_until=60, news=True) == [(OVER_AT, RESOLVE)]


@pytest.mark.parametrize(
    "story",
    [{"fails_until": 1000}, {"fails_until": 60, "called": 92.0}],
    ids=["it fails", "it is open there again"],
)
def test_news_of_what_goes_on_are_told(story: dict[str, float]) -> None:
    """Nobody would know of them else, or nobody is woken by them."""
    assert told(taken=True, news=True, **story)[0] == (NEWS_AT, TRIGGER)


@pytest.mark.parametrize(("fails_until", "told_at"), [(60, [5, 65]), (1000, [5, 65, 125])])
@virtual
async def test_what_a_peer_has_ended_is_not_told_again_and_again(
    fails_until: float, told_at
) -> None:
    """A receiver that forgets would take it for firing anew, unless it is seen to fail."""
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager, told = Forgetful(lambda *_: DELIVERED), []
    repeat = pager.repeat

    async def noted() -> Delivery:
        told.extend([loop.time()] if pager.stood else [])
        return await repeat()

    pager.repeat = noted
    former = Former((), [Told("pd", page(KEY), "delivered", -50, -50)], open={KEY})
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time, former=former)
    outbox.agree(hearsay, lambda *_: None, lambda _: loop.time() < fails_until)
    loop.call_at(ENDED_AT, hearsay.hear, "fra-1", "pd", KEY, ENDED_AT, RESOLVE)
    await run_for(outbox.run(), 140)
    assert told == pytest.approx(told_at, abs=0.2)
