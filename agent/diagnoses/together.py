"""What looks at a page mean together: down for most vantages, for a region, or for some.

Rule: pure.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vedette.agent.alarms.agreement import Distinct, Votes, share
from vedette.agent.alarms.alarm import DENIED, UNDECIDED, Evidence, reached
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.diagnoses import http
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.view import View, unknown_since
from vedette.agent.diagnoses.votes import both
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Verdict
from vedette.checks.http.places import Place


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """The page of the check *key*; an outage lasts *hold* seconds at least.

    It goes by identity, as functions do: what its judges said is looked up by them.
    """

    key: CheckKey
    hold: float

    def down(self, view: View) -> Evidence:
        """Whether it is down for a vantage."""
        return http.service_down(view.of(self.key))

    def partly(self, view: View) -> Evidence:
        """Whether it is in any other trouble there."""
        if view.recall(self.down, (self.key,)).holds:
            return DENIED
        return http.service_degraded(view.of(self.key), self.hold)

    def stirred(self, view: View) -> Evidence:
        """Whether it is not all well there, though that may be too little for trouble."""
        return http.service_stirred(view.of(self.key), self.hold)

    def trouble(self, view: View) -> Evidence:
        """Whether it is down or in other trouble there."""
        down = self.down(view)
        return down if down.holds else self.partly(view)

    def unknown(self, fleet: Fleet, name: str) -> Evidence:
        """Since when a vantage without a word on it has none; undecided where one is due.

        A fleet that is short waits for none that is not known to see: it goes by who is there.
        """
        if not fleet.sees(name) and fleet.is_short(self.key.service):
            return Evidence(True, -math.inf, fleet.now)
        if fleet.blindness[name].holds:
            return Evidence(True, fleet.blindness[name].began_at, fleet.now)
        lost = [
            v
            for v in http.at(Place.NAME, fleet.views[name].of(self.key))
            if v.verdict is Verdict.UNKNOWN
        ]
        if not lost or not fleet.sees(name):
            return UNDECIDED
        return Evidence(True, max(map(unknown_since, lost)), fleet.now)

    def troubled(self, fleet: Fleet) -> Votes:
        """Return for which vantages it is down or in other trouble."""
        down = fleet.recalled(self.key, self.down)
        partly = fleet.recalled(self.key, self.partly)
        return {name: down[name] if down[name].holds else partly[name] for name in down}


Judge = Callable[[Page, Fleet], Evidence]


def service_down(page: Page, fleet: Fleet) -> Evidence:
    """It is down for half of the vantages that see, or more, and for a quorum."""
    return fleet.once((service_down, page), lambda: _service_down(page, fleet))


def _service_down(page: Page, fleet: Fleet) -> Evidence:
    down = fleet.recalled(page.key, page.down)
    agreed = fleet.agreed(down, page.key.service)
    return both(agreed, _half(page, fleet, down)) if agreed.holds else agreed


def _half(page: Page, fleet: Fleet, down: Votes) -> Evidence:
    """Whether half of those say so that know, since enough did, and enough others knew nothing.

    Who has just begun to know nothing leaves it to the old votes of the rest no sooner than a new
    vote would; and where it may be known in a moment what one sees, it is undecided till then.
    """
    bad, known = share(down)
    if 2 * bad < known:
        return DENIED
    saying = [vote for vote in down.values() if vote.holds]
    unknown = (page.unknown(fleet, name) for name, vote in down.items() if vote.holds is None)
    # Half of those that know: twice the bad ones, and the unknown, are as many as all.
    weighed = [*saying, *saying, *(one for one in unknown if one.holds)]
    return reached(weighed, len(down)) if len(weighed) >= len(down) else UNDECIDED


def regional_failure(page: Page, fleet: Fleet) -> Evidence:
    """It is in trouble for a quorum of one region, and well elsewhere."""
    return _in_part(page, fleet, regional=True)


def service_degraded(page: Page, fleet: Fleet) -> Evidence:
    """It is in trouble for a quorum, and neither down nor in one region alone."""
    return _in_part(page, fleet, regional=False)


JUDGES: Mapping[Diagnosis, Judge] = {
    Diagnosis.SERVICE_DOWN: service_down,
    Diagnosis.REGIONAL_FAILURE: regional_failure,
    Diagnosis.SERVICE_DEGRADED: service_degraded,
}


def _in_part(page: Page, fleet: Fleet, *, regional: bool) -> Evidence:
    if service_down(page, fleet).holds:
        return DENIED
    votes, trouble = fleet.once((Page.troubled, page), lambda: _trouble(page, fleet))
    if trouble.holds and _is_regional(page, votes, fleet) is not regional:
        return DENIED
    return trouble


def _trouble(page: Page, fleet: Fleet) -> tuple[Votes, Evidence]:
    votes = page.troubled(fleet)
    return votes, fleet.agreed(votes, page.key.service)


def _is_regional(page: Page, trouble: Votes, fleet: Fleet) -> bool:
    vantages, stirred = fleet.quorum.vantages, fleet.recalled(page.key, page.stirred)
    regions: dict[bool, set[str | int | None]] = {True: set(), False: set()}
    for name, evidence in trouble.items():
        if evidence.holds is not None and name in vantages:
            is_bad = evidence.holds or stirred[name].holds is True
            regions[is_bad].add(vantages[name].domain(Distinct.REGION))
    return (
        len(regions[True]) == 1
        and None not in regions[True]
        and (not regions[False] <= regions[True])
    )
