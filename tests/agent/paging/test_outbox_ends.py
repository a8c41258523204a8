"""What one agent ends, and others see burn: it is called for again, and no new call is ended."""

import asyncio
import math

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
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.heartbeat import undelivered_since
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters import webhook
from vedette.exporters.page import Delivery, Outcome

REJECTED = Delivery(outcome=Outcome.REJECTED, detail="400")
KEY = "k"

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
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: not well[0] <= loop.time() < well[1])
    outbox.add(page(KEY), 0.0)
    for at in ends:
        loop.call_at(at, hearsay.hear, "fra-1", "pd", KEY, at, RESOLVE)
    if called is not None:
        loop.call_at(called, hearsay.hear, "fra-1", "pd", KEY, called, TRIGGER)
    if over_at is not None:
        loop.call_at(over_at, lambda: outbox.add(page(KEY, action=RESOLVE), over_at))
    await run_for(outbox.run(), 300)
    assert outbox.waiting == []
    return pager


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
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED if loop.time() < 5 else REJECTED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    outbox.add(page(KEY), 0.0)
    loop.call_at(10, hearsay.hear, "fra-1", "pd", KEY, 10.0, RESOLVE)
    await run_for(outbox.run(), 300)
    assert [round(at) for at, _ in pager.asked] == [0, 40, 100, 220]


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
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(
        hearsay,
        lambda *_: None,
        burns=lambda _: False,
        blind_at=lambda: 90.0 if loop.time() >= 90 else -math.inf,
    )
    outbox.add(page(KEY), 0.0)
    for action, at in words:
        loop.call_at(92, hearsay.hear, "fra-1", "pd", KEY, at, action)
    loop.call_at(90, lambda: outbox.add(page(KEY, action=RESOLVE), 90.0))
    await run_for(outbox.run(), 300)
    ended_at = [at for at, one in pager.asked if one.action is RESOLVE]
    assert ended_at == pytest.approx(ends)


@virtual
async def test_a_late_resolve_ends_nothing_that_a_peer_has_opened_since() -> None:
    """One that could not be delivered is dropped once a peer says that it has called since."""
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda asked, *_: RETRY if 5 < loop.time() < 100 else DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: True)
    outbox.add(page(KEY), 0.0)
    loop.call_at(10, lambda: outbox.add(page(KEY, action=RESOLVE), 10.0))
    loop.call_at(95, hearsay.hear, "fra-1", "pd", KEY, 94.0, TRIGGER)
    await run_for(outbox.run(), 300)
    assert [one.action for at, one in pager.asked if at > 95] == []
    assert [one.delivery.detail for one in outbox.ended[1:]] == ["called for by peer fra-1 since"]


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
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: None, gone={KEY})
    outbox.add(page(KEY), 0.0)
    loop.call_at(10, lambda: outbox.add(page(KEY, action=RESOLVE), 10.0))
    for action, at in words:
        called_at = 1.0 if action is TRIGGER else at
        loop.call_at(at, hearsay.hear, "fra-1", "pd", KEY, called_at, action)
    await run_for(outbox.run(), 600)
    ended_at = [at for at, one in pager.asked if one.action is RESOLVE]
    assert ended_at == pytest.approx([ends_at], abs=1.1)


@virtual
async def test_what_is_held_back_is_not_stuck() -> None:
    """An end that waits for peers to read the new config is on its way only once it may go out."""
    loop, hearsay, ages = asyncio.get_running_loop(), Hearsay(), dict[int, float]()
    pager = Receiver(lambda *_: DELIVERED if loop.time() < 100 else RETRY)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)
    outbox.agree(hearsay, lambda *_: None, lambda _: None, gone={KEY})
    outbox.add(page(KEY), 0.0)
    loop.call_at(2, hearsay.hear, "fra-1", "pd", KEY, 1.0, TRIGGER)
    loop.call_at(10, lambda: outbox.add(page(KEY, action=RESOLVE), 10.0))

    def look(at: int) -> None:
        since = undelivered_since(outbox.waiting, outbox.heard)
        assert [since] == outbox.undelivered["pd"]
        ages[at] = at - (since or 0.0)

    for at in (60, 200, 300, 400, 500):
        loop.call_at(at, look, at)
    await run_for(outbox.run(), 501)

    assert ages == pytest.approx({60: 0, 200: 0, 300: 0, 400: 90, 500: 190}, abs=1.1)
