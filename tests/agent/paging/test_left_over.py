"""What a former life has left at a pager: peers may have ended it, or begun again, meanwhile."""

import asyncio
from collections.abc import Sequence

import pytest

from tests.agent.paging.test_outbox import (
    DELIVERED,
    RESOLVE,
    TRIGGER,
    Receiver,
    Sheet,
    page,
    run_for,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row, Told
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.deduplication import HEARD_WITHIN
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action

KEY = "k"
CALLED = Told("pd", page(KEY), "delivered", -900, -900)
END = page(KEY, action=RESOLVE)
HEARD_AT = 2.0

pytestmark = pytest.mark.usefixtures("quiet")


@virtual
async def asked(former: Former, *words: tuple[Action, float]) -> Sequence[tuple[float, Action]]:
    """Return what a pager is asked after a start at 0, with *words* of a peer heard at HEARD_AT."""
    loop, hearsay = asyncio.get_running_loop(), Hearsay()
    pager = Receiver(lambda *_: DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time, former=former)
    outbox.agree(hearsay, lambda *_: None, lambda _: False)
    for action, at in words:
        loop.call_at(HEARD_AT, hearsay.hear, "fra-1", "pd", KEY, at, action)
    await run_for(outbox.run(), 100)
    return [(round(at, 1), one.action) for at, one in pager.asked]


WAITING = Former([Row(2, "pd", END, -500)], [CALLED], last_row=2)
REFUSED = Former((), [CALLED, Told("pd", END, "rejected", -499, -500)], last_row=2)


@pytest.mark.parametrize("former", [WAITING, REFUSED], ids=["undelivered", "refused"])
def test_an_end_of_a_former_life_ends_nothing_that_burns_by_now(former: Former) -> None:
    """It goes out unless a peer says that its pager has taken a call since then."""
    assert asked(former) == [(HEARD_WITHIN, RESOLVE)]
    assert asked(former, (TRIGGER, -800), (RESOLVE, -499)) == [(HEARD_WITHIN, RESOLVE)]
    assert asked(former, (TRIGGER, -100)) == []


UNHEARD = Former([Row(1, "pd", page(KEY), -500)], open={KEY}, last_row=1)
TURNED_DOWN = Former((), [Told("pd", page(KEY), "rejected", -499, -500)], open={KEY}, last_row=1)


@pytest.mark.parametrize("former", [UNHEARD, TURNED_DOWN], ids=["undelivered", "refused"])
def test_a_call_of_a_former_life_wakes_nobody_for_what_peers_have_ended(former: Former) -> None:
    """It goes out unless a peer has ended the same since, and it is not seen to fail."""
    assert asked(former) == [(HEARD_WITHIN, TRIGGER)]
    assert asked(former, (TRIGGER, -499)) == [(HEARD_WITHIN, TRIGGER)]
    assert asked(former, (TRIGGER, -499), (RESOLVE, -60)) == []
