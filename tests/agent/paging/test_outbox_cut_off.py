"""An agent that saw nothing for a while calls late for nothing but what it still sees."""

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
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.backoff import LONGEST_WAIT
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action, Page

KEY = "k"

pytestmark = pytest.mark.usefixtures("quiet")


BACK_AT, SEES_AT = 100.0, 110.0


@virtual
async def cut_off(
    called: Page, *, burns: bool | None, ends_at: float = 1e9
) -> list[tuple[float, Action]]:
    """Return what gets through of an agent that is cut off as it calls, and what it *burns* then.

    It is back at BACK_AT, sees again at SEES_AT, and holds the fault for over at *ends_at*.
    """
    loop = asyncio.get_running_loop()
    pager = Receiver(lambda *_: RETRY if loop.time() < BACK_AT else DELIVERED)
    outbox = Outbox([pager], Journal(Sheet()), now=loop.time)

    def seen(_key: str) -> bool | None:
        return False if burns and loop.time() < SEES_AT else burns

    outbox.agree(
        Hearsay(), lambda *_: None, seen, blind_at=lambda: min(max(1.0, loop.time()), SEES_AT)
    )
    outbox.add(called, 0.0)
    end = replace(called, action=RESOLVE)
    loop.call_at(ends_at, lambda: outbox.add(end, ends_at))
    await run_for(outbox.run(), 1000)
    assert outbox.waiting == [] or ends_at > 1000
    asked = pager.asked
    return [(at, one.action) for at, one in asked if at >= BACK_AT]


def test_who_was_cut_off_calls_late_for_what_it_still_sees() -> None:
    """It may be over, and others will have called: only what is seen to burn goes out, at once."""
    ((at, action),) = cut_off(page(KEY), burns=True)

    assert action is TRIGGER
    assert SEES_AT <= at <= SEES_AT + LONGEST_WAIT


def test_who_was_cut_off_wakes_nobody_for_what_is_over() -> None:
    """A fault that was over when sight came back is not called for, however long it takes."""
    assert cut_off(page(KEY), burns=False) == []
    assert [action for _, action in cut_off(page(KEY), burns=False, ends_at=700)] == [RESOLVE]


@pytest.mark.parametrize(
    ("called", "burns"),
    [(replace(page(KEY), diagnosis="vantage_blind"), False), (page(KEY), None)],
    ids=["its own blindness", "no incident"],
)
def test_what_is_no_matter_of_sight_goes_out_when_it_can(called: Page, burns: bool | None) -> None:
    """That it was cut off is for the agent itself to tell, and a roll-up is of no one incident."""
    ((at, action),) = cut_off(called, burns=burns)

    assert action is TRIGGER
    assert BACK_AT <= at <= BACK_AT + LONGEST_WAIT
