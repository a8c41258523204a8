"""All alarms and incidents of the agent, advanced together from what the ledger holds.

Rule: no I/O, no clock; what must be kept or sent is returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vedette.agent.alarm import Evidence, Memory, State, step
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.sight import Sight, sight, unless_blind
from vedette.agent.diagnoses.view import View
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
        self._of_service: dict[str, list[str]] = {}
        self._of_check: dict[CheckKey | None, list[str]] = {}
        for id_, rule in self.rules.items():
            self._of_service.setdefault(rule.service, []).append(id_)
            self._of_check.setdefault(rule.key, []).append(id_)
        self._quiet: dict[CheckKey | None, Sequence[str]] = {}
        self.memories = {id_: (memories or {}).get(id_, Memory()) for id_ in self.rules}
        self.evidence: dict[str, Evidence] = {}
        self.open = {incident.service: incident for incident in incidents}
        self._deployment = deployment
        self._controls = controls

    def step(self, ledger: Ledger, now: float) -> Step:
        """Advance everything to *now*."""
        view = View(ledger, now)
        seen = sight(view, self._controls)
        if seen.blind.holds:
            ledger.disregard(self._controls)
        changed: dict[str, Memory] = {}
        judged: list[str] = []
        sighted = seen.blind.holds is False
        for key, ids in self._of_check.items():
            well_at = view.well_at(key) if sighted else ()
            if well_at and well_at == self._quiet.get(key):
                continue
            for id_ in ids:
                if self._judge(id_, view, seen):
                    changed[id_] = self.memories[id_]
            judged += ids
            self._quiet[key] = well_at if self._are_settled(ids) else ()
        kept, changes = self._advance(judged, view)
        return Step(changed, kept, changes)

    def _judge(self, id_: str, view: View, seen: Sight) -> bool:
        """Judge one rule, and return whether its alarm changed its state."""
        rule, before = self.rules[id_], self.memories[id_]
        evidence = rule.judge(view)
        if rule.diagnosis is not Diagnosis.VANTAGE_BLIND:
            evidence = unless_blind(evidence, seen)
        self.evidence[id_] = evidence
        self.memories[id_] = step(before, evidence, hold=rule.hold, clear=rule.clear, now=view.now)
        return self.memories[id_].state is not before.state

    def _are_settled(self, ids: Sequence[str]) -> bool:
        """Whether these alarms of a check stay as they are for as long as the check is well.

        Every diagnosis of a check needs a look of that check that is not OK; one that is undecided
        while all is well has nobody to judge.
        """
        settled = {False: State.OK, None: State.INSUFFICIENT_DATA}
        return all(settled.get(self.evidence[id_].holds) is self.memories[id_].state for id_ in ids)

    def _advance(
        self, judged: Sequence[str], view: View
    ) -> tuple[list[Incident], list[tuple[Incident, Change]]]:
        """Advance the incidents of services that a rule was *judged* for, or that have one open."""
        if not (judged or self.open):
            return [], []
        kept, changes = [], []
        rules = self.rules | {id_: self.rules[id_].graded(view) for id_ in judged}
        services = [self.rules[id_].service for id_ in judged]
        for service in dict.fromkeys([*services, *self.open]):
            before = self.open.get(service)
            after, change = advance(
                before,
                key=before.key if before else dedup_key(self._deployment, service),
                firing=self.firing(service) if before else self._seen_firing(service),
                pending=self._pending(service),
                rules=rules,
                now=view.now,
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
            id_: self.memories[id_].began_at
            for id_ in self._of_service.get(service, ())
            if self.memories[id_].state is State.ALARM
        }

    def _seen_firing(self, service: str) -> dict[str, float]:
        """Return those in ALARM if one is seen to fail now: nothing unknown opens an incident."""
        firing = self.firing(service)
        return firing if any(self.evidence[id_].holds for id_ in firing) else {}

    def _pending(self, service: str) -> list[str]:
        return [
            id_
            for id_ in self._of_service.get(service, ())
            if self.evidence[id_].holds and self.memories[id_].state is not State.ALARM
        ]


def without_dates(memory: Memory) -> Memory:
    """Return what of *memory* outlives a restart: time asleep counts neither as good nor bad."""
    return replace(memory, stepped_at=None)
