"""All alarms and incidents of the agent, advanced together from what the ledgers hold.

Rule: no I/O, no clock; what must be kept or sent is returned.
"""

from collections import ChainMap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vedette.agent.agreement import Quorum
from vedette.agent.alarm import Evidence, Memory, State, step
from vedette.agent.composite.alarm import Alarm
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Rule, milder
from vedette.agent.fleet import Fleet
from vedette.agent.incidents import Change, Faults, Incident, Told, advance, hosted
from vedette.agent.ledger import CheckKey, Ledger
from vedette.exporters.page import Severity

_SETTLED = {False: {State.OK}, None: {State.OK, State.INSUFFICIENT_DATA}}
"""The states that evidence of one kind leaves as they are."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step changed: alarms and incidents to keep, and incidents to tell people about."""

    alarms: Mapping[str, Memory]
    incidents: Sequence[Incident]
    changes: Sequence[tuple[Incident, Change]]
    announced: Mapping[str, Announcement] = field(default_factory=dict)


class Engine:
    """Evaluates every rule against the ledgers; level-triggered, so it can start at any moment."""

    def __init__(  # noqa: PLR0913 - each is a part of its own
        self,
        *,
        deployment: str,
        quorum: Quorum,
        rules: Sequence[Rule],
        controls: Sequence[CheckKey],
        memories: Mapping[str, Memory] | None = None,
        incidents: Sequence[Incident] = (),
        hosts: Mapping[str, Collection[str]] | None = None,
        composites: Stepper | None = None,
    ) -> None:
        """Take up where *memories* and *incidents* stopped.

        *hosts* maps a service that others depend on, as on a feed of routes, to those others: what
        is wrong with it joins a critical incident of theirs, and pages nobody beside it.
        *composites* are the user's own alarms, with what they remember.
        """
        self.composites = composites or Stepper()
        self._standard = {rule.id: rule for rule in rules}
        self.rules: dict[str, Alarm] = {**self._standard, **self.composites.alarms}
        self._of_service: dict[str, list[str]] = {}
        self._of_check: dict[CheckKey | None, list[str]] = {}
        for id_, rule in self.rules.items():
            self._of_service.setdefault(rule.service, []).append(id_)
        for id_, rule in self._standard.items():
            self._of_check.setdefault(rule.key, []).append(id_)
        self._quiet: dict[CheckKey | None, Sequence[tuple[str, str]]] = {}
        self.memories = {id_: (memories or {}).get(id_, Memory()) for id_ in self._standard}
        self.memories |= self.composites.memories
        self._in_alarm = {id_ for id_, m in self.memories.items() if m.state is State.ALARM}
        self.evidence: dict[str, Evidence] = {}
        self.open = {incident.key: incident for incident in incidents}
        self._deployment, self.quorum = deployment, quorum
        self._controls, self._hosts = controls, hosts or {}

    @property
    def services(self) -> Collection[str]:
        """Whatever incidents may be of."""
        return self._of_service.keys()

    def step(self, ledgers: Mapping[str, Ledger], now: float, muted: Collection[str] = ()) -> Step:
        """Advance everything to *now*; of the services *muted* nothing opens."""
        fleet = Fleet(ledgers, self.quorum, self._controls, now)
        for name, seen in fleet.sights.items():
            if not fleet.sees(name):
                ledgers[name].blind_at = now
            if seen.blind.holds:
                ledgers[name].disregard(self._controls)
        changed: dict[str, Memory] = {}
        judged: list[str] = []
        for key, ids in self._of_check.items():
            well_at = fleet.well_at(key)
            if well_at and well_at == self._quiet.get(key):
                continue
            for id_ in ids:
                if self._judge(id_, fleet):
                    changed[id_] = self.memories[id_]
            judged += ids
            self._quiet[key] = well_at if self._are_settled(ids) else ()
        composite = self.composites.step(fleet, self.memories)
        self.evidence |= composite.judged
        self.memories |= {id_: self.composites.memories[id_] for id_ in composite.judged}
        changed |= composite.changed
        for id_, memory in changed.items():
            (self._in_alarm.add if memory.state is State.ALARM else self._in_alarm.discard)(id_)
        kept, changes = self._advance([*judged, *composite.judged], fleet, muted)
        return Step(changed, kept, changes, composite.announced)

    def _judge(self, id_: str, fleet: Fleet) -> bool:
        """Judge one rule, and return whether its alarm changed its state."""
        rule, before = self._standard[id_], self.memories[id_]
        evidence = self.evidence[id_] = rule.judge(fleet)
        self.memories[id_] = step(before, evidence, hold=rule.hold, clear=rule.clear, now=fleet.now)
        return self.memories[id_].state is not before.state

    def _are_settled(self, ids: Sequence[str]) -> bool:
        """Whether these alarms of a check stay as they are for as long as the check is well.

        Every diagnosis of a check needs a look of that check that is not OK; what is undecided
        while all is well stays so, and changes nothing. ALARM must count the good time.
        """
        return all(
            self.memories[id_].state in _SETTLED.get(self.evidence[id_].holds, ()) for id_ in ids
        )

    def _advance(
        self, judged: Sequence[str], fleet: Fleet, muted: Collection[str]
    ) -> tuple[list[Incident], list[tuple[Incident, Change]]]:
        """Advance the incidents of services that a rule was *judged* for, or that have one open."""
        holding = (id_ for id_ in judged if self.evidence[id_].holds)
        wrong = dict.fromkeys([*holding, *sorted(self._in_alarm)])
        if not (wrong or self.open):
            return [], []
        kept: list[Incident] = []
        changes: list[tuple[Incident, Change]] = []
        rules = ChainMap({id_: self._graded(id_, fleet) for id_ in wrong}, self.rules)
        busy = [self.rules[id_].service for id_ in wrong]
        services = dict.fromkeys([*busy, *(one.service for one in self.open.values())])
        # Those that others depend on come last: theirs may have joined an incident by then.
        for service in sorted(services, key=self._hosts.__contains__):
            faults = self._faults(service, rules, muted=service in muted)
            for incident, change in self._told(service, faults, fleet.now):
                kept.append(incident)
                if change is not None:
                    changes.append((incident, change))
                if change is Change.RESOLVED:
                    self.open.pop(incident.key, None)
                else:
                    self.open[incident.key] = incident
        return kept, changes

    def _graded(self, id_: str, fleet: Fleet) -> Alarm:
        """Return a rule as grave as it is now; what is not seen now makes no page graver."""
        rule = self.rules[id_]
        evidence = self.evidence.get(id_)
        if evidence is not None and evidence.holds:
            return rule.graded(fleet)
        return replace(rule, severity=milder(rule.severity, Severity.WARNING))

    def _told(self, service: str, faults: Faults, now: float) -> Sequence[Told]:
        """Return how a service's incidents go on; what joins those of others opens none."""
        own = [one for one in self.open.values() if one.service == service]
        if not own and faults.firing:
            hosts = self._hosts.get(service, ())
            theirs = [one for one in self.open.values() if one.service in hosts]
            if joined := hosted(faults.firing, theirs):
                return [(one, None) for one in joined if one not in theirs]
        return advance(own, faults, deployment=self._deployment, service=service, now=now)

    def _faults(self, service: str, rules: Mapping[str, Alarm], *, muted: bool) -> Faults:
        firing = self.firing(service)
        is_open = any(one.service == service for one in self.open.values())
        # Nothing unknown opens an incident: one of them must be seen to fail now.
        seen = is_open or any(self.evidence[id_].holds for id_ in firing if id_ in self.evidence)
        return Faults(firing if seen else {}, self._pending(service), rules, muted)

    def firing(self, service: str) -> dict[str, float]:
        """Return the alarms of *service* in ALARM, and when each one's fault began."""
        return {
            id_: self.memories[id_].began_at
            for id_ in self._of_service.get(service, ())
            if self._announced(id_) is State.ALARM
        }

    def _announced(self, id_: str) -> State:
        """Return the state that people may be told: a composite alarm may keep quiet."""
        announced = self.composites.announced.get(id_)
        return announced.state if announced else self.memories[id_].state

    def _pending(self, service: str) -> dict[str, float]:
        return {
            id_: self.evidence[id_].began_at
            for id_ in self._of_service.get(service, ())
            if id_ in self.evidence
            and self.evidence[id_].holds
            and self.memories[id_].state is not State.ALARM
        }


def without_dates(memory: Memory) -> Memory:
    """Return what of *memory* outlives a restart: time asleep counts neither as good nor bad."""
    return replace(memory, stepped_at=None)
