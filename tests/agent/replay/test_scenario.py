"""Scenario files that can be played, and the complaints about those that cannot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.agent.replay.made import change, document, name_change, reread, watched, written
from vedette.agent.config import ConfigError
from vedette.agent.replay.reading import read
from vedette.agent.replay.userconfig import write


def test_a_scenario_is_read_from_its_file(tmp_path: Path) -> None:
    """With the epoch second of its beginning."""
    made = reread(tmp_path, document())

    assert made.id == "made"
    assert made.started_at == 1767225600.0


LASTING = document()["healthy"]["dns"][0] | {"ttl": 1 << 31}
"""Longer than a TTL can be (RFC 2181 section 8)."""


def _faulty(**keys: object) -> dict[str, Any]:
    return {**document(), **keys}


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (_faulty(lead_s=10), "lead_s: expected at least 900"),
        (_faulty(start="today"), "start: 'today' is not a time such as 2026-01-31T14:00:00Z"),
        (_faulty(id="Made"), "id: expected lower-case letters, digits and hyphens"),
        (_faulty(colour="red"), "colour: unknown key: remove it or mend its spelling"),
        (
            _faulty(timeline=[name_change(0, agents=["nobody"])]),
            "timeline.0: there is no agent nobody",
        ),
        (
            _faulty(timeline=[name_change(9), name_change(8)]),
            "timeline.1.t: 8 comes after 9: sort the changes",
        ),
        (
            _faulty(timeline=[name_change(0, error="timeout", rcode="NOERROR", answers=[])]),
            "timeline.0.dns: with error timeout there is neither rcode nor answers",
        ),
        (
            _faulty(timeline=[change(0)]),
            "timeline.0: a change is one of dns, http, bgp, vantage, feed, maintenance",
        ),
        (
            _faulty(
                timeline=[change(0, feed={"source": "ris-live", "state": "one_collector_reset"})]
            ),
            "timeline.0.feed: one_collector_reset needs the collector",
        ),
        (
            _faulty(timeline=[change(0, feed={"source": "other", "state": "down"})]),
            "timeline.0: there is no feed other",
        ),
        (
            _faulty(timeline=[change(0, bgp={"prefix": "10.0.0.0/8", "over_s": 0, "routes": []})]),
            "timeline.0: 10.0.0.0/8 is in no prefix of healthy.bgp",
        ),
        (
            _faulty(
                timeline=[
                    change(0, http={"url": "https://x.test/", "agents": "all", "error": "tls"})
                ]
            ),
            "timeline.0: https://x.test/ is not in healthy.http",
        ),
        (
            _faulty(timeline=[name_change(float("inf"))]),
            "timeline.0.t: expected at most 31622400",
        ),
        (
            _faulty(agents=[*document()["agents"], document()["agents"][0]]),
            "agents.3.name: one is given twice: rename one",
        ),
        (
            _faulty(healthy=document()["healthy"] | {"dns": [LASTING]}),
            "healthy.dns.0.ttl: expected at most 2147483647",
        ),
        (
            _faulty(timeline=[name_change(0, answers=["203.0.113"])]),
            "timeline.0: '203.0.113' is not an address: write one, or CNAME:NAME",
        ),
        (
            _faulty(timeline=[name_change(0, answers=["2001:db8::1"])]),
            "timeline.0: 2001:db8::1 is an answer of type AAAA, not A",
        ),
        (
            _faulty(timeline=[name_change(0, answers=["CNAME:a..b"])]),
            "timeline.0: 'a..b' is not a DNS name: A DNS label is empty",
        ),
    ],
)
def test_a_faulty_file_is_told_by_line(
    tmp_path: Path, made: dict[str, Any], complaint: str
) -> None:
    """One sentence with file and line, and the line is where the fault is."""
    path = written(tmp_path, made)
    with pytest.raises(ConfigError) as caught:
        read(path)
    (said,) = caught.value.lines()
    place, line, message = said.split(":", 2)

    assert place == str(path)
    assert message == f" {complaint}"
    key = complaint.partition(":")[0].partition(".")[0]
    assert (
        int(line)
        >= path.read_text()
        .splitlines()
        .index(next(text for text in path.read_text().splitlines() if text.startswith(f"{key}:")))
        + 1
    )


def test_a_watched_prefix_needs_its_routes(tmp_path: Path) -> None:
    """Else nobody knows who held it."""
    made = watched(document())
    made["healthy"]["bgp"] = []
    with pytest.raises(ConfigError) as caught:
        reread(tmp_path, made)

    assert "198.51.100.0/24 is not in healthy.bgp" in next(iter(caught.value.lines()))


@pytest.mark.parametrize(
    ("where", "what", "complaint"),
    [
        (("watch", "service"), "one", "watch.service: one is taken by the agent itself"),
        (("watch", "service"), ".", "watch.service: a name has no /"),
        (("watch", "dns", 0, "allowed"), ["here"], "watch.dns.0: allowed: 'here' does not appear"),
        (("watch", "http", 0, "status"), [100], "watch.http.0.status.0: expected a code from 200"),
        (
            ("watch", "controls", "http", 0, "status"),
            [100],
            "watch.controls.http.0.status.0: expected a code from 200",
        ),
        (("agents", 1, "provider"), "p" * 101, "agents.1.provider: is too long"),
        (("agents", 1, "name"), "n" * 300, "agents.1.name: is too long"),
    ],
)
def test_what_no_user_could_configure_is_told_at_its_place(
    tmp_path: Path, where: Sequence[str | int], what: object, complaint: str
) -> None:
    """What is watched, and by whom, is held to what `vedette validate` asks of a config."""
    made = document()
    block: Any = made
    for key in where[:-1]:
        block = block[key]
    block[where[-1]] = what
    path = written(tmp_path, made)
    with pytest.raises(ConfigError) as caught:
        read(path)
    (said,) = caught.value.lines()

    assert f": {complaint}" in said
    line = int(said.removeprefix(f"{path}:").partition(":")[0])
    near = "".join(path.read_text().splitlines()[line - 2 : line])
    assert any(str(key) in near for key in where)


def test_a_name_that_must_be_secure_can_be_played(tmp_path: Path) -> None:
    """What is bogus is bad whether or not that is asked, and no zone here is signed."""
    made = document()
    made["watch"]["dns"][0]["dnssec"] = True
    scenario = reread(tmp_path, made)

    (dns, *_) = write(scenario, scenario.agents[0], tmp_path).services[0].dns
    assert not dns.dnssec


def test_a_check_that_is_watched_twice_is_refused(tmp_path: Path) -> None:
    """As a config would be, without a line of a file that nobody has."""
    made = document()
    made["watch"]["dns"] *= 2
    with pytest.raises(ConfigError) as caught:
        reread(tmp_path, made)
    (said,) = caught.value.lines()

    assert said.endswith("watch: dns check www.shop.example A is given twice: rename or remove one")


@pytest.mark.parametrize("text", ["", "- a list", "a: [", "\x00", "a: &b [*b]", "1: 2"])
def test_what_is_no_scenario_is_refused(tmp_path: Path, text: str) -> None:
    """Never by anything but a list of problems."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read(path)

    assert all(line.startswith(f"{path}:") for line in caught.value.lines())


def test_an_empty_scenario_is_told_what_it_needs(tmp_path: Path) -> None:
    """Which is what a scenario needs, and not a config."""
    path = tmp_path / "empty.yaml"
    path.touch()
    with pytest.raises(ConfigError) as caught:
        read(path)

    assert [*caught.value.lines()] == [f"{path}:1: the file is empty: it needs title and watch"]
