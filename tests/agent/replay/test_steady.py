"""Rounds that are repeated: they must be those that would have been made."""

from typing import Any

import pytest

from tests.agent.replay.made import SHOP, change, document, name_change, scenario, watched
from vedette.agent.replay import steady
from vedette.agent.replay.incident import play
from vedette.agent.replay.pages import Pages
from vedette.agent.replay.report import report
from vedette.agent.replay.scenario import Scenario
from vedette.agent.replay.steady import Weather
from vedette.checks.finding import Kind


def world(*timeline: dict[str, object]) -> Scenario:
    made = watched(document())
    made["end_s"] = 700
    return scenario(*timeline, of=made)


def times(page: dict[str, Any]) -> list[float]:
    """Return when a page opened, was headed and resolved, and when symptoms joined it."""
    told = [one["at_s"] for one in (*page["symptoms"], *page.get("history", ()))]
    return [page["opened_s"], page["resolved_s"] or -1.0, *told]


def causes(page: dict[str, Any]) -> list[str]:
    """Return what a page says is wrong, of what, and what else is."""
    symptoms = [one["diagnosis"] for one in (*page["symptoms"], *page.get("history", ()))]
    return [page["diagnosis"], page["subject"], page["severity"], *symptoms]


TIMELINES = {
    "names and sight": [
        name_change(60.0),
        name_change(300.0, answers="same"),
        change(400.0, vantage={"agents": ["two"], "uplink": "down"}),
    ],
    "pages and routes": [
        change(60.0, http={"url": SHOP, "agents": "all", "error": "timeout", "fail_share": 0.4}),
        change(100.0, bgp={"prefix": "198.51.100.0/24", "over_s": 60, "routes": []}),
        change(500.0, feed={"source": "ris-live", "state": "down"}),
    ],
}


@pytest.mark.parametrize("timeline", TIMELINES.values(), ids=TIMELINES)
def test_repeating_changes_no_page(
    timeline: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is paged is the same where every round is made for certain, and so is when.

    Which server is asked first is drawn by lot, and is another where fewer questions are asked.
    """
    repeating = play(world(*timeline))
    monkeypatch.setattr(steady, "REPEATED_FOR", dict.fromkeys(Kind, 0.0))
    pages, others = (report(played)["pages"] for played in (repeating, play(world(*timeline))))

    assert not repeating.faults
    assert [causes(page) for page in pages] == [causes(page) for page in others]
    for page, other in zip(pages, others, strict=True):
        assert times(page) == pytest.approx(times(other), abs=2.0)


def weather(*timeline: dict[str, object]) -> Weather:
    made = world(*timeline)
    return Weather(made, "two", Pages(made))


def test_a_period_ends_where_something_changes_that_the_agent_meets() -> None:
    """Another agent's trouble, and another kind's, is none of one's own."""
    here = weather(
        name_change(100.0, agents=["one"]),
        name_change(200.0),
        change(300.0, feed={"source": "ris-live", "state": "down"}),
        change(400.0, vantage={"agents": ["two"], "uplink": "down"}),
    )
    ends = {
        kind: [at for at in range(0, 500, 50) if here.period(kind, at) > here.period(kind, at - 1)]
        for kind in Kind
    }

    assert ends == {Kind.DNS: [200, 400], Kind.HTTP: [200, 400], Kind.BGP: [300, 400]}
    assert here.calm_for(Kind.DNS, 150.0) == float("inf")
    assert here.calm_for(Kind.DNS, 250.0) == 50.0


def test_a_ramp_is_calm_nowhere() -> None:
    """Routes that move for ten minutes are not settled before the last of them has."""
    here = weather(change(100.0, bgp={"prefix": "198.51.100.0/24", "over_s": 600, "routes": []}))

    assert all(here.calm_for(Kind.BGP, at) <= 60 for at in range(100, 701))
    assert here.calm_for(Kind.BGP, 1000.0) == 300.0
