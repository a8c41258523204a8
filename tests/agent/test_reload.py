"""SIGHUP: the agent reads its config again, and drops nothing."""

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.agent.daemon import CHECK, HOST, SERVICE, SERVICE_KEY, World, world
from tests.agent.test_daemon_commands import PLAIN
from tests.checks.bgp.made import ORIGIN, PREFIX, rows
from tests.servers.process import free_port
from tests.virtual import virtual
from tests.waiting import until
from vedette.agent.daemon import Agent
from vedette.agent.reload import Document, _Reign, _renewed, _serve
from vedette.agent.remediation.attempt import Attempt, Result

TRIGGER, RESOLVE = ("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY)
SUCCESSFUL = "vedette_config_last_reload_successful"
LOADED_AT = "vedette_config_last_reload_success_timestamp_seconds"


async def hang_up(w: World) -> None:
    """Send SIGHUP, and wait until the log says what came of it."""
    assert w.daemon.process is not None
    said = len(w.daemon.output)
    w.daemon.process.send_signal(signal.SIGHUP)
    outcomes = ("was read again", "is not used")
    await until(
        lambda: any(one in w.daemon.output[said:] for one in outcomes), lambda: w.daemon.output
    )


def path_of(w: World) -> Path:
    """Return the config file."""
    return Path(w.daemon._config)


async def answers(w: World) -> None:
    """Wait until the listener is open again."""

    async def ready() -> bool:
        try:
            return (await w.daemon.get("/-/ready"))[0] == 200
        except aiohttp.ClientError:
            return False

    await until(ready, lambda: w.daemon.output)


async def reload(w: World, change: Callable[[dict[str, Any]], None] = lambda _config: None) -> None:
    """Have the config say something else, and SIGHUP."""
    path = path_of(w)
    config = yaml.safe_load(path.read_text())
    change(config)
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    await hang_up(w)
    await answers(w)


async def test_a_reload_in_an_alarm_pages_nothing_and_forgets_nothing(tmp_path: Path) -> None:
    """An open incident stays open, is paged once, and resolves when the record is back."""
    async with world(tmp_path) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        runs = await w.daemon.value("vedette_check_runs_total")
        began_at = await w.daemon.value(LOADED_AT)
        await reload(w)
        # Nothing has to be seen anew: what was seen before is still known, and so are the counts.
        status, _ = await w.daemon.get("/-/ready")
        assert status == 200
        for state, wanted in (("ALARM", 1), ("INSUFFICIENT_DATA", 0)):
            labels = {"diagnosis": "record_emptied", "state": state}
            assert await w.daemon.value("vedette_alarm_state", **labels) == wanted
        assert await w.daemon.value("vedette_probe_state", service=SERVICE, kind="dns") is not None
        assert (await w.daemon.value("vedette_check_runs_total") or 0) >= (runs or 0)
        assert (await w.daemon.value(LOADED_AT) or 0) > (began_at or 0)
        assert await w.daemon.value(SUCCESSFUL) == 1
        await reload(w)
        w.restore()
        await w.told(TRIGGER, RESOLVE)
        await w.daemon.looks(4)
        assert len(w.pagerduty.bodies) == 2
        assert await w.daemon.value("vedette_internal_errors_total") == 0
        # A storm of signals neither ends the agent nor keeps it from ending.
        assert w.daemon.process is not None
        for _ in range(20):
            w.daemon.process.send_signal(signal.SIGHUP)
        status, _ = await w.daemon.end()
        assert status == 0, w.daemon.output
        assert "Traceback" not in w.daemon.output


async def test_what_the_new_config_watches_is_watched(tmp_path: Path) -> None:
    """A service that was added is looked at and pages; one that was removed is forgotten."""
    async with world(tmp_path) as w:
        await w.well()

        def add(config: dict[str, Any]) -> None:
            dns = [{"name": HOST, "type": "TXT", "servers": ["authoritative"]}]
            config["services"].append({"name": "second", "dns": dns})

        await reload(w, add)
        await w.told(("trigger", "vedette/second"))
        assert await w.daemon.value("vedette_probe_state", service=SERVICE, check=CHECK, state="OK")

        def remove(config: dict[str, Any]) -> None:
            del config["services"][0]

        await reload(w, remove)
        assert await w.daemon.value("vedette_probe_state", service=SERVICE) is None


async def test_what_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    """A wrong file, another name or state, a taken address: told in the log, and not gone by.

    Even where the files are gone that the config in force named.
    """
    async with world(tmp_path) as w:
        await w.well()
        path = path_of(w)
        good = path.read_text()
        path.write_text(good.replace("services:", "servises:\n- x\nservices:") + "extra: 1\n")
        await hang_up(w)
        line = path.read_text().splitlines().index("extra: 1") + 1
        assert f"{path}:{line}: extra: unknown key" in w.daemon.output
        assert "servises: unknown key" in w.daemon.output
        await w.daemon.sees(SUCCESSFUL, 0)
        path.write_text(good)

        def rename(config: dict[str, Any]) -> None:
            config["agent"] |= {"name": "another", "state_dir": "./elsewhere"}

        await reload(w, rename)
        assert "agent.name has changed: restart the agent" in w.daemon.output
        assert "agent.state_dir has changed: restart the agent" in w.daemon.output
        assert not (tmp_path / "elsewhere").exists()
        path.write_text(good)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"

            def move(config: dict[str, Any]) -> None:
                config["agent"]["listen"] = address
                # There is no way back to the config before.
                pagerduty = config["pagers"][0]["pagerduty"]
                key = (tmp_path / pagerduty["routing_key_file"]).rename(tmp_path / "renamed")
                pagerduty["routing_key_file"] = key.name

            await reload(w, move)
        (tmp_path / "renamed").rename(tmp_path / "key")
        assert f"cannot listen at {address}" in w.daemon.output
        await w.daemon.sees(SUCCESSFUL, 0)
        w.empty()
        await w.told(TRIGGER)
        path.write_text(good)
        await reload(w)
        await w.daemon.sees(SUCCESSFUL, 1)
        w.restore()
        await w.told(TRIGGER, RESOLVE)


async def test_an_address_that_is_not_of_this_host_changes_nothing(tmp_path: Path) -> None:
    """It is found before the agent in force ends, also at the port at which that listens."""
    async with world(tmp_path) as w:
        await w.well()
        key = (
            tmp_path
            / yaml.safe_load(path_of(w).read_text())["pagers"][0]["pagerduty"]["routing_key_file"]
        )

        def move(address: str, config: dict[str, Any]) -> None:
            port = config["agent"]["listen"].rpartition(":")[2]
            config["agent"] |= {"listen": f"{address}:{port}", "open_metrics": True}
            config["pagers"][0]["pagerduty"]["routing_key_file"] = "renamed"
            if key.exists():
                key.rename(tmp_path / "renamed")

        await reload(w, partial(move, "192.0.2.1"))
        assert "cannot listen at 192.0.2.1:" in w.daemon.output
        assert "was read again" not in w.daemon.output
        await w.daemon.sees(SUCCESSFUL, 0)

        # Nobody else has this one, though our own listener is in its way until it is closed.
        await reload(w, partial(move, "0.0.0.0"))
        assert "was read again" in w.daemon.output
        w.empty()
        await w.told(TRIGGER)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_file_that_is_never_read_keeps_no_agent_from_ending(
    tmp_path: Path, number: signal.Signals
) -> None:
    """While what the config names hangs, the agent looks on, and ends as soon as it is told to."""
    async with world(tmp_path) as w:
        await w.well()
        os.mkfifo(tmp_path / "hints")
        path = path_of(w)
        path.write_text(path.read_text().replace("agent:\n", "agent:\n  root_hints: hints\n"))
        assert w.daemon.process is not None
        w.daemon.process.send_signal(signal.SIGHUP)
        await w.daemon.looks(2)
        status, seconds = await w.daemon.end(number)
    assert status == 0, w.daemon.output
    assert seconds < 5
    assert "Traceback" not in w.daemon.output


async def test_a_pipe_in_the_place_of_the_config_changes_nothing(tmp_path: Path) -> None:
    """What is not a file is refused at once, and the next reload is heard."""
    async with world(tmp_path) as w:
        await w.well()
        path = path_of(w)
        good = path.read_text()
        path.unlink()
        os.mkfifo(path)
        await hang_up(w)
        assert f"{path}:1: cannot be read: it is not a file" in w.daemon.output
        await w.daemon.sees(SUCCESSFUL, 0)
        path.unlink()
        path.write_text(good)
        await reload(w)
        await w.daemon.sees(SUCCESSFUL, 1)


async def test_a_bug_of_ours_in_reading_ends_no_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the reading raises, the config before stays in force; log and metrics say so."""
    path = tmp_path / "vedette.yaml"
    path.write_text(PLAIN.format(port=free_port(), state="./state"))
    document = Document.read(path)

    def broken(_path: Path) -> Document:
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr(Document, "read", broken)
    agent = Agent(document.config, tmp_path)
    running = asyncio.get_running_loop().create_future()
    try:
        found = await _renewed(_Reign(agent, document), running, asyncio.Event())
    finally:
        agent.store.close()
    assert found is None
    assert (agent.counts.config_is_current, agent.counts.internal_errors) == (False, 1)
    assert "unhashable type" in caplog.text
    assert f"{path} is not used: what was read before stays in force" in caplog.text


@virtual
async def test_a_reading_has_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a minute what was read before stays in force, and log and metric say so."""
    path = tmp_path / "vedette.yaml"
    path.write_text(PLAIN.format(port=free_port(), state="./state"))
    document, over = Document.read(path), threading.Event()
    monkeypatch.setattr(Document, "read", lambda _path: over.wait())
    loop, agent = asyncio.get_running_loop(), Agent(document.config, tmp_path)
    try:
        found = await _renewed(_Reign(agent, document), loop.create_future(), asyncio.Event())
    finally:
        over.set()
        agent.store.close()
    assert found is None
    assert (loop.time(), agent.counts.config_is_current) == (60.0, False)
    assert f"{path} could not be read within 60 s" in caplog.text
    assert f"{path} is not used: what was read before stays in force" in caplog.text


REMEDY = """\
peers:
  - {name: nyc-1, url: "https://nyc-1.example:1", domain: {provider: there}, token_file: token}
remediation:
  - {name: flip, enabled: true, diagnoses: [record_emptied], command: [/bin/sh, -c, "SCRIPT"]}
"""
SCRIPT = "touch begun; until test -e go; do sleep 0.05; done; echo flipped"


@pytest.mark.parametrize("ends", ["the remedy", "the agent"])
async def test_a_remedy_that_is_under_way_is_not_cut_off(tmp_path: Path, ends: str) -> None:
    """A reload waits for what changes the world; who ends the agent need not wait."""
    path = tmp_path / "vedette.yaml"
    (tmp_path / "token").write_text("t" * 32)
    plain = PLAIN.format(port=free_port(), state="./state")
    path.write_text(plain + REMEDY.replace("SCRIPT", SCRIPT))
    document, stop, hangup = Document.read(path), asyncio.Event(), asyncio.Event()
    now = _Reign(agent := Agent(document.config, tmp_path), document)
    intended = Attempt(
        name="flip", key="vedette/shop", opened_at=0.0, service="shop",
        diagnosis="record_emptied", at=0.0, result=Result.INTENDED,
    )  # fmt: skip
    agent.remedies._intended.put_nowait((intended, {"remedy": "flip"}))
    serving = asyncio.create_task(_serve(now, AsyncExitStack(), stop, hangup))
    await until((tmp_path / "begun").exists)
    hangup.set()
    done, _ = await asyncio.wait([serving], timeout=0.5)
    assert not done
    (stop.set if ends == "the agent" else (tmp_path / "go").touch)()
    await asyncio.wait_for(serving, 20)

    result = agent.remedies.attempts.get(intended.of, intended).result
    assert result is (Result.DONE if ends == "the remedy" else Result.INTENDED)


async def test_routes_stay_known_over_a_reload(tmp_path: Path) -> None:
    """A feed whose prefixes stay is not left: the same connection, and no look is UNKNOWN."""
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, rows(10), 1_780_000_000)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        connections = w.routes.connections
        w.routes.seed_gate.clear()  # what is lost now cannot be learned again
        await reload(w)
        await w.daemon.looks(4, PREFIX)
        assert await w.daemon.value("vedette_bgp_visibility_ratio") == 1
        assert await w.daemon.value("vedette_probe_state", check=PREFIX, state="OK") == 1
        assert w.routes.connections == connections
