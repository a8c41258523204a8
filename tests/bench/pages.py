"""From the end of a record to PagerDuty's 202: ours, and what people run instead, side by side.

Both ask the same NSD for the same names every five seconds, and page a double of PagerDuty each.
Every name is emptied once, at a moment of its own, and its page is awaited; nothing else happens.
Each name has an agent of its own: several incidents of one agent would be a storm, which shares a
page, and share the extra looks that a server is spared.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.agent.daemon import until, zone
from tests.bench import peers, scraped
from tests.bench.agents import daemon
from tests.bench.sample import Sample, UnmeasuredError
from tests.servers.alertmanager import alertmanager
from tests.servers.nsd import Nsd
from tests.servers.pagerduty import Event, PagerDutyServer
from tests.servers.process import free_port
from tests.servers.prometheus import found, prometheus
from vedette.checks.net import Endpoint

THEIRS = "blackbox_exporter + Prometheus + Alertmanager"
EMPTYINGS = 10
APART = 2.5
"""Seconds from one to the next, on average."""
PATIENCE = 45.0
ROUTING_KEY = "0" * 32
ZONE, CONTROL = "pages.test", "control.test"


class Receiver(PagerDutyServer):
    """The double, which knows when it first accepted a page of each name."""

    def __init__(self) -> None:
        super().__init__()
        self.paged_at: dict[str, float] = {}

    def _keep(self, event: Event) -> None:
        super()._keep(event)
        if event["event_action"] == "trigger":
            self.paged_at.setdefault(name_of(event), time.monotonic())


def name_of(event: Event) -> str:
    """Return the name that an event is about, which both pagers tell in the component."""
    return str(event["payload"].get("component")).partition(" ")[0]


def measure(_: Endpoint, *, emptyings: int = EMPTYINGS, every: float = 5) -> Sample:
    """Empty so many records, with a look *every* so many seconds and as long a hold."""
    names = [f"w{number}.{ZONE}" for number in range(emptyings)]
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), names, every))


async def _measure(folder: Path, names: Sequence[str], every: float) -> Sample:
    start = time.monotonic()
    with Nsd.serving(_zones(names, ())) as nsd:
        async with Receiver() as ours, Receiver() as theirs, AsyncExitStack() as stack:
            for name in names:
                stack.enter_context(_agent(folder, name, nsd, ours.url, every))
            watched = _watched(folder, names, nsd.endpoint, theirs.url, every)
            await stack.enter_async_context(watched)
            await asyncio.sleep(2 * every)
            if ours.accepted or theirs.accepted:
                raise UnmeasuredError("a page came before a record was emptied")
            emptied = await _emptied(nsd, names)
            for receiver in (ours, theirs):
                await _told(receiver, names)
    waits = {r: [r.paged_at[name] - emptied[name] for name in names] for r in (ours, theirs)}
    took = {"operations": len(names), "cpu": 0.0, "seconds": time.monotonic() - start}
    beside = {THEIRS: Sample(**took, waits=waits[theirs])}
    return Sample(**took, waits=waits[ours], beside=beside)


def _zones(names: Sequence[str], empty: Sequence[str]) -> dict[str, str]:
    """Return the zone of *names*, some of them *empty*, and that of the control."""
    hosts = [name.removesuffix(f".{ZONE}") for name in names]
    gone = {name.removesuffix(f".{ZONE}") for name in empty}
    records = (f"{h} TXT left-behind\n" if h in gone else f"{h} A 192.0.2.1\n" for h in hosts)
    return {ZONE: zone("".join(records)), CONTROL: zone("@ A 192.0.2.1\n")}


async def _emptied(nsd: Nsd, names: Sequence[str]) -> Mapping[str, float]:
    """Empty one name after another, at random moments; return when each was."""
    began: dict[str, float] = {}
    for name in names:
        await asyncio.sleep(random.uniform(0, 2 * APART))
        began[name] = time.monotonic()
        await asyncio.to_thread(nsd.serve, _zones(names, [*began]))
    return began


async def _told(receiver: Receiver, names: Sequence[str]) -> None:
    """Wait until there was a page of each name, and of nothing else."""
    try:
        await until(lambda: receiver.paged_at.keys() >= set(names), patience=PATIENCE)
    except AssertionError:
        missing = sorted(set(names) - receiver.paged_at.keys())
        told = [event["payload"]["summary"] for event in receiver.accepted]
        raise UnmeasuredError(f"no page of {missing} in {PATIENCE:g} s, but {told}") from None


@contextmanager
def _agent(folder: Path, name: str, nsd: Nsd, url: str, every: float) -> Iterator[None]:
    """Run `vedette run` for *name*: what one agent has to tell of others is not in its way."""
    home, listen = folder / name, free_port()
    home.mkdir()
    (home / "key").write_text(ROUTING_KEY)
    config = home / "vedette.yaml"
    config.write_text(yaml.safe_dump(_config(name, nsd.endpoint, url, listen, f"{every:g}s")))
    with daemon(config, listen):
        yield


def _config(name: str, at: Endpoint, url: str, listen: int, every: str) -> dict[str, Any]:
    def look(name: str) -> list[dict[str, Any]]:
        return [{"name": name, "servers": ["authoritative"]}]

    return {
        "agent": {
            "name": f"agent-of-{name}",
            "domain": {"provider": "here"},
            "listen": f"127.0.0.1:{listen}",
            "stub_zones": {zone: [str(at)] for zone in (ZONE, CONTROL)},
        },
        "defaults": {"every": every, "timeout": "1s", "hold": every},
        "services": [{"name": name, "dns": look(name)}],
        "controls": {"dns": look(CONTROL)},
        "pagers": [{"pagerduty": {"routing_key_file": "key", "url": url}}],
    }


@asynccontextmanager
async def _watched(
    folder: Path, names: Sequence[str], at: Endpoint, url: str, every: float
) -> AsyncIterator[None]:
    """Run exporter, Prometheus and Alertmanager, which tell the double at *url*."""
    rules = folder / "rules.yaml"
    rules.write_text(yaml.safe_dump(_rules(every)))
    receiver, route = _notification(url)
    with (
        peers.exporter(scraped.modules(names)) as (_, port),
        alertmanager(folder / "alertmanager", route=route, receiver=receiver) as notifier,
        prometheus(
            folder / "prometheus",
            scrape_configs=[scraped.job(names, at, port)],
            rules=[rules],
            alertmanagers=[f"127.0.0.1:{notifier.port}"],
            times=scraped.times(every),
        ) as scraper,
    ):
        await until(lambda: len(found(scraper.url, "probe_success == 1")) == len(names))
        yield


def _rules(every: float) -> dict[str, Any]:
    alert = {"alert": "RecordEmptied", "expr": "probe_success == 0", "for": f"{every:g}s"}
    return {"groups": [{"name": "dns", "rules": [alert]}]}


def _notification(url: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return a receiver that pages the double at *url*, and the route to it, which never waits."""
    pagerduty = {
        "routing_key": ROUTING_KEY,
        "url": url,
        "severity": "critical",
        "component": "{{ .CommonLabels.instance }}",
    }
    route = {"receiver": "pagerduty", "group_by": ["instance"], "group_wait": "0s"}
    return {"name": "pagerduty", "pagerduty_configs": [pagerduty]}, route
