"""Who gets a page: drills wait for nothing but an end, and who is away gets the end when back."""

import asyncio
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    TRIGGER,
    Desk,
    Receiver,
    Sheet,
    page,
    run_for,
)
from tests.virtual import virtual
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row
from vedette.agent.memory.store import Store
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.routing import Route, Routes
from vedette.exporters.page import Action, Delivery, Page, Severity


@pytest.mark.parametrize(
    ("waits", "got"),
    [([RESOLVE], [RESOLVE, TRIGGER]), ([TRIGGER], [TRIGGER]), ([TRIGGER, RESOLVE], None)],
)
@virtual
async def test_a_drill_goes_behind_the_end_of_another(
    waits: Sequence[Action], got: Sequence[Action] | None
) -> None:
    """After a restart in a drill the next one goes out, once, behind what the other has left."""
    rows = [Row(n, "pd", page("drill", action=one), 0.0) for n, one in enumerate(waits, 1)]
    pager, clock = Receiver(lambda *_: DELIVERED), asyncio.get_running_loop().time
    outbox = Outbox([pager], Journal(Sheet()), now=clock, former=Former(rows, last_row=len(rows)))
    outbox.add(page("drill"), clock(), to=["pd"])
    await run_for(outbox.run(), 10)
    assert [one.action for _, one in pager.asked] == (list(waits) if got is None else got)


@virtual
async def test_a_drill_that_was_refused_ends_too() -> None:
    """A refused call with its end leaves nothing that a start would take for not heard."""
    desk = Desk(Receiver(lambda *_: REJECTED))
    for at, action in ((0, TRIGGER), (10, RESOLVE)):
        desk.loop.call_at(at, partial(desk.outbox.add, page("drill", action=action), at, to=["pd"]))
    await desk.run(20)
    assert [one.row.page.action for one in desk.outbox.ended] == [TRIGGER, RESOLVE]


@virtual
async def lived(
    folder: Path, pagers: Sequence[Receiver], pages: Sequence[Page], routes: Routes
) -> None:
    """Run an outbox for a while over what the one before has left in *folder*."""
    clock, store = asyncio.get_running_loop().time, Store(folder)
    former = Former(store.waiting(), store.told(), (), store.last_row())
    journal = Journal(store)
    outbox = Outbox(pagers, journal, now=clock, routes=routes, former=former)
    for one in pages:
        journal.write(outbox.add(one, clock()))
    await run_for(outbox.run(), 100)
    store.close()


@pytest.mark.parametrize("others", [[], ["mail"]], ids=["none is left", "others take other pages"])
def test_who_is_away_at_the_end_gets_it_when_back(tmp_path: Path, others: Sequence[str]) -> None:
    """A pager that was out of the config while its incident ended does not keep it open."""

    def answer(_page: Page, _count: int) -> Delivery:
        return DELIVERED

    pager, rest = Receiver(answer), [Receiver(answer, name) for name in others]
    mild = [Route(name, severities=frozenset([Severity.WARNING])) for name in others]
    both = Routes([Route("pd"), *mild])
    lived(tmp_path, [pager, *rest], [page(), page("goes on")], both)
    lived(tmp_path, rest, [page(action=RESOLVE)], Routes(mild))
    lived(tmp_path, [pager, *rest], [], both)

    assert [(one.action, one.key) for _, one in pager.asked] == [
        (TRIGGER, page().key),
        (TRIGGER, "goes on"),
        (RESOLVE, page().key),
    ]
    assert not any(one.asked for one in rest)
