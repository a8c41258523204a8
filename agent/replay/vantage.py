"""One agent of a scenario: the agent's own code, woken only when there is something to do."""

import asyncio
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from vedette.agent.alarms.engine import Step
from vedette.agent.config import Config
from vedette.agent.daemon import Agent
from vedette.agent.looking.cadence import TOGETHER, Bell, Ticks, phase
from vedette.agent.looking.confirm import doubtful
from vedette.agent.looking.lookout import ONE_CLOCK, Once
from vedette.agent.memory.lastgood import Generation
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.statements import Statement
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.plan import Planned
from vedette.agent.replay.desk import Desk
from vedette.agent.replay.quiet import SHARING, Quiet, Rest
from vedette.agent.replay.steady import SteadyRounds, Weather
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.finding import Check, Kind, Observation
from vedette.checks.http.connection import CONNECTIONS
from vedette.checks.net import SOCKETS, OpenSocket
from vedette.exporters.page import Action, Delivery, Outcome, Page

CALM = 600.0
"""Seconds after which alarms are stepped though nothing was seen that may change one, nor is due:
for what is due elsewhere."""
LISTENED = 10.0
"""Seconds after which a feed is asked for news though nothing came."""
NOTICED = 0.25
"""Seconds in which news of routes are gathered, as the agent does."""
_EARLY = 2 * TOGETHER
"""Seconds before its tick in which a look may have begun: it comes up to TOGETHER early, with
another, and as much again is beyond what rounding does."""
LEAST = 2
"""How many ticks a rest is worth."""

Tell = Callable[[str, Planned, Sequence[Observation]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What is around one vantage: its part of the world."""

    sockets: OpenSocket
    connections: Callable[..., object]
    up: Callable[[], bool]
    maintained: Callable[[], bool]
    """Whether the watched services are being worked on, and that was declared."""
    weather: Weather
    now: Callable[[], float]
    """Seconds after the incident's start."""


class SimulatedPager:
    """Hands pages to the desk while the uplink is up."""

    name = "desk"

    def __init__(self, desk: Desk, outside: Outside) -> None:
        self._desk = desk
        self._outside = outside

    async def send(self, page: Page) -> Delivery:
        """Deliver *page*, or say that it cannot be."""
        if not self._outside.up():
            return Delivery(outcome=Outcome.RETRY, detail="the uplink is down")
        self._desk.take(page, self._outside.now())
        return Delivery(outcome=Outcome.DELIVERED)

    async def close(self) -> None:
        """There is nothing to give back."""


class Vantage(Agent):
    """An agent whose look, judgement and paging are its own, and whose pauses are not."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        around: Surroundings,
        outside: Outside,
        desk: Desk,
        tell: Tell,
        quiet: Quiet,
    ) -> None:
        super().__init__(config, folder, None, around)
        self.woken = asyncio.Event()
        self.name = config.agent.name
        self._outside = outside
        self._desk = desk
        self._tell = tell
        self._is_restless = False
        self._woken = asyncio.Event()
        self._versions: dict[str, int] = {}
        self._good: Sequence[Generation] = ()
        self._phases: dict[CheckKey, float] = {}
        self.others: Sequence[Vantage] = ()
        self._quiet = quiet
        self._ticks = Ticks()
        self._rounds = SteadyRounds(outside.weather, outside.now, asyncio.sleep)
        self.hearsay = Hearsay()
        self._calls: dict[tuple[str, str], float] = {}
        self._agree(self.hearsay, self._accepted)
        self.lookout.tell = self._seen
        self.lookout.round = self._round
        self.lookout.at_tick = self._at_tick

    async def live(self) -> None:
        """Do all that the agent does, for ever."""
        SOCKETS.set(self._outside.sockets)
        CONNECTIONS.set(self._outside.connections)  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as tasks:
            for name, work in self._works():
                tasks.create_task(self._for_ever(name, work), name=f"{self.name} {name}")

    def _seen(self, planned: Planned, looks: Sequence[Observation]) -> None:
        self._tell(self.name, planned, looks)
        self._take_note(self.name, planned)
        good = [*self.good] if planned.key.kind is Kind.DNS else self._good
        if good != self._good:
            # A page is looked at by its last good addresses: there may be others now.
            self._good = good
            self._quiet.end(self.name)

    async def _round(self, check: Check, **of: Any) -> Sequence[Observation]:  # noqa: ANN401
        looks = await self._rounds.look_all(check, **of)
        self._quiet.catch_up()
        return looks

    def _at_tick(self, planned: Planned, once: Once, bell: Bell) -> Once:
        """Look, and rest where what the next ticks show is known."""

        async def quietly() -> None:
            await once()
            rest = self._rest(planned, bell)
            if rest is None:
                return
            begun = await self._quiet.rest(rest, self._ticks)
            if rest.filed:
                at = self.now() + rest.filed_until - _clock()
                self.learning.see(planned, self.ledger.of(planned.key), at)
            if begun is not None:
                self._rounds.begun[planned.key] = self._outside.now() + begun - _clock()
                await once()

        return quietly

    def _rest(self, planned: Planned, bell: Bell) -> Rest | None:
        """Return the rest of a check that has just looked, if nobody needs its next looks."""
        key, every, clock = planned.key, planned.timing.every, _clock()
        if not self._quiet.may_rest(self.name, key):
            return None
        first = clock + self._next_tick(planned)
        at = self._outside.now() + first - clock
        until, seconds = self._rounds.known_for(key, planned.check, at)
        until = min(until - at + first, self._quiet.lasts_until(clock) - SHARING) - seconds
        ticks = math.ceil((until - first) / every)
        if ticks < LEAST or seconds + SHARING >= every:
            return None
        hearing = [one for one in self.others if one.is_up] if self.is_up else []
        ledgers = [(self, self.ledger), *((one, one.ledgers[self.name]) for one in hearing)]
        if any(one.engine.awaits(self.name, key) for one, _ in ledgers):
            return None
        if not all(ledger.is_settled(key) for _, ledger in ledgers):
            return None
        series, now = self.ledger.of(key), self.now()
        if doubtful(series, now):
            return None
        if key.kind is Kind.DNS and not self.good.is_settled(key.check, series, now):
            return None
        shift = now - clock
        heard: dict[int, tuple[Ledger, float]] = {}
        for one, ledger in ledgers[1:]:
            theirs = one.now() - clock
            shifts = abs(theirs - shift) > ONE_CLOCK
            heard.setdefault(id(ledger), (ledger, theirs if shifts else shift))
        return Rest(
            vantage=self.name,
            planned=planned,
            bell=bell,
            first=first,
            every=every,
            ticks=ticks,
            seconds=seconds,
            own=(self.ledger, shift),
            heard=[*heard.values()],
        )

    def _next_tick(self, planned: Planned) -> float:
        """Return the seconds until a check is due."""
        key, every = planned.key, planned.timing.every
        if key not in self._phases:
            self._phases[key] = phase(str(key), self.name, every)
        since = self.lookout.ticking_since[key] + self._phases[key]
        return every - (self.now() + _EARLY - since) % every + _EARLY

    def _take_note(self, vantage: str, planned: Planned) -> None:
        """Step at the next second if what was just filed may change something."""
        version = self.ledgers[vantage].version
        if version != self._versions.get(vantage) or self.engine.awaits(vantage, planned.key):
            self._versions[vantage] = version
            self.rouse()

    def _accepted(self, pager: str, key: str, action: Action) -> None:
        """Tell the others, as soon as they hear of looks, what the pager has taken."""
        self._calls.pop((pager, key), None)
        if action is Action.TRIGGER:
            self._calls[pager, key] = self.now()
        for one in self.others if self.is_up else ():
            one.hear_of_page(self.name, pager, key, 0.0, action)

    def hear_of_page(self, peer: str, pager: str, key: str, age: float, action: Action) -> None:
        """Take in soon what a pager has taken from a *peer*, if anything passes the uplink."""

        def hear() -> None:
            if self.is_up:
                self.hearsay.hear(peer, pager, key, self.now() - SHARING - age, action)

        asyncio.get_running_loop().call_later(SHARING, hear)

    def come_back(self) -> None:
        """Be told of the others' calls that stand, now that the uplink is up."""
        for one in self.others:
            for (pager, key), at in one._calls.items() if one.is_up else ():  # noqa: SLF001 - its own
                self.hear_of_page(one.name, pager, key, one.now() - at, Action.TRIGGER)

    def rouse(self) -> None:
        """Step at the next second."""
        self._is_restless = True
        self._woken.set()

    @property
    def is_up(self) -> bool:
        """Whether anything passes its uplink."""
        return self._outside.up()

    def muted(self, now: float) -> Collection[str]:
        """Return all services while a window is declared, and else those that the config names."""
        return self.engine.services if self._outside.maintained() else super().muted(now)

    def hear(
        self,
        vantage: str,
        planned: Planned,
        looks: Sequence[Observation],
        ago: float,
        *,
        is_filed: bool = False,
    ) -> None:
        """Take in what a peer saw, if anything passes the uplink.

        What *is_filed* already, in a ledger that several agents share, is only taken note of.
        """
        if not self.is_up:
            return
        if is_filed:
            self.lookout.heed(vantage, planned.key)
        else:
            self.lookout.hear(vantage, planned, looks, ago)
        self._take_note(vantage, planned)

    def step(self) -> None:
        """Judge what was seen up to now, that of all that rest too."""
        self._quiet.catch_up()
        super().step()
        self._quiet.wake(self.ledgers, self.engine.awaits)

    async def _keep_stepping(self) -> None:
        """Step at whole seconds, as the agent does, and at those only at which it may matter."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(math.floor(clock()) + 1 - clock())
            self._is_restless = False
            self.step()
            await self._wait(clock() + CALM)

    async def _wait(self, at_latest: float) -> None:
        """Wait until something is seen that may change an alarm, or one may change by itself."""
        clock = asyncio.get_running_loop().time
        while not self._is_restless:
            self._quiet.catch_up()
            due = min(clock() + self.engine.due(self.ledgers) - self.now(), at_latest)
            if due <= clock():
                return
            timer = asyncio.get_running_loop().call_at(due, self._woken.set)
            self._woken.clear()
            await self._woken.wait()
            timer.cancel()

    def _consequences(self, step: Step, now: float) -> list[Statement]:
        statements = super()._consequences(step, now)
        if self._outside.up():
            for incident in step.incidents:
                for id_ in incident.members:
                    if id_ in self.engine.rules and id_ != incident.headline:
                        diagnosis = str(self.engine.rules[id_].diagnosis)
                        self._attach(incident.key, diagnosis)
        return statements

    def _attach(self, key: str, diagnosis: str) -> None:
        # Once the page itself has left, which the outbox does at its next turn.
        at = self._outside.now()
        asyncio.get_running_loop().call_later(0.01, self._desk.attach, key, diagnosis, at)

    async def _keep_noticing(self, feed: Feed) -> NoReturn:
        planned = self.plan.of_prefix
        while True:
            try:
                async with asyncio.timeout(LISTENED):
                    await self.woken.wait()
            except TimeoutError:
                pass
            await asyncio.sleep(NOTICED)
            self.woken.clear()
            for prefix in feed.news():
                for one in planned.get(prefix, ()):
                    await self.lookout.look(one)

    async def _keep_reviewing(self, *_: object) -> NoReturn:
        """ROAs are as the scenario says from the beginning; nothing new is to be told of them."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError


def _clock() -> float:
    return asyncio.get_running_loop().time()
