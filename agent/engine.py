"""All alarms and incidents of the agent, advanced together from what the ledger holds.

Rule: no I/O, no clock; what must be kept or sent is returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vedette.agent.alarm import Evidence, Memory, State, step
from vedette.agent.diagnoses import Diagnosis, Rule, sight, unless_blind
from vedette.agent.incidents import Change, Incident, advance, dedup_key
from vedette.agent.ledger import CheckKey, Ledger


@dataclass(frozen=True, slots=True)
class Step:
    """What one step changed: alarms and incidents to keep, and incidents to tell people about."""

    alarms: Mapping[str, Memory]
    incidents: Sequence[Incident]
    changes: Sequence[tuple[Incident, Change]]


class Engine:
    """Evaluates every rule against the ledger; level-triggered, so it can start at any moment."""

    def __init__(
        self,
        *,
        deployment: str,
        rules: Sequence[Rule],
        controls: Sequence[CheckKey],
        memories: Mapping[str, Memory] | None = None,
        incidents: Sequence[Incident] = (),
    ) -> None:
        self.rules = {rule.id: rule for rule in rules}
        self.memories = {id_: (memories or {}).get(id_, Memory()) for id_ in self.rules}
        self.evidence: dict[str, Evidence] = {}
        self.open = {incident.service: incident for incident in incidents}
        self._deployment = deployment
        self._controls = controls

    def step(self, ledger: Ledger, now: float) -> Step:
        """Advance everything to *now*."""
        before = dict(self.memories)
        seen = sight(ledger, self._controls, now)
        if seen.blind.holds:
            ledger.disregard(self._controls)
        for id_, rule in self.rules.items():
            evidence = rule.judge(ledger, now)
            if rule.diagnosis is not Diagnosis.VANTAGE_BLIND:
                evidence = unless_blind(evidence, seen)
            self.evidence[id_] = evidence
            self.memories[id_] = step(
                self.memories[id_], evidence, hold=rule.hold, clear=rule.clear, now=now
            )
        kept, changes = self._advance(now)
        changed = {
            id_: memory
            for id_, memory in self.memories.items()
            if memory.state is not before[id_].state
        }
        return Step(changed, kept, changes)

    def _advance(self, now: float) -> tuple[list[Incident], list[tuple[Incident, Change]]]:
        kept, changes = [], []
        services = dict.fromkeys([rule.service for rule in self.rules.values()])
        for service in services | dict.fromkeys(self.open):
            before = self.open.get(service)
            after, change = advance(
                before,
                key=before.key if before else dedup_key(self._deployment, service),
                firing=self.firing(service) if before else self._seen_firing(service),
                pending=self._pending(service),
                rules=self.rules,
                now=now,
            )
            if after is not None and after != before:
                kept.append(after)
                self.open[service] = after
            if after is not None and change is not None:
                changes.append((after, change))
            if change is Change.RESOLVED:
                del self.open[service]
        return kept, changes

    def firing(self, service: str) -> dict[str, float]:
        """Return the alarms of *service* in ALARM, and when each one's fault began."""
        return {
            id_: memory.began_at
            for id_, memory in self.memories.items()
            if memory.state is State.ALARM and self.rules[id_].service == service
        }

    def _seen_firing(self, service: str) -> dict[str, float]:
        """Of those in ALARM, return what is seen to fail now: nothing unknown opens an incident."""
        firing = self.firing(service)
        return {id_: at for id_, at in firing.items() if self.evidence[id_].holds}

    def _pending(self, service: str) -> list[str]:
        return [
            id_
            for id_, rule in self.rules.items()
            if rule.service == service
            and self.evidence[id_].holds
            and self.memories[id_].state is not State.ALARM
        ]


def without_dates(memory: Memory) -> Memory:
    """Return what of *memory* outlives a restart: time asleep counts neither as good nor bad."""
    return replace(memory, stepped_at=None)
