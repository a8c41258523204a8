"""What is made up for at the start: who was not reached is called, and what is over ends."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.agent.paging.desk import (
    DELIVERED,
    REJECTED,
    RESOLVE,
    RETRY,
    TRIGGER,
    Desk,
    Receiver,
    Sheet,
    delivered,
    page,
    run_for,
)
from tests.virtual import virtual
from vedette.agent.alarms.incidents import Incident
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.daemon import Agent
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.pages import Row, Told
from vedette.agent.memory.statements import Statement, end, keep_drill, keep_incident, keep_storm
from vedette.agent.memory.statements import queue as queued
from vedette.agent.memory.store import Store
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.drill import Drill
from vedette.agent.paging.outbox import Outbox
from vedette.agent.paging.routing import Route, Routes
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.surroundings import Surroundings
from vedette.exporters.page import Action, Delivery, Outcome

CALLED = Told("pd", page(), "delivered")


def ended(outcome: str | None, pager: str = "pd") -> Told:
    """Return the end of the page, and what became of it."""
    return Told(pager, page(action=RESOLVE), outcome)


@pytest.mark.parametrize(
    ("told", "got"),
    [
        ([CALLED, ended("rejected")], [RESOLVE]),
        ([CALLED, ended("delivered", "gone")], [RESOLVE]),
        ([CALLED, ended("rejected", "gone")], [RESOLVE]),
        ([CALLED, ended("delivered", "gone"), Told("gone", page(), "delivered")], [RESOLVE]),
        ([CALLED, ended("delivered")], []),
        ([CALLED, ended("superseded")], []),
        ([CALLED, Told("gone", page(), "delivered"), ended("delivered", "gone"), CALLED], []),
        ([Told("pd", page(), "rejected"), ended("rejected")], []),
        ([CALLED], []),
    ],
    ids=["refused", "while it was gone", "refused elsewhere", "begun again elsewhere", "taken",
         "left to a peer", "called since", "never called", "not over"],
)  # fmt: skip
def test_an_end_that_never_came_comes_at_the_next_start(
    told: Sequence[Told], got: Sequence[Action]
) -> None:
    """Who was called and has not taken the end gets it again, and nobody else; once."""
    pager = Receiver(lambda *_: DELIVERED)
    delivered(pager, former=Former((), told, last_row=9), seconds=10)

    assert [one.action for _, one in pager.asked] == list(got)


def test_what_is_open_does_not_end_at_the_start() -> None:
    """An end of a former page under the key of what is open now is not sent."""
    pager = Receiver(lambda *_: DELIVERED)
    former = Former((), [CALLED, ended("rejected")], open=["k"], last_row=9)
    delivered(pager, former=former, seconds=10)

    assert not pager.asked


def test_an_end_that_waits_is_not_sent_twice() -> None:
    """Where the end is on its way, or a new call is, nothing is put behind it."""
    for action in Action:
        pager = Receiver(lambda *_: DELIVERED)
        waits = Row(3, "pd", page(action=action), 0.0)
        told = [CALLED, ended("rejected"), Told("pd", waits.page, None)]
        delivered(pager, former=Former([waits], told, last_row=9), seconds=10)

        assert [one.action for _, one in pager.asked] == [action]


REPLACED = Routes([Route("first"), Route("new", backup_of="first")])


@pytest.mark.parametrize(
    ("pagers", "former", "calls"),
    [
        (
            ["first", "new"],
            Former([Row(1, "first", page(), 0.0, backed=True), Row(2, "old", page(), 0.0)],
                   [Told("first", page(), None), Told("old", page(), None)]),
            ["new"],
        ),
        (
            ["first", "new"],
            Former([Row(1, "first", page(), 0.0, backed=True), Row(3, "old", page(), 0.0),
                    Row(2, "first", page(summary="newest"), 0.0, backed=True)],
                   [Told("old", page(summary="newest"), "delivered"),
                    Told("first", page(summary="newest"), None)]),
            ["new"],
        ),
        (
            ["first", "new"],
            Former([Row(1, "first", page(), 0.0, backed=True)],
                   [Told("first", page(), None), Told("new", page(), "delivered")]),
            [],
        ),
        (
            ["first", "new"],
            Former([Row(1, "first", page(), 0.0, backed=True),
                    Row(2, "first", page(action=RESOLVE), 0.0)],
                   [Told("old", page(), "delivered"), ended("delivered", "old"),
                    ended(None, "first")]),
            [],
        ),
        (
            ["first", "new"],
            Former([Row(1, "first", page(), 0.0, backed=True)],
                   [Told("first", page(), None), Told("new", page(), "rejected")]),
            ["new"],
        ),
        (
            ["dead", "new"],
            Former([Row(1, "dead", page(), 0.0), Row(2, "old", page(), 0.0)],
                   [Told("dead", page(), None), Told("old", page(), None)]),
            ["new"],
        ),
    ],
    ids=["second channel replaced", "the newest alone", "as it was", "over",
         "second channel mended", "renamed"],
)  # fmt: skip
def test_who_is_new_is_called_for_what_its_pager_has_not_taken(
    pagers: Sequence[str], former: Former, calls: Sequence[str]
) -> None:
    """A new second channel and a new pager are called, once, for what the one before had not."""
    there = [Receiver(lambda *_: RETRY, pagers[0]), Receiver(lambda *_: DELIVERED, pagers[1])]
    routes = REPLACED if "first" in pagers else Routes([Route(name) for name in pagers])
    former = former._replace(open=["k"], last_row=9)
    delivered(*there, former=former, routes=routes, seconds=300)

    assert ["new" for _ in there[1].asked] == list(calls)
    assert [one.summary for _, one in there[1].asked] == [
        former.waiting[-1].page.summary for _ in calls
    ]


def told(pager: str, outcome: Outcome) -> Told:
    """Return that *pager* was called, and what became of it."""
    return Told(pager, page(), outcome)


REFUSED, TAKEN = Outcome.REJECTED, Outcome.DELIVERED


@pytest.mark.parametrize(
    ("former", "answer", "calls"),
    [
        ([told("first", REFUSED), told("new", TAKEN)], DELIVERED, ["first"]),
        ([told("first", REFUSED), told("new", TAKEN)], REJECTED, ["first"]),
        ([told("first", REFUSED), told("new", REFUSED)], DELIVERED, ["first"]),
        ([told("first", REFUSED), told("new", REFUSED)], REJECTED, ["first", "new"]),
        ([told("first", TAKEN), told("new", REFUSED)], DELIVERED, []),
        ([told("first", REFUSED), told("first", TAKEN)], DELIVERED, []),
    ],
    ids=["mended, a second channel had it", "still broken, a second channel had it",
         "mended, nobody had it", "still broken, nobody had it", "its pager had it",
         "taken since"],
)  # fmt: skip
def test_what_a_pager_has_refused_is_tried_again(
    former: Sequence[Told], answer: Delivery, calls: Sequence[str]
) -> None:
    """Who refused a call for what is open is called again; who knows of it already is not."""
    first, new = Receiver(lambda *_: answer, "first"), Receiver(lambda *_: answer, "new")
    delivered(first, new, former=Former((), former, ["k"], 9), routes=REPLACED, seconds=30)

    assert [one.name for one in (first, new) for _ in one.asked] == list(calls)


def test_what_a_pager_has_refused_and_is_over_is_not_tried_again() -> None:
    """A call that others took, and that is not open now, is not made at the next start."""
    pager, mail = Receiver(lambda *_: DELIVERED), Receiver(lambda *_: DELIVERED, "mail")
    delivered(pager, mail, former=Former((), [told("pd", REFUSED), told("mail", TAKEN)], (), 9))

    assert not pager.asked


@pytest.mark.parametrize(
    ("open_", "former", "calls"),
    [
        (["k"], [told("pd", TAKEN)], ["new"]),
        (["k"], [ended("delivered", "new"), told("pd", TAKEN)], ["new"]),
        (["k"], [told("pd", TAKEN), told("new", TAKEN)], []),
        (["k"], [told("pd", TAKEN), Told("new", page(), None)], []),
        (["k"], [told("pd", TAKEN), Told("new", page(), "superseded")], []),
        ([], [told("pd", TAKEN)], []),
    ],
    ids=["open", "of before alone", "told", "on its way", "told by a peer", "over"],
)
def test_a_pager_that_is_new_is_called_for_what_is_open(
    open_: Sequence[str], former: Sequence[Told], calls: Sequence[str]
) -> None:
    """Who comes into the config, or into a route, while something burns is told of it, once."""
    there = [Receiver(lambda *_: DELIVERED), Receiver(lambda *_: DELIVERED, "new")]
    delivered(*there, former=Former((), former, open_, 9), seconds=300)

    assert [one.name for one in there for _ in one.asked] == list(calls)


KEYS = {
    "incident": "vedette/shop",
    "storm": "vedette/storm",
    "drill": "vedette/drill/fra-1",
    "alarm of a drill": "vedette/fra-1/page_drill",
}
KEPT = {
    "incident": keep_incident(
        Incident("vedette/shop", "shop", "x", 1.0, {"shop/x": 1.0}, (("shop/x", 1.0),))
    ),
    "storm": keep_storm(Grade.CRITICAL, Storm(members=("vedette/shop",), is_open=True)),
    "alarm of a drill": keep_drill(Drill(0.0, paged=True)),
}


@pytest.mark.parametrize("what", KEYS)
@pytest.mark.parametrize("is_open", [True, False])
@virtual
async def test_an_agent_ends_at_its_start_what_is_over_alone(
    what: str, is_open: bool, tmp_path: Path
) -> None:
    """The refused end of an incident, a roll-up or a drill goes out unless the same is open again.

    A drill that was under way begins anew, and ends then.
    """
    key = KEYS[what]
    rows: list[Statement] = []
    for id_, action in ((1, TRIGGER), (2, RESOLVE)):
        outcome = Outcome.DELIVERED if action is TRIGGER else Outcome.REJECTED
        rows += [queued(Row(id_, "pd", page(key, action=action), id_)), end(id_, id_, outcome, "")]
    store = Store(tmp_path / "state")
    store.write([*rows, *([KEPT[what]] if is_open and what in KEPT else ())])
    store.close()
    receiver = Receiver(lambda *_: DELIVERED)
    clock = asyncio.get_running_loop().time
    around = Surroundings(clock=SteadyClock(clock, clock), pagers=lambda *_: [receiver])
    agent = Agent(_config(), tmp_path, None, around)
    await run_for(agent.outbox.run(), 10)
    agent.store.close()
    over = not is_open or what not in KEPT
    assert [(one.key, one.action) for _, one in receiver.asked] == [(key, RESOLVE)] * over


@virtual
async def left_over(ahead: float, *actions: Action) -> Sequence[tuple[str, float]]:
    """Return who is asked first when, where a former life's clock was *ahead*."""
    pagers = [Receiver(lambda *_: RETRY), Receiver(lambda *_: DELIVERED, "mail")]
    rows = [Row(n, "pd", page(action=one), ahead - 10) for n, one in enumerate(actions)]
    routes = Routes([Route("pd"), Route("mail", backup_of="pd")])
    former = Former(rows, last_row=len(rows))
    outbox = Outbox(
        pagers, Journal(Sheet()), now=asyncio.get_running_loop().time, routes=routes, former=former
    )
    outbox.agree(Hearsay(), lambda *_: None, lambda _: True)
    await run_for(outbox.run(), 200)
    return [(pager.name, round(pager.asked[0][0])) for pager in pagers if pager.asked]


@pytest.mark.parametrize("actions", [[TRIGGER], [TRIGGER, RESOLVE]])
def test_a_clock_that_was_ahead_holds_no_page_back(actions: list[Action]) -> None:
    """What was queued by a clock that was hours ahead is told as what was queued just now is."""
    assert left_over(7200, *actions) == left_over(10, *actions) != []


def _config() -> Config:
    return Config.model_validate(
        {
            "agent": {"name": "fra-1", "domain": {"provider": "here"}, "state_dir": "state"},
            "services": [{"name": "shop", "dns": [{"name": "shop.example"}]}],
            "pagers": [{"pagerduty": {"routing_key_file": "key"}, "name": "pd"}],
        }
    )


@virtual
async def test_what_was_made_up_for_is_not_again_where_delivery_begins_anew() -> None:
    """A bug that ends the delivery costs a pause, and sends nothing twice."""
    desk = Desk(former=Former((), [CALLED, ended("rejected")], last_row=9))
    for _ in range(2):
        asked = await desk.run(10)
    assert [action for _, action in asked] == [RESOLVE]
