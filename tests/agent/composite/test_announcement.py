"""What people were told of an alarm: kept, and shown in numbers and on the status page."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.composite.world import World
from vedette.agent.alarms.alarm import State
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.suppression import SuppressedBy, Suppression
from vedette.agent.memory.statements import keep_announcement
from vedette.agent.memory.store import Store
from vedette.agent.serving.telemetry import Alarms
from vedette.checks.finding import Verdict
from vedette.exporters.metrics import render

OK, FAILING, UNKNOWN = Verdict
announcements = st.builds(
    Announcement,
    state=st.sampled_from(State),
    quiet=st.builds(
        Suppression,
        state=st.sampled_from(State),
        by=st.none() | st.sampled_from(SuppressedBy),
        until=st.floats(0, 2e9),
    ),
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), announcements))
def test_it_comes_back(kept: dict[str, Announcement]) -> None:
    """What was kept is there, equal, for whoever opens the file next; the newest counts."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.write([keep_announcement(id_, Announcement()) for id_ in kept])
        store.write([keep_announcement(id_, one) for id_, one in kept.items()])
        store.close()
        again = Store(Path(folder))
        assert again.announcements() == kept
        again.close()


ALARMS = """\
- name: quiet
  rule: ALARM("https://shop.example/")
  hold: 0s
  suppressor: {alarm: "https://bank.example/", wait: 10s, extension: 10s}
  mute: [{cron: "1 0 * * *", duration: 60s}]
- {name: plain, rule: ALARM(quiet)}
"""


def metrics(world: World, now: float) -> list[str]:
    text = "".join(render(Alarms(world.engine).families(now)))
    return [line for line in text.splitlines() if line.startswith("vedette_alarm_suppressed{")]


def test_why_an_alarm_is_quiet_is_a_metric() -> None:
    """Each cause of quiet has a series, 1 while it is; alarms that are never quiet have none."""
    world = World(ALARMS).live([*[(OK, OK, OK)] * 5, *[(OK, FAILING, OK)] * 3])
    row = 'vedette_alarm_suppressed{{alarm="quiet",by="{by}"}} {value}'

    assert metrics(world, 8) == [
        row.format(by="WaitPeriod", value="1.0"),
        row.format(by="ExtensionPeriod", value="0.0"),
        row.format(by="Alarm", value="0.0"),
        row.format(by="Mute", value="0.0"),
    ]
    world.live([(OK, FAILING, FAILING)] * 5, start=8)
    assert row.format(by="Alarm", value="1.0") in metrics(world, 13)
    assert row.format(by="Mute", value="1.0") in metrics(world, 60)


def test_the_state_of_an_alarm_is_a_metric() -> None:
    """A composite alarm is among the states of alarms, its name in the place of a diagnosis."""
    world = World(ALARMS).live([(OK, OK, OK)] * 5)
    text = "".join(render(Alarms(world.engine).families(5)))

    assert (
        'vedette_alarm_state{service="plain",diagnosis="plain",subject="plain",state="OK"} 1.0'
        in text
    )
