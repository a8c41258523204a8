"""What the votes of several vantages say together: agreement in PromQL, in three values.

Rule: pure. True is a series of 1, false one of 0, and undecided none: what was never scraped and
what no vantage can tell are the same.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from vedette.agent.alarms.agreement import Quorum, WhenShort
from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.agent.diagnoses.bgp import REASONS
from vedette.agent.diagnoses.names import Diagnosis, is_warning
from vedette.agent.rules.promql import BY, also, among, duration, selector
from vedette.exporters.page import Severity

HOLDS = "vedette:alarm:holds"
CHECK_HOLDS = "vedette:check:holds"
CHECK_BY = "service, kind, check, reason"

_ONE_VOICE = (*REASONS, Diagnosis.VANTAGE_BLIND)
"""What one vantage is enough for: of routes a feed is one voice for all, and of itself each is."""
_APART = (*_ONE_VOICE, Diagnosis.FEED_STALE, Diagnosis.REGIONAL_FAILURE)
_GRAVE = [str(one) for one in Severity if not is_warning(one)]
_DOWN, _DEGRADED = Diagnosis.SERVICE_DOWN, Diagnosis.SERVICE_DEGRADED


@dataclass(frozen=True, slots=True)
class Electorate:
    """The vantages of *deployment* with the *quorum* that they must make up about some services."""

    deployment: str
    quorum: Quorum

    @property
    def need(self) -> int:
        """How many domains must agree."""
        return self.quorum.need(self.quorum.vantages)

    @property
    def domains(self) -> int:
        """How many there are."""
        return len(self.quorum.domains(self.quorum.vantages))

    @property
    def is_one(self) -> bool:
        """Whether one vantage says it all."""
        return len(self.quorum.vantages) == 1

    @property
    def may_be_short(self) -> bool:
        """Whether those who see the internet may be too few to agree."""
        return self.need > 1

    @property
    def degrades(self) -> bool:
        """Whether as many are enough as are left, where they are too few."""
        return self.quorum.when_short is WhenShort.DEGRADE

    @property
    def sighted(self) -> str:
        """The number of domains that see the internet; no series where none is known to."""
        return f"count({self._best_sight} == 1)"

    @property
    def _best_sight(self) -> str:
        """1 for each domain of which one vantage sees the internet, 0 where none of it does."""
        seeing = selector("vedette_vantage_sighted", deployment=self.deployment)
        return f"max by ({self.quorum.distinct}) ({seeing})"

    @property
    def _heard(self) -> str:
        """A series for each domain of which a vantage is not silent, once one can be so."""
        heard = selector("vedette_vantage_info", deployment=self.deployment)
        patience = duration(SILENT_AFTER)
        lately = f"max by ({self.quorum.distinct}) ({heard} or last_over_time({heard}[{patience}]))"
        return f"({lately} and on () ({heard} offset {patience}))"

    @property
    def full(self) -> str:
        """A series while enough domains see the internet to agree, else none."""
        return f"({self.sighted} >= {self.need})"

    @property
    def in_force(self) -> str:
        """The number of domains that must agree now: as many as are left, where that is enough."""
        if not (self.degrades and self.may_be_short):
            return str(self.need)
        # While nobody sees, it is that of all: a scalar of nothing is no number that topk takes.
        return f"scalar(clamp_max({self.sighted}, {self.need}) or vector({self.need}))"

    @property
    def spared(self) -> str:
        """The number of domains without which those that must agree can still be made up.

        Where enough see, those that are blind or silent leave it to them.
        """
        need, blind = self.in_force, f"{self._best_sight} == 0"
        left = f"(count({self._heard} unless {blind}) or {self.domains} - count({blind}))"
        left = f"{left} and {self.sighted} >= {need}"
        return f"scalar({left} or vector({self.domains})) - {need}"

    @property
    def woken(self) -> str:
        """The alarms that fire so that people are woken for them."""
        firing = selector("ALERTS", alertstate="firing", deployment=self.deployment)
        return f"max by ({BY}) ({also(firing, among('severity', _GRAVE))})"

    def agreed(self, votes: str, by: str, woken: str = "") -> str:
        """Return what the quorum says by *votes*, of each group *by*; short of it, who is left.

        Those that are left end nothing for which a quorum has *woken* people: series *by* group.
        """
        if self.domains == 1:
            return f"max by ({by}) ({votes})"
        each = f"max by ({by}, domain) ({votes})"
        left = f"max by ({by}) ({votes})"
        if woken:
            left = f"({left} unless on ({by}) ({woken}) or {left} == 1)"
        believed = self.may_be_short and not self.degrades
        return "\n".join(
            (
                f"(count by ({by}) ({each} == 1) >= {self.in_force}) * 0 + 1",
                *([f"or {left} unless on () {self.full}"] if believed else []),
                f"or (count by ({by}) ({each} == 0) > {self.spared}) * 0",
            )
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule: *record* is the name of the series that *expr* makes."""

    record: str
    expr: str
    labels: dict[str, str]


def holding(
    electorate: Electorate, services: str, diagnoses: Collection[str]
) -> Iterator[Recording]:
    """Return the rules that say which *diagnoses* hold; *services* is a matcher of those asked."""
    votes = also(selector("vedette_vote", deployment=electorate.deployment), services)
    labels = {"deployment": electorate.deployment}
    apart = set(_APART) if electorate.is_one else {*_APART, _DOWN, _DEGRADED}
    common = [d for d in diagnoses if d not in apart]
    if electorate.is_one:
        common += [d for d in diagnoses if d in _ONE_VOICE]
    elif voiced := [d for d in diagnoses if d in _ONE_VOICE]:
        yield Recording(HOLDS, f"max by ({BY}) ({also(votes, among('diagnosis', voiced))})", labels)
    if common:
        asked = also(votes, among("diagnosis", common))
        yield Recording(HOLDS, electorate.agreed(asked, BY, electorate.woken), labels)
    if Diagnosis.FEED_STALE in diagnoses:  # a feed that one vantage hears is not silent
        asked = also(votes, among("diagnosis", [Diagnosis.FEED_STALE]))
        yield Recording(HOLDS, f"min by ({BY}) ({asked})", labels)
    if not electorate.is_one:
        yield from _of_pages(electorate, votes, labels, diagnoses)


def _of_pages(
    electorate: Electorate, votes: str, labels: dict[str, str], diagnoses: Collection[str]
) -> Iterator[Recording]:
    """Down is what is down for half of those who can tell; degraded is any other trouble."""
    if _DOWN in diagnoses:
        down = also(votes, among("diagnosis", [_DOWN]))
        agreed = electorate.agreed(down, BY, electorate.woken)
        half = f"avg by ({BY}) ({down}) >= 0.5"
        yield Recording(HOLDS, f"(\n{agreed}\n)\nand {half}\nor (\n{agreed}\n) * 0", labels)
    if _DEGRADED in diagnoses:
        trouble = also(votes, among("diagnosis", [_DOWN, _DEGRADED]))
        agreed = electorate.agreed(trouble, "service, subject")
        down = also(selector(HOLDS, deployment=electorate.deployment), among("diagnosis", [_DOWN]))
        yield Recording(
            HOLDS,
            f"(\n{agreed}\n)\nunless on (service, subject) ({down} == 1)\nor (\n{agreed}\n) * 0",
            {**labels, "diagnosis": str(_DEGRADED)},
        )


def failing(electorate: Electorate, services: str, kinds: Sequence[str]) -> Iterator[Recording]:
    """Return the rules that say which checks fail that rules name."""
    votes = also(selector("vedette_check_vote", deployment=electorate.deployment), services)
    labels = {"deployment": electorate.deployment}
    if routes := [kind for kind in kinds if kind == "bgp"]:
        asked = also(votes, among("kind", routes))
        yield Recording(CHECK_HOLDS, f"max by ({CHECK_BY}) ({asked})", labels)
    if others := [kind for kind in kinds if kind != "bgp"]:
        asked = also(votes, among("kind", others))
        yield Recording(CHECK_HOLDS, electorate.agreed(asked, CHECK_BY), labels)


@dataclass(frozen=True, slots=True)
class Faults:
    """The votes that say that something holds: *since* and *seen* are selectors of their times."""

    since: str
    seen: str

    @property
    def alone(self) -> str:
        """The seconds that the bad looks of each vantage span."""
        return f"{self.seen} - {self.since}"


def voted(electorate: Electorate, faults: Faults, hold: float) -> str:
    """Return the subjects of which enough domains have seen a fault for *hold* seconds.

    The looks that say so must span the hold, as they must for an agent: one bad look never does,
    for however long it is the newest. It began with the last domain needed, and was seen last when
    as many had seen it.
    """
    by = "service, subject"
    if electorate.domains == 1:
        return f"max by ({by}) ({faults.alone}) {spans(hold)}"
    need = electorate.in_force
    each = f"{by}, domain"
    return "\n".join(
        (
            f"min by ({by}) (topk by ({by}) ({need}, max by ({each}) ({faults.seen})))",
            f"- max by ({by}) (bottomk by ({by}) ({need}, min by ({each}) ({faults.since})))",
            spans(hold),
        )
    )


def some(faults: Faults, hold: float, of: str = "max") -> str:
    """Return the subjects of which any vantage has seen a fault for *hold* seconds."""
    return f"{of} by (service, subject) ({faults.alone}) {spans(hold)}"


def spans(hold: float) -> str:
    """Return the end of an expression of seconds that fill a *hold*: no single look does."""
    return f">= {hold:g}" if hold else "> 0"
