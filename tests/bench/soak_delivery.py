"""Kills of a real daemon while it triggers and resolves, and how soon a page is there: `make soak`.

Exits with 1 where a page was lost, went out under another key, or was resolved while the fault was
there; or where a page took longer than is promised. docs/paging.md has the figures.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from tests.agent.daemon import AGENT, CONTROL, HOST, SERVICE, SERVICE_KEY, Daemon, zones
from tests.servers.nsd import Nsd
from tests.servers.pagerduty import Event, PagerDutyServer
from tests.servers.process import free_port
from tests.waiting import until
from vedette.agent.paging.storm import MOST

LIVES = MOST
PATIENCE = 60.0
"""Seconds that no page takes here, however busy the machine; only a lost one waits for them."""
MEDIAN, WORST = 5.0, 8.0
"""Seconds that a page may take from the record's end, with a look a second and 3 s of hold."""
LINGERS = 3.0
"""Seconds after a change within which it is told, so that a kill may hit the telling."""

RECORD, NOTHING = "api A 127.0.0.1\n", "api TXT left-behind\n"


_PARENT = """
import os, signal, sys
from vedette.agent import daemon
from vedette.agent.serving import web
from vedette.agent.cli import main
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    config, log = line.rstrip().split("|")
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)
        os.dup2(1, 2)
        os._exit(main(["run", "--config", config]) or 0)
    print(pid, flush=True)
"""
"""Forks agents: to import all of it anew after each kill would take most of the time."""


class Forked(Daemon):
    """`vedette run` in a process that begins with everything imported."""

    def __init__(self, config: Path, listen: int) -> None:
        super().__init__(config, listen)
        self._parent: asyncio.subprocess.Process | None = None
        self._pid = 0

    async def start(self) -> None:
        """Start and wait until it is ready."""
        if self._parent is None:
            pipe = asyncio.subprocess.PIPE
            self._parent = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _PARENT, stdin=pipe, stdout=pipe
            )
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{self._config}|{self._log}\n".encode())
        self._pid = int(await self._parent.stdout.readline())
        await until(self._ready, lambda: self.output)

    async def _ready(self) -> bool:
        assert self._alive, self.output
        try:
            status, _ = await self.get("/-/ready")
        except aiohttp.ClientError:
            return False
        return status == 200

    @property
    def _alive(self) -> bool:
        return Path(f"/proc/{self._pid}").exists()

    def signal(self, number: signal.Signals) -> None:
        """Send *number* to it."""
        os.kill(self._pid, number)

    async def killed(self) -> None:
        """Kill it, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        await until(lambda: not self._alive)

    async def close(self) -> None:
        """End it and what forks it."""
        if self._alive:
            await self.killed()
        if self._parent is not None:
            self._parent.kill()
            await self._parent.wait()


class Witness(PagerDutyServer):
    """The double, which also knows whether the fault is there."""

    def __init__(self) -> None:
        super().__init__()
        self.burns = False
        self.wrongs: list[str] = []

    def _keep(self, event: Event) -> None:
        key, action = event["dedup_key"], event["event_action"]
        if key != SERVICE_KEY:
            self.wrongs.append(f"{action} of another key: {key}")
        if action == "resolve" and self.burns and self.open:
            self.wrongs.append(f"{key} was resolved while it burnt")
        super()._keep(event)


@dataclass
class Site:
    """One agent with what it watches and whom it pages."""

    nsd: Nsd
    pagerduty: Witness
    daemon: Forked
    kills: int = 0
    moments: dict[str, int] = field(default_factory=dict)

    def change(self, *, burns: bool) -> None:
        """Empty the record, or give it back."""
        self.pagerduty.burns = burns
        self.nsd.serve(zones(NOTHING if burns else RECORD))

    async def told(self, incidents: int, *, open_: bool) -> None:
        """Wait for so many incidents in all, of which the last is open or none is."""
        pagerduty = self.pagerduty
        try:
            await until(
                lambda: len(pagerduty.incidents) == incidents and bool(pagerduty.open) == open_,
                patience=PATIENCE,
            )
        except AssertionError:
            self.pagerduty.wrongs.append(
                f"{len(pagerduty.incidents)} incidents, {len(pagerduty.open)} of them open, where "
                f"{incidents} were due, {int(open_)} of them open\n{self.daemon.output[-3000:]}"
            )

    async def kill(self, moment: str) -> None:
        """Kill the agent at this *moment* of telling, if that comes, and start it again."""
        if moment == "any time":
            await asyncio.sleep(random.uniform(0, LINGERS))
        else:
            await self._struck(moment)
        await self.daemon.killed()
        self.kills += 1
        self.moments[moment] = self.moments.get(moment, 0) + 1
        await self.daemon.start()

    async def _struck(self, moment: str) -> None:
        """Wait for a call and stop the agent within it: it takes no more of the answer."""
        met = asyncio.Event()

        async def strike(
            server: PagerDutyServer, _: web.Request, body: bytes
        ) -> web.StreamResponse:
            if moment == "after it was taken":
                await server.take(body)
            self.daemon.signal(signal.SIGSTOP)
            met.set()
            return web.Response(status=500 if moment == "before it is taken" else 202)

        self.pagerduty.script.append(strike)
        try:
            async with asyncio.timeout(LINGERS * 2):
                await met.wait()
        except TimeoutError:  # it was told before
            self.pagerduty.script.clear()


MOMENTS = ("any time", "any time", "before it is taken", "after it was taken")


@asynccontextmanager
async def site(folder: Path, *, every: str, hold: str, clear: str) -> AsyncIterator[Site]:
    """Open the servers and start the agent; it ends with the block."""
    with Nsd.serving(zones(RECORD)) as nsd:
        async with Witness() as pagerduty:
            listen = free_port()
            path = folder / "vedette.yaml"
            path.write_text(yaml.safe_dump(_config(nsd, pagerduty, listen, every, hold, clear)))
            (folder / "key").write_text("0" * 32)
            daemon = Forked(path, listen)
            try:
                await daemon.start()
                yield Site(nsd, pagerduty, daemon)
            finally:
                await daemon.close()


def _config(
    nsd: Nsd, pagerduty: Witness, listen: int, every: str, hold: str, clear: str
) -> dict[str, Any]:
    def looks(host: str) -> list[dict[str, Any]]:
        return [{"name": host, "servers": ["authoritative"]}]

    return {
        "agent": {
            "name": AGENT,
            "domain": {"provider": "here"},
            "listen": f"127.0.0.1:{listen}",
            "stub_zones": {zone: [str(nsd.endpoint)] for zone in zones("")},
        },
        "defaults": {"every": every, "timeout": "1s", "hold": hold, "clear": clear},
        "services": [{"name": SERVICE, "dns": looks(HOST)}],
        "controls": {"dns": looks(CONTROL)},
        "pagers": [{"pagerduty": {"routing_key_file": "key", "url": pagerduty.url}}],
    }


async def killed(folder: Path, kills: int) -> Site:
    """Kill an agent while the record comes and goes; return what became of it.

    It is killed so many times or fewer: what opens after LIVES incidents is a storm, which shares a
    page, so that the next agent begins anew.
    """
    async with site(folder, every="250ms", hold="500ms", clear="500ms") as one:
        for incidents in range(1, LIVES + 1):
            for burns in (True, False):
                one.change(burns=burns)
                for _ in range(random.choice((1, 2, 2, 3))):
                    if one.kills < kills:
                        await one.kill(random.choice(MOMENTS))
                await one.told(incidents, open_=burns)
            if one.kills >= kills or one.pagerduty.wrongs:
                break
        return one


async def killed_often(folder: Path, kills: int) -> Sequence[Site]:
    """Kill one agent after another, so many times in all."""
    sites: list[Site] = []
    while (left := kills - sum(one.kills for one in sites)) > 0:
        life = folder / str(len(sites))
        life.mkdir(parents=True)
        sites.append(await killed(life, left))
        print(f"{folder.name}: {kills - left + sites[-1].kills} kills", file=sys.stderr, flush=True)
        if sites[-1].pagerduty.wrongs:
            break
    return sites


async def timed(folder: Path, rounds: int) -> Sequence[float]:
    """Return the seconds from the record's end to the page's acceptance, of so many rounds."""
    seconds: list[float] = []
    while len(seconds) < rounds:
        life = folder / f"timed {len(seconds)}"
        life.mkdir()
        seconds += await _timed(life, min(LIVES, rounds - len(seconds)))
    return seconds


async def _timed(folder: Path, rounds: int) -> Sequence[float]:
    seconds = []
    async with site(folder, every="1s", hold="3s", clear="2s") as one:
        for n in range(1, rounds + 1):
            await asyncio.sleep(random.uniform(0, 1))
            began = time.monotonic()
            one.change(burns=True)
            await one.told(n, open_=True)
            seconds.append(time.monotonic() - began)
            one.change(burns=False)
            await one.told(n, open_=False)
        assert not one.pagerduty.wrongs, one.pagerduty.wrongs
    return seconds


def _say(sites: Sequence[Site]) -> Sequence[str]:
    """Print what became of the kills, and return what was wrong."""
    wrongs = [wrong for one in sites for wrong in one.pagerduty.wrongs]
    told = sum(len(one.pagerduty.incidents) for one in sites)
    events = sum(len(one.pagerduty.accepted) for one in sites)
    moments: dict[str, int] = {}
    for one in sites:
        for moment, count in one.moments.items():
            moments[moment] = moments.get(moment, 0) + count
    print(
        f"{sum(one.kills for one in sites)} kills ("
        + ", ".join(f"{count} {moment}" for moment, count in sorted(moments.items()))
        + f"): {told} incidents, each opened and ended once, by {events} events; "
        f"{len(wrongs)} wrong"
    )
    for wrong in wrongs:
        print(wrong)
    return wrongs


async def soak(kills: int, agents: int, rounds: int) -> int:
    """Do both, say the figures, and return the exit status."""
    with tempfile.TemporaryDirectory() as name:
        seconds = await timed(Path(name), rounds) if rounds else []
        folders = [Path(name) / f"agent {i}" for i in range(agents)]
        shares = [kills // agents + (i < kills % agents) for i in range(agents)]
        lives = await asyncio.gather(*map(killed_often, folders, shares))
        sites = [one for lived in lives for one in lived]
    wrongs = _say(sites) if kills else []
    if seconds:
        print(
            f"{rounds} pages from the record's end to 202: "
            f"median {statistics.median(seconds):.1f} s (<= {MEDIAN:g}), "
            f"worst {max(seconds):.1f} s (<= {WORST:g})"
        )
    slow = bool(seconds) and (statistics.median(seconds) > MEDIAN or max(seconds) > WORST)
    return int(bool(wrongs) or slow)


if __name__ == "__main__":
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--kills", type=int, default=500)
    reader.add_argument("--agents", type=int, default=2, help="that are killed side by side")
    reader.add_argument("--rounds", type=int, default=20, help="of pages that are timed")
    given = reader.parse_args()
    sys.exit(asyncio.run(soak(given.kills, given.agents, given.rounds)))
