"""Calls that pagers have refused: given again while they are wanted, and no longer."""

import asyncio

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    Receiver,
    delivered,
    lives,
    page,
)
from vedette.agent.memory.pages import Row
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.refused import Refused
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.page import Delivery, Page

pytestmark = pytest.mark.usefixtures("quiet")


def until(at: float, before: Delivery = REJECTED) -> Receiver:
    """Return a pager before which something else stands until then."""
    return Receiver(
        lambda *_: before if asyncio.get_running_loop().time() < at else DELIVERED, "pd"
    )


def times(pager: Receiver) -> list[float]:
    return [round(at) for at, _ in pager.asked]


def test_what_burns_gets_through_once_it_is_taken() -> None:
    """A call that was refused is given again after a minute, and then twice as late each time."""
    pager = until(500)
    outbox = delivered(pager, pages=[page()], seconds=86400)

    assert times(pager) == [0, 60, 180, 420, 900]
    assert not outbox.waiting


def test_a_receiver_that_never_takes_it_is_asked_every_ten_minutes() -> None:
    """A wrong key is no flood: within an hour it is told ten times."""
    pager = Receiver(lambda *_: REJECTED)
    delivered(pager, pages=[page()], seconds=3600)

    assert len(pager.asked) < 11
    assert times(pager)[-1] - times(pager)[-2] == 600


def later(pager: Receiver, at: float, then: Page, *more: Receiver) -> Outbox:
    """Queue a call, and *then* another page at a time."""
    return lives([pager, *more], [(0.0, page(summary="first")), (at, then)], 3600)


@pytest.mark.parametrize("answer", [REJECTED, DELIVERED])
def test_what_is_over_is_not_called_for(answer: Delivery) -> None:
    """Once its end is due, a call that was refused is given to nobody, whatever becomes of that."""
    pager = Receiver(lambda one, _: answer if one.action is RESOLVE else REJECTED)
    later(pager, 70, page(action=RESOLVE))

    assert times(pager) == [0, 60, 70]


def test_what_is_over_elsewhere_is_over() -> None:
    """An end that goes only to the pager that took the call ends it for who refused that, too."""
    refuses, takes = Receiver(lambda *_: REJECTED), Receiver(lambda *_: DELIVERED, "mail")
    later(refuses, 70, page(action=RESOLVE), takes)

    assert times(refuses) == [0, 60]
    assert [one.action for _, one in takes.asked][-1] is RESOLVE


@pytest.mark.parametrize("answer", [RETRY, DELIVERED])
def test_only_the_newest_is_given_again(answer: Delivery) -> None:
    """What says more of the same takes the place of what was refused, though it waits itself."""
    pager = Receiver(lambda one, _: REJECTED if one.summary == "first" else answer)
    later(pager, 70, page(summary="more"))

    assert [(round(at), one.summary) for at, one in pager.asked][:3] == [
        (0, "first"), (60, "first"), (70, "more"),
    ]  # fmt: skip
    assert {one.summary for _, one in pager.asked[2:]} == {"more"}


def test_an_end_that_was_refused_comes_later() -> None:
    """What a pager has taken is not left open there since its end was refused for a while."""
    pager = Receiver(
        lambda one, _: (
            REJECTED
            if one.action is RESOLVE and asyncio.get_running_loop().time() < 200
            else DELIVERED
        )
    )
    outbox = later(pager, 70, page(action=RESOLVE))

    assert times(pager) == [0, 70, 130, 250]
    assert not outbox.waiting
    assert not outbox.refused


def test_no_end_comes_after_what_has_begun_again() -> None:
    """An end that was refused is given up once the same is called for anew."""
    pager = Receiver(lambda one, _: REJECTED if one.action is RESOLVE else DELIVERED)
    plot = [(0.0, page()), (10.0, page(action=RESOLVE)), (20.0, page(summary="again"))]
    lives([pager], plot, 3600)
    assert times(pager) == [0, 10, 20]


def test_a_second_channel_is_called_once() -> None:
    """Who is tried again is not answered for anew: the second channel had the call at once."""
    second = Receiver(lambda *_: DELIVERED, "mail")
    routes = Routes([Route("pd"), Route("mail", backup_of="pd")])
    pager = until(500)
    delivered(pager, second, pages=[page()], seconds=3600, routes=routes)

    assert times(pager) == [0, 60, 180, 420, 900]
    assert times(second) == [0]


def test_the_end_of_one_ends_no_other() -> None:
    """Of two calls that were refused, the one that still burns is given again on its day."""
    refused = Refused()
    for id_, key in enumerate(("over", "burns")):
        refused.note(Row(id_, "pd", page(key), 0.0), 0.0)
    refused.end("over")

    assert [row.page.key for row in refused.calls] == ["burns"]
    assert [one.page.key for one in refused.due(refused.next_at)] == ["burns"]


def test_an_end_is_no_call() -> None:
    """Nobody needs to be told on the status page that an end was refused: it is given again."""
    refused = Refused()
    refused.note(Row(1, "pd", page(action=RESOLVE), 0.0), 0.0)

    assert not refused.calls
    assert refused.next_at < 3600
