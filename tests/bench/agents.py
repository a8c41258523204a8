"""The agent under checks of names in one zone: always due, each second, or ten thousand of them."""

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

from tests.bench.daemon import MEASURING
from tests.bench.sample import Sample, UnmeasuredError, heard, installed, read, start
from tests.bench.zone import NAMES
from tests.servers.process import accepts, free_port, running
from vedette.checks.net import Endpoint

WARM, WINDOW = 4.0, 15.0
"""Seconds before and of an agent's measurement; Prometheus asks for its metrics once meanwhile."""
IN_FLIGHT = 50
"""Checks that are always due, so that each has a look in flight."""

VEDETTE = str(Path(sys.executable).with_name("vedette"))
STARTS = 120
"""Seconds that no start takes."""

_CONFIG = """\
agent:
  name: bench-1
  domain: {{provider: bench}}
  listen: 127.0.0.1:{port}
  state_dir: ./state
  last_known_good_after: {learnt:g}s
defaults: {{every: {every:g}s}}
services:
"""


def looks(server: Endpoint, *, loop: str, new: bool = False) -> Sample:
    """Measure looks of DNS checks alone, at answers that they saw before or at *new* ones."""
    installed(loop)
    count = ("--new", "--count", 5000) if new else ("--count", 20000)
    return heard("dns_looks", server, "--loop", loop, *count)


def whole(server: Endpoint, *, loop: str) -> Sample:
    """Measure the agent with checks that are always due."""
    return _agent(server, NAMES[:IN_FLIGHT], "--always-due", loop=loop)


def paced(server: Endpoint, *, loop: str) -> Sample:
    """Measure the agent with a check of each of 1,000 names each second."""
    return _agent(server, NAMES[:1000], loop=loop)


def many(server: Endpoint, *, loop: str, checks: int = 10_000, every: float = 10) -> Sample:
    """Measure the agent on one processor, with so many checks *every* so many seconds.

    By then each has looked three times, so that its good set is learnt.
    """
    times = {"every": every, "warm": 4 * every, "window": 2 * every}
    return _agent(server, NAMES[:checks], "--processor", 0, loop=loop, **times)


def _agent(
    server: Endpoint,
    names: Sequence[str],
    *options: object,
    loop: str,
    every: float = 1,
    warm: float = WARM,
    window: float = WINDOW,
) -> Sample:
    """Run the agent with a check of each of *names*, scraped before the window and amid it.

    The first time all the votes of a fleet are asked for, which are kept then.
    """
    installed(loop)
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "agent.yaml"
        config.write_text(config_of(server, names, port, every))
        process = start(
            "daemon", config, "--loop", loop, *options, "--warm", warm, "--seconds", window
        )
        try:
            listening(process, port)
            time.sleep(warm * 0.75)
            metrics(port)
            measuring(process)
            time.sleep(window / 2)
            text = metrics(port)
            sample = read("daemon", process)
        finally:
            process.kill()
    if any(name not in text for name in names):
        raise UnmeasuredError("the agent's metrics lack some of the names")
    return sample


def listening(process: "subprocess.Popen[str]", port: int) -> None:
    """Wait until the agent has begun, which may take seconds: its times count from then on."""
    until, is_there = time.monotonic() + STARTS, accepts(port)
    while not is_there():
        if process.poll() is not None or time.monotonic() > until:
            raise UnmeasuredError("the agent does not begin")
        time.sleep(0.05)


def measuring(process: "subprocess.Popen[str]") -> None:
    """Wait until the agent says that its window begins."""
    assert process.stdout is not None
    if process.stdout.readline().strip() != MEASURING:
        read("daemon", process)
        raise UnmeasuredError("the agent ended before it was measured")


def config_of(
    server: Endpoint,
    names: Sequence[str],
    port: int,
    every: float,
    learnt: float | None = None,
) -> str:
    """Return the config of an agent that checks each of *names*, ten to a service.

    What is good is *learnt* after so many seconds, or else after *every*.
    """
    lines = [_CONFIG.format(port=port, every=every, learnt=learnt or every)]
    for number, name in enumerate(names):
        if number % 10 == 0:
            lines.append(f"  - name: service-{number // 10}\n    dns:\n")
        lines.append(f"      - {{name: {name}, servers: ['{server}']}}\n")
    return "".join(lines)


@contextmanager
def daemon(config: Path, port: int) -> "Iterator[subprocess.Popen[bytes]]":
    """Run `vedette run`, as it is installed, which listens at *port*, until the block ends."""
    command = [VEDETTE, "run", "--config", str(config)]
    log = config.with_suffix(".log")
    with running(command, log=log, ready=accepts(port), seconds=STARTS) as process:
        yield process


def metrics(port: int, *, packed: bool = True) -> str:
    """Return the agent's metrics, asked for compressed, as Prometheus asks, or as they are."""
    encoding = {"Accept-Encoding": "gzip" if packed else "identity"}
    request = Request(f"http://127.0.0.1:{port}/metrics", headers=encoding)
    try:
        with urlopen(request, timeout=60) as response:
            body = response.read()
        return (gzip.decompress(body) if packed else body).decode()
    except (OSError, HTTPException) as error:
        raise UnmeasuredError(f"the agent does not show its metrics: {error}") from error
