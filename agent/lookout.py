"""Looks at what is planned: at its cadence, again each second while in doubt, and at news."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from vedette.agent.cadence import keep, phase
from vedette.agent.confirm import EVERY as CONFIRM_EVERY
from vedette.agent.confirm import Budget, doubtful, look_until_certain
from vedette.agent.learning import Learning
from vedette.agent.ledger import Ledger
from vedette.agent.plan import Plan, Planned
from vedette.agent.runner import look_all
from vedette.agent.telemetry import Counts
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.finding import Observation

NOTICED_EVERY = 0.25
# A look ends by itself at its timeout; this much later the runner ends it.
GRACE = 2.0

Tell = Callable[[Planned, Sequence[Observation]], None]


def _nobody(_planned: Planned, _looks: Sequence[Observation]) -> None:
    """Nobody else wants to know."""


@dataclass(slots=True, kw_only=True)
class Lookout:
    """Files what the vantage *own* sees, and what its peers tell, in *ledgers* by their names.

    *now* tells epoch seconds, *stopwatch* seconds from anywhere; *tell* gets what was just seen.
    """

    own: str
    plan: Plan
    ledgers: Mapping[str, Ledger]
    learning: Learning
    counts: Counts
    now: Callable[[], float]
    stopwatch: Callable[[], float]
    tell: Tell = _nobody
    _budget: Budget = field(default_factory=Budget)

    async def keep_looking(self, planned: Planned) -> None:
        """Look at *planned* at its cadence for ever."""
        every = planned.timing.every
        first = phase(str(planned.key), self.own, every)
        look = partial(self.look, planned)

        async def certain() -> None:
            await look_until_certain(
                look,
                lambda: doubtful(self.ledgers[self.own].of(planned.key), self.now()),
                self._budget,
                self.now,
            )

        is_quick = every <= CONFIRM_EVERY  # it looks as often as that by itself
        await keep(every, first, look if is_quick else certain, self.counts.ticked)

    async def look(self, planned: Planned) -> None:
        """Look at *planned* once."""
        looks = await look_all(
            planned.check,
            service=planned.key.service,
            vantage=self.own,
            limit=planned.timing.timeout + GRACE,
            now=self.now,
            stopwatch=self.stopwatch,
        )
        ledger = self.ledgers[self.own]
        ledger.add(planned.key, planned.timing, looks)
        self.learning.see(planned, ledger.of(planned.key), self.now())
        self.tell(planned, looks)

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
        told = [replace(look, started_at=look.started_at + shift) for look in looks]
        self.ledgers[vantage].add(planned.key, planned.timing, told)
