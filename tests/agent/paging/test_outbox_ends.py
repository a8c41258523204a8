"""What one agent ends, and others see burn: it is called for again, and no new call is ended."""

import math
from dataclasses import replace

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Desk,
    Forgetful,
    Receiver,
    page,
)
from tests.virtual import virtual
from vedette.agent.memory.pages import Told
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.heartbeat import undelivered_since
from vedette.exporters import webhook
from vedette.exporters.page import Action

CALL, END = page(), page(action=RESOLVE)

pytestmark = pytest.mark.usefixtures("quiet")


@virtual
async def burning(
    *ends: float,
    called: float | None = None,
    over_at: float | None = None,
    well: tuple[float, float] = (0, 0),
) -> Receiver:
    """Have a fault burn from 0 on, which a peer ends at a pager at *ends*, and *called* for.

    From the first to the second time of *well* it is not seen.
    """
    desk = Desk(burns=lambda _: not well[0] <= desk.loop.time() < well[1])
    desk.page(0, CALL)
    for at in ends:
        desk.hear(RESOLVE, at)
    if called is not None:
        desk.hear(TRIGGER, called)
    if over_at is not None:
        desk.page(over_at, END)
    await desk.run(300)
    assert desk.outbox.waiting == []
    return desk.pager


def test_what_a_peer_has_ended_though_it_burns_is_called_for_again() -> None:
    """That is half a minute after each end."""
    asked = [(round(at), one.action) for at, one in burning(10, 100).asked]
    assert asked == [(0, TRIGGER), (40, TRIGGER), (130, TRIGGER)]


def test_a_call_again_is_another_page_and_says_why() -> None:
    """A receiver that drops what it has had before, as by the id of a webhook, takes each."""
    pages = [one for _, one in burning(10, 100).asked]
    assert len({webhook.encode(one) for one in pages}) == 3
    assert [("called_again" in one.details) for one in pages] == [False, True, True]
    assert len({one.summary for one in pages}) == 1


@virtual
async def test_a_call_that_is_refused_again_is_repeated_as_any_is() -> None:
    """A pager that refuses is asked once for each end, and then ever more seldom."""
    desk = Desk(Receiver(lambda *_: DELIVERED if desk.loop.time() < 5 else REJECTED))
    desk.page(0, CALL)
    desk.hear(RESOLVE, 10)
    assert [round(at) for at, _ in await desk.run(300)] == [0, 40, 100, 220]


@pytest.mark.parametrize(
    "story",
    [{"over_at": 39.0}, {"called": 12.0}, {"called": 39.0}],
    ids=["ended here too", "called by the peer", "called by another at its turn"],
)
def test_an_end_that_agents_see_at_different_times_is_one(story: dict[str, float]) -> None:
    """Within half a minute it is not called for again; nor where somebody has done so."""
    triggers = [one for _, one in burning(10, **story).asked if one.action is TRIGGER]
    assert len(triggers) == 1


@pytest.mark.parametrize(("well", "again_at"), [((8, 60), 60), ((8, 400), None), ((8, 20), 40)])
def test_only_what_is_seen_to_burn_is_called_for_again(well, again_at: float | None) -> None:
    """An agent that has not yet seen it well for long enough, as after a restart, wakes nobody."""
    _, *again = burning(10, well=well).asked
    assert [at for at, _ in again] == ([pytest.approx(again_at, abs=1.1)] if again_at else [])


def test_an_end_before_ones_own_call_is_no_end_of_it() -> None:
    """What a pager took after a peer's resolve stands there."""
    assert len(burning(-50).asked) == 1


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        ([(RESOLVE, 60.0), (TRIGGER, 80.0)], []),
        ([(TRIGGER, 80.0)], [95]),
        ([(RESOLVE, 60.0)], [95]),
        ([(TRIGGER, 0.5), (RESOLVE, 60.0)], [95]),
        ([(TRIGGER, 40.0), (RESOLVE, 60.0)], [95]),
    ],
    ids=["ended and called", "called", "ended", "as ours", "called before the end"],
)
@virtual
async def test_an_end_that_was_seen_late_ends_nothing_that_is_of_another_fault(words, ends) -> None:
    """An agent that stood still sees at 90 the end of what a peer has ended, and called for anew.

    It hears of that within five seconds. What then stands at the pager is the peer's to end.
    """
    desk = Desk(
        burns=lambda _: False, blind_at=lambda: 90.0 if desk.loop.time() >= 90 else -math.inf
    )
    desk.page(0, CALL)
    for action, at in words:
        desk.hear(action, at, 92)
    desk.page(90, END)
    ended_at = [at for at, action in await desk.run(300) if action is RESOLVE]
    assert ended_at == pytest.approx(ends)


@virtual
async def test_a_late_resolve_ends_nothing_that_a_peer_has_opened_since() -> None:
    """One that could not be delivered is dropped once a peer says that it has called since."""
    desk = Desk(Receiver(lambda *_: RETRY if 5 < desk.loop.time() < 100 else DELIVERED))
    desk.page(0, CALL)
    desk.page(10, END)
    desk.hear(TRIGGER, 94, 95)
    assert [at for at, _ in await desk.run(300) if at > 95] == []
    told = [one.delivery.detail for one in desk.outbox.ended[1:]]
    assert told == ["called for by peer fra-1 since"]


@pytest.mark.parametrize(
    ("words", "ends_at"),
    [([], 15), ([(TRIGGER, 2)], 310), ([(TRIGGER, 12)], 310), ([(TRIGGER, 2), (RESOLVE, 60)], 61)],
    ids=["nobody called", "a peer has called", "as is heard in a moment", "and ends it"],
)
@virtual
async def test_what_nobody_watches_here_any_more_is_left_to_peers_for_a_while(
    words, ends_at
) -> None:
    """Peers that read the new config some minutes later see it burn until then: none calls again.

    Where one has called, its end, or five minutes, are waited for; for its word five seconds.
    """
    desk = Desk(burns=lambda _: None, gone={CALL.key})
    desk.page(0, CALL)
    desk.page(10, END)
    for action, at in words:
        desk.hear(action, 1.0 if action is TRIGGER else at, at)
    ended_at = [at for at, action in await desk.run(600) if action is RESOLVE]
    assert ended_at == pytest.approx([ends_at], abs=1.1)


@virtual
async def test_what_is_held_back_is_not_stuck() -> None:
    """An end that waits for peers to read the new config is on its way only once it may go out."""
    ages = dict[int, float]()
    desk = Desk(
        Receiver(lambda *_: DELIVERED if desk.loop.time() < 100 else RETRY),
        burns=lambda _: None,
        gone={CALL.key},
    )
    desk.page(0, CALL)
    desk.hear(TRIGGER, 1, 2)
    desk.page(10, END)

    def look(at: int) -> None:
        since = undelivered_since(desk.outbox.waiting, desk.outbox.heard)
        assert [since] == desk.outbox.undelivered["pd"]
        ages[at] = at - (since or 0.0)

    for at in (60, 200, 300, 400, 500):
        desk.loop.call_at(at, look, at)
    await desk.run(501)

    assert ages == pytest.approx({60: 0, 200: 0, 300: 0, 400: 90, 500: 190}, abs=1.1)


ENDED_AT, NEWS_AT, OVER_AT = 90.0, 95.0, 160.0


@virtual
async def told(
    *, taken: bool, fails_until: float, news: bool = False, called: float | None = None
) -> list[tuple[float, Action]]:
    """Return what a pager takes after ENDED_AT for a fault of 0 on, for which a peer called.

    The first call is *taken* at once, or can be from then on, with *news* of it at NEWS_AT. The
    peer ends it at ENDED_AT, and may have *called* again; this agent sees it fail so long, and ends
    it at OVER_AT.
    """

    def burns(_key: str) -> bool | None:
        return None if desk.loop.time() >= OVER_AT else desk.loop.time() < fails_until

    desk = Desk(
        Receiver(lambda *_: DELIVERED if taken or desk.loop.time() > ENDED_AT else RETRY),
        burns=burns,
    )
    desk.page(0, CALL)
    for action, at in [
        (TRIGGER, 0.5),
        (RESOLVE, ENDED_AT),
        *([(TRIGGER, called)] if called else []),
    ]:
        desk.hear(action, at)
    if news:
        desk.page(NEWS_AT, replace(CALL, summary="and more"))
    desk.page(OVER_AT, END)
    asked = await desk.run(400)
    assert desk.outbox.waiting == []
    return [(at, action) for at, action in asked if at > ENDED_AT]


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
    pager = Forgetful(lambda *_: DELIVERED)
    former = Former((), [Told("pd", CALL, "delivered", -50, -50)], open={CALL.key})
    desk = Desk(pager, burns=lambda _: desk.loop.time() < fails_until, former=former)
    desk.hear(RESOLVE, ENDED_AT)
    await desk.run(140)
    assert [at for at, stood in pager.repeated if stood] == pytest.approx(told_at, abs=0.2)
