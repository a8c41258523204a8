"""One scrape of an agent with a hundred thousand series, over HTTP, while it probes.

Beside it, prometheus_client writes the same series, ready made, from one registry.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.bench.agents import config_of, measuring, metrics
from tests.bench.sample import Sample, UnmeasuredError, heard, installed, read, start
from tests.bench.spent import cpu_of
from tests.bench.zone import NAMES
from tests.servers.process import free_port
from vedette.checks.net import Endpoint

CLIENT = "prometheus_client"
CHECKS, EVERY = 2000, 10.0
"""What has a hundred thousand series, and how often it is looked at."""
WINDOW = 8.0
SERIES = 100_000
"""Those of one operation, so that the figure does not go by how many a check has."""


def scraped(
    server: Endpoint,
    *,
    packed: bool,
    checks: int = CHECKS,
    every: float = EVERY,
    window: float = WINDOW,
) -> Sample:
    """Scrape an agent again and again; lateness is of the rounds that began meanwhile."""
    installed("uvloop")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "agent.yaml"
        config.write_text(config_of(server, NAMES[:checks], port, every))
        times = ("--warm", 1.2 * every, "--seconds", window)
        process = start("daemon", config, "--loop", "uvloop", *times)
        try:
            measuring(process)
            ours, text = _scrapes(process.pid, port, window * 0.8, packed=packed)
            late = read("daemon", process)
        finally:
            process.kill()
        page = Path(name) / "page"
        page.write_text(text)
        client = heard("written_page", page, *(["--packed"] if packed else []))
    return replace(
        late,
        operations=ours.operations,
        cpu=ours.cpu,
        seconds=ours.seconds,
        beside={CLIENT: client},
    )


def _scrapes(pid: int, port: int, wanted: float, *, packed: bool) -> tuple[Sample, str]:
    """Scrape without a pause for so many seconds; return what that took, and a page."""
    start, before, count, text = time.monotonic(), cpu_of(pid), 0, ""
    while time.monotonic() - start < wanted:
        text, count = metrics(port, packed=packed), count + 1
    cpu, seconds = cpu_of(pid) - before, time.monotonic() - start
    if not count:
        raise UnmeasuredError("the agent does not show its metrics in time")
    return Sample(operations=share(text, count), cpu=cpu, seconds=seconds), text


def share(text: str, count: int) -> float:
    """Return how many pages of SERIES series *count* pages like *text* are."""
    return count * sum(not line.startswith("#") for line in text.splitlines()) / SERIES
