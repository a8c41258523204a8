"""One incident, one page: alarms of a service are joined, and the best cause has the headline.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vedette.agent.diagnoses.names import RANK, Rule, is_warning
from vedette.exporters.page import Severity


class Change(StrEnum):
    """What became of an incident in one step."""

    OPENED = "opened"
    REHEADLINED = "reheadlined"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One page's worth of trouble.

    *key* is the dedup key; *headline* a rule's id; *members* the ids of all alarms that joined
    and when each one's fault began; *headlines* every headline with the time it took over;
    *severity* the gravest that people were told.
    """

    key: str
    service: str
    headline: str
    opened_at: float
    members: Mapping[str, float]
    headlines: Sequence[tuple[str, float]]
    resolved_at: float | None = None
    severity: Severity = Severity.CRITICAL


def dedup_key(deployment: str, service: str) -> str:
    """Return the key that every agent of a fleet computes for the same trouble."""
    return f"{deployment}/{service}"


def advance(
    incident: Incident | None,
    *,
    key: str,
    firing: Mapping[str, float],
    pending: Collection[str],
    rules: Mapping[str, Rule],
    now: float,
) -> tuple[Incident | None, Change | None]:
    """Advance a service's incident: *firing* maps alarms to the times their faults began.

    A symptom waits for a better cause that is *pending*, so that the first page has the right
    headline; a better cause that comes later takes the headline over, under the same key. So does
    the same cause when it has become grave: *rules* have the severities of *now*.
    """
    if incident is None:
        return _open(key, firing, pending, rules, now)
    if not firing:
        return replace(incident, resolved_at=now), Change.RESOLVED
    joined = {**firing, **incident.members}
    incident = replace(incident, members=joined)
    best = _best(firing, rules)
    if _rank(best, rules) < _rank(incident.headline, rules, incident.severity):
        return _reheadlined(incident, rules[best], now), Change.REHEADLINED
    return incident, None


def _reheadlined(incident: Incident, rule: Rule, now: float) -> Incident:
    taken_over = () if rule.id == incident.headline else ((rule.id, now),)
    return replace(
        incident,
        headline=rule.id,
        headlines=(*incident.headlines, *taken_over),
        severity=min(incident.severity, rule.severity, key=list(Severity).index),
    )


def _open(
    key: str,
    firing: Mapping[str, float],
    pending: Collection[str],
    rules: Mapping[str, Rule],
    now: float,
) -> tuple[Incident | None, Change | None]:
    if not firing:
        return None, None
    best = _best(firing, rules)
    if any(_rank(other, rules) < _rank(best, rules) for other in pending):
        return None, None
    opened = Incident(
        key=key,
        service=rules[best].service,
        headline=best,
        opened_at=now,
        members=dict(firing),
        headlines=((best, now),),
        severity=rules[best].severity,
    )
    return opened, Change.OPENED


def _best(firing: Mapping[str, float], rules: Mapping[str, Rule]) -> str:
    """What explains the rest leads; among equals, what came first."""
    return min(firing, key=lambda id_: (_rank(id_, rules), firing[id_], id_))


def _rank(id_: str, rules: Mapping[str, Rule], told: Severity | None = None) -> tuple[bool, int]:
    """Return the place of an alarm among those that want the headline, the best one first.

    A warning explains no more than it can be: it never stands above what must wake somebody.
    """
    rule = rules.get(id_)
    if rule is None:
        return True, max(RANK.values()) + 1
    return is_warning(told or rule.severity), RANK[rule.diagnosis]
