"""Looks at what is planned: at its cadence, each second while in doubt, and when there is cause."""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from vedette.agent.counts import Counts
from vedette.agent.looking.cadence import AT_ONCE, Bell, Cadence, Turn, phase
from vedette.agent.looking.confirm import EVERY as CONFIRM_EVERY
from vedette.agent.looking.confirm import Budget, began_now, doubtful, look_until_certain
from vedette.agent.looking.runner import look_all
from vedette.agent.memory.learning import Learning
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.plan import CONTROLS, Plan, Planned
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.finding import Observation, Verdict
from vedette.checks.stopwatch import DISTURBED

log = logging.getLogger(__name__)

NOTICED_EVERY = 0.25
# A look ends by itself at its timeout; this much later the runner ends it.
GRACE = 2.0
GATHERED = 0.1
"""Seconds for which what has become certain is gathered, so that it is not judged one by one."""
CALLED_EVERY = 60.0
"""Seconds between two looks at a check that peers call for, unless its cadence is shorter."""
ONE_CLOCK = 0.001
"""Seconds by which two clocks differ that show the same."""

Tell = Callable[[Planned, Sequence[Observation]], None]
Once = Callable[[], Awaitable[None]]


def _nobody(_planned: Planned, _looks: Sequence[Observation]) -> None:
    """Nobody else wants to know."""


def _no_more(_planned: Planned, once: Once, _bell: Bell) -> Once:
    """Do no more at a tick than that."""
    return once


@dataclass(slots=True, kw_only=True)
class Lookout:
    """Files what the vantage *own* sees, and what its peers tell, in *ledgers* by their names.

    *now* tells epoch seconds, *stopwatch* seconds from anywhere; *tell* gets what was just seen;
    *round* makes all looks of a check, as runner.look_all() does; *at_tick* returns what is done at
    each tick, given what is usually done, and the bell that calls for a look.
    *ticking_since* says from when on each check has its ticks. *certain* rings when what was in
    doubt has failed for its hold, or is well after all, so that nobody waits for the next second.
    """

    own: str
    plan: Plan
    ledgers: Mapping[str, Ledger]
    learning: Learning
    counts: Counts
    now: Callable[[], float]
    stopwatch: Callable[[], float]
    tell: Tell = _nobody
    round: Callable[..., Awaitable[Sequence[Observation]]] = look_all
    at_tick: Callable[[Planned, Once, Bell], Once] = _no_more
    ticking_since: dict[CheckKey, float] = field(default_factory=dict)
    certain: Bell = field(default_factory=Bell)
    _budget: Budget = field(default_factory=Budget)
    _turns: defaultdict[str, dict[CheckKey, Turn[Planned]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """The turns of the checks of each service."""
    _called_by_peers_at: dict[CheckKey, float] = field(default_factory=dict)
    _faults: dict[str, tuple[float, Planned]] = field(default_factory=dict)
    _ringing: asyncio.TimerHandle | None = None

    async def keep_looking(self) -> NoReturn:
        """Look at each check at its cadence, and when it is called for, for ever."""
        loop, since = asyncio.get_running_loop(), self.now()
        turns = [Turn(one, one.timing.every) for one in self.plan.checks]
        for turn in turns:
            self._turns[turn.what.key.service][turn.what.key] = turn
        async with asyncio.TaskGroup() as tasks:
            cadence = Cadence(self._have_turn, self.counts.ticked, tasks)
            try:
                for number, turn in enumerate(turns):
                    if number % AT_ONCE == 0:
                        await asyncio.sleep(0)
                    turn.begin(cadence, loop.time() + self._first(turn, since))
                await loop.create_future()
            finally:
                cadence.end()
                self._turns.clear()
        raise AssertionError

    async def _have_turn(self, turn: Turn[Planned]) -> None:
        """Look at a check; a bug costs nobody else a look."""
        planned = turn.what
        try:
            await self.at_tick(planned, partial(self._look_until_certain, planned), turn)()
        except Exception:
            self.counts.internal_errors += 1
            log.exception("%s failed: this is a bug, please report it", planned.key)

    async def _look_until_certain(self, planned: Planned) -> None:
        if _is_quick(planned):
            await self.look(planned)
            return
        doubted = await look_until_certain(
            partial(self.look, planned),
            lambda: doubtful(self.ledgers[self.own].of(planned.key), self.now()),
            self._budget,
            self.now,
            planned.timing.every,
        )
        if doubted:
            self._ring_soon()

    def _ring_soon(self) -> None:
        if self._ringing is None:
            self._ringing = asyncio.get_running_loop().call_later(GATHERED, self._ring)

    def _ring(self) -> None:
        self._ringing = None
        self.certain.ring()

    def _first(self, turn: Turn[Planned], since: float) -> float:
        """Return the seconds until the first tick; what was looked at in a life before keeps its.

        What was in doubt then, or due, is called for at once. All others tick *since* a time.
        """
        key, every, now = turn.what.key, turn.every, self.now()
        series = self.ledgers[self.own].of(key)
        if doubtful(series, now) or any(now - s.last.started_at >= every for s in series):
            turn.ring()
        ticking_since = self.ticking_since.setdefault(key, since)
        return (ticking_since + phase(str(key), self.own, every) - now) % every

    async def look(self, planned: Planned) -> None:
        """Look at *planned* once."""
        looks = await self.round(
            planned.check,
            service=planned.key.service,
            vantage=self.own,
            limit=planned.timing.timeout + GRACE,
            now=self.now,
            stopwatch=self.stopwatch,
        )
        self.counts.disturbed += sum(DISTURBED in one.finding.facts for one in looks)
        ledger = self.ledgers[self.own]
        ledger.add(planned.key, planned.timing, looks)
        self.learning.see(planned, ledger.of(planned.key), self.now())
        self.tell(planned, looks)
        began_at = began_now(ledger.of(planned.key))
        if began_at is not None:
            self._call_others(planned, began_at)

    def _call_others(self, planned: Planned, began_at: float) -> None:
        """Have a look at once at what else the service has, and whether we see, since it began.

        Their ticks may come when the hold is over: the symptom would be paged before anybody looked
        at the cause, or nothing at all, since no fault counts until it is proven that we see.
        """
        self._call(self._turns[CONTROLS].values(), began_at)
        if not self._is_known(planned, began_at):
            self._faults[planned.key.service] = began_at, planned
            self._call(self._turns[planned.key.service].values(), began_at)

    def _is_known(self, planned: Planned, began_at: float) -> bool:
        """Whether a fault of the service that others were called for is still not over."""
        known = self._faults.get(planned.key.service)
        if known is None or began_at - known[0] > planned.timing.hold:
            return False
        series = self.ledgers[self.own].of(known[1].key)
        return any(one.last.finding.verdict is Verdict.FAILING for one in series)

    def _call(self, turns: Iterable[Turn[Planned]], began_at: float) -> None:
        """Have those *turns* at once of whose checks there was no look since then."""
        for turn in turns:
            other = turn.what
            series = self.ledgers[self.own].of(other.key)
            if _is_quick(other) or any(one.last.started_at >= began_at for one in series):
                continue
            targets = {one.subject for one in series} or {other.key.check}
            if self._budget.take(targets, self.now()):
                turn.ring()

    async def keep_noticing(self, feed: Feed) -> None:
        """Look at once at what the feed's news make right or wrong: routes change between looks."""
        planned = self.plan.of_prefix
        while True:
            for prefix in feed.news():
                for one in planned.get(prefix, ()):
                    await self.look(one)
                    await asyncio.sleep(0)  # a lost feed has news of all prefixes at once
            await asyncio.sleep(NOTICED_EVERY)

    def hear(
        self, vantage: str, planned: Planned, looks: Sequence[Observation], ago: float
    ) -> None:
        """Take in what the peer *vantage* saw; the newest of its looks ended *ago* seconds.

        Its clock may be wrong by minutes, so only the age of its looks is believed.
        """
        if not looks:
            return
        shift = self.now() - ago - max(look.started_at + look.seconds for look in looks)
        told = looks
        if abs(shift) > ONE_CLOCK:
            told = [look._replace(started_at=look.started_at + shift) for look in looks]
        self.ledgers[vantage].add(planned.key, planned.timing, told)
        self.heed(vantage, planned.key)

    def heed(self, vantage: str, key: CheckKey) -> None:
        """Look at once too where *vantage* has just begun to see a fault: nobody pages alone.

        Who sees it fail already looks once more: several must have seen it for a hold together. One
        whose looks fail and do not by turns calls for no more than one look a minute, and one that
        does not see the internet for none.
        """
        ledger, now = self.ledgers[vantage], self.now()
        began_at, turn = began_now(ledger.of(key)), self._turns[key.service].get(key)
        if began_at is None or ledger.is_blind or turn is None:
            return
        if now - self._called_by_peers_at.get(key, -math.inf) >= min(turn.every, CALLED_EVERY):
            self._called_by_peers_at[key] = now
            self._call([turn], began_at)


def _is_quick(planned: Planned) -> bool:
    """Whether it is looked at every second by itself."""
    return planned.timing.every <= CONFIRM_EVERY
