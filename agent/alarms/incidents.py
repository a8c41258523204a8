"""One incident, one page: alarms of a service are joined, and the best cause has the headline.

Rule: pure; no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vedette.agent.composite.alarm import Alarm
from vedette.agent.diagnoses.names import RANK, Diagnosis, Rule, is_one_trouble, is_warning
from vedette.exporters.page import Severity

NEAR = 600.0
"""Seconds within which two faults of a service are taken for one."""
PATIENCE = 0.1
"""The part of the time it takes to clear for which a warning, or a symptom of what is not certain
yet, waits for its cause: a minute of ten."""


class Change(StrEnum):
    """What became of an incident in one step."""

    OPENED = "opened"
    REHEADLINED = "reheadlined"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One page's worth of trouble.

    *key* is the dedup key; *headline* a rule's id; *members* the ids of all alarms that joined
    and when each one's fault began, *ended* those of them whose fault is over, or was before the
    last ended; *headlines* every headline with the time it took over; *severity* the gravest that
    people were told.
    """

    key: str
    service: str
    headline: str
    opened_at: float
    members: Mapping[str, float]
    headlines: Sequence[tuple[str, float]]
    resolved_at: float | None = None
    severity: Severity = Severity.CRITICAL
    ended: frozenset[str] = frozenset()

    @property
    def burning(self) -> Set[str]:
        """The members whose faults go on, or went on to the end."""
        return self.members.keys() - self.ended

    @property
    def began_at(self) -> float:
        """When the first of its faults began."""
        return min(self.members.values(), default=self.opened_at)


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with a service: alarms in ALARM, and those that are not yet, since when.

    *rules* have the severities of the moment, *usual* their own. While *muted*, nothing opens.
    *is_called* says whether a peer that sees has called under a key, and not ended that. *taken*
    are those of prefixes that are lost to a stranger.
    """

    firing: Mapping[str, float]
    pending: Mapping[str, float]
    rules: Mapping[str, Alarm]
    muted: bool = False
    usual: Mapping[str, Alarm] = field(default_factory=dict)
    is_called: Callable[[str], bool] = lambda _key: False
    taken: Set[str] = frozenset()


Told = tuple[Incident, Change | None]


def headed(incident: Incident, rules: Mapping[str, Alarm]) -> tuple[str, str]:
    """Return diagnosis and subject of its headline: by the id where the config has it no longer."""
    if rule := rules.get(incident.headline):
        return str(rule.diagnosis), rule.subject
    _, _, rest = incident.headline.removeprefix(incident.service).partition("/")
    diagnosis, _, subject = rest.partition("/")
    return diagnosis or incident.headline, subject or incident.service


def title_of(id_: str, rules: Mapping[str, Alarm]) -> str:
    """Return diagnosis and subject of an alarm, or its id where the config says no more of it."""
    rule = rules.get(id_)
    return f"{rule.diagnosis} {rule.subject}" if isinstance(rule, Rule) else id_


def dedup_key(deployment: str, service: str, diagnosis: str | None = None) -> str:
    """Return the key that every agent of a fleet computes for the same trouble.

    *diagnosis* is that of a fault that is independent of what is already open.
    """
    return "/".join(part for part in (deployment, service, diagnosis) if part)


def advance(
    open_: Sequence[Incident], faults: Faults, *, deployment: str, service: str, now: float
) -> Sequence[Told]:
    """Advance a service's incidents, and return those that differ, with what to tell of each.

    A fault joins an open incident whose headline explains it or is explained by it, is a degree of
    the same trouble, or that began at about the same time, and takes the headline over where it is
    the better cause; what still burns when the headline is over does so too. A warning joins any
    critical one; a critical fault never joins a warning, nor one that only warnings keep open: who
    was woken for what is over must be woken for what is new.
    What joins none opens one of its own: with the fault's name in its key where the service's own
    key is in use, here or at a peer that has called for the same under that name.
    """
    living = list(open_)
    told: dict[str, Told] = {}
    for id_ in sorted(faults.firing, key=lambda id_: (_rank(id_, faults.rules), id_)):
        _place(id_, living, faults, told, deployment=deployment, service=service, now=now)
    for incident in living:
        after = _with_ended(incident, faults)
        if not after.burning:
            told[after.key] = (replace(incident, resolved_at=now), Change.RESOLVED)
            continue
        if after is not incident:
            told[after.key] = (after, told.get(after.key, (after, None))[1])
        told |= _led_anew(after, faults, now)
    return [*told.values()]


def _place(
    id_: str,
    living: list[Incident],
    faults: Faults,
    told: dict[str, Told],
    *,
    deployment: str,
    service: str,
    now: float,
) -> None:
    """Put one alarm that fires into the incident that it belongs to, or open one."""
    rule, began_at = faults.rules.get(id_), faults.firing[id_]
    if rule is None or any(id_ in incident.burning for incident in living):
        return
    named = dedup_key(deployment, service, rule.diagnosis)
    for at, incident in enumerate(living):
        if incident.key == named or _belongs(rule, began_at, incident, faults):
            living[at] = joined = _join(incident, rule, began_at, faults.rules, now)
            change = Change.REHEADLINED if joined.headline != incident.headline else None
            # What one fault of a step has changed, another that joins with it must not hide.
            told[joined.key] = (joined, told.get(joined.key, (joined, None))[1] or change)
            return
    if faults.muted or now < _waits_until(id_, began_at, faults):
        return
    used = {incident.key for incident in living}
    plain = dedup_key(deployment, service)
    key = named if plain in used or faults.is_called(named) else plain
    incident = Incident(
        key=key,
        service=service,
        headline=id_,
        opened_at=now,
        members={id_: began_at},
        headlines=((id_, now),),
        severity=rule.severity,
    )
    living.append(incident)
    told[key] = (incident, Change.OPENED)


def _with_ended(incident: Incident, faults: Faults) -> Incident:
    if ended := incident.burning - faults.firing.keys():
        return replace(incident, ended=incident.ended | ended)
    return incident


def _belongs(rule: Alarm, began_at: float, incident: Incident, faults: Faults) -> bool:
    """Whether a fault is one with an open incident, which it may have been part of before."""
    was_part = rule.id in incident.members
    if is_warning(rule.severity):
        if was_part or not is_warning(incident.severity):
            return True
    elif is_warning(incident.severity):
        return was_part
    elif not _goes_on(incident, faults):
        return False
    headline = faults.rules.get(incident.headline)
    if was_part or headline is None or _has_grown(rule, incident, faults):
        return True
    if is_one_trouble(headline.diagnosis, rule.diagnosis) or headline.layer is not rule.layer:
        return True
    return abs(began_at - incident.began_at) <= NEAR


def _has_grown(rule: Alarm, incident: Incident, faults: Faults) -> bool:
    """Whether *rule* tells what a hijack has come to that an open incident is of."""
    burning = (faults.rules[id_] for id_ in incident.burning if id_ in faults.rules)
    return rule.id in faults.taken and any(
        one.diagnosis == Diagnosis.ORIGIN_HIJACK and one.subject == rule.subject for one in burning
    )


def _goes_on(incident: Incident, faults: Faults) -> bool:
    """Whether what a critical incident tells of went on till now, and no warning alone kept it."""
    return any(id_ == incident.headline or _is_critical(id_, faults) for id_ in incident.burning)


def _is_critical(id_: str, faults: Faults) -> bool:
    """Whether it is critical now, or is whenever it is seen."""
    known = (of[id_] for of in (faults.rules, faults.usual) if id_ in of)
    return not all(is_warning(rule.severity) for rule in known)


def _join(
    incident: Incident, rule: Alarm, began_at: float, rules: Mapping[str, Alarm], now: float
) -> Incident:
    members = {**incident.members, rule.id: began_at}
    joined = replace(incident, members=members, ended=incident.ended - {rule.id})
    if _rank(rule.id, rules) < _rank(incident.headline, rules, incident.severity):
        return _headlined(joined, rule, now)
    return joined


def _headlined(incident: Incident, rule: Alarm, now: float) -> Incident:
    return replace(
        incident,
        headline=rule.id,
        headlines=(*incident.headlines, (rule.id, now)),
        severity=min(incident.severity, rule.severity, key=list(Severity).index),
    )


def _led_anew(incident: Incident, faults: Faults, now: float) -> dict[str, Told]:
    """Tell of an incident that has become grave, or whose cause is over: by what is critical now.

    What only clears beside its cause does not lead: it ends with it.
    """
    if not is_warning(incident.severity) and incident.headline not in incident.ended:
        return {}
    burning = (faults.rules[id_] for id_ in incident.burning)
    grave = [rule for rule in burning if not is_warning(rule.severity)]
    if not grave:
        return {}
    best = min(grave, key=lambda rule: _rank(rule.id, faults.rules))
    if best.id == incident.headline:
        after = replace(incident, severity=best.severity)
    else:
        after = _headlined(incident, best, now)
    return {incident.key: (after, Change.REHEADLINED)}


def waits_until(faults: Faults, open_: Sequence[Incident]) -> float:
    """Return when the first of what waits to open a page need wait no more; inf where none does."""
    joined = {id_ for incident in open_ for id_ in incident.burning}
    waiting = (id_ for id_ in faults.firing if id_ in faults.rules and id_ not in joined)
    if faults.muted:
        return math.inf
    return min((_waits_until(id_, faults.firing[id_], faults) for id_ in waiting), default=math.inf)


def _waits_until(id_: str, began_at: float, faults: Faults) -> float:
    """Return until when a fault that would open a page waits for a better one: its cause maybe.

    A warning waits longer, and for what would wake people alone: that never joins a warning's page.
    """
    rules = faults.rules
    is_mild = is_warning(rules[id_].severity)
    certain = [
        _certain_by(at, rules[other])
        for other, at in faults.pending.items()
        if other in rules
        and _rank(other, rules) < _rank(id_, rules)
        and not (is_mild and is_warning(rules[other].severity))
    ]
    by = max(certain, default=-math.inf)
    if is_mild:
        patient = began_at + rules[id_].hold + PATIENCE * rules[id_].clear
        return max(patient, min(by, began_at + NEAR))
    # A cause that takes longer to be certain than the fault itself may have the headline later.
    return min(by, _certain_by(began_at, rules[id_]))


def _certain_by(began_at: float, rule: Alarm) -> float:
    """Return by when a fault is certain, if it is one, with patience for what is seen late."""
    return began_at + rule.hold + rule.every + PATIENCE * rule.clear


def _rank(id_: str, rules: Mapping[str, Alarm], told: Severity | None = None) -> tuple[bool, float]:
    """Return the place of an alarm among those that want the headline, the best one first.

    A warning explains no more than it can be: it never stands above what must wake somebody.
    """
    rule = rules.get(id_)
    if rule is None:
        return True, max(RANK.values()) + 1
    return is_warning(told or rule.severity), rule.rank


def hosted(guests: Mapping[str, float], hosts: Collection[Incident]) -> Sequence[Incident]:
    """Return those of *hosts* that are critical, with *guests* among their members.

    These keep no incident open: when it is over, they page by themselves if they still fire.
    """
    critical = [incident for incident in hosts if not is_warning(incident.severity)]
    return [
        replace(
            one,
            members={**guests, **one.members},
            ended=one.ended | (guests.keys() - one.members.keys()),
        )
        for one in critical
    ]
