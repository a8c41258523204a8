"""Every benchmark by name: how one run of it is made, and what the agent promises of it."""

import gzip
import importlib.util
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import Request, urlopen

from tests.bench import peers, web
from tests.bench.sample import Sample, UnmeasuredError, heard, read, start
from tests.bench.zone import NAMES
from tests.servers.process import free_port
from vedette.checks.net import Endpoint

WARM, WINDOW = 4.0, 15.0
"""Seconds before and of an agent's measurement; Prometheus asks for its metrics once meanwhile."""
IN_FLIGHT = 50
"""Checks that are always due, so that each has a look in flight."""
LATE = 0.010
"""Seconds by which 99 of 100 rounds may begin late."""

_CONFIG = """\
agent:
  name: bench-1
  domain: {{provider: bench}}
  listen: 127.0.0.1:{port}
  state_dir: ./state
  last_known_good_after: 1s
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


def whole(server: Endpoint, *, loop: str) -> Sample:
    """Measure the agent with checks that are always due."""
    return _agent(server, NAMES[:IN_FLIGHT], loop, "--always-due")


def paced(server: Endpoint, *, loop: str) -> Sample:
    """Measure the agent with a check of every name each second."""
    return _agent(server, NAMES, loop)


def _agent(server: Endpoint, names: Sequence[str], loop: str, *options: str) -> Sample:
    """Run the agent with a check of each of *names*, scraped amid the window."""
    installed(loop)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "agent.yaml"
        config.write_text(_CONFIG.format(port=port) + "".join(_services(server, names)))
        times = ("--warm", WARM, "--seconds", WINDOW)
        process = start("daemon", config, "--loop", loop, *options, *times)
        try:
            _scrape(port, names, at=time.monotonic() + WARM + WINDOW / 2)
            return read("daemon", process)
        finally:
            process.kill()


def _services(server: Endpoint, names: Sequence[str]) -> Sequence[str]:
    """Return the config's services, ten names each."""
    lines = []
    for number, name in enumerate(names):
        if number % 10 == 0:
            lines.append(f"  - name: service-{number // 10}\n    dns:\n")
        lines.append(f"      - {{name: {name}, servers: ['{server}']}}\n")
    return lines


def _scrape(port: int, names: Sequence[str], *, at: float) -> None:
    """Ask for the metrics once, compressed, as Prometheus would."""
    time.sleep(at - time.monotonic())
    url, headers = f"http://127.0.0.1:{port}/metrics", {"Accept-Encoding": "gzip"}
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as response:
            text = gzip.decompress(response.read()).decode()
    except OSError as error:
        raise UnmeasuredError(f"the agent does not show its metrics: {error}") from error
    if any(name not in text for name in names):
        raise UnmeasuredError("the agent's metrics lack some of the names")


def installed(loop: str) -> None:
    """Raise UnmeasuredError where *loop* is not there."""
    if loop != "asyncio" and importlib.util.find_spec(loop) is None:
        raise UnmeasuredError(f"{loop} is not installed")


BLACKBOX = "blackbox_exporter, /probe"
HTTP, HTTPS = f"{BLACKBOX}, HTTP", f"{BLACKBOX}, HTTPS"
PACED = "agent at 1,000 checks a second"

BENCHMARKS = (
    Benchmark("DNS look", partial(looks, loop="asyncio"), 0.06, BLACKBOX),
    Benchmark("DNS look, uvloop", partial(looks, loop="uvloop"), 0.045, BLACKBOX),
    Benchmark("DNS look, new answers", partial(looks, loop="asyncio", new=True), None, BLACKBOX),
    Benchmark("DNS check, whole", partial(whole, loop="asyncio"), 0.10, BLACKBOX),
    Benchmark("DNS check, whole, uvloop", partial(whole, loop="uvloop"), 0.10, BLACKBOX),
    Benchmark(PACED, partial(paced, loop="asyncio"), None, BLACKBOX, LATE),
    Benchmark(f"{PACED}, uvloop", partial(paced, loop="uvloop"), None, BLACKBOX, LATE),
    Benchmark("HTTP look, uvloop", partial(web.looks, secure=False), 0.20, HTTP),
    Benchmark("HTTPS look, uvloop", partial(web.looks, secure=True), 0.90, HTTPS),
    Benchmark("vedette blackbox, /probe", peers.drop_in, 0.15, BLACKBOX),
    Benchmark("RIS Live frame", lambda _server: heard("ris_live"), 0.02),
    # A second of a whole agent, or of an incident with all of its agents.
    Benchmark("10,000 alarms, few failing", lambda _server: heard("alarms"), 300.0),
    Benchmark("10,000 alarms, all failing", lambda _server: heard("alarms", "--failing", 1), 300.0),
    Benchmark("Replayed second", lambda _server: heard("replayed"), 0.5),
    Benchmark(BLACKBOX, peers.blackbox),
    Benchmark(HTTP, partial(web.blackbox, secure=False)),
    Benchmark(HTTPS, partial(web.blackbox, secure=True)),
    Benchmark("openssl s_time", web.s_time),
    Benchmark("dnsperf", peers.dnsperf),
)
