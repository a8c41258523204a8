"""Scrapes of an agent with a hundred thousand series, over HTTP, while it probes.

It is measured in two windows of the same length, first alone and then scraped each second: what it
spends more in the second is what the scrapes cost, and lateness is of the rounds of each. Beside
it, prometheus_client writes the same series, ready made, from one registry.
"""

import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.bench.agents import config_of, measuring, metrics
from tests.bench.figures import LESS
from tests.bench.sample import Sample, UnmeasuredError, heard, installed, read, start
from tests.bench.zone import NAMES
from tests.servers.process import free_port
from vedette.checks.net import Endpoint

CLIENT = "prometheus_client"
CHECKS, EVERY = 2000, 10.0
"""What has a hundred thousand series, and how often it is looked at."""
WINDOW, PAUSE = 10.0, 1.0
"""Seconds of each window, of which each check has a round, and from one scrape to the next."""
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
    """Return what the scrapes cost, and how late the rounds were that began meanwhile."""
    installed("uvloop")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "agent.yaml"
        config.write_text(config_of(server, NAMES[:checks], port, every))
        # All is learnt by the third round; what was seen then is settled.
        times = ("--warm", 3.2 * every, "--seconds", window, "--windows", 2)
        process = start("daemon", config, "--loop", "uvloop", *times)
        try:
            measuring(process)
            alone = _told(process)
            measuring(process)
            operations, text = _scrapes(port, window * 0.9, packed=packed)
            scraped = read("daemon", process)
        finally:
            process.kill()
        page = Path(name) / "page"
        page.write_text(text)
        client = heard("written_page", page, *(["--packed"] if packed else []))
    return replace(
        scraped,
        operations=operations,
        cpu=scraped.cpu - alone.cpu,
        beside={CLIENT: client, LESS: alone},
    )


def _told(process: "subprocess.Popen[str]") -> Sample:
    """Return what the agent says of its first window."""
    assert process.stdout is not None
    line = process.stdout.readline()
    return Sample.told(line) if line else read("daemon", process)


def _scrapes(port: int, seconds: float, *, packed: bool) -> tuple[float, str]:
    """Scrape for so many seconds; return how many operations that was, and a page."""
    start, count = time.monotonic(), 0
    while time.monotonic() - start < seconds - PAUSE:
        text, count = metrics(port, packed=packed), count + 1
        time.sleep(max(0.0, start + count * PAUSE - time.monotonic()))
    if not count:
        raise UnmeasuredError("the agent was not asked for its metrics")
    return share(text, count), text


def share(text: str, count: int) -> float:
    """Return how many pages of SERIES series *count* pages like *text* are."""
    return count * sum(not line.startswith("#") for line in text.splitlines()) / SERIES
