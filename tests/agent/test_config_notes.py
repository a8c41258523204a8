"""What is valid and hardly meant is told by `vedette validate`, and as the agent starts."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.test_config import config
from vedette.agent.cli import main, run
from vedette.agent.config.notes import notes

CONTROLS = "controls: {dns: [{name: debian.org}, {name: wikipedia.org}]}\n"
PEERS = """\
peers:
  - {name: nyc-1, url: "https://nyc-1.example.net", domain: {provider: %s}, token_file: t}
"""
BASE = """\
agent: {name: fra-1, domain: {provider: hetzner}}
pagers: [{alertmanager: {urls: ["http://127.0.0.1:9093"]}}]
%s
services:
  - name: shop
%s
"""
NAME = "    dns: [{name: shop.example}]"


def told(folder: Path, rest: str, service: str) -> list[tuple[tuple[str | int, ...], str]]:
    """Return the notes of a config with these blocks and this service."""
    (folder / "t").write_text("0123456789abcdef\n")
    return list(notes(config(folder, BASE % (rest, service))))


@pytest.mark.parametrize(
    ("rest", "service", "place", "words"),
    [
        pytest.param(
            "controls: {dns: [{name: debian.org}, {name: Shop.example}]}",
            "    http: [{url: 'https://www.shop.example/'}]",
            ("controls", "dns", 1, "name"),
            "shop.example is of service shop itself",
            id="a control above a page",
        ),
        pytest.param(
            "controls: {http: [{url: 'https://a.shop.example/'}, {url: 'https://b.example/'}]}",
            NAME,
            ("controls", "http", 0, "url"),
            "a.shop.example is of service shop itself",
            id="a control below a name",
        ),
        pytest.param(
            "controls: {http: [{url: 'https://b.example/'}]}",
            NAME,
            ("controls", "http", 0, "url"),
            "one control alone",
            id="one control",
        ),
        pytest.param(
            CONTROLS,
            "    http: [{url: 'https://shop.example/', at: every}]",
            ("services", 0, "http", 0, "at"),
            "never more than a warning: write [name, every]",
            id="by address alone",
        ),
        pytest.param(
            f"{CONTROLS}defaults: {{timeout: 4s}}\n",
            "    http: [{url: 'https://shop.example/', slow: 8s}]",
            ("services", 0, "http", 0, "slow"),
            "fails at its timeout of 4 s, before slow (8 s) can be judged",
            id="slow after the timeout",
        ),
        pytest.param(
            CONTROLS,
            "    dns: [{name: shop.example, servers: [9.9.9.9]}]",
            ("services", 0, "dns", 0, "servers"),
            "asked of 9.9.9.9 alone",
            id="one resolver",
        ),
        pytest.param(
            CONTROLS + PEERS % "Hetzner",
            NAME,
            (),
            "2 distinct providers are to agree, and all agents together are of 1: one alone",
            id="one voice",
        ),
        pytest.param(
            CONTROLS + "quorum: {agree: 3}\n" + PEERS % "ovh",
            NAME,
            ("quorum",),
            "3 distinct providers are to agree, and all agents together are of 2: 2 will do",
            id="fewer voices",
        ),
        pytest.param(
            CONTROLS + PEERS % "ovh",
            "    quorum: {agree: 3, distinct: vantage}\n" + NAME,
            ("services", 0, "quorum"),
            "3 distinct vantages are to agree, and all agents together are of 2: 2 will do",
            id="fewer voices about a service",
        ),
    ],
)
def test_what_is_hardly_meant_is_told(
    tmp_path: Path, rest: str, service: str, place: tuple[str | int, ...], words: str
) -> None:
    """A config by which nobody is woken, or somebody for nothing, gets a note at its place."""
    [(where, note)] = told(tmp_path, rest, service)

    assert (where, words in note) == (place, True), note


@pytest.mark.parametrize(
    ("rest", "service"),
    [
        pytest.param(CONTROLS, NAME, id="two controls of others"),
        pytest.param(
            CONTROLS,
            "    http: [{url: 'https://shop.example/', at: [name, every]}]",
            id="by name and address",
        ),
        pytest.param(
            CONTROLS,
            "    http: [{url: 'https://shop.example/', at: every}, {url: 'https://shop.example/a'}]",
            id="another page by name",
        ),
        pytest.param(
            CONTROLS,
            "    severity: warning\n    http: [{url: 'https://shop.example/', at: every}]",
            id="a warning that is meant",
        ),
        pytest.param(
            CONTROLS,
            "    http: [{url: 'https://shop.example/', at: every, standby: true}]",
            id="a failover target",
        ),
        pytest.param(
            "controls: {dns: [{name: debian.org, servers: [9.9.9.9]}, {name: wikipedia.org}]}",
            "    dns: [{name: shop.example, servers: [9.9.9.9]}]",
            id="one resolver that controls ask",
        ),
        pytest.param(
            "controls: {dns: [{name: myshop.example}, {name: wikipedia.org}]}",
            NAME,
            id="a name that only ends alike",
        ),
        pytest.param(CONTROLS + PEERS % "ovh", NAME, id="two voices"),
        pytest.param(
            CONTROLS + "quorum: {distinct: vantage}\n" + PEERS % "hetzner",
            NAME,
            id="each is a voice",
        ),
    ],
)
def test_what_is_meant_gets_no_note(tmp_path: Path, rest: str, service: str) -> None:
    """What does page as it should is told nothing."""
    assert told(tmp_path, rest, service) == []


def test_a_control_of_many_services_is_told_once(tmp_path: Path) -> None:
    """A hundred services at one host make one note, and no hundred lines of the log."""
    more = "".join(
        f"\n  - {{name: more-{i}, dns: [{{name: s{i}.shop.example}}]}}" for i in range(9)
    )
    controls = "controls: {dns: [{name: shop.example}, {name: wikipedia.org}]}"

    [(place, _)] = told(tmp_path, controls, NAME + more)

    assert place == ("controls", "dns", 0, "name")


def test_notes_are_in_order_of_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`vedette validate` tells first what is nowhere in the file, then the rest, line by line."""
    path = tmp_path / "vedette.yaml"
    path.write_text(
        "agent: {name: a, domain: {provider: p}}\n"
        "controls: {dns: [{name: debian.org}]}\n"
        "services:\n"
        "  - {name: shop, dns: [{name: shop.example, servers: [9.9.9.9]}]}\n"
    )

    assert main(["validate", str(path)]) == 0
    heads = [line.partition(" note: ")[0] for line in capsys.readouterr().out.splitlines()[1:]]
    assert heads == [f"{path}:", f"{path}:2:", f"{path}:4:"]


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Give the loggers back as they were: the agent's own writes to standard error."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("logging_restored")
def test_notes_are_logged_at_the_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who never validates, as in a cluster, finds them in the log, and again after a reload."""
    text = "agent: {name: a, domain: {provider: p}}\nservices:\n  - name: shop\n"

    run.adopt(config(tmp_path, text + NAME))

    told = capsys.readouterr().err.splitlines()
    assert ["no pager is configured" in told[0], "no controls" in told[1]] == [True, True]
    assert all("level=warning" in line for line in told)


@pytest.mark.parametrize(("mode", "is_told"), [(0o644, True), (0o640, False), (0o600, False)])
def test_a_secret_that_everybody_may_read_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: int, is_told: bool
) -> None:
    """A key that every user of the host may read is no secret; a group may be the agent's own."""
    key = tmp_path / "pagerduty.key"
    key.write_text("0" * 32)
    key.chmod(mode)
    path = tmp_path / "vedette.yaml"
    path.write_text(
        "agent: {name: a, domain: {provider: p}}\n"
        f"{CONTROLS}"
        "services: [{name: shop, dns: [{name: shop.example}]}]\n"
        "pagers: [{pagerduty: {routing_key_file: pagerduty.key}}]\n"
    )

    assert main(["validate", str(path)]) == 0
    note = f"{path}:4: note: pagerduty.key can be read by every user of this host"
    assert (note in capsys.readouterr().out) is is_told
