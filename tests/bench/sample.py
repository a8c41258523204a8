"""What one run of a benchmark gives, and how a process hands it to the harness: a line of JSON."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """CPU (user and system) and wall-clock seconds that so many operations took."""

    operations: int
    cpu: float
    seconds: float
    late_p50: float | None = None
    """Seconds by which half of the rounds began late at most; the next for 99 of 100, and all."""
    late_p99: float | None = None
    late_max: float | None = None
    skipped: int = 0
    rss: int | None = None
    """Octets resident at the end."""

    @property
    def cost(self) -> float:
        """CPU seconds per 1,000 operations."""
        return self.cpu / self.operations * 1000

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    def tell(self) -> None:
        """Hand it to the harness, which reads the last line of our output."""
        print(json.dumps(asdict(self)))


def resident() -> int:
    """Return how many octets of this process are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


class UnmeasuredError(Exception):
    """There is no figure; the message says in a sentence why."""


def heard(module: str, *arguments: object) -> Sample:
    """Run tests.bench.*module* as a process of its own and return its sample."""
    return read(module, start(module, *arguments))


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    """Start tests.bench.*module* as a process of its own."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read(module: str, process: subprocess.Popen[str], *, seconds: float = 300) -> Sample:
    """Wait for *process*, which runs *module*, and return its sample."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise UnmeasuredError(f"{module} did not end within {seconds:g} s") from None
    if process.returncode:
        said = (errors.strip() or f"exit status {process.returncode}").splitlines()[-1]
        raise UnmeasuredError(f"{module} failed: {said}")
    return Sample(**json.loads(output.splitlines()[-1]))


def middle(samples: Sequence[Sample]) -> Sample:
    """Return the sample of the median cost, with the medians of what was measured beside it."""
    costs = sorted(samples, key=lambda sample: sample.cost)
    fields = asdict(costs[len(costs) // 2])
    for name in ("late_p50", "late_p99", "late_max", "rss"):
        values = [value for s in samples if (value := getattr(s, name)) is not None]
        fields[name] = median(values) if values else None
    return Sample(**fields)


def run_on(loop: str, work: Coroutine[Any, Any, None]) -> None:
    """Run *work* on a *loop* of "asyncio" or "uvloop"."""
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra

        uvloop.run(work)
    else:
        asyncio.run(work)
