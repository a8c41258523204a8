"""One incident, one page: alarms of a service are joined, and the best cause has the headline.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vedette.agent.diagnoses import RANK, Rule


class Change(StrEnum):
    """What became of an incident in one step."""

    OPENED = "opened"
    REHEADLINED = "reheadlined"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """One page's worth of trouble.

    *key* is the dedup key; *headline* a rule's id; *members* the ids of all alarms that joined
    and when each one's fault began; *headlines* every headline with the time it took over.
    """

    key: str
    service: str
    headline: str
    opened_at: float
    members: Mapping[str, float]
    headlines: Sequence[tuple[str, float]]
    resolved_at: float | None = None


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
    headline; a better cause that comes later takes the headline over, under the same key.
    """
    if incident is None:
        return _open(key, firing, pending, rules, now)
    if not firing:
        return replace(incident, resolved_at=now), Change.RESOLVED
    joined = {**firing, **incident.members}
    incident = replace(incident, members=joined)
    best = _best(firing, rules)
    if _rank(best, rules) < _rank(incident.headline, rules):
        headlines = (*incident.headlines, (best, now))
        return replace(incident, headline=best, headlines=headlines), Change.REHEADLINED
    return incident, None


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
    )
    return opened, Change.OPENED


def _best(firing: Mapping[str, float], rules: Mapping[str, Rule]) -> str:
    """What explains the rest leads; among equals, what came first."""
    return min(firing, key=lambda id_: (_rank(id_, rules), firing[id_], id_))


def _rank(id_: str, rules: Mapping[str, Rule]) -> int:
    rule = rules.get(id_)
    return RANK[rule.diagnosis] if rule else max(RANK.values()) + 1
