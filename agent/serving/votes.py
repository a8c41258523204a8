"""The metric families of votes: what this vantage alone says of each alarm, for others to count.

Rule: as for all families, what one series says is taken in one step. Undecided is no series: what
nobody said is neither good nor bad, and so is what was never scraped.
"""

from collections.abc import Iterator

from vedette.agent.alarms.agreement import Distinct, Quorum
from vedette.agent.alarms.alarm import Evidence
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.leaves import judge_of
from vedette.agent.composite.link import Target
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.plan import Plan
from vedette.exporters.metrics import Family, Labels, Samples, gauge

Held = tuple[Labels, Evidence]
_STEPS = 8
"""Steps that one judgement counts for among those of a slice: it takes as long as so many lines."""


class Votes:
    """The votes of one vantage; what is voted on is told once, when they are made."""

    def __init__(self, plan: Plan, deployment: str, status_url: str) -> None:
        """Vote on the rules of *plan*, and on the checks that its composite alarms name."""
        self._quorum, self._controls = plan.quorum, plan.controls
        self._own = self._quorum.vantages[self._quorum.own]
        self._alone = Quorum(self._own.name, {self._own.name: self._own})
        self._url = status_url
        self._who = Labels(deployment=deployment, vantage=self._own.name)
        self._domains = self._who.also(
            **{one: str(self._own.domain(one) or "") for one in Distinct if one != Distinct.VANTAGE}
        )
        self._rules = [
            (self._labels(rule.service, diagnosis=rule.diagnosis, subject=rule.subject), rule)
            for rule in plan.rules
            if self._is_ours(rule)
        ]
        targets = dict.fromkeys(target for one in plan.alarms for target in one.targets.values())
        checks = {str(planned.key): planned.key for planned in plan.checks}
        self._checks = [
            (
                self._labels(**told(checks[target.id], target)),
                judge_of(checks[target.id], target.reason),
            )
            for target in targets
            if target.id in checks
        ]

    def _is_ours(self, rule: Rule) -> bool:
        return rule.diagnosis is not Diagnosis.VANTAGE_BLIND or rule.service == self._own.name

    def _labels(self, service: str, **labels: str) -> Labels:
        """Return who votes, and on what: those of one domain are one voice about *service*."""
        domain = self._own.domain(self._quorum.of(service).distinct)
        return self._who.also(domain=str(domain or ""), service=service, **labels)

    def families(self, ledger: Ledger, now: float) -> Iterator[Family]:
        """Return them as *ledger*, that of this vantage, has them at *now*."""
        fleet = Fleet({self._own.name: ledger}, self._alone, self._controls, now)
        holding: list[Held] = []
        yield gauge(
            "vedette_vantage_info",
            "1, with the failure domains of this vantage and its status page.",
            [(self._domains.also(url=self._url), 1)],
        )
        yield gauge(
            "vedette_vantage_sighted",
            "1 while this vantage sees the internet by its controls, 0 while it does not.",
            _sighted(self._domains, fleet),
        )
        yield gauge(
            "vedette_vote",
            "1 while this vantage says that a diagnosis holds, 0 that it does not.",
            self._votes(fleet, holding),
        )
        # Sorted by name these are read after the votes, which have filled the list by then.
        yield gauge(
            "vedette_vote_since_timestamp_seconds",
            "When the first look began that says so, while a diagnosis holds.",
            ((labels, evidence.began_at) for labels, evidence in holding),
        )
        yield gauge(
            "vedette_vote_seen_timestamp_seconds",
            "When the newest look began that says so, while a diagnosis holds.",
            ((labels, evidence.seen_at) for labels, evidence in holding),
        )
        yield gauge(
            "vedette_check_vote",
            "1 while this vantage says that a check that a rule names fails, 0 that it does not.",
            self._check_votes(fleet),
        )

    def _votes(self, fleet: Fleet, holding: list[Held]) -> Samples:
        for labels, rule in self._rules:
            yield from [None] * _STEPS
            evidence = rule.judge(fleet)
            if evidence.holds:
                severity = rule.graded(fleet).severity
                holding.append((labels.also(severity=severity), evidence))
            yield _said(labels, evidence)

    def _check_votes(self, fleet: Fleet) -> Samples:
        for labels, judge in self._checks:
            for _ in range(_STEPS):
                yield None
            yield _said(labels, judge(fleet))


def told(key: CheckKey, target: Target) -> dict[str, str]:
    """Return the labels by which a check is told, with the reason where only that one counts."""
    labels = {"service": key.service, "kind": str(key.kind), "check": key.check}
    return {**labels, "reason": target.reason} if target.reason else labels


def _said(labels: Labels, evidence: Evidence) -> tuple[Labels, float] | None:
    return None if evidence.holds is None else (labels, float(evidence.holds))


def _sighted(who: Labels, fleet: Fleet) -> Samples:
    blind = fleet.blind(fleet.own).holds
    return [] if blind is None else [(who, float(not blind))]
