"""Pagers that misbehave: what is over is not repeated, and one pager's trouble is no other's."""

import asyncio

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Receiver,
    Sheet,
    delivered,
    page,
    run_for,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.paging.outbox import Outbox
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.alertmanager import Alertmanager, AlertmanagerSettings
from vedette.exporters.page import Delivery, Outcome, Page
from vedette.exporters.post import Answer
from vedette.exporters.reach import Reach

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.mark.parametrize("how", ["left to a peer", "refused"])
@virtual
async def test_what_is_over_is_not_repeated(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Alertmanager is not told for ever of a page whose end was left to a peer, or refused."""
    is_left = how == "left to a peer"
    taken: list[tuple[float, bool, bool]] = []
    says = [DELIVERED]
    loop = asyncio.get_running_loop()
    pager = Alertmanager(
        "am", AlertmanagerSettings(urls=["http://am"]), now=loop.time, reach=Reach()
    )

    async def post(_url: str, standing: list[Page], ended: list[Page]) -> Answer:
        if says[-1] is DELIVERED:
            taken.append((loop.time(), bool(standing), bool(ended)))
        return Answer(says[-1])

    monkeypatch.setattr(pager, "_post", post)
    outbox, hearsay = Outbox([pager], Journal(Sheet()), now=loop.time), Hearsay()
    outbox.agree(hearsay, lambda *_: None, lambda _: False)
    outbox.add(page(), 0.0)
    loop.call_at(100, says.append, RETRY if is_left else REJECTED)
    loop.call_at(100, lambda: outbox.add(page(action=RESOLVE), loop.time()))
    if is_left:
        loop.call_at(104, hearsay.hear, "b", "am", "k", 103, TRIGGER)
    loop.call_at(160, says.append, DELIVERED)
    await run_for(outbox.run(), 3600)
    assert taken[0][1:] == (True, False)
    assert not [at for at, standing, _ in taken if standing and at > 100]
    assert any(ended for *_, ended in taken) is not is_left


def test_a_pager_with_a_bug_costs_nobody_a_page() -> None:
    """What a pager raises is another try later; the others get theirs at once."""

    def raises(_page: Page, count: int) -> Delivery:
        if count == 1:
            raise ValueError("year 10000 is out of range")
        return DELIVERED

    bad, well = Receiver(raises, "bad"), Receiver(lambda *_: DELIVERED, "well")
    outbox = delivered(bad, well, pages=[page("a"), page("b")])

    assert not outbox.waiting
    assert {one.row.pager for one in outbox.ended} == {"bad", "well"}
    assert [at for at, _ in well.asked] == pytest.approx([0, 0], abs=0.1)


def test_who_asks_for_no_wait_is_not_hammered() -> None:
    """`Retry-After: 0` is tried again as anything else is, and holds up no other page."""
    busy = Delivery(outcome=Outcome.RETRY, retry_after=0.0)
    pager = Receiver(
        lambda one, count: DELIVERED if one.key == "fine" else (count < 99 and busy) or None
    )
    delivered(pager, pages=[page("busy"), page("fine")], seconds=60)

    assert len(pager.asked) < 40
    assert [at for at, one in pager.asked if one.key == "fine"] == pytest.approx([0], abs=0.1)
