"""A composite alarm as rules: what its rule says, since when, and who fires.

Rule: pure.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.rule import Ref
from vedette.agent.diagnoses.names import Rule, is_warning, milder
from vedette.agent.plan import Planned
from vedette.agent.rules.alerts import GOOD, SINCE, Alarm, Alert, good_seconds
from vedette.agent.rules.promql import among, duration, joined, selector
from vedette.agent.rules.truth import Standing, Truth, truth
from vedette.agent.rules.voting import CHECK_HOLDS, HOLDS, Electorate, Recording
from vedette.agent.rules.words import composite_summary, literal
from vedette.agent.serving.votes import told
from vedette.checks.finding import Kind
from vedette.checks.settings import Missing
from vedette.exporters.page import Severity

_TAKEN = {Missing.BREACHING: " + 1", Missing.NOT_BREACHING: ""}
"""What an undecided rule is taken for, as the end of a zero."""


@dataclass(frozen=True, slots=True)
class Named:
    """All that the rules of composite alarms may name, by its id."""

    standard: Mapping[str, Rule]
    checks: Mapping[str, Planned]
    alarms: Mapping[str, CompositeAlarm]


def of_composite(
    electorates: Sequence[Electorate], one: CompositeAlarm, named: Named, interval: float
) -> Iterator[Recording | Alert]:
    """Return the rules of the alarm *one*, in their order.

    *electorates* are those of the services that it is about.
    """
    alarm = Alarm(electorates[0], one.id, one.service, one.clear)
    labels = {**alarm.labels, "subject": one.id}
    full = _full(electorates)
    yield Recording(HOLDS, _Ruled(one, alarm, named, interval).holds(full), labels)
    counted = good_seconds(alarm.electorate, interval, among("diagnosis", [one.id]))
    yield replace(counted, labels=labels)
    holds, since = alarm.series(HOLDS), alarm.series(SINCE)
    yield Recording(
        SINCE,
        f"{since} unless {holds} == 0\nor ({holds} == 1) * 0 + time()",
        labels,
    )
    fires = f"{holds} == 1 and time() - {since} >= {_hold(one, named, interval):g}"
    yield from _alerts(alarm, one, fires, full)


def _full(electorates: Sequence[Electorate]) -> str:
    """Return a series while enough see to agree on all, and nothing where always enough do."""
    short = (one.full for one in electorates if one.may_be_short and not one.degrades)
    return joined("and on ()", dict.fromkeys(short))


def _alerts(alarm: Alarm, one: CompositeAlarm, fires: str, full: str) -> Iterator[Alert]:
    said = {"summary": composite_summary(str(one.settings.rule))}
    if one.settings.description:
        said["description"] = literal(one.settings.description)
    if is_warning(one.severity) or not full:
        yield alarm.alert(fires, one.severity, said)
        return
    mild = milder(one.severity, Severity.WARNING)
    yield alarm.alert(f"{fires}\nand on () ({full})", one.severity, said)
    yield alarm.alert(f"{fires}\nunless on () ({full})", mild, said)


@dataclass(frozen=True, slots=True)
class _Ruled:
    """What the rule of *one* says, evaluated every *interval* seconds."""

    one: CompositeAlarm
    alarm: Alarm
    named: Named
    interval: float

    def holds(self, full: str) -> str:
        """Return 1, 0, or nothing while nobody can tell or sees the internet.

        Where people were woken, those that are too few to agree do not end it: that takes *full*.
        """
        said = truth(self.one.settings.rule, self._standing_of)
        is_true, is_false = f"({said.true}) * 0 + 1", f"({said.false}) * 0"
        if full and self.one.is_agreed_on and not is_warning(self.one.severity):
            woken = selector(
                "ALERTS", alertstate="firing", **self.alarm.labels, severity=self.one.severity
            )
            is_false = f"{is_false}\nunless on () ({woken} unless on () ({full}))"
        parts = [is_true, is_false]
        if (missing := self.one.settings.missing) in _TAKEN:
            heard = self._heard(_patience(self.one, self.named))
            parts.append(f"(({heard}) * 0{_TAKEN[missing]}) unless ({said.false})")
        seeing = selector("vedette_vantage_sighted", deployment=self._deployment)
        held = "\nor\n".join(parts)
        return f"(\n{held}\n)\nand on () ({seeing} == 1)"

    @property
    def _deployment(self) -> str:
        return self.alarm.electorate.deployment

    def _heard(self, patience: float) -> str:
        """Return a series once somebody has seen the internet for *patience* seconds on end.

        What is not known by then is not only unknown because nobody has looked as yet. What goes
        by nothing that is looked at needs no patience, and Prometheus a window.
        """
        patience = max(patience, self.interval)
        seeing = selector("vedette_vantage_sighted", deployment=self._deployment)
        window = f"{duration(patience)}:{duration(self.interval)}"
        times = math.floor(patience / self.interval)
        return f"sum_over_time(max({seeing})[{window}]) >= {times}"

    def _standing_of(self, ref: Ref) -> Standing:
        """Return how an alarm or a check stands, as composite/standing.py has it."""
        deployment, target = self._deployment, self.one.targets[ref.name]
        if planned := self.named.checks.get(target.id):
            heard = self._heard(planned.timing.fresh_for)
            labels = {"reason": "", **told(planned.key, target)}
            holds = selector(CHECK_HOLDS, deployment=deployment, **labels)
            stands = Truth(f"count({holds} == 1)", f"count({holds} == 0)")
            return Standing(stands, f"count({holds})", heard)
        alarm = self.named.standard.get(target.id) or self.named.alarms[target.id]
        heard = self._heard(_patience(alarm, self.named))
        labels = {
            "deployment": deployment,
            "service": alarm.service,
            "diagnosis": alarm.diagnosis,
            "subject": alarm.subject,
        }
        firing = f"count({selector('ALERTS', alertstate='firing', **labels)})"
        known = f"({firing} or {_count(GOOD, labels)})"
        if isinstance(alarm, CompositeAlarm) and alarm.settings.missing is Missing.MISSING:
            said = _count(HOLDS, labels)  # undecided, it says that it knows nothing
            known = f"({known} and {said})"
            return Standing(Truth(f"{firing} and {said}", f"{known} unless {firing}"), known, heard)
        return Standing(Truth(firing, f"{known} unless {firing}"), known, heard)


def _patience(alarm: Rule | CompositeAlarm, named: Named) -> float:
    """Return for how many seconds nothing may have been heard of what *alarm* goes by."""
    if not isinstance(alarm, CompositeAlarm):
        return SILENT_AFTER
    parts = [alarm.targets[ref.name].id for ref in alarm.settings.rule.refs]
    return max((_patience_of(id_, named) for id_ in parts), default=0.0)


def _patience_of(id_: str, named: Named) -> float:
    if planned := named.checks.get(id_):
        return planned.timing.fresh_for
    return _patience(named.standard.get(id_) or named.alarms[id_], named)


def _count(record: str, labels: Mapping[str, str]) -> str:
    return f"count({selector(record, **labels)})"


def _hold(one: CompositeAlarm, named: Named, interval: float) -> float:
    """Return for how many seconds its rule must be seen to hold.

    Where checks decide it, bad looks must span the hold: one that is the newest for long spans no
    time. So it is rounded up to whole looks, and a step more, in which the last may yet come.
    """
    planned = [named.checks.get(one.targets[ref.name].id) for ref in one.settings.rule.refs]
    cadences = [p.timing.every for p in planned if p and p.key.kind is not Kind.BGP]
    if not cadences:
        return one.hold
    every = max(cadences)
    return max(1, math.ceil(one.hold / every)) * every + interval
