"""Every benchmark by name: how one run of it is made, and what the agent promises of it."""

import importlib.util
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench import peers
from tests.bench.sample import Sample, UnmeasuredError, heard, read, start
from tests.bench.zone import NAMES
from tests.servers.process import free_port
from vedette.checks.net import Endpoint

WARM, WINDOW = 4.0, 15.0
"""Seconds before and of the daemon's measurement; Prometheus asks once per window by default."""
LATE = 0.010
"""Seconds by which 99 of 100 rounds may begin late."""

_CONFIG = """\
agent:
  name: bench-1
  domain: {{provider: bench}}
  listen: 127.0.0.1:{port}
  state_dir: ./state
defaults: {{every: 1s}}
services:
"""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One line of the table."""

    name: str
    run: Callable[[Endpoint], Sample]
    limit: float | None = None
    """Most CPU seconds per 1,000 operations; None: shown, and not promised."""
    peer: str | None = None
    """The benchmark to compare with."""
    late: float | None = None
    """Most seconds that 99 of 100 rounds may begin late."""


def looks(server: Endpoint, *, loop: str, new: bool = False) -> Sample:
    """Measure looks of DNS checks alone, at answers that they saw before or at *new* ones."""
    installed(loop)
    count = ("--new", "--count", 5000) if new else ("--count", 20000)
    return heard("dns_looks", server, "--loop", loop, *count)


def daemon(server: Endpoint, *, loop: str) -> Sample:
    """Measure the agent with a check of every name each second, scraped amid the window."""
    installed(loop)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "agent.yaml"
        config.write_text(_CONFIG.format(port=port) + "".join(_services(server)))
        times = ("--warm", WARM, "--seconds", WINDOW)
        process = start("daemon", config, "--loop", loop, *times)
        try:
            _scrape(port, at=time.monotonic() + WARM + WINDOW / 2)
            return read("daemon", process)
        finally:
            process.kill()


def _services(server: Endpoint) -> Sequence[str]:
    """Return the config's services, ten names each."""
    lines = []
    for number, name in enumerate(NAMES):
        if number % 10 == 0:
            lines.append(f"  - name: service-{number // 10}\n    dns:\n")
        lines.append(f"      - {{name: {name}, servers: ['{server}']}}\n")
    return lines


def _scrape(port: int, *, at: float) -> None:
    """Ask for the metrics once, as Prometheus would."""
    time.sleep(at - time.monotonic())
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
            text = response.read().decode()
    except OSError as error:
        raise UnmeasuredError(f"the agent does not show its metrics: {error}") from error
    if any(name not in text for name in NAMES):
        raise UnmeasuredError("the agent's metrics lack some of the names")


def installed(loop: str) -> None:
    """Raise UnmeasuredError where *loop* is not there."""
    if loop != "asyncio" and importlib.util.find_spec(loop) is None:
        raise UnmeasuredError(f"{loop} is not installed")


BLACKBOX = "blackbox_exporter, /probe"

BENCHMARKS = (
    Benchmark("DNS look", partial(looks, loop="asyncio"), 0.06, BLACKBOX),
    Benchmark("DNS look, uvloop", partial(looks, loop="uvloop"), 0.045, BLACKBOX),
    Benchmark("DNS look, new answers", partial(looks, loop="asyncio", new=True), None, BLACKBOX),
    Benchmark("DNS check, whole", partial(daemon, loop="asyncio"), 0.10, BLACKBOX, LATE),
    Benchmark("DNS check, whole, uvloop", partial(daemon, loop="uvloop"), 0.10, BLACKBOX, LATE),
    Benchmark(BLACKBOX, peers.blackbox),
    Benchmark("dnsperf", peers.dnsperf),
)
