"""How well `vedette bgp` does on three and a half hours of real routes, whose truth is known."""

import json
from collections import Counter
from pathlib import Path
from statistics import quantiles
from typing import Any

import pytest
import yaml

from tests.checks.bgp.made import shared
from vedette.agent.cli import main

FOLDER = "routeviews2-2008-02-24"
ENDS = 1203889260
Events = list[dict[str, Any]]

LEARNED = [
    {
        "prefix": "208.65.152.0/22",
        "origins": [36561],
        "more_specifics": ["208.65.153.0/24", "208.65.153.0/25", "208.65.153.128/25"],
    },
    {"prefix": "89.4.131.0/24", "origins": [24731]},
]
"""Prefixes that are in no seed."""


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    """What is known of each prefix of the seed: its class, and when the rules first hold."""
    document = json.loads((shared(FOLDER) / "truth.json").read_text())
    prefixes: dict[str, Any] = document["prefixes"]
    return prefixes


@pytest.fixture(scope="module")
def events(truth: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Events:
    """What the command tells of the folder's files."""
    checks = [{"prefix": prefix, "origins": [row["origin"]]} for prefix, row in truth.items()]
    config = tmp_path_factory.mktemp("accuracy") / "vedette.yaml"
    service = {"name": "all", "bgp": [*checks, *LEARNED]}
    agent = {"name": "a", "domain": {"provider": "p"}}
    config.write_text(yaml.safe_dump({"agent": agent, "services": [service]}))
    return told(config, *sorted(shared(FOLDER).glob("updates.*")))


def told(config: Path, *files: Path) -> Events:
    """Run the command and return its lines."""
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("sys.stdout.write", lines.append)
        seed = shared(FOLDER) / "seed.json.gz"
        arguments = [*files, "--watch", config, "--seed", seed, "--json"]
        assert main(["bgp", *map(str, arguments)]) == 0
    return [json.loads(line) for line in lines]


def of(events: Events, name: str) -> dict[str, list[float]]:
    """Return the times of all events of a *name*, by prefix."""
    times: dict[str, list[float]] = {}
    for event in events:
        if event["event"] == name:
            times.setdefault(event["prefix"], []).append(event["t"])
    return times


def test_withdrawals_are_found_in_time_and_nothing_else_is(
    truth: dict[str, Any], events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every withdrawn prefix is told within a minute of when it is due, and no stable or dip is."""
    withdrawn = of(events, "withdrawn")
    due = {prefix: row["due"] for prefix, row in truth.items() if row["class"] == "withdrawn"}
    late = {p: withdrawn[p][0] - at for p, at in due.items() if p in withdrawn}
    in_time = [prefix for prefix, seconds in late.items() if seconds <= 60]
    seen = [prefix for prefix in withdrawn if prefix in truth]
    right = [prefix for prefix in seen if truth[prefix]["due"] is not None]
    waits = [withdrawn[prefix][0] - truth[prefix]["first_loss"] for prefix in late]
    classes = Counter(truth[prefix]["class"] for prefix in seen)
    with capsys.disabled():
        print(f"\nprefixes with a withdrawn event, by class: {dict(classes)}")
        print(f"recall {len(in_time) / len(due):.3f} ({len(in_time)} of {len(due)} withdrawn)")
        print(f"precision {len(right) / len(seen):.3f} ({len(right)} of {len(seen)} told)")
        print(f"seconds after due: {spread(list(late.values()))}")
        print(f"seconds after the first loss: {spread(waits)}")
        print(f"events: {dict(Counter(event['event'] for event in events))}")
    assert len(in_time) == len(due)
    assert classes["stable"] == classes["dip"] == 0
    assert seen == right


def spread(seconds: list[float]) -> str:
    tenths = quantiles(seconds, n=10, method="inclusive")
    return f"median {tenths[4]:.0f}, 90 % {tenths[8]:.0f}, most {max(seconds):.0f}"


def test_partial_withdrawals_are_as_the_rule_says(truth: dict[str, Any], events: Events) -> None:
    """A half for 120 s is told at its second, unless it is withdrawn by then."""
    partly = of(events, "partially_withdrawn")
    due = {
        prefix: row["due_partial"]
        for prefix, row in truth.items()
        if row["due_partial"] is not None
        and (row["due"] is None or row["due_partial"] < row["due"])
    }
    assert due
    assert {prefix: partly.get(prefix, [0])[0] for prefix in due} == due
    assert {truth[prefix]["class"] for prefix in partly} <= {"withdrawn", "blip", "partial"}


def test_what_is_back_for_the_clear_time_has_recovered(
    truth: dict[str, Any], events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    """A recovery is told ten minutes after four fifths are back for good, and none without."""
    recovered, withdrawn = of(events, "recovered"), of(events, "withdrawn")
    back = {
        prefix: row["back80"] + 600
        for prefix, row in truth.items()
        if row["class"] == "withdrawn" and row.get("back80") and row["back80"] + 660 <= ENDS
    }
    waits = [recovered[prefix][0] - at for prefix, at in back.items() if prefix in recovered]
    with capsys.disabled():
        print(f"\nrecovered: {len(waits)} of {len(back)} that were back 11 minutes before the end")
        print(f"seconds after ten minutes: {spread(waits)}")
    assert len(waits) >= 0.95 * len(back)
    assert min(waits) >= 0
    assert all(event["share"] >= 0.8 for event in events if event["event"] == "recovered")
    lost = withdrawn.keys() | of(events, "partially_withdrawn").keys()
    assert recovered.keys() <= lost


def test_the_foreign_more_specific_is_found_and_the_own_ones_are_not(events: Events) -> None:
    """The hijack is told within 23 s of its first route; the owner's own parts are no events."""
    parts = [e for e in events if e["event"] == "more_specific" and e["prefix"][:6] == "208.65"]
    assert [(e["prefix"], list(e["origins"])) for e in parts] == [("208.65.153.0/24", ["17557"])]
    assert parts[0]["t"] <= 1203878900  # 18:48:20 UTC
    assert parts[0]["peers"] >= 3


def test_a_prefix_that_comes_and_goes_does_not_page_over_and_over(events: Events) -> None:
    """Dark and back every few minutes for hours, it is one withdrawal that does not end."""
    names = [event["event"] for event in events if event["prefix"] == "89.4.131.0/24"]
    assert names == ["withdrawn"]


def test_foreign_origins_are_found_and_no_others(
    truth: dict[str, Any], events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each prefix with a foreign origin is told with it; path hunting makes none of any other."""
    expected = {
        (prefix, asn): row["first"]
        for prefix, known in truth.items()
        for asn, row in known.get("other_origins", {}).items()
    }
    found: dict[tuple[str, str], float] = {}
    for event in events:
        if event["event"] == "origin":
            own = str(truth[event["prefix"]]["origin"])
            for asn in event["origins"].keys() - {own}:
                found.setdefault((event["prefix"], asn), event["t"])
    waits = [found[key] - first for key, first in expected.items() if key in found]
    with capsys.disabled():
        print(f"\nforeign origins: {len(waits)} of {len(expected)} found, {len(found)} told")
        print(f"seconds after their first route: {', '.join(f'{wait:.0f}' for wait in waits)}")
    assert found.keys() == expected.keys()
