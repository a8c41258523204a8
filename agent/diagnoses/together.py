"""What looks at a page mean together: down for most vantages, for a region, or for some.

Rule: pure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vedette.agent.agreement import Votes, share
from vedette.agent.alarm import Evidence
from vedette.agent.diagnoses import http
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.fleet import Fleet
from vedette.agent.ledger import CheckKey


@dataclass(frozen=True, slots=True)
class Seen:
    """What each vantage says: that the page is *down* for it, or is in any *trouble*."""

    down: Votes
    trouble: Votes


Judge = Callable[[Seen, Fleet], Evidence]


def seen(fleet: Fleet, key: CheckKey, hold: float) -> Seen:
    """Return what each vantage says of the page *key*."""
    down = fleet.votes(key, lambda view: http.service_down(view.of(key)))
    partly = fleet.votes(key, lambda view: http.service_degraded(view.of(key), hold))
    trouble = {name: down[name] if down[name].holds else partly[name] for name in down}
    return Seen(down, trouble)


def service_down(seen: Seen, fleet: Fleet) -> Evidence:
    """It is down for half of the vantages that see, or more, and for a quorum."""
    agreed = fleet.agreed(seen.down)
    bad, known = share(seen.down)
    return agreed if agreed.holds is not True or 2 * bad >= known else Evidence(False)


def regional_failure(seen: Seen, fleet: Fleet) -> Evidence:
    """It is in trouble for a quorum of one region, and for nobody elsewhere."""
    return _in_part(seen, fleet, regional=True)


def service_degraded(seen: Seen, fleet: Fleet) -> Evidence:
    """It is in trouble for a quorum, and neither down nor in one region alone."""
    return _in_part(seen, fleet, regional=False)


JUDGES: Mapping[Diagnosis, Judge] = {
    Diagnosis.SERVICE_DOWN: service_down,
    Diagnosis.REGIONAL_FAILURE: regional_failure,
    Diagnosis.SERVICE_DEGRADED: service_degraded,
}


def _in_part(seen: Seen, fleet: Fleet, *, regional: bool) -> Evidence:
    if service_down(seen, fleet).holds:
        return Evidence(False)
    trouble = fleet.agreed(seen.trouble)
    if trouble.holds and _is_regional(seen, fleet) is not regional:
        return Evidence(False)
    return trouble


def _is_regional(seen: Seen, fleet: Fleet) -> bool:
    vantages = fleet.quorum.vantages
    regions: dict[bool, set[str | None]] = {True: set(), False: set()}
    for name, evidence in seen.trouble.items():
        if evidence.holds is not None and name in vantages:
            regions[evidence.holds].add(vantages[name].region)
    return (
        len(regions[True]) == 1
        and None not in regions[True]
        and (not regions[False] <= regions[True])
    )
