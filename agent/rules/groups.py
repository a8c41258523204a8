"""All rules of a config as one group, and what no rule can say.

Rule: pure. One group is evaluated rule by rule, so that what one records is there for the next.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from vedette.agent.alarms.agreement import Quorum
from vedette.agent.config import Config
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.plan import Plan
from vedette.agent.rules.alerts import Alert, good_seconds, of_diagnosis, of_silence
from vedette.agent.rules.composites import Named, of_composite
from vedette.agent.rules.promql import among
from vedette.agent.rules.voting import Electorate, Recording, failing, holding
from vedette.agent.rules.words import literal


def rules(plan: Plan, deployment: str, interval: float) -> Iterator[Recording | Alert]:
    """Return the rules of *plan*, evaluated every *interval* seconds, in their order."""
    standard = [r for r in plan.rules if r.diagnosis is not Diagnosis.REGIONAL_FAILURE]
    whole = Electorate(deployment, plan.quorum)
    yield from _merged(_holding(standard, plan.quorum, deployment))
    yield from _merged(_named_checks(plan, deployment))
    own = [alarm.id for alarm in plan.alarms]
    yield good_seconds(whole, interval, among("diagnosis", own, negated=True) if own else "")
    for those in _together(standard):
        electorate = Electorate(deployment, plan.quorum.of(those[0].service))
        alike = len({(r.hold, r.clear, r.severity) for r in those}) == 1
        for rule in those[:1] if alike else those:
            yield from of_diagnosis(electorate, rule, whole_service=alike)
    for rule in standard:
        if rule.diagnosis is Diagnosis.VANTAGE_BLIND:
            yield of_silence(whole, rule)
    named = Named(
        {r.id: r for r in plan.rules},
        {str(p.key): p for p in plan.checks},
        {alarm.id: alarm for alarm in plan.alarms},
    )
    for alarm in plan.alarms:
        about = sorted(alarm.about or [alarm.service])
        electorates = [Electorate(deployment, plan.quorum.of(service)) for service in about]
        yield from of_composite(electorates, alarm, named, interval)


def linked(
    rules: Iterable[Recording | Alert], runbooks: Mapping[str, str]
) -> Iterator[Recording | Alert]:
    """Return *rules* with the runbook of each alert; *runbooks* are by service, or own alarm."""
    for rule in rules:
        if isinstance(rule, Alert):
            url = runbooks.get(rule.alert) or runbooks.get(rule.labels["service"])
            led = {"runbook_url": literal(url)} if url else {}
            yield replace(rule, annotations={**rule.annotations, **led})
        else:
            yield rule


def _holding(standard: Sequence[Rule], quorum: Quorum, deployment: str) -> Iterator[Recording]:
    for services, of_these in _quorums(quorum, [r.service for r in standard]):
        electorate, matcher = Electorate(deployment, of_these), among("service", services)
        asked = [r.diagnosis for r in standard if r.service in services]
        yield from holding(electorate, matcher, list(dict.fromkeys(asked)))


def _merged(recordings: Iterator[Recording]) -> Iterator[Recording]:
    """Return *recordings* with one for those that Prometheus would take for the same."""
    same: dict[tuple[object, ...], list[Recording]] = {}
    for one in recordings:
        same.setdefault((one.record, *one.labels.items()), []).append(one)
    for several in same.values():
        yield replace(several[0], expr="\nor\n".join(one.expr for one in several))


def _quorums(whole: Quorum, services: Sequence[str]) -> Iterator[tuple[Sequence[str], Quorum]]:
    """Return the services by the quorum that decides about them."""
    usual = [service for service in dict.fromkeys(services) if service not in whole.services]
    if usual:
        yield usual, whole
    for service in dict.fromkeys(services):
        if service in whole.services:
            yield [service], whole.of(service)


def _named_checks(plan: Plan, deployment: str) -> Iterator[Recording]:
    ids = {target.id for alarm in plan.alarms for target in alarm.targets.values()}
    keys = [planned.key for planned in plan.checks if str(planned.key) in ids]
    for services, quorum in _quorums(plan.quorum, [key.service for key in keys]):
        kinds = dict.fromkeys(str(key.kind) for key in keys if key.service in services)
        yield from failing(Electorate(deployment, quorum), among("service", services), list(kinds))


def _together(standard: Sequence[Rule]) -> Iterable[Sequence[Rule]]:
    """Return the rules of each service and diagnosis."""
    groups: dict[tuple[str, str], list[Rule]] = {}
    for rule in standard:
        groups.setdefault((rule.service, rule.diagnosis), []).append(rule)
    return groups.values()


def inexpressible(config: Config, plan: Plan) -> Iterator[str]:
    """Return what of *config* no rule says, each with the reason and what to do instead."""
    if any(r.diagnosis is Diagnosis.REGIONAL_FAILURE for r in plan.rules):
        yield (
            "regional_failure: votes do not say which region each vantage is in. What fails for "
            "some regions is service_degraded here."
        )
    yield (
        "incidents: rules do not remember which fault explains which. Group by deployment and "
        "service in Alertmanager's route, where the agents name one headline."
    )
    windows: Mapping[str, object] = {s.name: s.maintenance for s in config.services}
    muted = [f"service {name}" for name, window in windows.items() if window]
    muted += ["everything"] if config.maintenance else []
    muted += [f"alarm {alarm.id}" for alarm in plan.alarms if alarm.settings.mute]
    for what in muted:
        yield (
            f"maintenance of {what}: rules know no calendar. Write its windows as time_intervals "
            "of Alertmanager, and name them in mute_time_intervals of its route."
        )
    for alarm in plan.alarms:
        if suppressor := alarm.settings.suppressor:
            yield (
                f"suppressor of {alarm.id}: an alert cannot be told later. Alertmanager's "
                f"inhibit_rules keep it quiet: source_matchers of {suppressor.alarm}, "
                f"target_matchers of {alarm.id}; there is no wait and no extension."
            )
