"""The story of the demo: a healthy service loses its DNS record and gets it back.

The steps are a list; each does something to the world, then waits for what must follow.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from vedette.agent.demo.screen import AlarmRow, Phase, ProbeRow, Screen, ScreenState
from vedette.agent.demo.world import World
from vedette.checks.finding import Kind, Verdict

CAUSE = "record_emptied"


class AgentView(Protocol):
    """What the story and the screen need to know of the agent, at this moment."""

    def probes(self) -> Sequence[ProbeRow]:
        """Return a row per subject of every check; UNKNOWN while the routes are not seeded."""

    def alarms(self) -> Sequence[AlarmRow]:
        """Return a row per standard alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds: how long each wait may take, how long each pause lasts, and how long all of it."""

    ready: float = 15
    healthy: float = 5  # looks, a second apart: of what stood for fewer no change is told
    page: float = 20
    hold: float = 4
    resolve: float = 20
    total: float = 60
    refresh: float = 0.2


class _Missing(Exception):  # noqa: N818 - an outcome of the story, not an error of ours
    """Something that should have happened did not; the message is the sentence."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """Do *act*, then wait until *until* holds, *limit* seconds at most.

    Without *missing* the step is a pause, otherwise that is what to say when the time is over;
    *continues* lets the time of the step before run on.
    """

    phase: Phase
    limit: float
    act: Callable[[], None] | None = None
    until: Callable[[], bool] = _never
    missing: str | None = None
    continues: bool = False


async def play(world: World, view: AgentView, screen: Screen, limits: Limits | None = None) -> int:
    """Play the story to its end; return 0 if the right page came and went, else 1 and say why."""
    return await _Telling(world, view, screen, limits or Limits()).tell()


class _Telling:
    def __init__(self, world: World, view: AgentView, screen: Screen, limits: Limits) -> None:
        self._world = world
        self._view = view
        self._screen = screen
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._start = self._clock()
        self._progress = 0.0

    async def tell(self) -> int:
        with self._screen:
            try:
                await self._go()
            except _Missing as missing:
                self._show(Phase.FAILED, str(missing))
                return 1
            self._progress = 1.0
            self._show(Phase.DONE)
            return 0

    async def _go(self) -> None:
        since = self._start
        steps = self._steps()
        for i, step in enumerate(steps):
            if not step.continues:
                since = self._clock()
            if step.act is not None:
                step.act()
            await self._wait(step, since, i / len(steps), 1 / len(steps))
            if step.phase is Phase.HEALTHY and self._world.events:
                raise _Missing("A page came while all was well.")
        self._judge_end()

    def _steps(self) -> list[_Step]:
        world, limits = self._world, self._limits
        return [
            _Step(
                phase=Phase.STARTING,
                limit=limits.ready,
                until=self._ready,
                missing="Not every probe (DNS, HTTP and BGP) became OK",
            ),
            _Step(phase=Phase.HEALTHY, limit=limits.healthy),
            _Step(
                phase=Phase.EMPTIED,
                act=world.empty_record,
                limit=limits.page,
                until=lambda: self._failing() or self._paged(),
                missing="No probe failed although the record was empty",
            ),
            _Step(
                phase=Phase.WAITING_FOR_PAGE,
                limit=limits.page,
                until=self._paged,
                missing="PagerDuty received no page",
                continues=True,
            ),
            _Step(phase=Phase.PAGED, limit=limits.hold),
            _Step(
                phase=Phase.RESTORED,
                act=world.restore_record,
                limit=limits.resolve,
                until=lambda: self._ready() or self._resolved(),
                missing="Not every probe became OK again after the record was restored",
            ),
            _Step(
                phase=Phase.WAITING_FOR_RESOLVE,
                limit=limits.resolve,
                until=self._resolved,
                missing="PagerDuty received no resolve",
                continues=True,
            ),
        ]

    async def _wait(self, step: _Step, since: float, done: float, part: float) -> None:
        while True:
            now = self._clock()
            spent = min((now - since) / step.limit, 1.0) if step.limit else 1.0
            self._progress = done + part * spent
            self._show(step.phase)
            if step.until():
                return
            if spent >= 1.0:
                if step.missing is None:
                    return
                raise _Missing(f"{step.missing} within {step.limit:g} seconds.")
            if now - self._start > self._limits.total:
                raise _Missing(f"The demo took longer than {self._limits.total:g} seconds.")
            await asyncio.sleep(self._limits.refresh)

    def _show(self, phase: Phase, outcome: str = "") -> None:
        state = ScreenState(
            phase=phase,
            elapsed=self._clock() - self._start,
            progress=self._progress,
            rows=self._view.probes(),
            alarms=self._view.alarms(),
            events=self._world.events,
            status_url=self._world.status_url,
            outcome=outcome,
        )
        self._screen.show(state)

    def _ready(self) -> bool:
        """All kinds of check have looked and are OK: the BGP one is only when it is seeded."""
        rows = self._view.probes()
        seen = {row.kind for row in rows}
        return seen == set(Kind) and all(row.verdict is Verdict.OK for row in rows)

    def _failing(self) -> bool:
        return any(row.verdict is Verdict.FAILING for row in self._view.probes())

    def _paged(self) -> bool:
        return self._came("trigger")

    def _resolved(self) -> bool:
        return self._came("resolve")

    def _came(self, action: str) -> bool:
        return any(event.action == action for event in self._world.events)

    def _judge_end(self) -> None:
        """Refuse a page that did not name the cause, or was not the only one."""
        events = self._world.events
        page = next(event for event in events if event.action == "trigger")
        if page.payload.get("class") != CAUSE:
            raise _Missing(f"The page did not name {CAUSE} but {page.payload.get('class')}.")
        if {event.key for event in events} != {page.key}:
            raise _Missing("The page and its resolve did not have the same dedup key.")
