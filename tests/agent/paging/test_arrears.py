"""What is made up for at the start: nothing that people were told stands longer than it does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.agent.paging.test_outbox import (
    DELIVERED,
    RESOLVE,
    TRIGGER,
    Receiver,
    delivered,
    page,
    run_for,
)
from tests.virtual import in_virtual_time
from vedette.agent.alarms.incidents import Incident
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.daemon import Agent
from vedette.agent.memory.pages import Row, Told
from vedette.agent.memory.statements import Statement, end, keep_drill, keep_incident, keep_storm
from vedette.agent.memory.statements import queue as queued
from vedette.agent.memory.store import Store
from vedette.agent.paging.arrears import Former
from vedette.agent.paging.drill import Drill
from vedette.agent.paging.storm import Grade, Storm
from vedette.agent.surroundings import Surroundings
from vedette.exporters.page import Action, Outcome

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
def test_an_agent_ends_at_its_start_what_is_over_alone(
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

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        around = Surroundings(clock=SteadyClock(clock, clock), pagers=lambda *_: [receiver])
        agent = Agent(_config(), tmp_path, None, around)
        await run_for(agent.outbox.run(), 10)
        agent.store.close()

    in_virtual_time(main())
    over = not is_open or what not in KEPT
    assert [(one.key, one.action) for _, one in receiver.asked] == [(key, RESOLVE)] * over


def _config() -> Config:
    return Config.model_validate(
        {
            "agent": {"name": "fra-1", "domain": {"provider": "here"}, "state_dir": "state"},
            "services": [{"name": "shop", "dns": [{"name": "shop.example"}]}],
            "pagers": [{"pagerduty": {"routing_key_file": "key"}, "name": "pd"}],
        }
    )
