"""`vedette` as a process, in a world of real servers on loopback that a test breaks and mends."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import trustme
import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.nginx import Nginx, nginx
from tests.servers.nsd import Nsd
from tests.servers.pagerduty import Event, PagerDutyServer, Step
from tests.servers.process import free_port
from tests.servers.rislive import RisLive, ris_live
from tests.waiting import PATIENCE, until

VEDETTE = str(Path(sys.executable).with_name("vedette"))
ROUTING_KEY = "5ec2e7" + "0123456789abcdef" + "c0ffee5eed"
HOST, CONTROL = "api.shop.test", "control.test"
CHECK = f"{HOST} A"
SERVICE, AGENT = "shop", "fra-1"
SERVICE_KEY, AGENT_KEY = f"vedette/{SERVICE}", f"vedette/{AGENT}"
EVERY = 0.5
"""Seconds between looks."""


def zone(records: str) -> str:
    """Return the text of a zone with these records."""
    return f"$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n{records}"


def zones(records: str) -> dict[str, str]:
    """Return the zones of the service, with these records, and of the control."""
    return {"shop.test": zone(records), CONTROL: zone("@ A 192.0.2.1\n")}


class Daemon:
    """One `vedette run` after another from the same config, their output in one file."""

    def __init__(self, config: Path, listen: int) -> None:
        self.url = f"http://127.0.0.1:{listen}"
        self._config = config
        self._log = config.parent / "vedette.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def output(self) -> str:
        """All that it has written to stdout and stderr."""
        return self._log.read_text()

    async def start(self) -> None:
        """Start and wait until it is ready."""
        with self._log.open("ab") as log:
            command = [VEDETTE, "run", "--config", str(self._config)]
            self.process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
                command, stdout=log, stderr=subprocess.STDOUT
            )

        async def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.output
            try:
                status, _ = await self.get("/-/ready")
            except aiohttp.ClientError:
                return False
            return status == 200

        await until(ready, lambda: self.output)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send *number* and return the exit status and the seconds it took to end."""
        assert self.process is not None
        process, self.process = self.process, None
        started = time.monotonic()
        process.send_signal(number)
        try:
            status = await asyncio.to_thread(process.wait, PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        return status, time.monotonic() - started

    async def get(self, path: str) -> tuple[int, str]:
        """Return the status and the text of *path*."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as response:
            return response.status, await response.text()

    async def value(self, name: str, **labels: str) -> float | None:
        """Return the sum of the samples of /metrics with this name and these labels, if any."""
        _, text = await self.get("/metrics")
        found = [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(found) if found else None

    async def sees(self, name: str, wanted: float = 1, **labels: str) -> None:
        """Wait until `value` is *wanted*."""

        async def same() -> bool:
            return await self.value(name, **labels) == wanted

        await until(same, lambda: f"{name}{labels}\n{self.output}")

    async def looks(self, more: int, check: str = CHECK) -> None:
        """Wait until *check* has been looked at *more* times than now."""
        name = "vedette_probe_duration_seconds_count"
        before = await self.value(name, check=check) or 0

        async def looked() -> bool:
            return (await self.value(name, check=check) or 0) >= before + more

        await until(looked, lambda: self.output)


@dataclass
class World:
    """What the agent watches, what it pages, and the agent."""

    nsd: Nsd
    web: Nginx
    close_web: Callable[[], None]
    routes: RisLive
    pagerduty: PagerDutyServer
    daemon: Daemon

    def empty(self) -> None:
        """Leave the service's name without addresses."""
        self.serve("api TXT left-behind\n")

    def restore(self) -> None:
        """Give the name its address back."""
        self.serve("api A 127.0.0.1\n")

    def serve(self, records: str) -> None:
        """Give the service's zone these records."""
        self.nsd.serve(zones(records))

    @property
    def events(self) -> list[Event]:
        """What PagerDuty accepted."""
        return self.pagerduty.accepted

    @property
    def story(self) -> list[tuple[str, str]]:
        """Action and dedup key of what PagerDuty accepted."""
        return [(event["event_action"], event["dedup_key"]) for event in self.events]

    async def told(self, *story: tuple[str, str]) -> None:
        """Wait until PagerDuty has accepted as many events, and they are these."""
        await until(
            lambda: len(self.events) >= len(story), lambda: f"{self.story}\n{self.daemon.output}"
        )
        assert self.story == list(story), self.daemon.output

    async def well(self) -> None:
        """Wait until the service is seen well, by name and at its last-known-good address."""
        await self.daemon.sees(
            "vedette_probe_state", service=SERVICE, subject="by name", state="OK"
        )
        await self.daemon.sees(
            "vedette_probe_state", service=SERVICE, subject="127.0.0.1", state="OK"
        )


@asynccontextmanager
async def world(
    folder: Path,
    *,
    script: Iterable[Step] = (),
    records: str = "api A 127.0.0.1\n",
    bgp: tuple[str, int] | None = None,
    watch: Mapping[str, Any] | None = None,
    ris_live_keys: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
    hold: str = "1.5s",
    state_dir: str = "./state",
    twins: Sequence[Nsd] = (),
    start: bool = True,
) -> AsyncIterator[World]:
    """Open all servers and, unless told not to, start the agent; it ends with the block.

    *watch* are more keys of the bgp check, *ris_live_keys* of the feed, *more* of the config; feeds
    among these come after RIS Live. *twins* serve the same zones.
    """
    async with AsyncExitStack() as stack:
        nsd = stack.enter_context(Nsd.serving(zones(records)))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        web_stack = stack.enter_context(ExitStack())
        web = web_stack.enter_context(nginx(folder / "web", authority.issue_cert(HOST)))
        routes = await stack.enter_async_context(ris_live())
        pagerduty = await stack.enter_async_context(PagerDutyServer(script))
        listen = free_port()
        watched: dict[str, Any] = {
            "name": SERVICE,
            "dns": [{"name": HOST, "servers": ["authoritative"]}],
            "http": [{"url": f"https://{HOST}:{web.https}/", "ca_file": "ca.pem"}],
        }
        if bgp is not None:
            watched["bgp"] = [{"prefix": bgp[0], "origins": [bgp[1]], **(watch or {})}]
        more = dict(more or {})
        live = {"url": routes.url, "seed": routes.seed_url, **(ris_live_keys or {})}
        config = {
            "agent": {
                "name": AGENT,
                "domain": {"provider": "here"},
                "listen": f"127.0.0.1:{listen}",
                "state_dir": state_dir,
                "last_known_good_after": EVERY,
                "stub_zones": {
                    zone: [str(one.endpoint) for one in (nsd, *twins)] for zone in zones(records)
                },
            },
            "defaults": {"every": EVERY, "timeout": "500ms", "hold": hold, "clear": "2s"},
            "services": [watched],
            "controls": {"dns": [{"name": CONTROL, "servers": ["authoritative"]}]},
            "feeds": [{"ris_live": live}, *more.pop("feeds", [])],
            "pagers": [{"pagerduty": {"routing_key_file": "key", "url": pagerduty.url}}],
            **more,
        }
        (folder / "key").write_text(ROUTING_KEY + "\n")
        path = folder / "vedette.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        daemon = Daemon(path, listen)
        try:
            if start:
                await daemon.start()
            yield World(nsd, web, web_stack.close, routes, pagerduty, daemon)
        finally:
            if daemon.process is not None:
                await daemon.end()


@dataclass(frozen=True)
class Ran:
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str


async def vedette(*arguments: str) -> Ran:
    """Run one command to its end, while the servers of this loop go on."""
    process = await asyncio.create_subprocess_exec(
        VEDETTE, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())
