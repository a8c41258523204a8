"""A composite alarm as rules: what its rule says, since when, and who fires.

Rule: pure.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.link import Target
from vedette.agent.composite.rule import Ref
from vedette.agent.diagnoses.names import Rule, is_warning, milder
from vedette.agent.plan import Planned
from vedette.agent.rules.alerts import GOOD, SINCE, Alarm, Alert, good_seconds
from vedette.agent.rules.promql import among, selector
from vedette.agent.rules.truth import Standing, Truth, truth
from vedette.agent.rules.voting import CHECK_HOLDS, HOLDS, Electorate, Recording
from vedette.agent.rules.words import composite_summary, literal
from vedette.agent.serving.votes import told
from vedette.checks.finding import Kind
from vedette.checks.settings import Missing
from vedette.exporters.page import Severity


@dataclass(frozen=True, slots=True)
class Named:
    """All that the rules of composite alarms may name, by its id."""

    standard: Mapping[str, Rule]
    checks: Mapping[str, Planned]
    alarms: Mapping[str, CompositeAlarm]


def of_composite(
    electorate: Electorate, one: CompositeAlarm, named: Named, interval: float
) -> Iterator[Recording | Alert]:
    """Return the rules of the alarm *one*, in their order."""
    alarm = Alarm(electorate, one.id, one.service, one.clear)
    labels = {
        "deployment": electorate.deployment,
        "service": one.service,
        "diagnosis": one.id,
        "subject": one.id,
    }
    yield Recording(HOLDS, _holds(electorate, one, named), labels)
    counted = good_seconds(electorate, interval, among("diagnosis", [one.id]))
    yield replace(counted, labels=labels)
    holds, since = alarm.series(HOLDS), alarm.series(SINCE)
    yield Recording(
        SINCE,
        f"{since} unless {holds} == 0\nor ({holds} == 1) * 0 + time()",
        labels,
    )
    fires = f"{holds} == 1 and time() - {since} >= {_hold(one, named, interval):g}"
    yield from _alerts(alarm, one, fires)


def _alerts(alarm: Alarm, one: CompositeAlarm, fires: str) -> Iterator[Alert]:
    electorate = alarm.electorate
    said = {"summary": composite_summary(str(one.settings.rule))}
    if one.settings.description:
        said["description"] = literal(one.settings.description)
    if is_warning(one.severity) or not electorate.may_be_short or electorate.degrades:
        yield alarm.alert(fires, one.severity, said)
        return
    mild = milder(one.severity, Severity.WARNING)
    yield alarm.alert(f"{fires}\nand on () {electorate.full}", one.severity, said)
    yield alarm.alert(f"{fires}\nunless on () {electorate.full}", mild, said)


def _holds(electorate: Electorate, one: CompositeAlarm, named: Named) -> str:
    """Return what the rule says: 1, 0, or nothing while nobody can tell or sees the internet."""

    def standing_of(ref: Ref) -> Standing:
        return _standing(electorate.deployment, one.targets[ref.name], named)

    said = truth(one.settings.rule, standing_of)
    taken = {Missing.BREACHING: "\nor vector(1)", Missing.NOT_BREACHING: "\nor vector(0)"}
    otherwise = taken.get(one.settings.missing, "")
    seeing = selector("vedette_vantage_sighted", deployment=electorate.deployment)
    return (
        f"(\n({said.true}) * 0 + 1\nor\n({said.false}) * 0{otherwise}\n)\nand on () ({seeing} == 1)"
    )


def _standing(deployment: str, target: Target, named: Named) -> Standing:
    """Return how an alarm or a check stands, as composite/standing.py has it."""
    if planned := named.checks.get(target.id):
        labels = {"reason": "", **told(planned.key, target)}
        holds = selector(CHECK_HOLDS, deployment=deployment, **labels)
        return Standing(Truth(f"count({holds} == 1)", f"count({holds} == 0)"), f"count({holds})")
    alarm = named.standard.get(target.id) or named.alarms[target.id]
    labels = {
        "deployment": deployment,
        "service": alarm.service,
        "diagnosis": alarm.diagnosis,
        "subject": alarm.subject,
    }
    firing = f"count({selector('ALERTS', alertstate='firing', **labels)})"
    if isinstance(alarm, CompositeAlarm) and alarm.settings.missing is Missing.MISSING:
        said = _count(HOLDS, labels)  # undecided, it says that it knows nothing
        known = f"(({firing} or {_count(GOOD, labels)}) and {said})"
        return Standing(Truth(f"{firing} and {said}", f"{known} unless {firing}"), known)
    known = f"({firing} or {_count(GOOD, labels)})"
    return Standing(Truth(firing, f"{known} unless {firing}"), known)


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
