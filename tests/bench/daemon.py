"""The whole agent under the checks of a config: cadence, looks, ledger, learning, alarms, metrics.

A process of its own. Its CPU is taken over a window that begins when all checks have run a few
times, and begin in time; a line says so, and the harness asks for /metrics meanwhile. With
--windows there are several, one after the other, each with its line. With --always-due no check
waits for a tick: the loop is never idle, and the rules are judged after so many rounds as well as
once a second.
"""

import argparse
import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter, process_time

from tests.bench.sample import Sample, resident, run_on
from vedette.agent.config import read
from vedette.agent.counts import Counts
from vedette.agent.daemon import Agent
from vedette.agent.plan import Planned
from vedette.agent.serving import web
from vedette.checks.finding import Verdict

MEASURING = "measuring"
"""What is said when the window begins."""
IN_TIME, SETTLES = 0.05, 60
"""Seconds that no round is late any more when the start is over, and that are waited for that."""
AT_ONCE = 1e-6
"""Seconds from one tick to the next of a check that is always due."""
JUDGED_AFTER = 1000
"""Rounds of checks that are always due, after which the rules are judged."""


@dataclass
class Exact(Counts):
    """The agent's counts, which keep every lateness besides, and *judge* after so many rounds."""

    judge: Callable[[], None] | None = None
    latenesses: list[float] = field(default_factory=list)

    def ticked(self, lateness: float, skipped: int) -> None:
        """Count one run of a check."""
        Counts.ticked(self, lateness, skipped)
        self.latenesses.append(lateness)
        if self.judge is not None and self.runs % JUDGED_AFTER == 0:
            self.judge()


def always_due(planned: Planned) -> Planned:
    """Return a check as planned, but for its ticks."""
    return replace(planned, timing=replace(planned.timing, every=AT_ONCE))


async def settled(counts: Exact) -> None:
    """Wait until every round of a second has begun in time, or it has been long enough."""
    for _ in range(SETTLES):
        counts.latenesses.clear()
        await asyncio.sleep(1)
        if counts.latenesses and max(counts.latenesses) <= IN_TIME:
            return


async def measure(
    config: Path, warm: float, seconds: float, windows: int, *, hurried: bool
) -> None:
    """Run the agent, and take its figures from *warm* seconds after its start on."""
    agent, stop = Agent(read(config), config.parent), asyncio.Event()
    agent.counts = agent.lookout.counts = counts = Exact()
    if hurried:
        counts.judge = agent.lookout.certain.ring
        hurried_checks = [always_due(one) for one in agent.plan.checks]
        agent.plan = agent.lookout.plan = replace(agent.plan, checks=hurried_checks)
    running = asyncio.create_task(web.run(agent, stop))
    await asyncio.sleep(warm)
    if not hurried:
        await settled(counts)
    for _ in range(windows):
        sample = await window(agent, counts, seconds)
        if hurried:
            sample = replace(sample, late_p50=None, late_p99=None, late_max=None, skipped=0)
        sample.tell()
    stop.set()
    await running


async def window(agent: Agent, counts: Exact, seconds: float) -> Sample:
    """Take the figures of so many seconds; end where some check is not as it should be."""
    counts.latenesses.clear()
    print(MEASURING, flush=True)
    skipped, cpu, start = counts.skipped, process_time(), perf_counter()
    await asyncio.sleep(seconds)
    cpu, took = process_time() - cpu, perf_counter() - start
    late, skipped = sorted(counts.latenesses), counts.skipped - skipped
    if not late:
        raise SystemExit("no figure: no round began in the window")
    wrong = [s.last.finding for s in agent.ledger if s.last.finding.verdict is not Verdict.OK]
    unlearnt = len(agent.plan.checks) - len(list(agent.good))
    if wrong or unlearnt or counts.internal_errors:
        why = wrong[0].detail if wrong else "internal errors, or names without a good set"
        raise SystemExit(f"no figure: {why}")
    return Sample(
        operations=len(late),
        cpu=cpu,
        seconds=took,
        rss=resident(),
        late_p50=late[len(late) // 2],
        late_p99=late[len(late) * 99 // 100],
        late_max=late[-1],
        skipped=skipped,
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--warm", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--windows", type=int, default=1)
    parser.add_argument("--always-due", action="store_true")
    parser.add_argument("--processor", type=int, help="the only one that it may use")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if options.processor is not None:
        os.sched_setaffinity(0, {options.processor})
    times = options.config, options.warm, options.seconds, options.windows
    run_on(options.loop, measure(*times, hurried=options.always_due))


if __name__ == "__main__":
    main()
