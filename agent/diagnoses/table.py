"""Which diagnoses the checks of each kind can give."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from vedette.agent.alarms.alarm import Evidence
from vedette.agent.alarms.fleet import Fleet, anybody, everybody
from vedette.agent.diagnoses import bgp, dns, http, together
from vedette.agent.diagnoses.names import Diagnosis, Rule, milder
from vedette.agent.diagnoses.view import View, Voice
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.exporters.page import Severity

Alone = Callable[[Sequence[Voice]], Evidence]
Beside = Callable[[Sequence[Voice], Sequence[Sequence[Voice]]], Evidence]

_ALONE: Mapping[Kind, Mapping[Diagnosis, Alone]] = {
    Kind.DNS: {
        Diagnosis.RECORD_EMPTIED: dns.record_emptied,
        Diagnosis.WRONG_ANSWER: dns.wrong_answer,
        Diagnosis.DELEGATION_CHANGED: dns.delegation_changed,
    },
    Kind.HTTP: {Diagnosis.CERTIFICATE_INVALID: http.certificate_invalid},
    Kind.BGP: {diagnosis: bgp.given_by(reason) for diagnosis, reason in bgp.REASONS.items()},
}
_BESIDE_CONTROLS: Mapping[Kind, Mapping[Diagnosis, Beside]] = {
    Kind.DNS: {
        Diagnosis.AUTHORITATIVE_DOWN: dns.authoritative_down,
        Diagnosis.RESOLVER_FAULT: dns.resolver_fault,
        Diagnosis.DNSSEC_BOGUS: dns.dnssec_bogus,
        Diagnosis.PARENT_DNSSEC_BOGUS: dns.parent_dnssec_bogus,
    },
    Kind.HTTP: {},
    Kind.BGP: {},
}
_MILD = (
    Diagnosis.RESOLVER_FAULT,
    Diagnosis.SERVICE_DEGRADED,
    Diagnosis.REGIONAL_FAILURE,
    Diagnosis.ROUTE_LEAK,
)
"""What is a warning at most."""
_LOST = (Diagnosis.PREFIX_WITHDRAWN, Diagnosis.PREFIX_PARTIALLY_WITHDRAWN)
_GRAVE: Mapping[Diagnosis, Callable[[Sequence[Voice]], bool]] = {
    Diagnosis.DNSSEC_BOGUS: dns.widely_bogus,
    Diagnosis.CERTIFICATE_INVALID: http.is_certificate_refused,
}
"""What is a warning unless this holds."""


def rules_for(
    key: CheckKey, timing: Timing, severity: Severity, controls: Sequence[CheckKey] = ()
) -> Sequence[Rule]:
    """Return a rule for each diagnosis that the check *key* can give; *severity* is the gravest.

    Names among the *controls* tell the fault of a resolver, of a parent zone or of what an alias
    leads to from ours.
    """
    names = tuple(control for control in controls if control.kind is Kind.DNS)
    mild = milder(severity, Severity.WARNING)
    alone = _routed if key.kind is Kind.BGP else _alone
    judges: dict[Diagnosis, _Alone | _Beside | _OfPage] = {
        d: alone(key, judge) for d, judge in _ALONE[key.kind].items()
    }
    judges |= {d: _beside(key, names, judge) for d, judge in _BESIDE_CONTROLS[key.kind].items()}
    if key.kind is Kind.HTTP:
        page = _page(key, timing.hold)
        judges |= {d: _OfPage(page, d) for d in together.JUDGES}
    return [
        Rule(
            diagnosis=diagnosis,
            service=key.service,
            subject=key.check,
            severity=mild if diagnosis in _MILD else severity,
            key=key,
            hold=_hold(diagnosis, timing),
            clear=timing.clear,
            judge=judge,
            grade=_grade(key, diagnosis, severity, mild),
            is_taken=_Taken(key) if diagnosis in _LOST else None,
            controls=names if diagnosis in _BESIDE_CONTROLS[key.kind] else (),
            every=timing.every,
            alone=judge.at,
        )
        for diagnosis, judge in judges.items()
    ]


def feed_rule(key: CheckKey, timing: Timing) -> Rule:
    """Return the rule for the feed that the check *key* listens to.

    A feed that one vantage hears is not silent: another's connection is that one's own trouble.
    """

    def judge(fleet: Fleet) -> Evidence:
        return everybody(fleet.votes(key, lambda view: bgp.feed_stale(view.of(key))))

    return Rule(
        diagnosis=Diagnosis.FEED_STALE,
        service=key.service,
        subject=key.check,
        severity=Severity.WARNING,
        key=key,
        hold=timing.hold,
        clear=timing.clear,
        judge=judge,
    )


def blind_rule(name: str, timing: Timing, controls: Sequence[CheckKey] = ()) -> Rule:
    """Return the rule for the vantage *name*, be it this one or a peer, which has *controls*."""
    return Rule(
        diagnosis=Diagnosis.VANTAGE_BLIND,
        service=name,
        subject=name,
        severity=Severity.WARNING,
        key=None,
        hold=timing.hold,
        clear=timing.clear,
        judge=lambda fleet: fleet.blind(name),
        controls=controls,
    )


def _hold(diagnosis: Diagnosis, timing: Timing) -> float:
    reason = bgp.REASONS.get(diagnosis)
    return timing.hold if reason is None else bgp.hold_of(reason, timing.hold)


def _grade(
    key: CheckKey, diagnosis: Diagnosis, severity: Severity, mild: Severity
) -> Callable[[Fleet], Severity] | None:
    is_grave = _GRAVE.get(diagnosis)
    return None if is_grave is None else _Graded(key, is_grave, severity, mild)


@dataclass(frozen=True, slots=True)
class _Graded:
    """Says how grave something at the check *key* is: *severity* where a vantage sees it so."""

    key: CheckKey
    is_grave: Callable[[Sequence[Voice]], bool]
    severity: Severity
    mild: Severity

    def __call__(self, fleet: Fleet) -> Severity:
        sighted = [view for name, view in fleet.views.items() if fleet.sees(name)]
        grave = any(self.is_grave(view.of(self.key)) for view in sighted)
        return self.severity if grave else self.mild


@dataclass(frozen=True, slots=True)
class _Taken:
    """Says whether the prefix of the check *key* is lost to a stranger, wherever it is."""

    key: CheckKey

    def __call__(self, fleet: Fleet) -> bool:
        return bgp.are_taken([v for view in fleet.views.values() for v in view.of(self.key)])


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """Judges the check *key* at each vantage by itself, and holds the quorum.

    It goes by identity, as functions do: what it said last is looked up by it. There are several of
    every check, so they are small.
    """

    key: CheckKey
    judge: Alone

    def at(self, view: View) -> Evidence:
        """Return what is said of it at one vantage."""
        return self.judge(view.of(self.key))

    def __call__(self, fleet: Fleet) -> Evidence:
        return fleet.agreed(fleet.recalled(self.key, self.at), self.key.service)


class _Routed(_Alone):
    """The same of a route: a feed is one voice for all, and what it said last it says of now."""

    __slots__ = ()

    def __call__(self, fleet: Fleet) -> Evidence:
        evidence = anybody(fleet.recalled(self.key, self.at))
        if not evidence.holds:
            return evidence
        return Evidence(True, evidence.began_at, max(evidence.began_at, fleet.now))


@dataclass(frozen=True, slots=True, eq=False)
class _Beside:
    """Judges the check *key* beside *controls*; it goes by identity too."""

    key: CheckKey
    controls: Sequence[CheckKey]
    judge: Beside

    def at(self, view: View) -> Evidence:
        """Return what is said of it at one vantage."""
        return self.judge(view.of(self.key), [view.of(control) for control in self.controls])

    def __call__(self, fleet: Fleet) -> Evidence:
        votes = fleet.recalled(self.key, self.at, self.controls)
        return fleet.agreed(votes, self.key.service)


@dataclass(frozen=True, slots=True)
class _OfPage:
    """Judges a page by what all vantages say of it together."""

    page: together.Page
    diagnosis: Diagnosis

    def at(self, view: View) -> Evidence:
        """Return what is said of it at one vantage."""
        is_down = self.diagnosis is Diagnosis.SERVICE_DOWN
        return self.page.down(view) if is_down else self.page.trouble(view)

    def __call__(self, fleet: Fleet) -> Evidence:
        return together.JUDGES[self.diagnosis](self.page, fleet)


# Agents that read the same ledger, as those of a replay do, also read there what the judges of one
# of them have said; so they share the judges.
_AGENTS_SHARE = 1024
_alone = lru_cache(_AGENTS_SHARE)(_Alone)
_routed = lru_cache(_AGENTS_SHARE)(_Routed)
_beside = lru_cache(_AGENTS_SHARE)(_Beside)
_page = lru_cache(_AGENTS_SHARE)(together.Page)
