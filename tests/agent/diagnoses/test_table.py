"""Which rules a check gets, how grave they are, and what looks at pages and prefixes mean."""

import pytest

from tests.agent.observations import KEY, TIMING, alone
from vedette.agent.diagnoses.names import RANK, Diagnosis, Layer, layer
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
CHECKS = [KEY, *(CheckKey("shop", kind, "one") for kind in (Kind.HTTP, Kind.BGP))]
CONTROLS = [CheckKey("controls", kind, "other.example A") for kind in (Kind.DNS, Kind.HTTP)]
ABOUT_US = {Diagnosis.VANTAGE_BLIND, Diagnosis.FEED_STALE}


def test_every_diagnosis_is_produced_and_ranked() -> None:
    """No two diagnoses rank the same, each has a rule, and no rule is of an unknown one."""
    rules = [rule for key in CHECKS for rule in rules_for(key, TIMING, Severity.CRITICAL)]

    assert {rule.diagnosis for rule in rules} | ABOUT_US == set(Diagnosis) == set(RANK)
    assert len({rule.id for rule in rules}) == len(rules)


def test_causes_rank_above_what_they_explain() -> None:
    """Routing explains DNS, the parent explains the zone, DNS explains the service."""
    order = [
        Diagnosis.PREFIX_WITHDRAWN,
        Diagnosis.PARENT_DNSSEC_BOGUS,
        Diagnosis.DELEGATION_CHANGED,
        Diagnosis.DNSSEC_BOGUS,
        Diagnosis.WRONG_ANSWER,
        Diagnosis.RECORD_EMPTIED,
        Diagnosis.AUTHORITATIVE_DOWN,
        Diagnosis.RESOLVER_FAULT,
        Diagnosis.SERVICE_DOWN,
    ]

    assert sorted(order, key=RANK.__getitem__) == order


def test_layers_are_ranks_without_a_gap() -> None:
    """What explains what goes by layers: routes, names, services, and the agents themselves."""
    first = {
        Layer.ROUTING: (Diagnosis.ORIGIN_HIJACK, Diagnosis.ROUTE_LEAK),
        Layer.DNS: (Diagnosis.PARENT_DNSSEC_BOGUS, Diagnosis.RESOLVER_FAULT),
        Layer.SERVICE: (Diagnosis.CERTIFICATE_INVALID, Diagnosis.SERVICE_DEGRADED),
    }
    spans = {at: range(RANK[best], RANK[last] + 1) for at, (best, last) in first.items()}

    for diagnosis in set(Diagnosis) - ABOUT_US:
        assert RANK[diagnosis] in spans[layer(diagnosis)]
    assert {layer(diagnosis) for diagnosis in ABOUT_US} == {Layer.OURSELVES}


@pytest.mark.parametrize("severity", Severity)
def test_a_service_caps_the_severity(severity: Severity) -> None:
    """No diagnosis is graver than its service, and a resolver's fault is a warning at most."""
    order = list(Severity)
    rules = {r.diagnosis: r.graded(alone(Ledger(), 0)) for r in rules_for(KEY, TIMING, severity)}

    assert all(order.index(rule.severity) >= order.index(severity) for rule in rules.values())
    assert rules[Diagnosis.RECORD_EMPTIED].severity is severity
    assert rules[Diagnosis.RESOLVER_FAULT].severity is max(
        severity, Severity.WARNING, key=order.index
    )


def test_rules_are_judged_beside_names_of_others_only() -> None:
    """Controls that are names are known to the rules that compare, and no others are."""
    rules = rules_for(KEY, TIMING, Severity.CRITICAL, CONTROLS)

    assert {rule.diagnosis for rule in rules if rule.controls} == {
        Diagnosis.AUTHORITATIVE_DOWN,
        Diagnosis.RESOLVER_FAULT,
        Diagnosis.DNSSEC_BOGUS,
        Diagnosis.PARENT_DNSSEC_BOGUS,
    }
    assert {control for rule in rules for control in rule.controls} == {CONTROLS[0]}


def test_key_reads_as_a_path() -> None:
    """A check's key is written service, kind, check."""
    assert str(KEY).split("/") == [KEY.service, KEY.kind, KEY.check]
