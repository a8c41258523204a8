"""The whole agent under the checks of a config: cadence, looks, ledger, alarms and metrics.

A process of its own. Its CPU is taken over a window that begins when all checks have run a few
times; the harness asks for /metrics meanwhile.
"""

import argparse
import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time

from tests.bench.sample import Sample, run_on
from vedette.agent import web
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.telemetry import Counts
from vedette.checks.finding import Verdict


@dataclass
class Exact(Counts):
    """The agent's counts, which keep every lateness besides."""

    latenesses: list[float] = field(default_factory=list)

    def ticked(self, lateness: float, skipped: int) -> None:
        """Count one run of a check."""
        Counts.ticked(self, lateness, skipped)
        self.latenesses.append(lateness)


def resident() -> int:
    """Return how many octets of this process are in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


async def measure(config: Path, warm: float, seconds: float) -> None:
    """Run the agent, and take its figures from *warm* seconds after its start on."""
    agent, stop = Agent(read(config), config.parent), asyncio.Event()
    agent.counts = counts = Exact()
    running = asyncio.create_task(web.run(agent, stop))
    await asyncio.sleep(warm)
    counts.latenesses.clear()
    skipped, cpu, start = counts.skipped, process_time(), perf_counter()
    await asyncio.sleep(seconds)
    cpu, took = process_time() - cpu, perf_counter() - start
    late, skipped = sorted(counts.latenesses), counts.skipped - skipped
    wrong = [s.last.finding for s in agent.ledger if s.last.finding.verdict is not Verdict.OK]
    stop.set()
    await running
    if wrong or counts.internal_errors:
        raise SystemExit(f"no figure: {wrong[0].detail if wrong else 'internal errors'}")
    Sample(
        operations=len(late),
        cpu=cpu,
        seconds=took,
        late_p50=late[len(late) // 2],
        late_p99=late[len(late) * 99 // 100],
        late_max=late[-1],
        skipped=skipped,
        rss=resident(),
    ).tell()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--warm", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=15)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    run_on(options.loop, measure(options.config, options.warm, options.seconds))


if __name__ == "__main__":
    main()
