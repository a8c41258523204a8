"""What one run of a benchmark gives, and how a process hands it to the harness: a line of JSON."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """CPU (user and system) and wall-clock seconds that so many operations took."""

    operations: float
    cpu: float
    seconds: float
    late_p50: float | None = None
    """Seconds by which half of the rounds began late at most; the next for 99 of 100, and all."""
    late_p99: float | None = None
    late_max: float | None = None
    skipped: int = 0
    rss: int | None = None
    """Octets resident at the end."""
    waits: Sequence[float] = ()
    """Seconds from each event to what it led to."""
    beside: dict[str, "Sample"] | None = None
    """What others gave that ran in the same seconds, by the names of their benchmarks."""

    @property
    def cost(self) -> float:
        """CPU seconds per 1,000 operations, which are CPU milliseconds of one."""
        return self.cpu / self.operations * 1000

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    def tell(self) -> None:
        """Hand it to the harness, which reads the last line of our output."""
        print(json.dumps(asdict(self)), flush=True)

    @classmethod
    def told(cls, output: str) -> Self:
        """Read what `tell` wrote last."""
        return cls(**json.loads(output.splitlines()[-1]))


def resident(pid: int | str = "self") -> int:
    """Return how many octets of a process are in memory (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


class UnmeasuredError(Exception):
    """There is no figure; the message says in a sentence why."""


def heard(module: str, *arguments: object, env: Mapping[str, str] | None = None) -> Sample:
    """Run tests.bench.*module* as a process of its own, with *env* too, and return its sample."""
    return read(module, start(module, *arguments, env=env))


def start(
    module: str, *arguments: object, env: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """Start tests.bench.*module* as a process of its own, with *env* besides the harness's."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *map(str, arguments)]
    pipe, both = subprocess.PIPE, {**os.environ, **(env or {})}
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=both)


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
    return Sample.told(output)


def installed(loop: str) -> None:
    """Raise UnmeasuredError where *loop* is not there."""
    if loop != "asyncio" and find_spec(loop) is None:
        raise UnmeasuredError(f"{loop} is not installed")


def run_on(loop: str, work: Coroutine[Any, Any, None]) -> None:
    """Run *work* on a *loop* of "asyncio" or "uvloop"."""
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra

        uvloop.run(work)
    else:
        asyncio.run(work)
