"""What a page tells of the changes before it, and whether it tells of what is seen to fail."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.agent.composite.world import World
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.statements import keep_event
from vedette.agent.memory.store import Store
from vedette.agent.paging.paging import Paging
from vedette.agent.paging.storm import Grade, Storm, Storms

OWN = "{name: mine, rule: 'ALARM(\"shop.example A\")'}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path)) as opened:
        yield opened


def paging_of(store: Store, engine: Engine, storms: Storms) -> Paging:
    return Paging(
        own="here", deployment="test", status_url="", engine=engine, ledgers={},
        runbooks={name: f"https://run.test/{name}" for name in ("shop", "mine")},
        good=LastKnownGood(), store=store, storms=storms,
    )  # fmt: skip


def changed(store: Store, service: str, id_: str) -> list[str]:
    """Return the lines of changes on the page of an incident of *service* that *id_* leads."""
    paging = paging_of(store, World(f"- {OWN}").engine, Storms())
    return [*paging.changed(Incident("k", service, id_, 1000, {id_: 1000}, ((id_, 1000),)))]


def test_an_alarm_of_ones_own_tells_the_changes_of_what_its_rule_names(store: Store) -> None:
    """Those of the services whose checks it names, the newest first, and of no others."""
    (target,) = World(f"- {OWN}").engine.rules["mine"].targets.values()
    service, check = target.id.split("/")[0], "shop.example A"
    for at, whose in ((100, service), (300, "elsewhere"), (200, service)):
        detail = {"before": ["192.0.2.1"], "after": [f"192.0.2.{at}"], "server": "ns1"}
        store.write([keep_event(
            Event(at, whose, check, EventName.ANSWERS_CHANGED, check, detail)
        )])  # fmt: skip

    told = changed(store, "mine", "mine")

    assert ["192.0.2.200" in told[0], "192.0.2.100" in told[1], len(told)] == [True, True, 2]
    assert changed(store, service, f"{service}/record_emptied/{check}") == told
    assert changed(store, "other", "other/service_down/x") == []


def test_a_roll_up_burns_while_a_member_does_that_no_peer_has_told_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what one agent tells by itself, and another with others, would wake people twice."""
    engine, called, failing = World(f"- {OWN}").engine, set[str](), {"test/a", "test/b"}
    monkeypatch.setattr(engine, "burns", failing.__contains__)
    engine.callers = lambda key: {"fra-1"} if key in called else ()
    storm = Storm(members=("test/a", "test/b", "test/c"), is_open=True)
    paging = paging_of(store, engine, Storms({Grade.CRITICAL: storm}))

    burns = []
    for one in ("test/a", "test/b"):
        burns.append(paging.burns("test/storm"))
        called.add(one)

    assert [*burns, paging.burns("test/storm")] == [True, True, False]
    assert paging.burns("test/a")
    assert not paging.burns("test/storm/warning")


@pytest.mark.parametrize(
    ("alarm", "service", "leads_to"),
    [("mine", "shop", "mine"), ("x", "shop", "shop"), ("x", "x", None)],
)
def test_a_page_leads_to_the_runbook_of_its_alarm_else_to_that_of_its_service(
    store: Store, alarm: str, service: str, leads_to: str | None
) -> None:
    """Also where the config has neither any longer; then it leads nowhere."""
    paging = paging_of(store, World(f"- {OWN}").engine, Storms())
    incident = Incident("k", service, alarm, 1000, {alarm: 1000}, ((alarm, 1000),))
    page = paging.write(incident, Change.OPENED, 1000)

    assert page.details.get("runbook") == (f"https://run.test/{leads_to}" if leads_to else None)
