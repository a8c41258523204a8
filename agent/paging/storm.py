"""Storms: when many incidents open at about the same time, the rest of them share one page.

The first few that open within ten minutes page by themselves; each further one joins the roll-up
of its class, critical or warning, and is covered by it until it resolves. The decision goes by
what opens in a step in the order of severity and key, so that agents with equal evidence page
under equal keys.
Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.diagnoses.names import is_warning
from vedette.exporters.page import Action, Severity

MOST = 5
"""How many incidents of a class, by key, that open within WITHIN have a page of their own."""
WITHIN = 600.0
GATHERED_FOR = 5.0
"""Seconds that a roll-up waits for the rest before it is told: pagers keep its first headline. And
for the word of a peer that has ended its own."""
TOLD_EVERY = 60.0
"""Seconds between two triggers of a roll-up."""


class Grade(StrEnum):
    """The two classes: a critical incident in a page of warnings would wake nobody."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Storm:
    """What is remembered of one class.

    *opened* is when those that opened last did, by key: what comes and goes is no storm. *members*
    are the keys of those that the roll-up covers; *stale_since* is when they came to differ from
    what people were told, at *told_at*; *is_open* whether the roll-up was triggered and not
    resolved since.
    """

    opened: Mapping[str, float] = field(default_factory=dict)
    members: Sequence[str] = ()
    stale_since: float | None = None
    told_at: float | None = None
    is_open: bool = False

    def is_raging(self, key: str, now: float) -> bool:
        """Whether the incident of this *key*, which opens at *now*, joins the roll-up."""
        near = {other for other, at in self.opened.items() if abs(now - at) < WITHIN}
        return len(near - {key}) >= MOST

    def is_due(self, now: float) -> bool:
        """Whether people are to be told anew what the members are."""
        if self.stale_since is None or not self.members:
            return False
        due_at = self.stale_since + GATHERED_FOR
        if self.told_at is not None:
            due_at = max(due_at, self.told_at + TOLD_EVERY)
        # A clock that was set back by hours makes nobody wait for hours.
        return not due_at - TOLD_EVERY - GATHERED_FOR <= now < due_at


@dataclass(frozen=True, slots=True)
class RollUp:
    """A page to be written: what it does, and the incidents that it covers, by key."""

    grade: Grade
    action: Action
    members: Sequence[Incident]


Told = tuple[Incident, Change]


@dataclass(frozen=True, slots=True)
class Telling:
    """What one step tells people: of incidents by themselves, and of roll-ups."""

    incidents: Sequence[Told]
    roll_ups: Sequence[RollUp]
    changed: Mapping[Grade, Storm]
    """What must be kept with it."""


class Storms:
    """Decides for each change whether it is told by itself or with others."""

    def __init__(self, remembered: Mapping[Grade, Storm] | None = None) -> None:
        """Take up where *remembered* stopped."""
        self._storms = dict.fromkeys(Grade, Storm()) | dict(remembered or {})
        # Beside the sorted ones of each storm, which are made once a step and not with each key.
        self._members = {grade: {*storm.members} for grade, storm in self._storms.items()}

    @property
    def open(self) -> Sequence[Grade]:
        """The classes whose roll-up people were told of, and not yet that it is over."""
        return [grade for grade, storm in self._storms.items() if storm.is_open]

    def covers(self, key: str) -> bool:
        """Whether a roll-up covers the incident of this *key*."""
        return any(key in members for members in self._members.values())

    def members(self, grade: Grade) -> Collection[str]:
        """The keys of the incidents that the roll-up of a class covers."""
        return self._members[grade]

    def step(self, open_: Mapping[str, Incident], changes: Iterable[Told], now: float) -> Telling:
        """Take in the *changes* of a step, after which the incidents *open_* are open."""
        before = dict(self._storms)
        told = [
            (incident, change)
            for incident, change in sorted(changes, key=_order)
            if self._is_told(incident, change, now)
        ]
        roll_ups = [one for grade in Grade for one in self._roll_up(grade, open_, now)]
        changed = {grade: s for grade, s in self._storms.items() if s is not before[grade]}
        return Telling(told, roll_ups, changed)

    def _is_told(self, incident: Incident, change: Change, now: float) -> bool:
        """Whether a change is told by itself; else it is of the members of a roll-up now."""
        grade = grade_of(incident.severity)
        for other, storm in self._storms.items():
            if incident.key not in self._members[other]:
                continue
            if change is Change.RESOLVED or other is not grade:
                self._members[other].remove(incident.key)
            self._storms[other] = _stale(storm, now)
            if change is Change.RESOLVED or other is grade:
                return False
            change = Change.OPENED  # it has become grave, and nobody was woken for it yet
        return change is not Change.OPENED or self._has_own(grade, incident.key, now)

    def _has_own(self, grade: Grade, key: str, now: float) -> bool:
        """Count an incident that opens; return whether it has a page of its own."""
        storm = self._storms[grade]
        raging = storm.is_raging(key, now)
        opened = {other: at for other, at in storm.opened.items() if other != key} | {key: now}
        newest = list(opened.items())[-MOST - 1 :]
        if raging:
            self._members[grade].add(key)
            storm = _stale(storm, now)
        self._storms[grade] = replace(storm, opened=dict(newest))
        return not raging

    def _roll_up(self, grade: Grade, open_: Mapping[str, Incident], now: float) -> Iterable[RollUp]:
        storm, members = self._storms[grade], self._members[grade]
        if not members <= open_.keys():
            members.intersection_update(open_)
            storm = _stale(storm, now)
        if members != {*storm.members}:
            storm = replace(storm, members=tuple(sorted(members)))
        if storm.is_due(now):
            storm = replace(storm, stale_since=None, told_at=now, is_open=True)
            yield RollUp(grade, Action.TRIGGER, [open_[key] for key in storm.members])
        elif not storm.members and storm.is_open:
            storm = replace(storm, stale_since=None, is_open=False)
            yield RollUp(grade, Action.RESOLVE, [])
        if storm != self._storms[grade]:
            self._storms[grade] = storm


def grade_of(severity: Severity) -> Grade:
    """Return the class of *severity*."""
    return Grade.WARNING if is_warning(severity) else Grade.CRITICAL


def _order(told: Told) -> tuple[int, str]:
    """The gravest first: of those that open at once the first few page by themselves."""
    incident, _ = told
    return list(Severity).index(incident.severity), incident.key


def _stale(storm: Storm, now: float) -> Storm:
    return storm if storm.stale_since is not None else replace(storm, stale_since=now)
