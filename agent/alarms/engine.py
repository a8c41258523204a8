"""All alarms and incidents of the agent, advanced together from what the ledgers hold.

Rule: no I/O, no clock; what must be kept or sent is returned.

When sight changes every check is judged anew, of which there may be ten thousand. So a step is made
in parts, and whoever has looks to make makes them between two.
"""

import math
from collections.abc import Callable, Collection, Generator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from vedette.agent.alarms.agenda import Agenda
from vedette.agent.alarms.agreement import Quorum
from vedette.agent.alarms.alarm import (
    NEVER_STEPPED,
    TICK,
    UNDECIDED,
    Evidence,
    Memory,
    State,
    caught_up,
    step,
)
from vedette.agent.alarms.firing import Firing
from vedette.agent.alarms.fleet import Fleet, silent_at
from vedette.agent.alarms.incidents import Change, Faults, Incident
from vedette.agent.alarms.muted import Muted
from vedette.agent.alarms.openincidents import OpenIncidents
from vedette.agent.composite.alarm import Alarm
from vedette.agent.composite.announcement import Announcement
from vedette.agent.composite.link import Target
from vedette.agent.composite.standing import Standing
from vedette.agent.composite.stepper import Stepped as Composed
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Rule, is_warning
from vedette.agent.memory.ledger import CheckKey, Ledger

AT_ONCE = 16
"""How many checks are judged in one part of a step: a few milliseconds of work."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step changed: alarms and incidents to keep, and incidents to tell people about."""

    alarms: Mapping[str, Memory]
    incidents: Sequence[Incident]
    changes: Sequence[tuple[Incident, Change]]
    announced: Mapping[str, Announcement] = field(default_factory=dict)
    standings: Mapping[Target, Standing] = field(default_factory=dict)


@dataclass(slots=True)
class _Stepped:
    """What a step has come to: alarms judged, those with another state, those that may matter.

    *seen* are the checks judged, each with what had been looked at by then.
    """

    seen: dict[CheckKey, Sequence[int]] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)
    changed: dict[str, Memory] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)


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
        keys = [*controls, *self.composites.checks]
        self._of_check: dict[CheckKey, list[str]] = {key: [] for key in keys}
        self._of_none: list[str] = []  # vantages: no check is theirs
        for id_, rule in self._standard.items():
            ids = self._of_none if rule.key is None else self._of_check.setdefault(rule.key, [])
            ids.append(id_)
        beside = {rule.key: rule.controls for rule in rules if rule.key and rule.controls}
        self._agenda = Agenda(self._of_check, controls, beside)
        self.memories = {id_: (memories or {}).get(id_, NEVER_STEPPED) for id_ in self._standard}
        self.memories |= self.composites.memories
        self._in_alarm = {id_ for id_, m in self.memories.items() if m.state is State.ALARM}
        self._clearing: set[str] = set()
        self._pending: set[str] = set()
        self._unseen: Sequence[str] = ()
        self.muted = Muted()
        self._stepped_at = self._certain_until = -math.inf
        self.evidence: dict[str, Evidence] = {}
        self.firing = Firing(self.rules, self.memories, self.evidence, self.composites, self.muted)
        self._hosts = hosts or {}
        self._incidents = OpenIncidents(incidents, deployment, self._hosts)
        self._grave = self._incidents.grave(self.rules)
        """The alarms for which a quorum may have woken people, and a quorum alone ends that."""
        self.deployment, self.quorum, self.controls = deployment, quorum, controls
        self.callers: Callable[[str], Collection[str]] = lambda _key: ()
        """Returns the peers whose calls under a key stand."""

    def take_over(self, before: "Engine", keys: Collection[CheckKey]) -> None:
        """Go on with what *before* knew of windows, and of the user's own alarms.

        *keys* are the checks of which all that was seen is known.
        """
        self.muted.take_over(before.muted)
        self.composites.take_over(before.composites, keys)

    @property
    def open(self) -> Mapping[str, Incident]:
        """The open incidents by their dedup keys."""
        return self._incidents.by_key

    @property
    def services(self) -> Collection[str]:
        """Whatever incidents may be of."""
        return self.firing.services

    def step(self, ledgers: Mapping[str, Ledger], now: float, muted: Collection[str] = ()) -> Step:
        """Advance everything to *now*; of the services *muted* nothing opens.

        Nor does it after that for what was not seen since.
        """
        parts = self.parts(ledgers, now, muted)
        while True:
            try:
                next(parts)
            except StopIteration as end:
                step: Step = end.value
                return step

    def parts(
        self, ledgers: Mapping[str, Ledger], now: float, muted: Collection[str] = ()
    ) -> Generator[None, None, Step]:
        """Do that in parts that each take a few milliseconds; between two of them more may be seen.

        What is seen of a check after it was judged, the next step judges. Who begins has to go on
        to the end: only then is anything told.
        """
        # What was due while nobody stepped is not known to have been as it was before.
        self._certain_until = min(now - TICK, max(self._certain_until, self._stepped_at))
        fleet = self._look_round(ledgers, now)
        switched = self.muted.switch(muted, now)
        self._unmute(switched - self.muted.services)
        stepped = _Stepped()
        for id_ in self._of_none:
            self._judge(id_, fleet, stepped)
        yield from self._judge_due(fleet, ledgers, stepped)
        for id_ in [*self._clearing]:
            if id_ not in stepped.judged:
                self._go_on(id_, self.evidence[id_], now, stepped)
        composite = self._compose(fleet, stepped.seen, stepped)
        for number, key in enumerate(stepped.seen, start=1):
            self._note(key, fleet, ledgers, stepped.seen[key], composite.held.get(key, ()))
            if number % AT_ONCE == 0:
                yield
        for id_, memory in stepped.changed.items():
            (self._in_alarm.add if memory.state is State.ALARM else self._in_alarm.discard)(id_)
        self._grave &= self._in_alarm
        kept, changes = self._incidents.advance(
            self._busy(stepped, fleet) | switched,
            lambda service, own: self._faults(service, own, fleet, muted),
            now,
        )
        self._stepped_at = now
        if self._in_alarm:  # else nobody counts good time
            self.due(ledgers)
        return Step(stepped.changed, kept, changes, composite.announced, composite.standings)

    def due(self, ledgers: Mapping[str, Ledger]) -> float:
        """Return from when on a step may change something though nothing new is seen until then.

        Something new is what the ledgers have news of, and any look that is awaited.
        """
        at = self._stepped_at
        silent = (silent_at(name, ledgers, self.quorum.own) for name in ledgers)
        self._certain_until = min(
            at if self.firing.quiet or not self._pending.isdisjoint(self._of_none) else math.inf,
            self._agenda.next(ledgers, at),
            self.composites.due,
            *(one for one in silent if one >= at),
            self._incidents.due,
            *map(self._clear_at, self._clearing),
        )
        return self._certain_until

    def awaits(self, vantage: str, key: CheckKey) -> bool:
        """Whether any look of *vantage* at *key* may change something, and not only news."""
        if vantage in self._unseen or self._agenda.awaits(key):
            return True
        return key in self.controls and self.composites.lacks_proof

    def _look_round(self, ledgers: Mapping[str, Ledger], now: float) -> Fleet:
        """See who sees, and have what the blind have seen disregarded."""
        for name in self._unseen:
            ledgers[name].blind_at = max(ledgers[name].blind_at, now - TICK)
        fleet = Fleet(ledgers, self.quorum, self.controls, now)
        self._unseen = [name for name in ledgers if not fleet.sees(name)]
        for name, ledger in ledgers.items():
            if name in self._unseen:
                ledger.blind_at = now
            if fleet.blindness[name].holds:
                ledger.disregard(self.controls)
            else:
                ledger.regard()
        return fleet

    def _unmute(self, services: Collection[str]) -> None:
        """Have what fires of *services* judged, and by every look until it is seen again."""
        for service in services:
            firing = (self._standard.get(id_) for id_ in self.firing.of(service))
            self._agenda.ask_for(rule.key for rule in firing if rule and rule.key)

    def _judge_due(
        self, fleet: Fleet, ledgers: Mapping[str, Ledger], stepped: "_Stepped"
    ) -> Generator[None, None, None]:
        """Judge the rules of all checks that are due, of each check at one moment."""
        for number, key in enumerate(self._agenda.due(fleet, ledgers), start=1):
            if self._is_begun(key, ledgers):
                stepped.seen[key] = self._agenda.seen(key, ledgers)
                for id_ in self._of_check[key]:
                    self._judge(id_, fleet, stepped)
            if number % AT_ONCE == 0:
                yield
                fleet.look_again()

    def _is_begun(self, key: CheckKey, ledgers: Mapping[str, Ledger]) -> bool:
        """Whether there is anything to say of *key*; of thousands there is none at the start."""
        if key in self.composites.checks or any(one.runs(key) for one in ledgers.values()):
            return True
        return any(self.memories[id_] is not NEVER_STEPPED for id_ in self._of_check[key])

    def _judge(self, id_: str, fleet: Fleet, stepped: "_Stepped") -> None:
        """Judge one standard rule, and advance its alarm."""
        rule, before = self._standard[id_], self.evidence.get(id_, UNDECIDED)
        evidence = rule.judge(fleet)
        if evidence.holds is False and id_ in self._grave and rule.lacks_quorum(fleet):
            evidence = UNDECIDED
        if before.holds is evidence.holds is False and self.memories[id_].state is State.OK:
            return  # as nearly always: one more step would only date it
        self._go_on(id_, evidence, fleet.now, stepped)
        self.evidence[id_] = evidence
        if self._is_grave(id_, fleet):
            self._grave.add(id_)
        stepped.judged.add(id_)
        if before.holds or evidence.holds or id_ in self._in_alarm:
            stepped.touched.add(id_)

    def _is_grave(self, id_: str, fleet: Fleet) -> bool:
        """Whether it fires, is seen to, and may wake people: enough see it for that."""
        rule, evidence = self.rules[id_], self.evidence.get(id_, UNDECIDED)
        if not evidence.holds or self.memories[id_].state is not State.ALARM:
            return False
        return not is_warning(rule.severity) and not is_warning(rule.graded(fleet).severity)

    def _go_on(self, id_: str, evidence: Evidence, now: float, stepped: "_Stepped") -> None:
        """Advance one standard alarm by what is said of it now."""
        rule, before = self._standard[id_], self.memories[id_]
        kept = caught_up(
            before,
            self.evidence.get(id_),
            hold=rule.hold,
            clear=rule.clear,
            until=self._certain_until,
            before=now - TICK,
        )
        after = step(kept, evidence, hold=rule.hold, clear=rule.clear, now=now)
        self.memories[id_] = after
        if after.state is not before.state:
            stepped.changed[id_] = after
            stepped.touched.add(id_)
        fires = after.state is State.ALARM
        (self._clearing.add if fires and evidence.holds is False else self._clearing.discard)(id_)
        (self._pending.add if evidence.holds and not fires else self._pending.discard)(id_)

    def _clear_at(self, id_: str) -> float:
        memory = self.memories[id_]
        return (memory.stepped_at or 0.0) + self._standard[id_].clear - memory.good_for

    def _note(
        self,
        key: CheckKey,
        fleet: Fleet,
        ledgers: Mapping[str, Ledger],
        seen: Sequence[int],
        held: Sequence[Evidence],
    ) -> None:
        """Note that *key* was judged by what was *seen*.

        *held* is what composite alarms are told that holds of it.
        """
        holding = ((id_, self.evidence[id_]) for id_ in self._of_check[key])
        pending = [
            evidence
            for id_, evidence in holding
            if id_ in self._pending or (evidence.holds and not self.firing.is_seen(id_))
        ]
        pending += held
        moving = any(max(one.began_at, one.seen_at) >= fleet.now for one in pending)
        self._agenda.judged(key, fleet, ledgers, seen, pending=bool(pending), moving=moving)

    def _compose(self, fleet: Fleet, keys: Collection[CheckKey], stepped: "_Stepped") -> Composed:
        """Advance the composite alarms."""
        composite = self.composites.step(
            fleet,
            self.memories,
            keys=keys,
            changed=stepped.changed.keys(),
            certain_until=self._certain_until,
            grave=self._grave,
        )
        before = {id_ for id_ in composite.judged if self.evidence.get(id_, UNDECIDED).holds}
        after = {id_ for id_, evidence in composite.judged.items() if evidence.holds}
        self.evidence |= composite.judged
        self.memories |= {id_: self.composites.memories[id_] for id_ in composite.judged}
        own = after | (self._in_alarm & self.composites.alarms.keys())
        self._grave |= {id_ for id_ in own - self._grave if self._is_grave(id_, fleet)}
        stepped.changed |= composite.changed
        stepped.touched |= before | after | self._in_alarm.intersection(composite.judged)
        stepped.touched.update(composite.changed, composite.announced)
        return composite

    def _busy(self, stepped: "_Stepped", fleet: Fleet) -> Set[str]:
        """Return the services whose incidents may go on: the rest stay as they are."""
        busy = {self.rules[id_].service for id_ in stepped.touched}
        busy |= self._incidents.waiting(fleet.now) | self.firing.quiet
        if self._agenda.is_anew:
            busy |= {self.rules[id_].service for id_ in self._in_alarm}
            busy |= self._incidents.services
        # What others depend on may join an incident of theirs at any time.
        return busy | {one for one in self._hosts if self.firing.of(one)}

    def _faults(
        self, service: str, own: Sequence[Incident], fleet: Fleet, muted: Collection[str]
    ) -> Faults:
        return self.firing.faults(
            service,
            own,
            fleet,
            muted=service in muted,
            is_called=lambda key: any(map(fleet.sees, self.callers(key))),
        )

    def burns(self, key: str) -> bool | None:
        """Whether what the open incident of *key* tells is seen for its hold; None without one."""
        incident = self.open.get(key)
        return None if incident is None else any(map(self.firing.is_certain, incident.burning))
