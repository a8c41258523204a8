"""`vedette run` as a process that also says which tasks it has, and what it holds by /proc."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import BinaryIO

import aiohttp

from tests.agent.daemon import Daemon
from vedette.agent import reload
from vedette.agent.cli import process, run

PAGE = os.sysconf("SC_PAGESIZE")
_STATE = re.compile(r'\bstate="(\w+)"')
PATIENCE = 120.0
"""Seconds that an agent may take to begin, or to end, on a machine that others use too."""
SAMPLES, APART = 40, 0.25
"""How often it is counted what an agent holds, and so many seconds apart."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds while as little as possible is on its way, and the tasks that stay."""

    octets: float
    descriptors: int
    sockets: int
    threads: int
    staying: frozenset[str]

    @property
    def tasks(self) -> int:
        """How many stay: looks are always under way, but never the same."""
        return len(self.staying)

    def more(self, before: "Held") -> str:
        """Return what tasks do of which there are more than *before*."""
        now, then = (Counter(t.split()[1] for t in one.staying) for one in (self, before))
        return ", ".join((now - then).elements())

    def __str__(self) -> str:
        return (
            f"{self.octets / 2**20:.1f} MB, {self.descriptors} descriptors ({self.sockets} "
            f"sockets), {self.tasks} tasks, {self.threads} threads"
        )


async def _until(condition: Callable[[], object | Awaitable[object]]) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        holds = condition()
        if isinstance(holds, Awaitable):
            holds = await holds
        if holds:
            return
        if time.monotonic() > give_up:
            raise SystemExit(f"waited {PATIENCE:g} s in vain for the agent")
        await asyncio.sleep(0.03)


class Counted(Daemon):
    """An agent that writes the names of its tasks into a file when it gets SIGUSR1."""

    async def start(self) -> None:
        """Start and wait until it is ready."""
        with self._log.open("ab") as log:
            self.process = await asyncio.to_thread(self._started, log)

        async def ready() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.output
            try:
                status, _ = await self.get("/-/ready")
            except OSError:
                return False
            return status == 200

        await _until(ready)

    async def ended(self) -> None:
        """End it, if it runs."""
        if self.process is not None:
            process, self.process = self.process, None
            process.terminate()
            await asyncio.to_thread(process.wait, PATIENCE)

    def _started(self, log: BinaryIO) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.bench.hour.agents", str(self._config)]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)

    async def held(self, samples: int = SAMPLES) -> Held:
        """Count it now, the least of so many times; the memory is the mean of them."""
        counts = []
        for _ in range(samples):
            counts.append(await self._held())
            await asyncio.sleep(APART)
        return Held(
            mean(one.octets for one in counts),
            min(one.descriptors for one in counts),
            min(one.sockets for one in counts),
            min(one.threads for one in counts),
            frozenset.intersection(*(one.staying for one in counts)),
        )

    async def _held(self) -> Held:
        assert self.process is not None
        proc = Path(f"/proc/{self.process.pid}")
        files = [link for fd in (proc / "fd").iterdir() if (link := _link(fd))]
        return Held(
            int((proc / "statm").read_text().split()[1]) * PAGE,
            len(files),
            sum(file.startswith("socket:") for file in files),
            len(list((proc / "task").iterdir())),
            await self._tasks(),
        )

    async def _tasks(self) -> frozenset[str]:
        assert self.process is not None
        told = self._config.with_suffix(".tasks")
        told.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        await _until(told.exists)
        return frozenset(told.read_text().splitlines())

    async def metrics(self) -> dict[str, float]:
        """Return the sums of all metrics over their labels, the buckets of the lateness apart."""
        text = await self._text()
        sums: dict[str, float] = {}
        for line in text.splitlines():
            # Read by hand and without what is not wanted: the victims live in this process too, and
            # 50,000 lines would keep them from answering for seconds.
            if line.startswith(("#", "vedette_probe_duration")):
                continue
            series, value = line.rsplit(" ", 1)
            name, _, labels = series.partition("{")
            if name == "vedette_check_lateness_seconds_bucket":
                name += labels.removeprefix('le="').removesuffix('"}')
            elif state := _STATE.search(labels):
                name += f" {state[1]}"
            sums[name] = sums.get(name, 0.0) + float(value)
        return sums

    async def failing(self) -> Sequence[str]:
        """Return what is not well, with the reasons."""
        text = await self._text()
        return [
            line for line in text.splitlines() if line.startswith("vedette_probe_failure_info{")
        ]

    async def _text(self) -> str:
        """Return /metrics; a reload may cut an answer off, which is then asked for again."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                return (await self.get("/metrics"))[1]
            except aiohttp.ClientError:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.2)

    def reload(self) -> None:
        """Have it read its config again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGHUP)


def _link(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _work(task: asyncio.Task[object]) -> str:
    work = task.get_coro()
    return getattr(work, "__qualname__", type(work).__name__)


async def _main(config: Path) -> None:
    loop, told = asyncio.get_running_loop(), config.with_suffix(".tasks")

    def tell() -> None:
        tasks = asyncio.all_tasks(loop)
        names = (f"{task.get_name()} {_work(task)}" for task in tasks)
        new = told.with_suffix(".new")
        new.write_text("\n".join(names))
        new.rename(told)

    loop.add_signal_handler(signal.SIGUSR1, tell)
    await run._until_signalled(reload.Document.read(config), ())


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    process.run_loop(_main(Path(sys.argv[1])))
