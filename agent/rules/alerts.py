"""Alarms as alerting rules, in the order in which one Prometheus group evaluates them.

Rule: pure. Prometheus's own `for` and `keep_firing_for` count by what an expression says at each
evaluation, and take what is not known for good. Here hold and clear count as an agent counts them:
a hold is what bad looks span, only good time clears, and what is not known changes nothing. So they
are in the expressions, and what has to be remembered in recorded series.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.agent.diagnoses.names import Diagnosis, Rule, is_warning, milder
from vedette.agent.rules.promql import BY, also, among, selector
from vedette.agent.rules.voting import HOLDS, Electorate, Faults, Recording, some, voted
from vedette.agent.rules.words import literal, summary
from vedette.exporters.page import Severity

GOOD = "vedette:alarm:good_seconds"
SINCE = "vedette:alarm:since_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule; what it is about are the labels that *expr* keeps."""

    alert: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    for_: float = 0.0
    keep_firing_for: float = 0.0


def good_seconds(electorate: Electorate, interval: float, matcher: str) -> Recording:
    """Return the rule that counts for how long all was good of the alarms that *matcher* selects.

    The count goes on while an alarm's fault is known to be over, stands while that is not known,
    and begins anew with each fault. There is none before an alarm was known to be OK.
    """
    good, holds = (_of(electorate, name, matcher) for name in (GOOD, HOLDS))
    return Recording(
        GOOD,
        f"{good} + {interval:g} and {holds} == 0\nor {good} unless {holds}\n"
        f"or {good} * 0 and {holds} == 1\nor ({holds} == 0) * 0 + {interval:g}",
        {"deployment": electorate.deployment},
    )


def _of(electorate: Electorate, record: str, matcher: str) -> str:
    selected = selector(record, deployment=electorate.deployment)
    return also(selected, matcher) if matcher else selected


@dataclass(frozen=True, slots=True)
class Alarm:
    """What the alerts of one diagnosis of a service, or of one composite alarm, have in common."""

    electorate: Electorate
    name: str
    service: str
    clear: float
    subject: str | None = None
    """What it is about, where not everything that the service has is meant."""

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its series and alerts."""
        labels = {
            "deployment": self.electorate.deployment,
            "service": self.service,
            "diagnosis": self.name,
        }
        return labels if self.subject is None else {**labels, "subject": self.subject}

    def series(self, record: str) -> str:
        """Return the selector of its series of *record*."""
        return selector(record, **self.labels)

    def alert(self, fires: str, severity: Severity, annotations: Mapping[str, str]) -> Alert:
        """Return the alert that begins where *fires* has a series, and ends once all is clear."""
        told = {"alertname": self.name, **self.labels, "severity": severity}
        firing = selector("ALERTS", alertstate="firing", **told)
        cleared = (
            f"{self.series(GOOD)} >= {self.clear:g}" if self.clear else f"{self.series(HOLDS)} == 0"
        )
        return Alert(
            self.name,
            f"{fires}\nor on ({BY})\nmax by ({BY}) ({firing})\nunless on ({BY}) ({cleared})",
            {**self.labels, "severity": severity},
            annotations,
        )


def of_diagnosis(electorate: Electorate, rule: Rule, *, whole_service: bool) -> Iterator[Alert]:
    """Return the alerts of *rule*, and where that is said of all of its diagnosis and service."""
    subject = None if whole_service else rule.subject
    alarm = Alarm(electorate, rule.diagnosis, rule.service, rule.clear, subject)
    said = {"summary": summary(rule.diagnosis)}
    fires, mildly = _fires(alarm, rule)
    yield alarm.alert(fires, rule.severity, said)
    if mildly:
        yield alarm.alert(mildly, milder(rule.severity, Severity.WARNING), said)


def _fires(alarm: Alarm, rule: Rule) -> tuple[str, str]:
    """Return when an alarm of its full severity begins, and when a mild one does.

    What too few vantages see to agree on, and what is not so grave as it may be, wakes nobody.
    """
    electorate, holds = alarm.electorate, f"{alarm.series(HOLDS)} == 1"
    faults, alone = _faults(alarm, rule), not rule.is_agreed_on
    # A feed is silent since the last of those who hear it says so.
    first = "min" if rule.diagnosis is Diagnosis.FEED_STALE else "max"
    any_ = some(faults, rule.hold, first)
    seen = any_ if alone else voted(electorate, faults, rule.hold)
    enough = f"{holds}\nand on (service, subject)\n({seen})"
    short = ""
    if electorate.may_be_short and not alone:
        short = f"{holds}\nand on (service, subject)\n({any_})\nunless on () {electorate.full}"
    if is_warning(rule.severity):
        return "\nor ".join(filter(None, (enough, short))), ""
    full = enough
    if short and not electorate.degrades:
        full = f"{enough}\nand on () {electorate.full}"
    if rule.grade is None:
        return full, "" if electorate.degrades else short
    grave = f"on (service, subject) {also(faults.since, among('severity', [rule.severity]))}"
    milder_ones = [f"{enough}\nunless {grave}", short]
    return f"{full}\nand {grave}", "\nor ".join(filter(None, milder_ones))


def _faults(alarm: Alarm, rule: Rule) -> Faults:
    """Return the votes that count: where one is told that it is down, that is trouble too."""
    labels = {name: value for name, value in alarm.labels.items() if name != "diagnosis"}
    diagnoses = [rule.diagnosis]
    if rule.diagnosis is Diagnosis.SERVICE_DEGRADED and not alarm.electorate.is_one:
        diagnoses.append(Diagnosis.SERVICE_DOWN)
    since, seen = (
        also(selector(f"vedette_vote_{time}_timestamp_seconds", **labels), which)
        for time in ("since", "seen")
        for which in [among("diagnosis", diagnoses)]
    )
    return Faults(since, seen)


def of_silence(electorate: Electorate, rule: Rule) -> Alert:
    """Return the alert of a vantage that is not heard of: nobody else can say so of itself.

    That a series is missing is known at any moment, so that Prometheus may count the time.
    """
    heard = selector("vedette_vantage_info", deployment=electorate.deployment, vantage=rule.subject)
    return Alert(
        "vantage_silent",
        f"absent({heard})",
        {
            "deployment": electorate.deployment,
            "service": rule.service,
            "diagnosis": str(Diagnosis.VANTAGE_BLIND),
            "subject": rule.subject,
            "severity": rule.severity,
        },
        {"summary": f"vantage_blind: {literal(rule.subject)} has not been heard of"},
        for_=SILENT_AFTER + rule.hold,
        keep_firing_for=rule.clear,
    )
