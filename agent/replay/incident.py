"""A scenario played from its lead-in to its end, as fast as the machine can."""

import asyncio
import gc
import logging
import random
import tempfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import cast

from vedette.agent.alarms import agreement
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.memory.ledger import Ledger
from vedette.agent.plan import Planned
from vedette.agent.replay import userconfig
from vedette.agent.replay.collectors import Collectors, feed_of
from vedette.agent.replay.desk import Desk
from vedette.agent.replay.loop import BEGINNING, VirtualLoop
from vedette.agent.replay.names import Names, includes
from vedette.agent.replay.nameservice import ANSWERED, SYSTEM, NameService
from vedette.agent.replay.pages import Hosts, Pages
from vedette.agent.replay.quiet import SHARING, Quiet
from vedette.agent.replay.routes import RouteWorld
from vedette.agent.replay.scenario import Agent, Scenario
from vedette.agent.replay.sockets import SimulatedSocket
from vedette.agent.replay.states import History
from vedette.agent.replay.steady import Weather
from vedette.agent.replay.tree import Tree
from vedette.agent.replay.validator import SaidSource
from vedette.agent.replay.vantage import Outside, SimulatedPager, Vantage
from vedette.agent.replay.webservice import WebService
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Observation
from vedette.checks.net import Endpoint

_LIVES = 30.0
"""Seconds after which an agent that has nothing else to say tells that it lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario, what the pager showed, and how long it took; *faults* are bugs of ours."""

    scenario: Scenario
    desk: Desk
    wall_seconds: float
    faults: Sequence[str]


def play(scenario: Scenario) -> Played:
    """Play *scenario*; the same every time."""
    random.seed(scenario.id)
    began, faults, loop = perf_counter(), _Faults(), VirtualLoop()
    logger = logging.getLogger("vedette")
    before, often = (logger.level, logger.propagate), gc.get_threshold()
    logger.addHandler(faults)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        with (
            tempfile.TemporaryDirectory(prefix="vedette-replay-") as folder,
            asyncio.Runner(loop_factory=lambda: loop) as runner,
        ):
            incident = Incident(scenario, Path(folder), loop)
            # What is loaded by now stays: the loop need not be stopped to look through it.
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            runner.run(incident.run())
    finally:
        gc.set_threshold(*often)
        gc.unfreeze()
        logger.removeHandler(faults)
        logger.level, logger.propagate = before
    return Played(
        scenario=scenario,
        desk=incident.desk,
        wall_seconds=perf_counter() - began,
        faults=faults.told,
    )


class _Faults(logging.Handler):
    """Keeps what the agents say is a bug."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        if len(self.told) < 20:
            self.told.append(self.format(record))


class Incident:
    """The world of one scenario with its agents, on one loop."""

    def __init__(self, scenario: Scenario, folder: Path, loop: VirtualLoop) -> None:
        self.scenario = scenario
        self.desk = Desk()
        self._folder = folder
        self._loop = loop
        self._zero = BEGINNING + scenario.lead_s
        self._tree = Tree(scenario.healthy.zones)
        self._names = Names(scenario, self._tree)
        self._pages = Pages(scenario)
        self._hosts = Hosts(scenario, self._names, self._tree)
        self._routes = RouteWorld(scenario)
        self._collectors = [
            Collectors(scenario, feed, self._routes, self.now)
            for feed in scenario.healthy.feeds
            if self._routes.prefixes
        ]
        self._vantages: list[Vantage] = []
        cut = [self._zero + change.t for change in scenario.timeline if change.vantage]
        self._quiet = Quiet(loop, cut, self._spread)
        self._maintained = History(
            False,
            [(c.t, c.maintenance.active) for c in scenario.timeline if c.maintenance],
        )

    def now(self) -> float:
        """Return the seconds after the start, below zero in the lead-in."""
        return self._loop.time() - self._zero

    async def run(self) -> None:
        """Play it all."""
        asyncio.get_running_loop().slow_callback_duration = 1e9
        end = self._zero + self.scenario.end_s
        self._vantages = [self._vantage(i, one) for i, one in enumerate(self.scenario.agents)]
        self._share_ledgers()
        for vantage in self._vantages:
            vantage.others = [one for one in self._vantages if one is not vantage]
        for change in self.scenario.timeline:
            for vantage in self._vantages if change.maintenance else ():
                self._loop.call_at(self._zero + change.t, vantage.rouse)
            for vantage in self._vantages if change.vantage and change.vantage.uplink else ():
                self._loop.call_at(self._zero + change.t, vantage.come_back)
        works = [vantage.live() for vantage in self._vantages]
        works += [one.run(self.scenario) for one in self._collectors]
        if self._is_sparse():
            works.append(self._tell_of_life())
        tasks = [asyncio.create_task(work) for work in works]
        try:
            done, _ = await asyncio.wait(tasks, timeout=end - self._loop.time())
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for vantage in self._vantages:
                await vantage.listening.end()
                vantage.store.close()

    def _is_sparse(self) -> bool:
        """Whether agents look so seldom that their looks alone do not show that they live."""
        watch, cadence = self.scenario.watch, self.scenario.cadence
        used = [(watch.dns or watch.controls.dns, cadence.dns_s), (watch.bgp, cadence.bgp_s)]
        used.append((watch.http or watch.controls.http, cadence.http_s))
        return min((every for one, every in used if one), default=0) > _LIVES

    async def _tell_of_life(self) -> None:
        """Have the agents that are up tell each other that they live, as peers do."""
        while True:
            await asyncio.sleep(_LIVES)
            up = [one for one in self._vantages if one.is_up]
            for one in up:
                for other in up:
                    ledger = other.ledgers[one.name]
                    if other is not one:
                        ledger.newest_at = max(ledger.newest_at, other.now())

    def _vantage(self, position: int, agent: Agent) -> Vantage:
        folder = self._folder / agent.name
        folder.mkdir()
        config = userconfig.write(self.scenario, agent, folder)
        outside = self._outside(position, agent)
        vantages: list[Vantage] = []

        def woken() -> None:
            vantages[0].woken.set()

        around = Surroundings(
            clock=SteadyClock(partial(self._wall, agent.name), self._loop.time),
            stopwatch=self._loop.time,
            system=lambda: (Endpoint(SYSTEM, 53),),
            listen=partial(self._listen, outside, woken),
            vrps=self._vrps,
            peers=lambda _config: [
                agreement.Vantage(one.name, one.provider, one.region)
                for one in self.scenario.agents
                if one.name != agent.name
            ],
            pagers=lambda *_: [SimulatedPager(self.desk, outside)],
        )
        vantages.append(
            Vantage(config, folder, around, outside, self.desk, self._share, self._quiet)
        )
        return vantages[0]

    def _outside(self, position: int, agent: Agent) -> Outside:
        uplink = self._uplink(agent.name)
        is_apart = self._is_apart(agent.name)

        def up() -> bool:
            return not is_apart or uplink.at(self.now())

        web = WebService(agent.name, position, self._pages, self._hosts, self.now, up)
        names = NameService(agent.name, position, self._names, self._tree, web.host)

        def ask(address: str, query: bytes) -> tuple[bytes | None, float]:
            return (names.ask(address, query, self.now()) if up() else None), ANSWERED

        return Outside(
            sockets=lambda _family, kind: cast("object", SimulatedSocket(self._loop, ask, kind)),  # type: ignore[arg-type,return-value]
            connections=web.connection,
            up=up,
            weather=Weather(self.scenario, agent.name, self._pages),
            maintained=lambda: self._maintained.at(self.now()),
            now=self.now,
        )

    def _uplink(self, agent: str) -> History[bool]:
        return History(
            True,
            [
                (change.t, change.vantage.uplink == "up")
                for change in self.scenario.timeline
                if change.vantage
                and change.vantage.uplink
                and includes(change.vantage.agents, agent)
            ],
        )

    def _wall(self, agent: str) -> float:
        """Return what the agent's own clock shows."""
        off = 0.0
        for change in self.scenario.timeline:
            one = change.vantage
            if one and one.clock_s is not None and includes(one.agents, agent):
                off = one.clock_s if change.t <= self.now() else off
        return self.scenario.started_at + self.now() + off

    def _listen(
        self,
        outside: Outside,
        woken: Callable[[], None],
        config: Config,  # noqa: ARG002 - the scenario says what feeds there are
        watches: Collection[Watch],
        folder: Path,  # noqa: ARG002
        now: Callable[[], float],
    ) -> Sequence[Feed]:
        if not watches:
            return []
        return [
            feed_of(
                one, watches, RisLiveSettings(),
                now=now, world_now=self.now, up=outside.up, woken=woken,
            )
            for one in self._collectors
        ]  # fmt: skip

    def _vrps(
        self,
        config: Config,
        watches: Collection[Watch],
        folder: Path,  # noqa: ARG002
        now: Callable[[], float],
    ) -> VrpSource | None:
        if config.rpki is None or not watches:
            return None
        watched = [watch.prefix for watch in watches]
        return SaidSource(config.rpki, watched, now, self._routes, self.now)

    def _share_ledgers(self) -> None:
        """Have all agents that hear the same keep it in the same ledgers, of each peer one.

        Who is ever cut off, or has a clock of its own, keeps ledgers of its own.
        """
        heard: dict[str, Ledger] = {}
        for vantage in self._vantages:
            if not self._is_apart(vantage.name):
                for name, ledger in vantage.ledgers.items():
                    if name != vantage.name:
                        vantage.ledgers[name] = heard.setdefault(name, ledger)

    def _is_apart(self, agent: str) -> bool:
        return any(
            change.vantage is not None and includes(change.vantage.agents, agent)
            for change in self.scenario.timeline
        )

    def _share(self, name: str, planned: Planned, looks: Sequence[Observation]) -> None:
        """Tell the other agents, a second later, unless an uplink is down."""
        sender = next(one for one in self._vantages if one.name == name)
        if sender.is_up:
            self._loop.call_later(SHARING, self._spread, name, planned, looks)

    def _spread(self, name: str, planned: Planned, looks: Sequence[Observation]) -> None:
        self._quiet.catch_up()
        filed: list[Ledger] = []
        for other in self._vantages:
            if other.name == name:
                continue
            ledger = other.ledgers[name]
            other.hear(name, planned, looks, SHARING, is_filed=ledger in filed)
            filed.append(ledger)
