"""What is learned from looks: what changed, and which answers were good; all of it is kept."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from vedette.agent.counts import Counts
from vedette.agent.memory.changes import Changes
from vedette.agent.memory.events import Event, EventName, events_of
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import Series
from vedette.agent.memory.statements import Statement, keep_event, keep_generations, keep_past
from vedette.agent.plan import Planned
from vedette.checks.finding import Kind

log = logging.getLogger(__name__)

_KEPT_AT_ONCE = 200
_ALARMING = (
    EventName.STALE_ANSWER_RETURNED,
    EventName.ROA_MISSING,
    EventName.ROA_EXPIRING,
    EventName.REMEDIATION,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """Compares what was just seen with what was seen before."""

    changes: Changes
    good: LastKnownGood
    journal: Journal
    counts: Counts

    def see(self, planned: Planned, series: Sequence[Series], now: float) -> None:
        """Learn from the newest looks of a check."""
        events, pasts = self.changes.see(planned.key, series)
        if events:
            self.journal.write([*map(self.note, events), *map(keep_past, pasts)])
        if planned.key.kind is not Kind.DNS:
            return
        for learned in self.good.learn(planned.key.check, series, now):
            statements = [self.note(event) for event in events_of(learned, planned.key, now)]
            if learned.promoted:
                statements += keep_generations(self.good.generations(learned.name, learned.type))
            self.journal.owe(statements)

    def note(self, event: Event) -> Statement:
        """Count and log *event*; return the statement that keeps it."""
        self.counts.events[event.name] += 1
        log.log(logging.WARNING if event.name in _ALARMING else logging.INFO, "%s", event)
        return keep_event(event)

    async def keep_due(self) -> None:
        """Keep when each subject was last seen as it is."""
        due = map(keep_past, self.changes.due())
        while some := [*islice(due, _KEPT_AT_ONCE)]:
            self.journal.write(some)
            await asyncio.sleep(0)  # thousands are due after the first start
