"""The systemd unit: systemd takes it, finds little to object to, and its commands work."""

import asyncio
import shlex
import signal
import subprocess
from pathlib import Path

import yaml

from tests.agent.daemon import VEDETTE, Daemon
from tests.servers.process import free_port, need
from tests.waiting import until

ROOT = Path(__file__).resolve().parent.parent
UNIT = ROOT / "configs" / "systemd" / "vedette.service"
PROGRAM = "/opt/vedette/bin/vedette"
CONFIG = "/etc/vedette/vedette.yaml"


def commands(key: str) -> list[str]:
    """Return what the unit runs for *key*, in order."""
    lines = [line.partition("=") for line in UNIT.read_text().splitlines()]
    return [value for name, _, value in lines if name == key]


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """No key is unknown, no value is wrong, and every command is there."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, VEDETTE))
    ran = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_unit_is_hardened() -> None:
    """By the rating of systemd itself its exposure is below 2 of 10."""
    ran = subprocess.run(
        [need("systemd-analyze"), "security", "--offline=true", "--threshold=20", "--no-pager",
         str(UNIT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-500:]


def test_the_unit_hides_nothing_that_metrics_are_made_of() -> None:
    """The process's CPU, memory and start are told only where /proc/stat can be read."""
    assert commands("ProtectProc") == ["invisible"]
    assert commands("ProcSubset") == []


async def test_the_units_commands_start_and_reload(tmp_path: Path) -> None:
    """A good file is taken over; with a wrong one the reload fails, and the agent hears nothing."""
    port, path = free_port(), tmp_path / "vedette.yaml"
    agent = {"name": "a", "domain": {"provider": "here"}, "listen": f"127.0.0.1:{port}"}
    services = [{"name": "shop", "dns": [{"name": "shop.test", "servers": ["127.0.0.1:1"]}]}]
    path.write_text(yaml.safe_dump({"agent": agent, "services": services}))
    daemon = Daemon(path, port)
    await daemon.start()
    try:
        assert commands("ExecStartPre") == commands("ExecReload")[:1]
        assert await reload(daemon, path)
        await until(lambda: daemon.output.count("was read again") == 1, lambda: daemon.output)
        with path.open("a") as file:
            file.write("wrong: 1\n")
        assert not await reload(daemon, path)
        assert "is not used" not in daemon.output
    finally:
        status, _ = await daemon.end(signal.SIGTERM)
    assert status == 0


async def reload(daemon: Daemon, path: Path) -> bool:
    """Run the commands of a reload as systemd does: one that fails ends it."""
    assert daemon.process is not None
    known = {PROGRAM: VEDETTE, CONFIG: str(path), "$MAINPID": str(daemon.process.pid)}
    for command in commands("ExecReload"):
        words = [known.get(word, word) for word in shlex.split(command)]
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        if await process.wait():
            return False
    return True
