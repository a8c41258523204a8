"""The metric families of votes: what this vantage alone says of each alarm, for others to count.

Rule: as for all families, what one series says is taken in one step. Undecided is no series: what
nobody said is neither good nor bad, and so is what was never scraped. What cannot have changed
since the last scrape is not judged again: an agenda tells it, as it does for the alarms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vedette.agent.alarms.agenda import Agenda
from vedette.agent.alarms.agreement import Distinct, Quorum
from vedette.agent.alarms.alarm import UNDECIDED, Evidence
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.composite.leaves import judge_of
from vedette.agent.composite.link import Target
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.plan import Plan
from vedette.exporters.metrics import Family, Labels, Samples, gauge

Held = tuple[Labels, Evidence]
Judge = Callable[[Fleet], Evidence]
_STEPS = 8
"""Steps that one judgement counts for among those of a slice: it takes as long as so many lines."""


@dataclass(slots=True)
class _Vote:
    """What was said last of a rule, or of a check that rules name."""

    labels: Labels
    judge: Judge
    rule: Rule | None = None
    evidence: Evidence = UNDECIDED

    @property
    def key(self) -> CheckKey | None:
        """The check that is judged, of a rule that is of one."""
        return self.rule.key if self.rule else None

    @property
    def said(self) -> tuple[Labels, float] | None:
        holds = self.evidence.holds
        return None if holds is None else (self.labels, float(holds))


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
            _Vote(
                self._labels(rule.service, diagnosis=rule.diagnosis).also(subject=rule.subject),
                rule.judge,
                rule,
            )
            for rule in plan.rules
            if self._is_ours(rule)
        ]
        self._checks: list[_Vote] = []
        self._of: dict[CheckKey | None, list[_Vote]] = {None: []}
        for vote in self._rules:
            self._of.setdefault(vote.key, []).append(vote)
        targets = dict.fromkeys(target for one in plan.alarms for target in one.targets.values())
        checks = {str(planned.key): planned.key for planned in plan.checks}
        for target in targets:
            if key := checks.get(target.id):
                vote = _Vote(self._labels(**told(key, target)), judge_of(key, target.reason))
                self._checks.append(vote)
                self._of.setdefault(key, []).append(vote)
        beside = {rule.key: rule.controls for rule in plan.rules if rule.key and rule.controls}
        self._agenda = Agenda(filter(None, self._of), self._controls, beside)
        self._due: dict[CheckKey | None, None] = {}

    def _is_ours(self, rule: Rule) -> bool:
        return rule.diagnosis is not Diagnosis.VANTAGE_BLIND or rule.service == self._own.name

    def _labels(self, service: str, **labels: str) -> Labels:
        """Return who votes, and on what: those of one domain are one voice about *service*."""
        domain = self._own.domain(self._quorum.of(service).distinct)
        return self._who.also(domain=str(domain or ""), service=service, **labels)

    def judged(self, ledger: Ledger, now: float) -> Iterator[str]:
        """Judge what *ledger*, that of this vantage, may say anew, in steps without text.

        Where several ask at the same time, each helps with all that is due, as of the newest *now*.
        """
        ledgers = {self._own.name: ledger}
        self._fleet = Fleet(ledgers, self._alone, self._controls, now)
        self._due |= dict.fromkeys([None, *self._agenda.due(self._fleet, ledgers)])
        while self._due:
            key, _ = self._due.popitem()
            votes, fleet = self._of[key], self._fleet
            fleet.look_again()  # more may have been seen since the last of these steps
            seen = [] if key is None else self._agenda.seen(key, ledgers)
            for vote in votes:
                vote.evidence = vote.judge(fleet)
            if key is not None:
                held = [vote.evidence for vote in votes if vote.evidence.holds]
                moving = any(max(one.began_at, one.seen_at) >= fleet.now for one in held)
                self._agenda.judged(key, fleet, ledgers, seen, pending=bool(held), moving=moving)
            yield from [""] * (_STEPS * len(votes))

    def families(self) -> Iterator[Family]:
        """Return them as they were judged last."""
        fleet = self._fleet
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
            self._held(holding),
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
            (vote.said for vote in self._checks),
        )

    def _held(self, holding: list[Held]) -> Samples:
        """Yield what is said of the rules, and put what holds into *holding*."""
        for vote in self._rules:
            evidence = vote.evidence
            if evidence.holds and vote.rule:
                severity = vote.rule.graded(self._fleet).severity
                holding.append((vote.labels.also(severity=severity), evidence))
            yield vote.said


def told(key: CheckKey, target: Target) -> dict[str, str]:
    """Return the labels by which a check is told, with the reason where only that one counts."""
    labels = {"service": key.service, "kind": str(key.kind), "check": key.check}
    return {**labels, "reason": target.reason} if target.reason else labels


def _sighted(who: Labels, fleet: Fleet) -> Samples:
    blind = fleet.blind(fleet.own).holds
    return [] if blind is None else [(who, float(not blind))]
