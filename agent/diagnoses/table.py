"""Which diagnoses the checks of each kind can give."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from vedette.agent.alarm import Evidence
from vedette.agent.config import Timing
from vedette.agent.diagnoses import dns, http
from vedette.agent.diagnoses.bgp import prefix_withdrawn
from vedette.agent.diagnoses.names import Diagnosis, Rule, milder
from vedette.agent.diagnoses.view import View, Voice
from vedette.agent.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.exporters.page import Severity

Alone = Callable[[Sequence[Voice]], Evidence]
Beside = Callable[[Sequence[Voice], Sequence[Sequence[Voice]]], Evidence]

_ALONE: Mapping[Kind, Mapping[Diagnosis, Alone]] = {
    Kind.DNS: {
        Diagnosis.RECORD_EMPTIED: dns.record_emptied,
        Diagnosis.AUTHORITATIVE_DOWN: dns.authoritative_down,
        Diagnosis.WRONG_ANSWER: dns.wrong_answer,
        Diagnosis.DELEGATION_CHANGED: dns.delegation_changed,
    },
    Kind.HTTP: {
        Diagnosis.SERVICE_DOWN: http.service_down,
        Diagnosis.CERTIFICATE_INVALID: http.certificate_invalid,
    },
    Kind.BGP: {Diagnosis.PREFIX_WITHDRAWN: prefix_withdrawn},
}
_BESIDE_CONTROLS: Mapping[Kind, Mapping[Diagnosis, Beside]] = {
    Kind.DNS: {
        Diagnosis.RESOLVER_FAULT: dns.resolver_fault,
        Diagnosis.DNSSEC_BOGUS: dns.dnssec_bogus,
        Diagnosis.PARENT_DNSSEC_BOGUS: dns.parent_dnssec_bogus,
    },
    Kind.HTTP: {},
    Kind.BGP: {},
}
_MILD = (Diagnosis.RESOLVER_FAULT, Diagnosis.SERVICE_DEGRADED)
"""What is a warning at most."""
_GRAVE: Mapping[Diagnosis, Callable[[Sequence[Voice]], bool]] = {
    Diagnosis.DNSSEC_BOGUS: dns.widely_bogus,
    Diagnosis.CERTIFICATE_INVALID: http.is_certificate_refused,
}
"""What is a warning unless this holds."""


def rules_for(
    key: CheckKey, timing: Timing, severity: Severity, controls: Sequence[CheckKey] = ()
) -> Sequence[Rule]:
    """Return a rule for each diagnosis that the check *key* can give; *severity* is the gravest.

    Names among the *controls* tell the fault of a resolver or of a parent zone from ours.
    """
    names = [control for control in controls if control.kind is Kind.DNS]
    mild = milder(severity, Severity.WARNING)
    judges = {d: _alone(key, judge) for d, judge in _ALONE[key.kind].items()}
    judges |= {d: _beside(key, names, judge) for d, judge in _BESIDE_CONTROLS[key.kind].items()}

    if key.kind is Kind.HTTP:
        degraded = partial(http.service_degraded, hold=timing.hold)
        judges[Diagnosis.SERVICE_DEGRADED] = _alone(key, degraded)
    return [
        Rule(
            diagnosis=diagnosis,
            service=key.service,
            subject=key.check,
            severity=mild if diagnosis in _MILD else severity,
            key=key,
            hold=timing.hold,
            clear=timing.clear,
            judge=judge,
            grade=_grade(key, diagnosis, severity, mild),
            controls=names if diagnosis in _BESIDE_CONTROLS[key.kind] else (),
        )
        for diagnosis, judge in judges.items()
    ]


def _grade(
    key: CheckKey, diagnosis: Diagnosis, severity: Severity, mild: Severity
) -> Callable[[View], Severity] | None:
    is_grave = _GRAVE.get(diagnosis)
    if is_grave is None:
        return None
    return lambda view: severity if is_grave(view.of(key)) else mild


def _alone(key: CheckKey, judge: Alone) -> Callable[[View], Evidence]:
    return lambda view: judge(view.of(key))


def _beside(
    key: CheckKey, controls: Sequence[CheckKey], judge: Beside
) -> Callable[[View], Evidence]:
    return lambda view: judge(view.of(key), [view.of(control) for control in controls])
