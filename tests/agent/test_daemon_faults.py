"""The agent as a process when its own surroundings fail, and what it shows of itself."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from resource import RLIMIT_FSIZE, prlimit

from aiohttp import web

from tests.agent.daemon import (
    CONTROL,
    HOST,
    ROUTING_KEY,
    SERVICE_KEY,
    Daemon,
    until,
    world,
)
from tests.checks.bgp.made import ORIGIN, PREFIX, rows
from tests.servers.pagerduty import PagerDutyServer, Step, answers, echoes
from tests.servers.process import need
from tests.servers.prometheus import prometheus

TRIGGER, RESOLVE = ("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY)


def timed(step: Step, times: list[float]) -> Step:
    """Return *step*, which notes in *times* when it is met."""

    def met(server: PagerDutyServer, request: web.Request, body: bytes) -> Awaitable:
        times.append(time.monotonic())
        return step(server, request, body)

    return met


async def _takes(server: PagerDutyServer, _: web.Request, body: bytes) -> web.StreamResponse:
    return await server.take(body)


async def test_a_page_is_tried_until_it_is_taken(tmp_path: Path) -> None:
    """500, then 429 that asks for a second, then 202: the same trigger, in time, taken once."""
    times: list[float] = []
    script = [
        timed(answers(500), times),
        timed(answers(429, headers={"Retry-After": "1"}), times),
        timed(_takes, times),
    ]
    async with world(tmp_path, script=script) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        assert len(times) == 3
        assert times[2] - times[1] >= 1
        assert len(set(w.pagerduty.bodies)) == 1
        await w.daemon.sees("vedette_pages_undelivered", 0)
        w.restore()
        await w.told(TRIGGER, RESOLVE)
        assert len(w.pagerduty.bodies) == 4


async def test_a_resolve_waits_for_its_trigger(tmp_path: Path) -> None:
    """While the trigger is not taken the resolve stays behind it, over a restart too."""
    async with world(tmp_path, script=[answers(429, headers={"Retry-After": "2"})] * 6) as w:
        await w.well()
        w.empty()
        await until(lambda: w.pagerduty.bodies, lambda: w.daemon.output)
        w.restore()
        await w.daemon.sees("vedette_pages_undelivered", 2)
        await w.daemon.end()
        assert w.story == []
        w.pagerduty.script.clear()
        await w.daemon.start()
        await w.told(TRIGGER, RESOLVE)


async def test_the_routing_key_is_shown_nowhere(tmp_path: Path) -> None:
    """Not in the output, the metrics or the status page, though PagerDuty repeats it to us."""
    async with world(tmp_path, script=[echoes]) as w:
        await w.well()
        w.empty()
        await until(lambda: "refused by pagerduty" in w.daemon.output, lambda: w.daemon.output)
        assert ROUTING_KEY.encode() in w.pagerduty.bodies[0]
        _, metrics = await w.daemon.get("/metrics")
        status, page = await w.daemon.get("/")
        await w.daemon.end()
        assert status == 200
        assert "record_emptied" in page
        assert "[routing key]" in page
        for shown in (metrics, page, w.daemon.output):
            assert ROUTING_KEY not in shown


FAMILIES = {
    "vedette_probe_state",
    "vedette_probe_failure_info",
    "vedette_probe_duration_seconds",
    "vedette_dns_answers",
    "vedette_bgp_visibility_ratio",
    "vedette_bgp_feed_age_seconds",
    "vedette_alarm_state",
    "vedette_pages_undelivered",
    "vedette_check_lateness_seconds",
    "vedette_events_total",
}


async def test_prometheus_scrapes_the_agent(tmp_path: Path) -> None:
    """Prometheus itself scrapes without an error, promtool has no complaint, nothing is missing."""
    promtool = need("promtool")
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, rows(10), time.time() - 10)
        await w.daemon.start()
        await w.well()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        w.empty()
        await w.daemon.sees("vedette_probe_failure_info", kind="dns", reason="nodata")
        await w.told(TRIGGER)
        _, text = await w.daemon.get("/metrics")
        for path, said in (("/-/healthy", "Healthy\n"), ("/-/ready", "Ready\n")):
            assert await w.daemon.get(path) == (200, said)
        target = w.daemon.url.removeprefix("http://")
        scraped, values = await asyncio.to_thread(_scrape, tmp_path / "prometheus", target)
    assert (scraped["health"], scraped["lastError"]) == ("up", "")
    assert {one["metric"]["state"]: one["value"][1] for one in values} == {
        "OK": "1",
        "FAILING": "0",
        "UNKNOWN": "0",
    }
    lint = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text.encode(), capture_output=True
    )
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, b"", b"")
    shown = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    assert shown >= FAMILIES
    assert f'check="{HOST} A"' in text


def _scrape(folder: Path, target: str) -> tuple[dict, list]:
    with prometheus(folder, target) as server:
        scraped = server.scraped()
        query = f"query?query=vedette_probe_state%7Bcheck%3D%22{CONTROL}%20A%22%7D"
        until = time.monotonic() + 10
        # What a scrape has brought can be asked for a moment later.
        while not (found := server.get(query)["result"]) and time.monotonic() < until:
            time.sleep(0.1)
        return scraped, found


class Limit:
    """A disk that takes nothing more, as the kernel shows it to one process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, daemon: Daemon) -> None:
        """Let no file grow, and none be written beyond 16 KiB: the log is shorter."""
        self._set(daemon, 16384)

    def clear(self, daemon: Daemon) -> None:
        """Let files grow again."""
        self._set(daemon, -1)

    def _set(self, daemon: Daemon, size: int) -> None:
        assert daemon.process is not None
        prlimit(daemon.process.pid, RLIMIT_FSIZE, (size, -1))


class Disk:
    """A mounted disk that is filled to its last byte."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, _: Daemon) -> None:
        """Write until nothing more fits."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for size in (4096, 1):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def clear(self, _: Daemon) -> None:
        """Make room."""
        (self.folder / "filler").unlink()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Disk | Limit]:
    """Offer a disk that can be filled: a tmpfs where mounting is permitted, else a file limit."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "vedette-test", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        yield Limit(folder)
        return
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_stops_no_page(tmp_path: Path) -> None:
    """With the disk full the page is sent all the same, once and said once; with room, kept."""
    with small_disk(tmp_path / "disk") as disk:
        async with world(tmp_path, state_dir=str(disk.folder)) as w:
            await w.well()
            disk.fill(w.daemon)
            w.empty()
            await w.told(TRIGGER)
            await w.daemon.sees("vedette_store_failing")
            await w.daemon.looks(6)
            assert w.daemon.output.count("cannot be written") == 1, w.daemon.output
            assert "make room on the disk" in w.daemon.output
            disk.clear(w.daemon)
            w.restore()
            await w.told(TRIGGER, RESOLVE)
            await w.daemon.sees("vedette_store_failing", 0)
            assert w.daemon.output.count("can be written again") == 1
            await w.daemon.end()
            await w.daemon.start()
            await w.daemon.looks(4)
            assert w.story == [TRIGGER, RESOLVE]
            assert "Traceback" not in w.daemon.output
