"""Agents that page the same: nobody is woken again for what a peer has told, or has ended.

So it is with what a former life has left, and with an agent that saw nothing for a while.
"""

from dataclasses import replace

import pytest

from tests.agent.paging.desk import DELIVERED, RESOLVE, RETRY, TRIGGER, Desk, Receiver, page
from tests.agent.paging.test_outbox_delivery import GIVES_UP
from tests.virtual import virtual
from vedette.agent.memory.pages import Row, Told
from vedette.agent.memory.statements import end
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.backoff import LONGEST_WAIT
from vedette.agent.paging.deduplication import HEARD_WITHIN
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.pace import Pace
from vedette.exporters.page import Action, Delivery, Outcome, Page

CALL, END = page(), page(action=RESOLVE)

pytestmark = pytest.mark.usefixtures("quiet")


def hanging(answer: Delivery = RETRY) -> Receiver:
    """Return a pager at which the first attempt hangs."""
    answers = iter([answer])
    pager = Receiver(lambda *_: next(answers, DELIVERED))
    pager.hangs_for = GIVES_UP
    return pager


@virtual
async def story(word_at: float | None, *, said: str = "pd", aged: float = 0.0) -> Desk:
    """Play a fault of 5 s whose page hangs for 10 s; *word_at* a peer says it was accepted."""
    desk = Desk(hanging())
    desk.page(0, CALL)
    desk.page(5, END)
    if word_at is not None:
        desk.hear(TRIGGER, word_at - aged, word_at, said)
    await desk.run(200)
    assert desk.outbox.waiting == []
    ended = desk.outbox.ended[0]
    kept = end(ended.row.id, ended.at, ended.delivery.outcome, ended.delivery.detail)
    assert [one for one in desk.sheet.told if one == kept] != []
    return desk


@pytest.mark.parametrize("word_at", [0.3, 7, 12, 34])
def test_what_a_peer_has_told_is_not_sent_when_it_is_over(word_at: float) -> None:
    """Once it is over and a peer has said so the trigger ends unsent; its resolve goes at once."""
    desk = story(word_at)

    assert [one.action for _, one in desk.pager.asked] == [TRIGGER, RESOLVE]
    assert desk.pager.asked[1][0] == pytest.approx(max(word_at, GIVES_UP), abs=0.1)
    trigger, _ = desk.outbox.ended
    assert trigger.delivery == Delivery(outcome=Outcome.SUPERSEDED, detail="told by peer fra-1")
    assert desk.outbox.delivered == {("pd", Outcome.SUPERSEDED): 1, ("pd", Outcome.DELIVERED): 1}


@pytest.mark.parametrize(
    "word", [{"word_at": None}, {"word_at": 7, "said": "mail"}, {"word_at": 7, "aged": 70}],
    ids=["none", "another pager's", "an older fault's"],
)  # fmt: skip
def test_what_nobody_has_told_goes_out_after_half_a_minute(word) -> None:
    """Without a word that fits, the pair goes out half a minute after the fault was over."""
    desk = story(**word)

    sent = [(at, one.action) for at, one in desk.pager.asked[1:]]
    assert sent == [(pytest.approx(35, abs=0.2), TRIGGER), (pytest.approx(35, abs=0.2), RESOLVE)]
    assert desk.outbox.delivered == {("pd", Outcome.DELIVERED): 2}


@virtual
async def test_what_was_never_tried_is_not_sent_either() -> None:
    """A trigger that waited for its turn until its fault was over is one like any other."""
    desk = Desk()
    desk.pager.pace = Pace(1)
    for one in (page("other"), CALL, END, page("late")):
        desk.page(0, one)
    desk.hear(TRIGGER, 1)
    await desk.run(300)
    sent = [(one.key, one.action) for _, one in desk.pager.asked]
    assert sent == [("other", TRIGGER), ("late", TRIGGER), (CALL.key, RESOLVE)]


@virtual
async def test_only_what_is_over_is_left_out() -> None:
    """A trigger whose fault burns is sent, whatever peers say of it; so is the next fault's.

    Before that one goes no resolve of what a peer has told: it would end what the peer has opened.
    """
    desk = Desk()
    for key in (CALL.key, "burns"):
        desk.hearsay.hear("fra-1", "pd", key, 0.0, TRIGGER)
    for one in (page(summary="1"), page("k", "2", RESOLVE), page(summary="3"), page("burns", "4")):
        desk.page(0, one)
    await desk.run(300)
    assert sorted(one.summary for _, one in desk.pager.asked) == ["3", "4"]


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
    busy = replace(RETRY, retry_after=1.0)
    desk = Desk(hanging(busy), routes=Routes([Route("pd"), *backups]))
    desk.page(0, CALL)
    for action, at in words:
        desk.hear(action, at, 1)
    assert [at for at, _ in await desk.run(100)] == pytest.approx([0, tried_at], abs=0.2)


HEARD_AT = 2.0
CALLED = Told("pd", CALL, "delivered", -900, -900)
OVER = Former([Row(1, "pd", CALL, -900), Row(2, "pd", END, -800)], last_row=2)
UNENDED = Former([Row(2, "pd", END, -500)], [CALLED], last_row=2)
END_REFUSED = Former((), [CALLED, Told("pd", END, "rejected", -499, -500)], last_row=2)
UNHEARD = Former([Row(1, "pd", CALL, -500)], open={CALL.key}, last_row=1)
CALL_REFUSED = Former((), [Told("pd", CALL, "rejected", -499, -500)], open={CALL.key}, last_row=1)


@pytest.mark.parametrize(
    ("former", "words", "sent"),
    [
        (OVER, [], [(30, TRIGGER), (30, RESOLVE)]),
        (OVER, [(TRIGGER, -890)], [(HEARD_WITHIN, RESOLVE)]),
        *(
            (former, words, sent)
            for former in (UNENDED, END_REFUSED)
            for words, sent in (
                ([], [(HEARD_WITHIN, RESOLVE)]),
                ([(TRIGGER, -800), (RESOLVE, -499)], [(HEARD_WITHIN, RESOLVE)]),
                ([(TRIGGER, -100)], []),
            )
        ),
        *(
            (former, words, sent)
            for former in (UNHEARD, CALL_REFUSED)
            for words, sent in (
                ([], [(HEARD_WITHIN, TRIGGER)]),
                ([(TRIGGER, -499)], [(HEARD_WITHIN, TRIGGER)]),
                ([(TRIGGER, -499), (RESOLVE, -60)], []),
            )
        ),
    ],
)
@virtual
async def test_what_a_former_life_has_left_waits_for_the_word_of_peers(former, words, sent) -> None:
    """A call goes out unless a peer has told of it, or ended it; an end, unless one called since.

    Of a call that is over peers have half a minute to say so, of all else some seconds.
    """
    desk = Desk(former=former, burns=lambda _: False)
    for action, at in words:
        desk.hear(action, at, HEARD_AT)
    assert [(pytest.approx(at, abs=0.2), action) for at, action in await desk.run(100)] == sent


BACK_AT, SEES_AT = 100.0, 110.0


@virtual
async def cut_off(
    called: Page, *, burns: bool | None, ends_at: float = 1e9
) -> list[tuple[float, Action]]:
    """Return what gets through of an agent that is cut off as it calls, and what it *burns* then.

    It is back at BACK_AT, sees again at SEES_AT, and holds the fault for over at *ends_at*.
    """

    def seen(_key: str) -> bool | None:
        return False if burns and desk.loop.time() < SEES_AT else burns

    desk = Desk(
        Receiver(lambda *_: RETRY if desk.loop.time() < BACK_AT else DELIVERED),
        burns=seen,
        blind_at=lambda: min(max(1.0, desk.loop.time()), SEES_AT),
    )
    desk.page(0, called)
    desk.page(ends_at, replace(called, action=RESOLVE))
    asked = await desk.run(1000)
    assert desk.outbox.waiting == [] or ends_at > 1000
    return [(at, action) for at, action in asked if at >= BACK_AT]


def test_who_was_cut_off_calls_late_for_what_it_still_sees() -> None:
    """It may be over, and others will have called: only what is seen to burn goes out, at once."""
    ((at, action),) = cut_off(CALL, burns=True)

    assert action is TRIGGER
    assert SEES_AT <= at <= SEES_AT + LONGEST_WAIT


def test_who_was_cut_off_wakes_nobody_for_what_is_over() -> None:
    """A fault that was over when sight came back is not called for, however long it takes."""
    assert cut_off(CALL, burns=False) == []
    assert [action for _, action in cut_off(CALL, burns=False, ends_at=700)] == [RESOLVE]


@pytest.mark.parametrize(
    ("called", "burns"),
    [(replace(CALL, diagnosis="vantage_blind"), False), (CALL, None)],
    ids=["its own blindness", "no incident"],
)
def test_what_is_no_matter_of_sight_goes_out_when_it_can(called: Page, burns: bool | None) -> None:
    """That it was cut off is for the agent itself to tell, and a roll-up is of no one incident."""
    ((at, action),) = cut_off(called, burns=burns)

    assert action is TRIGGER
    assert BACK_AT <= at <= BACK_AT + LONGEST_WAIT
