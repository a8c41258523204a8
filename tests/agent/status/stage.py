"""Agents in a state worth looking at, their status page on loopback, and a browser before it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web
from playwright.async_api import Browser, async_playwright

from tests.servers.app import serving
from tests.servers.process import need
from vedette.agent.daemon import Agent
from vedette.agent.replay.incident import Incident
from vedette.agent.replay.loop import VirtualLoop
from vedette.agent.replay.reading import read
from vedette.agent.replay.scenario import Change
from vedette.agent.status import routes

INCIDENTS = Path(__file__).parents[3] / "configs" / "incidents"
CUT_OFF = {"agents": ["fsn-1"], "uplink": "down"}
"""What makes the first agent blind, and keeps its pages from being delivered."""


@contextmanager
def replayed(incident: str, seconds: float, cut_off: Sequence[float] = ()) -> Iterator[Agent]:
    """Play *incident* until so many *seconds* after its beginning; give its first agent.

    Its uplink goes down at the times *cut_off*. Its clock stands still in the end.
    """
    scenario = read(INCIDENTS / f"{incident}.yaml")
    more = [_change(at, CUT_OFF) for at in cut_off]
    timeline = sorted([*scenario.timeline, *more], key=lambda change: change.t)
    scenario = scenario.model_copy(update={"timeline": timeline})
    loop = VirtualLoop()
    with tempfile.TemporaryDirectory(prefix="vedette-stage-") as folder:
        world = Incident(scenario, Path(folder), loop)
        playing = loop.create_task(world.run())
        loop.run_until_complete(asyncio.sleep(scenario.lead_s + seconds))
        agent = world._vantages[0]
        moment = agent.now()
        agent.now = lambda: moment
        try:
            yield agent
        finally:
            playing.cancel()
            loop.run_until_complete(asyncio.wait([playing]))
            if left := asyncio.all_tasks(loop):
                loop.run_until_complete(asyncio.wait(left))
            loop.close()


def _change(at: float, vantage: Mapping[str, object]) -> Change:
    return Change.model_validate({"t": at, "basis": "assumed", "note": "cut", "vantage": vantage})


@asynccontextmanager
async def served(agent: Agent) -> AsyncIterator[str]:
    """Serve the status page of *agent*; give its URL, which ends with a slash."""
    app = web.Application()
    routes.add(app, agent)
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}/"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser of the machine."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need("chromium"), args=["--no-sandbox"]
        )
        try:
            yield browser
        finally:
            await browser.close()
