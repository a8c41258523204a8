"""All composite alarms, advanced together beside the standard ones.

Rule: no I/O, no clock; time is passed in. What cannot have changed is not judged again: an alarm is
when what its rule names stands otherwise, when sight does, or when its time has come.
"""

import heapq
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from vedette.agent.alarms.alarm import TICK, UNDECIDED, Evidence, Memory, State, caught_up, step
from vedette.agent.alarms.deadlines import Deadlines
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.announcement import Announcement, announce, by_whom, due_at
from vedette.agent.composite.clearing import judge_clearing
from vedette.agent.composite.evaluate import StandingOf, evaluate
from vedette.agent.composite.inputs import Changed, Inputs
from vedette.agent.composite.link import Target
from vedette.agent.composite.missing import shown, treated
from vedette.agent.composite.standing import Standing, of_alarm
from vedette.agent.composite.suppression import Suppression
from vedette.agent.diagnoses.sight import Sight, unless_blind
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey

ASLEEP = 60.0
"""Seconds between two steps after which nothing that was seen before says anything any more."""
_BLIND = Sight(UNDECIDED, -math.inf)


@dataclass(slots=True)
class Stepped:
    """What one step did: which alarms it *judged*, and which changed for people and the store.

    *held* has what holds of each check that was judged, *standings* what must outlive a restart.
    """

    judged: dict[str, Evidence] = field(default_factory=dict)
    changed: dict[str, Memory] = field(default_factory=dict)
    announced: dict[str, Announcement] = field(default_factory=dict)
    standings: dict[Target, Standing] = field(default_factory=dict)
    held: dict[CheckKey, Sequence[Evidence]] = field(default_factory=dict)


class Stepper:
    """The composite alarms with what they remember; level-triggered, as the engine is."""

    def __init__(
        self,
        alarms: Sequence[CompositeAlarm] = (),
        timings: Mapping[CheckKey, Timing] | None = None,
        memories: Mapping[str, Memory] | None = None,
        announced: Mapping[str, Announcement] | None = None,
        standings: Mapping[Target, Standing] | None = None,
    ) -> None:
        """Take up where *memories*, *announced* and *standings* stopped.

        *alarms* are in an order to judge. *timings* has the checks: for how long a look at each
        speaks for the present, and what is made of them while nothing is known.
        """
        self.alarms = {alarm.id: alarm for alarm in alarms}
        self.memories = {id_: (memories or {}).get(id_, Memory()) for id_ in self.alarms}
        self.announced = {
            id_: (announced or {}).get(id_, Announcement(memory.state, Suppression(memory.state)))
            for id_, memory in self.memories.items()
        }
        self.evidence: dict[str, Evidence] = {}
        self.at: dict[Target, Standing] = {}
        self._inputs = Inputs(self.alarms, timings or {}, self.at)
        known = standings or {}
        self.at |= {target: known[target] for target in self._inputs.lasting & known.keys()}
        self._loaded_at = math.inf
        self._stepped_at = self._awake_at = self._certain_until = -math.inf
        self._sight, self._is_blinded = _BLIND, False
        self._undecided: dict[str, float] = {}
        self._unsettled: set[str] = set()
        self._rising: set[str] = set()
        self._outvoted: set[str] = set()
        self._clearing: dict[str, bool] = {}
        self._judging, self._telling = Deadlines[str](), Deadlines[str]()
        self._link()

    def take_over(self, before: "Stepper", keys: Collection[CheckKey]) -> None:
        """Go on with what *before* knew: of what is not the same any more, the next step tells.

        *keys* are the checks of which all that was seen is known.
        """
        self._inputs.take_over(before._inputs, keys)  # noqa: SLF001
        self._awake_at = before._awake_at  # noqa: SLF001
        self._sight, self._is_blinded = before._sight, before._is_blinded  # noqa: SLF001
        self.at.update(before.at)
        self._undecided = {i: at for i, at in before._undecided.items() if i in self.alarms}  # noqa: SLF001
        self._loaded_at = before._loaded_at  # noqa: SLF001
        self.memories |= {i: one for i, one in before.as_of_now().items() if i in self.alarms}

    def is_quiet(self, id_: str, now: float) -> bool:
        """Whether the alarm *id_* may open no page now: it is muted, or its suppressor explains it.

        Both count until a page is open, whatever people might have been told before.
        """
        alarm = self.alarms.get(id_)
        if alarm is None:
            return False
        stands = self.at.get(alarm.suppressor) if alarm.suppressor else None
        explained = stands is not None and stands.state is State.ALARM
        return explained or bool(by_whom(self.announced[id_], alarm, now))

    def only_clears(self, id_: str, is_over: Callable[[str], bool]) -> bool:
        """Whether the rule of *id_* holds only by alarms that clear as yet, as clearing.py says.

        It is asked between two steps, in which what *is_over* says stays the same.
        """
        if id_ not in self._clearing:
            below, now = self._below(id_), self._stepped_at
            judge_clearing(below, self.at, is_over, self.is_early, now, self._clearing)
        return self._clearing[id_]

    def is_early(self, id_: str) -> bool:
        """Whether that nothing is heard of something that is named means nothing as yet."""
        return self._stepped_at < self._inputs.heard_by(id_)

    def _below(self, id_: str) -> Sequence[CompositeAlarm]:
        """Return those by which *id_* goes, and itself, if not yet judged, in an order to judge."""
        found, todo = {id_}, [id_]
        while todo:
            alarm = self.alarms[todo.pop()]
            parts = {alarm.targets[ref.name].id for ref in alarm.settings.rule.refs}
            new = (parts & self.alarms.keys()) - found - self._clearing.keys()
            found |= new
            todo += new
        return [self.alarms[one] for one in sorted(found, key=self._places.__getitem__)]

    def as_of_now(self) -> Mapping[str, Memory]:
        """Return what is remembered of each alarm, as if all were judged at each step till now."""
        now = self._stepped_at
        return {
            id_: self._caught_up(self.alarms[id_], until=now, before=now) for id_ in self.memories
        }

    def _link(self) -> None:
        """Find who reads what."""
        self._order = [*self.alarms]
        self._places = {id_: place for place, id_ in enumerate(self.alarms)}
        self._readers: dict[Target, list[str]] = {}
        self._quieted: dict[Target, list[str]] = {}
        self._standings: dict[str, StandingOf] = {}
        for id_, alarm in self.alarms.items():
            self._standings[id_] = self._standing_of(alarm)
            parts = (alarm.targets[ref.name] for ref in alarm.settings.rule.refs)
            for target in dict.fromkeys(parts):
                self._readers.setdefault(target, []).append(id_)
            if alarm.suppressor:
                self._quieted.setdefault(alarm.suppressor, []).append(id_)

    def _standing_of(self, alarm: CompositeAlarm) -> StandingOf:
        at, targets = self.at, alarm.targets
        return lambda ref: at[targets[ref.name]]

    @property
    def checks(self) -> Collection[CheckKey]:
        """The checks that rules name."""
        return self._inputs.checks

    @property
    def lasting(self) -> Collection[Target]:
        """What stays as it was last seen while it is not seen."""
        return self._inputs.lasting

    @property
    def due(self) -> float:
        """From when on a step may change something, though nothing is seen until then."""
        return min(self._judging.next(), self._telling.next())

    @property
    def lacks_proof(self) -> bool:
        """Whether an alarm waits only for proof that somebody sees."""
        return any(not self.evidence[id_].holds for id_ in self._rising)

    def step(
        self,
        fleet: Fleet,
        standard: Mapping[str, Memory],
        *,
        keys: Collection[CheckKey],
        changed: Collection[str],
        certain_until: float,
        grave: Set[str] = frozenset(),
    ) -> Stepped:
        """Advance to the moment of *fleet*; *standard* are the memories of the standard alarms.

        Of no check but *keys* anything else may be said than before, and of no standard alarm but
        those *changed*. Until *certain_until* all was as it was. The *grave* only a quorum ends.
        """
        if not self.alarms:
            return Stepped()
        stepped, now, seen = Stepped(), fleet.now, list[Changed]()
        self._clearing.clear()
        self._certain_until = certain_until
        is_anew = self._is_anew(now)
        for key in keys:
            stepped.held[key] = self._inputs.see(key, fleet, seen)
        for target, before in seen:
            if target in self._inputs.lasting and not self.at[target].is_again(before):
                stepped.standings[target] = self.at[target]
        ids = self._inputs.standard if is_anew else changed
        seen += self._inputs.look_at(ids, standard, now)
        due = {*self._judging.take(now)} | self._look_round(fleet, seen) | self._reading(seen)
        due |= self._count(fleet, grave)
        telling = {*self._telling.take(now)}
        telling.update(*(self._quieted.get(one, ()) for one, _ in seen))
        queue = sorted(map(self._places.__getitem__, self.alarms if is_anew else due))
        for id_ in self._in_order(queue):
            telling.add(id_)
            if self._judge(id_, stepped, now):
                target = Target(id_)
                telling.update(self._quieted.get(target, ()))
                for reader in self._readers.get(target, ()):
                    heapq.heappush(queue, self._places[reader])
        for id_ in sorted(self.alarms if is_anew else telling):
            self._announce(id_, stepped, now)
        return stepped

    def _is_anew(self, now: float) -> bool:
        """Whether everything is to be judged: at the start, and after a sleep or a clock set back.

        Who has slept knows nothing as yet, and what began in the future begins now.
        """
        slept = not 0 <= now - self._awake_at <= ASLEEP
        is_anew = slept or self._stepped_at == -math.inf
        self._stepped_at = self._awake_at = now
        if is_anew:
            self._inputs.wake(now, slept=slept)
        if slept:
            self._loaded_at = min(self._loaded_at, now)
            for id_, memory in self.memories.items():
                self.memories[id_] = replace(memory, began_at=min(memory.began_at, now))
        return is_anew

    def _look_round(self, fleet: Fleet, seen: list[Changed]) -> set[str]:
        """See who sees, and return the alarms that this may change; add to *seen* what does.

        Of sight that is proven for longer only those want to know that lacked the proof.
        """
        before, self._sight = self._sight, _sight(fleet)
        if self._sight.blind.holds is not False:  # or it is only not known for a moment
            self._is_blinded |= bool(fleet.blindness[fleet.own].holds)
        elif self._is_blinded:
            self._is_blinded = False
            self._inputs.look_afresh(fleet.now, seen)
        if self._sight.blind.holds is not before.blind.holds:
            return {*self._unsettled}
        if self._sight.proven_at > before.proven_at:
            return {id_ for id_ in self._rising if not self.evidence[id_].holds}
        return {*self._unsettled} if self._sight.proven_at < before.proven_at else set()

    def _count(self, fleet: Fleet, grave: Set[str]) -> set[str]:
        """Find those of the *grave* that too few see to end them; return for which that is new."""
        before, known = self._outvoted, self.alarms.keys() & grave
        self._outvoted = {id_ for id_ in known if self.alarms[id_].lacks_quorum(fleet)}
        return before ^ self._outvoted

    def _reading(self, seen: Sequence[Changed]) -> set[str]:
        """Return the alarms that read what was *seen* to stand otherwise.

        That something was seen again matters only to those that it may bring into ALARM.
        """
        due: set[str] = set()
        for target, before in seen:
            readers = self._readers.get(target, ())
            is_again = self.at[target].is_again(before)
            due.update(self._rising.intersection(readers) if is_again else readers)
        return due

    def _in_order(self, queue: list[int]) -> Iterator[str]:
        """Yield the alarms at the places in the heap *queue*, each once; it may grow meanwhile."""
        done = -1
        while queue:
            place = heapq.heappop(queue)
            if place > done:
                done = place
                yield self._order[place]

    def _judge(self, id_: str, stepped: Stepped, now: float) -> bool:
        """Judge one alarm, and return whether it stands otherwise than before."""
        alarm, before = self.alarms[id_], self.memories[id_]
        rule, heard_by = alarm.settings.rule, self._inputs.heard_by(id_)
        said = evaluate(rule, self._standings[id_], since=self._loaded_at, now=now)
        taken, until = self._taken(alarm, said.evidence, heard_by, now)
        evidence = unless_blind(taken, self._sight)
        if said.evidence.holds is False and id_ in self._outvoted:
            evidence = UNDECIDED  # what is missing and taken for good ends it as ever
        after = self._go_on(alarm, evidence, now)
        if after.state is not before.state:
            stepped.changed[id_] = after
        stepped.judged[id_] = self.evidence[id_] = evidence
        rises = taken.holds is True and (after.state is not State.ALARM or not evidence.holds)
        _put(self._rising, id_, is_in=rises)
        _put(self._unsettled, id_, is_in=not _is_settled(after.state, taken))
        self._judging.put(id_, min(said.until, until, _due_at(alarm, after, evidence, now)))
        state = shown(after.state, said.evidence, alarm.settings.missing)
        stood = self.at.get(Target(id_))
        stands = of_alarm(stood, state, after.began_at, now, heard_by)
        self.at[Target(id_)] = stands
        return stands != stood

    def _go_on(self, alarm: CompositeAlarm, evidence: Evidence, now: float) -> Memory:
        """Advance one alarm by what is said of it now."""
        kept = self._caught_up(alarm, until=self._certain_until, before=now - TICK)
        after = step(kept, evidence, hold=alarm.hold, clear=alarm.clear, now=now)
        self.memories[alarm.id] = after
        return after

    def _caught_up(self, alarm: CompositeAlarm, *, until: float, before: float) -> Memory:
        memory, said = self.memories[alarm.id], self.evidence.get(alarm.id)
        return caught_up(
            memory, said, hold=alarm.hold, clear=alarm.clear, until=until, before=before
        )

    def _taken(
        self, alarm: CompositeAlarm, said: Evidence, heard_by: float, now: float
    ) -> tuple[Evidence, float]:
        """Return what undecided evidence is taken for: nothing, until all could be heard of.

        With it, when that is.
        """
        if said.holds is not None:
            self._undecided.pop(alarm.id, None)
            return said, math.inf
        since = max(self._undecided.setdefault(alarm.id, now), heard_by)
        if now < since:
            return said, since
        missing = alarm.settings.missing
        return treated(said, missing, undecided_since=since, now=now), math.inf

    def _announce(self, id_: str, stepped: Stepped, now: float) -> None:
        alarm, before, state = self.alarms[id_], self.announced[id_], self.memories[id_].state
        other = self.at[alarm.suppressor] if alarm.suppressor else None
        is_early = other is not None and other.is_early(now)
        suppressor = None if other is None or is_early or self._is_unseen(other) else other.state
        after = announce(before, alarm, state, suppressor, now)
        if after != before:
            self.announced[id_] = stepped.announced[id_] = after
        at = due_at(after, alarm, state, now)
        self._telling.put(id_, min(at, other.since) if other and is_early else at)

    def _is_unseen(self, suppressor: Standing) -> bool:
        """Whether a suppressor cannot be told because this vantage is blind, and nobody sees."""
        return self._is_blinded and suppressor.state is State.INSUFFICIENT_DATA


def _due_at(alarm: CompositeAlarm, memory: Memory, evidence: Evidence, now: float) -> float:
    """Return when *evidence* that stays as it is, but for being seen, fills a hold or a clear."""
    if evidence.holds and memory.state is not State.ALARM and evidence.seen_at >= now:
        return evidence.began_at + alarm.hold
    if evidence.holds is False and memory.state is State.ALARM:
        return now + alarm.clear - memory.good_for
    return math.inf


def _is_settled(state: State, evidence: Evidence) -> bool:
    """Whether an alarm stays as it is whoever sees: nothing holds, and nothing is to be ended."""
    return state is not State.ALARM and (
        evidence.holds is None or (evidence.holds is False and state is State.OK)
    )


def _put(ids: set[str], id_: str, *, is_in: bool) -> None:
    (ids.add if is_in else ids.discard)(id_)


def _sight(fleet: Fleet) -> Sight:
    """Return the sight of the vantage that sees best: what nobody sees, nobody may judge."""
    seeing = [sight for name, sight in fleet.sights.items() if fleet.sees(name)]
    return max(seeing, key=lambda sight: sight.proven_at, default=_BLIND)
