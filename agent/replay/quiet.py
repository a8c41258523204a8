"""Quiet: rounds of which it is known that they show nothing new are filed together, when read.

Between two changes of the world a check sees the same at each tick. Where one more such round
would be no news to any ledger, and nobody waits for it, the check rests until the last tick of
which that is known. The rounds of all that rest are filed before anybody reads a ledger, each as if
it had been made at its tick; whoever needs them one by one ends the rest.
"""

import asyncio
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.looking.cadence import Bell, Ticks
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.plan import Planned
from vedette.checks.finding import Observation

SHARING = 1.0
"""Seconds until agents know what one of them has seen."""
_LATER = 0.01
"""Seconds after the last round of a rest at which it ends."""
_RESTLESS = 30.0
"""Seconds after a rest was broken until the check may rest again."""

Spread = Callable[[str, Planned, Sequence[Observation]], None]
"""Has all others hear what an agent saw."""


@dataclass(slots=True, eq=False, kw_only=True)
class Rest:
    """The rounds of a check of the agent *vantage*: so many as *ticks*, *every* seconds.

    Each takes *seconds*; times are the loop's. *own* is where they are filed at their ends, and
    *heard* where SHARING later; each comes with what its agent's clock shows beyond the loop's.
    """

    vantage: str
    planned: Planned
    bell: Bell
    first: float
    every: float
    ticks: int
    seconds: float
    own: tuple[Ledger, float]
    heard: Sequence[tuple[Ledger, float]]
    filed: int = 0
    told: int = 0
    due: float = field(init=False)
    """When the next of its rounds is to be filed; inf where none is left."""
    ledgers: frozenset[int] = field(init=False)
    """The identities of those that its rounds come to."""
    is_awaited: bool = False
    is_broken: bool = False

    def __post_init__(self) -> None:
        self.ledgers = frozenset(id(one) for one, _ in (self.own, *self.heard))
        self.due = self._next()

    @property
    def until(self) -> float:
        """When its last round ends."""
        return self.first + (self.ticks - 1) * self.every + self.seconds

    @property
    def filed_until(self) -> float:
        """When the last round that is filed has ended."""
        return self.first + (self.filed - 1) * self.every + self.seconds

    def _next(self) -> float:
        ends = self.first + self.seconds
        own = ends + self.filed * self.every if self.filed < self.ticks else math.inf
        heard = ends + self.told * self.every + SHARING if self.told < self.ticks else math.inf
        return min(own, heard)

    def begun(self, at: float) -> int:
        """Return how many of its rounds have begun at a time."""
        return max(0, min(self.ticks, math.floor((at - self.first) / self.every) + 1))

    def file(self, at: float) -> None:
        """File what has ended at a time."""
        filed = self.begun(at - self.seconds)
        if filed > self.filed:
            self._file(self.own, self.filed, filed)
            self.filed = filed
        told = self.begun(at - self.seconds - SHARING)
        if told > self.told:
            for one in self.heard:
                self._file(one, self.told, told)
            self.told = told
        self.due = self._next()

    def _file(self, of: tuple[Ledger, float], begin: int, end: int) -> None:
        ledger, shift = of
        starts = [shift + self.first + i * self.every for i in range(begin, end)]
        ledger.repeat(self.planned.key, starts)

    def round(self, number: int) -> Sequence[Observation]:
        """Return one of its rounds."""
        ledger, shift = self.own
        at = shift + self.first + number * self.every
        return [one.last._replace(started_at=at) for one in ledger.of(self.planned.key)]


class Quiet:
    """All that rest in an incident; *breaks* are times of *loop* over which no rest lasts."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, breaks: Sequence[float], spread: Spread
    ) -> None:
        self._loop = loop
        self._breaks = sorted(breaks)
        self._spread = spread
        self._resting: list[Rest] = []
        self._due = math.inf
        self._broken: dict[tuple[str, CheckKey], float] = {}

    def may_rest(self, vantage: str, key: CheckKey) -> bool:
        """Whether no rest of a check was broken just now."""
        return self._loop.time() - self._broken.get((vantage, key), -math.inf) >= _RESTLESS

    def lasts_until(self, at: float) -> float:
        """Return until when all that rests from a time on may."""
        number = bisect_right(self._breaks, at)
        return self._breaks[number] if number < len(self._breaks) else math.inf

    async def rest(self, one: Rest, ticks: Ticks) -> float | None:
        """Let *one* rest; return when the round began that is under way at the end, if one is."""
        self._resting.append(one)
        self._due = min(self._due, one.due)
        one.is_awaited = True
        rang = await one.bell.wait(one.until + _LATER, ticks)
        one.is_awaited = False
        if not rang:
            return None
        if not one.is_broken:
            self._break(one)
            one.bell.ring()
        begun = one.begun(self._loop.time())
        return one.first + (begun - 1) * one.every if begun > one.filed else None

    def catch_up(self) -> None:
        """File all rounds that have ended by now: whoever reads a ledger next finds them there."""
        now = self._loop.time()
        if now < self._due:
            return
        for one in self._resting:
            if one.due <= now:
                one.file(now)
        self._resting = [one for one in self._resting if one.due < math.inf]
        self._due = min((one.due for one in self._resting), default=math.inf)

    def wake(self, ledgers: Mapping[str, Ledger], awaits: Callable[[str, CheckKey], bool]) -> None:
        """Break those rests of which each round is awaited by one who has *ledgers*."""
        for one in [*self._resting]:
            heard = id(ledgers[one.vantage]) in one.ledgers
            if heard and awaits(one.vantage, one.planned.key):
                self._break(one)

    def end(self, vantage: str) -> None:
        """Break all rests of an agent."""
        for one in [*self._resting]:
            if one.vantage == vantage:
                self._break(one)

    def _break(self, one: Rest) -> None:
        """End a rest: what is still to be heard of it comes by itself."""
        self.catch_up()
        for number in range(one.told, one.filed):
            at = one.first + number * one.every + one.seconds + SHARING
            looks = one.round(number)
            self._loop.call_at(at, self._spread, one.vantage, one.planned, looks)
        self._resting = [other for other in self._resting if other is not one]
        one.is_broken = True
        self._broken[one.vantage, one.planned.key] = self._loop.time()
        if one.is_awaited:
            one.bell.ring()
