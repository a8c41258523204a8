"""All composite alarms, advanced together beside the standard ones.

Rule: no I/O, no clock; time is passed in. What cannot have changed is not judged again.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, Memory, State, step
from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.announcement import Announcement, announce
from vedette.agent.composite.evaluate import StandingOf, evaluate
from vedette.agent.composite.leaves import judge_of
from vedette.agent.composite.link import Target
from vedette.agent.composite.missing import shown, treated
from vedette.agent.composite.standing import Standing, of_alarm, of_check
from vedette.agent.composite.suppression import Suppression
from vedette.agent.diagnoses.sight import Sight, unless_blind
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.settings import Missing

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
        timings: Mapping[CheckKey, Timing] | None = None,
        memories: Mapping[str, Memory] | None = None,
        announced: Mapping[str, Announcement] | None = None,
    ) -> None:
        """Take up where *memories* and *announced* stopped; *alarms* are in an order to judge.

        *timings* has the checks: for how long a look at each speaks for the present, and what is
        made of them while nothing is known.
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
        self._failing: dict[CheckKey, None] = {}
        self._loaded_at = self._awake_at = math.inf
        self._stepped_at = -math.inf
        self._kept = {k for k, one in (timings or {}).items() if one.missing is Missing.IGNORE}
        self._link({str(key): (key, one.fresh_for) for key, one in (timings or {}).items()})

    def take_over(self, before: "Stepper") -> None:
        """Go on with what *before* knew: of what is not the same any more, the next step tells."""
        self.at = dict(before.at)
        self._undecided = {i: at for i, at in before._undecided.items() if i in self.alarms}  # noqa: SLF001
        self._loaded_at = before._loaded_at  # noqa: SLF001

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

    @property
    def checks(self) -> Collection[CheckKey]:
        """The checks that rules name."""
        return self._checks.keys()

    def due(self, now: float) -> float:
        """Return from when on a step after *now* may change something, though nothing is seen."""
        return now if self._due or self._failing else math.inf

    def step(
        self, fleet: Fleet, standard: Mapping[str, Memory], keys: Collection[CheckKey]
    ) -> Stepped:
        """Advance to the moment of *fleet*; *standard* are the memories of the standard alarms.

        Of no check but *keys* anything else may be said than before.
        """
        if not self.alarms:
            return Stepped()
        self._begin(fleet.now)
        due, self._due = self._due, set()
        stepped, telling, sight = Stepped(), set(due), _sight(fleet)
        for target in (*self._seen(fleet, keys), *self._standards(standard, fleet.now)):
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

    def _seen(self, fleet: Fleet, keys: Collection[CheckKey]) -> Sequence[Target]:
        """Judge the checks, and return those that stand otherwise than before.

        One that fails is seen to do so again and again.
        """
        changed = []
        for key in dict.fromkeys((*keys, *self._failing)):
            for target in self._checks.get(key, ()):
                evidence, before = self._judges[target](fleet), self.at.get(target)
                if evidence.holds is None and before is not None and key in self._kept:
                    continue
                after = of_check(before, evidence, fleet.now, self._heard_by(target.id))
                if after != before:
                    self.at[target] = after
                    changed.append(target)
            self._failing.pop(key, None)
            if any(self.at[t].state is State.ALARM for t in self._checks.get(key, ())):
                self._failing[key] = None
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
