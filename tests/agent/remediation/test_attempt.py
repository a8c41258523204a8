"""Whether a remedy may be used: for whom, on whose word, and how often."""

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from tests.agent.observations import KEY, TIMING, seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.incidents import Incident
from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.remediation.attempt import (
    ACTED,
    MOST_PER_HOUR,
    Attempt,
    Result,
    is_meant,
    limit,
    providers,
)
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity

NOW = 10_000.0
RULES = {rule.diagnosis: rule for rule in rules_for(KEY, TIMING, Severity.CRITICAL)}
EMPTIED = RULES[Diagnosis.RECORD_EMPTIED]
VANTAGES = {
    "fra-1": Vantage("fra-1", "hetzner"),
    "fra-2": Vantage("fra-2", "hetzner"),
    "nyc-1": Vantage("nyc-1", "digitalocean"),
}
CONTROL = CheckKey("controls", Kind.DNS, "other.example A")


def settings(**different: object) -> RemediationSettings:
    """Return a remedy for an emptied record, but for what is *different*."""
    well = {"name": "flip", "enabled": True, "diagnoses": ["record_emptied"], "command": ["true"]}
    return RemediationSettings(**{**well, **different})


def incident(severity: Severity = Severity.CRITICAL) -> Incident:
    """Return an incident that an emptied record heads."""
    members = {EMPTIED.id: 1.0}
    return Incident(
        "v/shop", "shop", EMPTIED.id, 5.0, members, ((EMPTIED.id, 5.0),), None, severity
    )


@pytest.mark.parametrize(
    ("remedy", "of", "meant"),
    [
        (settings(), incident(), True),
        (settings(enabled=False), incident(), False),
        (settings(), incident(Severity.WARNING), False),
        (settings(diagnoses=["wrong_answer"]), incident(), False),
        (settings(services=["shop"]), incident(), True),
        (settings(services=["other"]), incident(), False),
    ],
)
def test_whom_a_remedy_is_for(remedy: RemediationSettings, of: Incident, meant: bool) -> None:
    """It is for critical incidents of its diagnoses and services, and only once it is enabled."""
    assert is_meant(remedy, of, EMPTIED) is meant


@pytest.mark.parametrize("count", [-1, 0, 1])
def test_one_provider_is_never_enough(count: int) -> None:
    """No config can make a remedy act on the word of one provider."""
    with pytest.raises(ValidationError, match="nothing is done on the word of one provider"):
        settings(min_providers=count)


@pytest.mark.parametrize("diagnosis", ["vantage_blind", "feed_stale", "regional_failure"])
def test_faults_of_our_own_are_not_remedied(diagnosis: str) -> None:
    """What is about the agents, or cannot be seen by two providers, is refused in the config."""
    with pytest.raises(ValidationError, match=diagnosis):
        settings(diagnoses=[diagnosis])


@pytest.mark.parametrize("different", [{"webhook": {"url": "http://x/", "secret_env": "S"}},
                                       {"command": None}])  # fmt: skip
def test_a_remedy_is_one_thing(different: Mapping[str, object]) -> None:
    """Both a command and a request, or neither, is a mistake."""
    with pytest.raises(ValidationError, match="exactly one of webhook and command"):
        settings(**different)


def say(key: CheckKey, blind: bool = False, **words: Verdict | str) -> dict[str, Ledger]:
    """Return ledgers in which each vantage saw what is said, at both of a check's servers."""
    ledgers = {}
    for name in VANTAGES:
        ledger = ledgers[name] = Ledger(since=NOW)
        word = words.get(name.replace("-", "_"))
        if word is None:
            continue
        for at in (NOW - 40, NOW - 10):
            looks = [seen(at, word, key=key, subject=f"ns{n}") for n in range(2)]
            ledger.add(key, TIMING, looks)
            control = "timeout" if blind and name == "nyc-1" else Verdict.OK
            ledger.add(CONTROL, TIMING, [seen(at, control, key=CONTROL)])
    return ledgers


OK = Verdict.OK


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({"fra_1": "nodata", "fra_2": "nodata", "nyc_1": OK}, {"hetzner"}),
        ({"fra_1": "nodata", "fra_2": "nodata"}, {"hetzner"}),
        ({"fra_1": "nodata", "fra_2": OK, "nyc_1": "nodata"}, {"hetzner", "digitalocean"}),
        ({"fra_1": "nodata", "nyc_1": "timeout"}, {"hetzner"}),
        ({"fra_1": "nodata", "nyc_1": "nodata", "blind": True}, {"hetzner"}),
        ({"fra_1": OK, "fra_2": OK, "nyc_1": OK}, set()),
    ],
    ids=["one provider", "the other unheard", "two", "something else", "blind", "well"],
)
def test_providers_are_those_that_see_it_themselves(words: dict, found: set[str]) -> None:
    """Two vantages of one provider are one word; who sees something else, or nothing, has none."""
    quorum = Quorum("fra-1", VANTAGES)
    assert providers(EMPTIED, say(KEY, **words), quorum, [CONTROL], NOW) == found


def test_what_a_peer_saw_long_ago_is_no_word() -> None:
    """A peer that has fallen silent says nothing, whatever it said last."""
    ledgers = say(KEY, fra_1="nodata", nyc_1="nodata")
    ledgers["fra-1"].add(KEY, TIMING, [seen(NOW + 90, "nodata", subject="ns0")])
    ledgers["fra-1"].add(KEY, TIMING, [seen(NOW + 100, "nodata", subject="ns0")])
    ledgers["fra-1"].add(CONTROL, TIMING, [seen(NOW + 100, OK, key=CONTROL)])
    quorum = Quorum("fra-1", VANTAGES)
    assert providers(EMPTIED, ledgers, quorum, [CONTROL], NOW + 100) == {"hetzner"}


def test_routes_are_counted_by_provider_too() -> None:
    """A withdrawn prefix, which one feed is enough to page for, needs two providers to act on."""
    key = CheckKey("quad", Kind.BGP, "192.0.2.0/24")
    (rule,) = [
        rule
        for rule in rules_for(key, TIMING, Severity.CRITICAL)
        if rule.diagnosis is Diagnosis.PREFIX_WITHDRAWN
    ]
    assert isinstance(rule, Rule)
    quorum = Quorum("fra-1", VANTAGES)
    facts = {"since": {BgpReason.WITHDRAWN.value: NOW - 60}}
    ledgers = {name: Ledger(since=NOW) for name in VANTAGES}
    for name in ("fra-1", "nyc-1"):
        look = seen(NOW - 5, "withdrawn", key=key, place="ris-live", **facts)
        ledgers[name].add(key, TIMING, [look])
        ledgers[name].add(CONTROL, TIMING, [seen(NOW - 5, OK, key=CONTROL)])
        found = providers(rule, ledgers, quorum, [CONTROL], NOW)
        assert len(found) == (1 if name == "fra-1" else 2)


def attempt(name: str, ago: float, result: Result = Result.DONE) -> Attempt:
    """Return an attempt of so many seconds ago."""
    return Attempt(name=name, key=f"v/{ago}", opened_at=1.0, service="s", diagnosis="d",
                   at=NOW - ago, result=result)  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "limited"),
    [
        ([], False),
        ([attempt("flip", 3601)], False),
        ([attempt("flip", 3599)], True),
        ([attempt("flip", 10, Result.DRY_RUN), attempt("flip", 20, Result.LIMITED)], False),
        ([attempt("flip", 10, Result.INTERRUPTED)], True),
        ([attempt(f"r{n}", n) for n in range(MOST_PER_HOUR - 1)], False),
        ([attempt(f"r{n}", n) for n in range(MOST_PER_HOUR)], True),
        ([attempt(f"r{n}", 3600 + n) for n in range(MOST_PER_HOUR)], False),
    ],
)
def test_how_often_a_remedy_is_used(attempts: list[Attempt], limited: bool) -> None:
    """Once in its interval, and all remedies together a few times an hour; dry runs are free."""
    assert bool(limit(settings(), attempts, NOW)) is limited


def test_every_result_either_acted_or_did_not() -> None:
    """Only what surely did nothing is left out of the limits."""
    assert set(Result) - ACTED == {Result.DRY_RUN, Result.LIMITED, Result.UNKEPT}
