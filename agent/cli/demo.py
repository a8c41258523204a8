"""`vedette demo`: the whole agent against an embedded world, in which a record is emptied."""

import argparse
import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from vedette.agent.cli import replay
from vedette.agent.cli.output import complain
from vedette.agent.clock import SteadyClock
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.demo.screen import AlarmRow, ProbeRow, Screen
from vedette.agent.demo.story import play
from vedette.agent.demo.world import World
from vedette.agent.serving import web

_INCIDENTS = Path(__file__).resolve().parents[2] / "configs" / "incidents"


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("demo", allow_abbrev=False)
    command.add_argument(
        "--incident",
        metavar="NAME",
        help=f"play a recorded incident instead: {', '.join(_incidents()) or 'none is here'}",
    )
    command.set_defaults(action=_demo)


def _demo(options: argparse.Namespace) -> int:
    if options.incident is None:
        return asyncio.run(show())
    path = _incidents().get(options.incident)
    if path is None:
        known = ", ".join(_incidents())
        advice = f"choose one of {known}" if known else "give a file to `vedette replay`"
        return complain(f"vedette demo: there is no incident {options.incident}: {advice}")
    return replay.tell([path], jobs=1, as_json=False)


def _incidents() -> Mapping[str, Path]:
    """Return the incidents that come with the source, by name; an installed wheel has none."""
    return {path.stem: path for path in sorted(_INCIDENTS.glob("*.yaml"))}


async def show(screen: Screen | None = None) -> int:
    """Play the demo on *screen*, or on the terminal, and return its exit status."""
    # The picture owns the terminal; what the agent logs stands on the picture already.
    logging.getLogger("vedette").addHandler(logging.NullHandler())
    logging.getLogger("vedette").propagate = False
    async with World(SteadyClock().now) as world:
        agent = Agent(read(world.config_file), world.folder)
        stop = asyncio.Event()
        running = asyncio.create_task(web.run(agent, stop))
        telling = asyncio.create_task(play(world, _View(agent), screen or Screen()))
        try:
            await asyncio.wait([running, telling], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
        await running
        return await telling


class _View:
    """What the demo's screen shows of the agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def probes(self) -> Sequence[ProbeRow]:
        now = self._agent.now()
        return [
            ProbeRow(
                kind=series.key.kind,
                check=series.key.check,
                subject=series.subject,
                verdict=series.verdict(now),
                reason=series.last.finding.reason,
                seconds=series.last.seconds,
                history=[look.finding.verdict for look in series.looks],
            )
            for series in self._agent.ledger
        ]

    def alarms(self) -> Sequence[AlarmRow]:
        now, engine = self._agent.now(), self._agent.engine
        return [
            AlarmRow(
                diagnosis=rule.diagnosis,
                service=rule.service,
                state=engine.memories[id_].state,
                seconds=now - engine.memories[id_].began_at if id_ in firing else None,
                detail=rule.subject,
            )
            for id_, rule in engine.rules.items()
            for firing in [engine.firing.of(rule.service)]
        ]
