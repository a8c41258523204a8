"""SIGHUP: the agent reads its config again, and drops nothing."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.agent.daemon import CHECK, HOST, SERVICE, SERVICE_KEY, World, until, world
from tests.checks.bgp.made import ORIGIN, PREFIX, rows

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
    """A wrong file, another name or state, a taken address: told in the log, and not gone by."""
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

            await reload(w, move)
        assert f"cannot listen at {address}" in w.daemon.output
        await w.daemon.sees(SUCCESSFUL, 0)
        w.empty()
        await w.told(TRIGGER)
        path.write_text(good)
        await reload(w)
        await w.daemon.sees(SUCCESSFUL, 1)
        w.restore()
        await w.told(TRIGGER, RESOLVE)


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
