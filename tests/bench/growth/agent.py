"""The whole agent, each check once in ten seconds, at a name server on loopback."""

import asyncio
import gc
import tempfile
from pathlib import Path
from time import process_time

from tests.bench.agents import config_of
from tests.bench.daemon import Exact
from tests.bench.growth.answers import ZONE
from tests.bench.growth.curve import Costs
from tests.bench.growth.timing import octets
from tests.bench.zone import NAMES
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.serving import web
from vedette.checks.finding import Verdict

WARM, WINDOW = 25.0, 20.0
"""Seconds before what counts, in which all names are learnt, and those of it: two of each check."""


def checks(size: int) -> Costs:
    """Run the agent with *size* checks."""
    with tempfile.TemporaryDirectory() as name, nsd({"bench.test": ZONE}) as server:
        path, port = Path(name) / "vedette.yaml", free_port()
        path.write_text(config_of(server, NAMES[:size], port, every=10, learnt=1))
        return asyncio.run(_run(path, size))


async def _run(path: Path, size: int) -> Costs:
    before, began = octets(), process_time()
    agent, stop = Agent(read(path), path.parent), asyncio.Event()
    agent.counts = agent.lookout.counts = counts = Exact()
    running = asyncio.create_task(web.run(agent, stop))
    while not agent.ready:  # noqa: ASYNC110 - it has no event for it
        await asyncio.sleep(0)
    started = process_time() - began
    await asyncio.sleep(WARM)
    counts.latenesses.clear()
    began = process_time()
    await asyncio.sleep(WINDOW)
    cpu, late = process_time() - began, sorted(counts.latenesses)
    wrong = [s.last.finding.detail for s in agent.ledger if s.last.finding.verdict != Verdict.OK]
    gc.collect()
    memory = octets() - before
    stop.set()
    await running
    assert not wrong, wrong[0]
    assert len(late) >= size, f"{len(late)} rounds in {WINDOW:g} s"
    return {
        "rounds": cpu / len(late) * 1000,
        "share": cpu / WINDOW * 100,
        "memory": memory / size / 1000,
        "resident": (before + memory) / 1e6,
        "starting": started / size * 1000,
        "late": late[len(late) * 99 // 100] * 1000,
    }
