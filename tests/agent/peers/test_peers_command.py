"""`vedette peers`: who sees whom, as three agents on loopback tell it."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
import trustme
import yaml

from tests.agent.peers.fleet import NAMES, Fleet
from tests.waiting import until
from vedette.agent.cli import main
from vedette.agent.cli.peers import Line, _draw


async def asked(path: Path, *options: str) -> int:
    """Run the command beside the agents of this loop, and return its exit status."""
    return await asyncio.to_thread(main, ["peers", "--config", str(path), *options])


async def test_all_see_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where each agent hears each other, every line says so, and the status is 0."""
    fleet = Fleet(tmp_path)
    async with fleet.running(*NAMES):
        await fleet.see(*NAMES)
        assert await asked(fleet.path("fra-1")) == 0
        rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[1:]]
        pairs = [[one, other, "yes"] for one in NAMES for other in NAMES if one != other]
        assert sorted(rows) == sorted(pairs)
        assert await asked(fleet.path("nyc-1"), "--json") == 0
        document = json.loads(capsys.readouterr().out)
        assert (document["agent"], document["whole"]) == ("nyc-1", True)
        assert [one["name"] for one in document["agents"]] == ["nyc-1", "fra-1", "sgp-1"]
        assert all(peer["up"] for one in document["agents"] for peer in one["peers"])


async def test_who_is_missing_is_told_by_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An agent that is not there, or takes us for nobody, is told of in words, with status 1."""
    fleet = Fleet(tmp_path)
    config = fleet.config("nyc-1")
    fleet.path("nyc-1").write_text(yaml.safe_dump(config | {"peers": config["peers"][1:]}))
    async with fleet.running("fra-1", "nyc-1"):
        standing = fleet.agents["fra-1"].exchange.standings[0]
        await until(lambda: "401" in standing.error)
        assert await asked(fleet.path("fra-1")) == 1
        out = capsys.readouterr().out
        lines = [" ".join(line.split()) for line in out.splitlines()]
        refused = "it answers 401: it does not know our credential: token_file must hold the same "
        assert any(line.startswith(f"fra-1 nyc-1 no {refused}") for line in lines), out
        assert any(line.startswith("fra-1 sgp-1 no it cannot be reached: ") for line in lines)
        assert any(line.startswith("nyc-1 - no at http://127.0.0.1:") for line in lines)
        assert any(line.startswith("sgp-1 - no at http://127.0.0.1:") for line in lines)


def test_a_narrow_terminal_cuts_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong stands whole in any width: a URL or a name without spaces is its point."""
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _draw([Line("fra-1", "sgp-1", False, None, "at https://sgp-1.monitoring.example.net:9469: no")])
    told = "".join(line[-22:].strip() for line in capsys.readouterr().out.splitlines())

    assert "https://sgp-1.monitoring.example.net:9469:" in told


async def test_no_peer_controls_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an agent says of another is told without what a terminal would obey."""
    fleet = Fleet(tmp_path)
    async with fleet.running("fra-1"):
        standing = fleet.agents["fra-1"].exchange.standings[0]
        await until(lambda: "reached" in standing.error)
        standing.error = "down\x1b[2J\x07"
        assert await asked(fleet.path("fra-1")) == 1
    assert "down [2J" in (out := capsys.readouterr().out)
    assert "\x1b[2J" not in out


async def test_certificates_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Agents that know each other by certificates need no token, and neither does the command."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    for name in NAMES:
        pair = authority.issue_cert("127.0.0.1", name)
        pair.private_key_pem.write_to_path(tmp_path / f"{name}.key")
        pair.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
    fleet = Fleet(tmp_path, tls=True)
    async with fleet.running(*NAMES):
        await fleet.see(*NAMES)
        assert await asked(fleet.path("fra-1")) == 0, capsys.readouterr().out


async def test_an_agent_alone_has_nobody_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A config without peers is wrong usage, in one sentence."""
    path = tmp_path / "vedette.yaml"
    path.write_text(
        "agent: {name: fra-1, domain: {provider: x}}\n"
        "services: [{name: shop, dns: [{name: a.test}]}]\n"
    )
    assert await asked(path) == 2
    said = capsys.readouterr()
    assert said == ("", f"vedette: {path} has no peers: this agent is alone\n")
