"""A machine that sleeps for an hour: whole agents neither page because of it nor stall after it."""

from pathlib import Path

import pytest

from tests.agent.replay.made import document, name_change, scenario
from vedette.agent.replay.desk import Shown
from vedette.agent.replay.incident import Incident
from vedette.agent.replay.loop import BEGINNING, VirtualLoop

HOUR, ASLEEP_AT = 3600.0, 100.0
SOON = 60.0
"""Seconds from a fault to its page: a cadence, a hold, and what peers take to tell."""


def slept(
    folder: Path, *timeline: dict[str, object], agents: int, until: float = 600
) -> list[Shown]:
    """Return the pages of agents whose clocks all go on by an hour while nothing runs."""
    world = document()
    world |= {"agents": world["agents"][:agents], "end_s": int(HOUR + until)}
    made, loop = scenario(*timeline, of=world), VirtualLoop()
    incident = Incident(made, folder, loop)

    def sleep() -> None:
        loop._now += HOUR

    loop.call_at(BEGINNING + made.lead_s + ASLEEP_AT, sleep)
    loop.run_until_complete(incident.run())
    loop.close()
    return incident.desk.pages


@pytest.mark.parametrize("agents", [1, 3])
def test_a_sleep_pages_nobody(tmp_path: Path, agents: int) -> None:
    """Nothing was seen for an hour, of the service, the controls or peers, and all is well."""
    assert slept(tmp_path, agents=agents) == []


@pytest.mark.parametrize("agents", [1, 3])
def test_a_fault_after_a_sleep_is_paged_as_soon_as_ever(tmp_path: Path, agents: int) -> None:
    """What breaks a minute after it woke is paged with its cause, once."""
    breaks = ASLEEP_AT + HOUR + 60
    (page,) = slept(tmp_path, name_change(breaks), agents=agents)

    assert page.diagnosis == "record_emptied"
    assert page.opened_at <= breaks + SOON


@pytest.mark.parametrize("agents", [1, 3])
def test_a_fault_that_outlasts_a_sleep_is_one_page(tmp_path: Path, agents: int) -> None:
    """Neither the sleep nor the waking ends it or pages it again."""
    (page,) = slept(tmp_path, name_change(0), agents=agents)

    assert page.opened_at <= SOON
    assert page.resolved_at is None


def test_a_fault_that_ended_in_a_sleep_ends_after_the_good_minutes(tmp_path: Path) -> None:
    """Time asleep is no good time: it counts from what was seen to be well."""
    mended = ASLEEP_AT + 600
    (page,) = slept(
        tmp_path, name_change(0), name_change(mended, answers="same"), agents=3, until=1200
    )

    woken = ASLEEP_AT + HOUR
    assert page.resolved_at is not None
    assert woken + 600 <= page.resolved_at <= woken + 600 + SOON
