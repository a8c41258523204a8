"""All composite alarms, advanced together beside the standard ones.

Rule: no I/O, no clock; time is passed in. What cannot have changed is not judged again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.alarm import UNDECIDED, Evidence, Memory, State, step
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.announcement import Announcement, announce
from vedette.agent.composite.evaluate import StandingOf, evaluate
from vedette.agent.composite.leaves import judge_of
from vedette.agent.composite.link import Target
from vedette.agent.composite.missing import shown, treated
from vedette.agent.composite.standing import Standing, of_alarm, of_check
from vedette.agent.composite.suppression import Suppression
from vedette.agent.diagnoses.sight import Sight, unless_blind
from vedette.agent.fleet import SILENT_AFTER, Fleet
from vedette.agent.ledger import CheckKey
from vedette.checks.finding import Kind

ASLEEP = 60.0
"""Seconds between two steps after which nothing that was seen before says anything any more."""


@dataclass(slots=True)
class Stepped:
    """What one step did: which alarms it *judged*, and which changed for people and the store."""

    judged: dict[str, Evidence] = field(default_factory=dict)
    changed: dict[str, Memory] = field(default_factory=dict)
    announced: dict[str, Announcement] = field(default_factory=dict)


class Stepper:
    """The composite alarms with what they remember; level-triggered, as the engine is."""

    def __init__(
        self,
        alarms: Sequence[CompositeAlarm] = (),
        fresh_for: Mapping[CheckKey, float] | None = None,
        memories: Mapping[str, Memory] | None = None,
        announced: Mapping[str, Announcement] | None = None,
    ) -> None:
        """Take up where *memories* and *announced* stopped; *alarms* are in an order to judge.

        *fresh_for* has the checks, and for how many seconds a look at each speaks for the present.
        """
        self.alarms = {alarm.id: alarm for alarm in alarms}
        self.memories = {id_: (memories or {}).get(id_, Memory()) for id_ in self.alarms}
        self.announced = {
            id_: (announced or {}).get(id_, Announcement(memory.state, Suppression(memory.state)))
            for id_, memory in self.memories.items()
        }
        self.at: dict[Target, Standing] = {}
        self._undecided: dict[str, float] = {}
        self._due: set[str] = set()
        self._well: dict[CheckKey, Sequence[tuple[str, str]]] = {}
        self._loaded_at = self._awake_at = math.inf
        self._stepped_at = -math.inf
        self._link({str(key): (key, seconds) for key, seconds in (fresh_for or {}).items()})

    def _link(self, checks: Mapping[str, tuple[CheckKey, float]]) -> None:
        """Find who reads what, and for how long what is not heard of may still be on its way."""
        self._readers: dict[Target, list[str]] = {}
        self._quieted: dict[Target, list[str]] = {}
        self._checks: dict[CheckKey, list[Target]] = {}
        self._standard: list[Target] = []
        self._patience: dict[str, float] = {}
        self._standings: dict[str, StandingOf] = {}
        for id_, alarm in self.alarms.items():
            self._standings[id_] = self._standing_of(alarm)
            for target in dict.fromkeys(alarm.targets.values()):
                self._add(target, checks)
            parts = [alarm.targets[ref.name] for ref in alarm.settings.rule.refs]
            for target in dict.fromkeys(parts):
                self._readers.setdefault(target, []).append(id_)
            if alarm.suppressor:
                self._quieted.setdefault(alarm.suppressor, []).append(id_)
            self._patience[id_] = max((self._patience[part.id] for part in parts), default=0.0)
        self._judges = {
            target: judge_of(key, target.reason)
            for key, targets in self._checks.items()
            for target in targets
        }

    def _standing_of(self, alarm: CompositeAlarm) -> StandingOf:
        at, targets = self.at, alarm.targets
        return lambda ref: at[targets[ref.name]]

    def _add(self, target: Target, checks: Mapping[str, tuple[CheckKey, float]]) -> None:
        if target.id in self.alarms:
            return
        key, patience = checks.get(target.id, (None, SILENT_AFTER))
        leaves = self._standard if key is None else self._checks.setdefault(key, [])
        if target not in leaves:
            leaves.append(target)
        self._patience[target.id] = patience

    def step(self, fleet: Fleet, standard: Mapping[str, Memory]) -> Stepped:
        """Advance to the moment of *fleet*; *standard* are the memories of the standard alarms."""
        if not self.alarms:
            return Stepped()
        self._begin(fleet.now)
        due, self._due = self._due, set()
        stepped, telling, sight = Stepped(), set(due), _sight(fleet)
        for target in (*self._seen(fleet), *self._standards(standard, fleet.now)):
            due.update(self._readers.get(target, ()))
            telling.update(self._quieted.get(target, ()))
        for id_ in self.alarms:
            if id_ in due:
                if self._judge(id_, sight, stepped, fleet.now):
                    due.update(self._readers.get(Target(id_), ()))
                    telling.update(self._quieted.get(Target(id_), ()))
                telling.add(id_)
        for id_ in sorted(telling):
            self._announce(id_, stepped, fleet.now)
        return stepped

    def _begin(self, now: float) -> None:
        """Judge everything anew at the start, and after a sleep, when nothing is known as yet."""
        if now - self._stepped_at > ASLEEP:
            self._awake_at = now
            self._loaded_at = min(self._loaded_at, now)
            self._due = set(self.alarms)
        self._stepped_at = now

    def _heard_by(self, id_: str) -> float:
        """Return until when nothing has been heard of something only for our own sake."""
        return self._awake_at + self._patience[id_]

    def _seen(self, fleet: Fleet) -> Sequence[Target]:
        """Judge the checks, and return those that stand otherwise than before.

        While a check is well at the same places it stands as it does, unless it has failed so
        often of late that it still does; of a route, facts beyond that count.
        """
        changed = []
        for key, targets in self._checks.items():
            well_at = () if key.kind is Kind.BGP else fleet.well_at(key)
            if well_at and well_at == self._well.get(key):
                continue
            for target in targets:
                evidence, before = self._judges[target](fleet), self.at.get(target)
                after = of_check(before, evidence, fleet.now, self._heard_by(target.id))
                if after != before:
                    self.at[target] = after
                    changed.append(target)
            failing = any(self.at[target].state is State.ALARM for target in targets)
            self._well[key] = () if failing else well_at
        return changed

    def _standards(self, memories: Mapping[str, Memory], now: float) -> Sequence[Target]:
        """Look at the standard alarms, and return those that stand otherwise than before."""
        changed = []
        for target in self._standard:
            memory, before = memories.get(target.id, Memory()), self.at.get(target)
            heard_by = self._heard_by(target.id)
            after = of_alarm(before, memory.state, memory.began_at, now, heard_by)
            if after != before:
                self.at[target] = after
                changed.append(target)
        return changed

    def _judge(self, id_: str, sight: Sight, stepped: Stepped, now: float) -> bool:
        """Judge one alarm, and return whether it stands otherwise than before."""
        alarm, before, heard_by = self.alarms[id_], self.memories[id_], self._heard_by(id_)
        said = evaluate(alarm.settings.rule, self._standings[id_], since=self._loaded_at, now=now)
        taken = self._taken(alarm, said, heard_by, now)
        evidence = stepped.judged[id_] = unless_blind(taken, sight)
        after = step(before, evidence, hold=alarm.hold, clear=alarm.clear, now=now)
        self.memories[id_] = after
        if after.state is not before.state:
            stepped.changed[id_] = after
        if not _is_settled(after.state, taken) or now < heard_by:
            self._due.add(id_)
        stood, state = self.at.get(Target(id_)), shown(after.state, said, alarm.settings.missing)
        stands = of_alarm(stood, state, after.began_at, now, heard_by)
        self.at[Target(id_)] = stands
        return stands != stood

    def _taken(
        self, alarm: CompositeAlarm, said: Evidence, heard_by: float, now: float
    ) -> Evidence:
        """Return what undecided evidence is taken for: nothing, until all could be heard of."""
        if said.holds is not None:
            self._undecided.pop(alarm.id, None)
            return said
        since = max(self._undecided.setdefault(alarm.id, now), heard_by)
        if now < since:
            return said
        return treated(said, alarm.settings.missing, undecided_since=since, now=now)

    def _announce(self, id_: str, stepped: Stepped, now: float) -> None:
        alarm, before, state = self.alarms[id_], self.announced[id_], self.memories[id_].state
        other = self.at[alarm.suppressor] if alarm.suppressor else None
        suppressor = other.state if other and not other.is_early(now) else None
        after = announce(before, alarm, state, suppressor, now)
        if after != before:
            self.announced[id_] = stepped.announced[id_] = after
        if after.state is not state or after.quiet.by:
            self._due.add(id_)


def _is_settled(state: State, evidence: Evidence) -> bool:
    """Whether an alarm stays as it is while what it reads does: no time counts for anything."""
    return state is not State.ALARM and (
        evidence.holds is None or (evidence.holds is False and state is State.OK)
    )


def _sight(fleet: Fleet) -> Sight:
    """Return the sight of the vantage that sees best: what nobody sees, nobody may judge."""
    seeing = [sight for name, sight in fleet.sights.items() if fleet.sees(name)]
    return max(seeing, key=lambda sight: sight.proven_at, default=Sight(UNDECIDED, -math.inf))
