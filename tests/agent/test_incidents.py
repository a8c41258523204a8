"""One incident, one page: who has the headline, who waits, and when it is over."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import TIMING
from vedette.agent.diagnoses.names import RANK, Diagnosis, Rule
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.incidents import Change, Incident, advance, dedup_key
from vedette.agent.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.exporters.page import Severity


def rules(kind: Kind, check: str) -> dict[Diagnosis, Rule]:
    made = rules_for(CheckKey("shop", kind, check), TIMING, Severity.CRITICAL)
    return {rule.diagnosis: rule for rule in made}


HTTP, DNS, BGP = (rules(kind, "one") for kind in (Kind.HTTP, Kind.DNS, Kind.BGP))
DOWN, WITHDRAWN = HTTP[Diagnosis.SERVICE_DOWN], BGP[Diagnosis.PREFIX_WITHDRAWN]
EMPTIED, FAULT = DNS[Diagnosis.RECORD_EMPTIED], DNS[Diagnosis.RESOLVER_FAULT]
BOGUS = DNS[Diagnosis.DNSSEC_BOGUS]
SOMEWHERE_BOGUS = replace(BOGUS, severity=Severity.WARNING)
OTHERS = [*rules(Kind.HTTP, "two").values(), *rules(Kind.DNS, "b").values()]
RULES = {r.id: r for r in (DOWN, WITHDRAWN, *DNS.values(), *OTHERS)}
ids = st.sampled_from(sorted(RULES))
firings = st.dictionaries(ids, st.integers(0, 50).map(float))


def rank(id_: str) -> tuple[bool, int]:
    return RULES[id_].severity is Severity.WARNING, RANK[RULES[id_].diagnosis]


def moved(
    before: Incident | None, *firing: Rule, pending: tuple[Rule, ...] = (), now: float = 100
) -> tuple[Incident | None, Change | None]:
    return advance(
        before,
        key="key",
        firing={r.id: 50.0 for r in firing},
        pending=[r.id for r in pending],
        rules=RULES | {r.id: r for r in (*firing, *pending)},
        now=now,
    )


def test_cause_takes_the_headline_once() -> None:
    """A better cause takes the headline under the same key, and says so only once."""
    opened, first = moved(None, DOWN)
    taken, second = moved(opened, DOWN, EMPTIED, now=110)
    again, third = moved(taken, DOWN, EMPTIED, now=120)

    assert (first, second, third) == (Change.OPENED, Change.REHEADLINED, None)
    assert again == taken
    assert taken.headlines == ((DOWN.id, 100), (EMPTIED.id, 110))
    assert (taken.key, taken.opened_at) == (opened.key, opened.opened_at)


def test_symptom_never_takes_the_headline() -> None:
    """A symptom joins its cause's incident without a word."""
    opened, _ = moved(None, EMPTIED)
    joined, change = moved(opened, EMPTIED, DOWN)

    assert (joined.headline, change) == (EMPTIED.id, None)
    assert set(joined.members) == {EMPTIED.id, DOWN.id}


def test_headline_stays_when_its_cause_is_over() -> None:
    """An incident keeps the name of its cause while a symptom lasts."""
    opened, _ = moved(None, EMPTIED, DOWN)
    after, change = moved(opened, DOWN)

    assert (after.headline, change) == (EMPTIED.id, None)


@pytest.mark.parametrize(
    ("firing", "pending", "change"),
    [
        (DOWN, EMPTIED, None),
        (DOWN, WITHDRAWN, None),
        (EMPTIED, WITHDRAWN, None),
        (EMPTIED, DOWN, Change.OPENED),
        (DOWN, RULES["shop/service_down/two"], Change.OPENED),
        (DOWN, FAULT, Change.OPENED),
        (DOWN, SOMEWHERE_BOGUS, Change.OPENED),
        (FAULT, DOWN, None),
        (SOMEWHERE_BOGUS, FAULT, Change.OPENED),
    ],
)
def test_symptom_waits_for_a_pending_cause(
    firing: Rule, pending: Rule, change: Change | None
) -> None:
    """The first page waits while a better cause may still come, and for nothing else."""
    assert moved(None, firing, pending=(pending,))[1] is change


def test_a_warning_never_leads_what_must_wake_somebody() -> None:
    """A warning has no headline beside a critical alarm, takes none over, and loses its own."""
    opened, _ = moved(None, FAULT, DOWN)
    alone, _ = moved(None, FAULT)
    taken, change = moved(alone, FAULT, DOWN)

    assert (opened.headline, opened.severity) == (DOWN.id, Severity.CRITICAL)
    assert moved(moved(None, DOWN)[0], DOWN, FAULT)[1] is None
    assert (alone.headline, alone.severity) == (FAULT.id, Severity.WARNING)
    assert (taken.headline, taken.severity) == (DOWN.id, Severity.CRITICAL)
    assert change is Change.REHEADLINED


def test_a_cause_that_grows_grave_is_told_again_once() -> None:
    """The same headline is told anew when it becomes critical, and never sinks back."""
    mild, _ = moved(None, SOMEWHERE_BOGUS)
    grave, change = moved(mild, BOGUS, now=110)
    after, nothing = moved(grave, SOMEWHERE_BOGUS, now=120)

    assert (mild.severity, grave.severity) == (Severity.WARNING, Severity.CRITICAL)
    assert (change, nothing) == (Change.REHEADLINED, None)
    assert grave.headlines == mild.headlines
    assert after == grave


def test_a_cause_that_grows_grave_takes_the_headline_from_its_symptom() -> None:
    """A warning that a critical symptom has displaced comes back when it is as grave."""
    symptom, _ = moved(moved(None, SOMEWHERE_BOGUS)[0], SOMEWHERE_BOGUS, DOWN)
    cause, change = moved(symptom, BOGUS, DOWN)

    assert (symptom.headline, cause.headline) == (DOWN.id, BOGUS.id)
    assert change is Change.REHEADLINED


def test_pending_cause_delays_no_change_of_an_open_incident() -> None:
    """Once people know, a better headline is told at once and the end is not held back."""
    opened, _ = moved(None, DOWN)

    assert moved(opened, DOWN, EMPTIED, pending=(WITHDRAWN,))[1] is Change.REHEADLINED
    assert moved(opened, pending=(WITHDRAWN,))[1] is Change.RESOLVED


def test_resolved_only_when_nothing_fires() -> None:
    """An incident ends when its last alarm does, with the time at which it did."""
    opened, _ = moved(None, EMPTIED, DOWN)
    still, change = moved(opened, DOWN)
    ended, end = moved(still, now=200)

    assert (change, end, ended.resolved_at) == (None, Change.RESOLVED, 200)


def test_nothing_opens_for_nothing() -> None:
    """Without a firing alarm there is no incident, whatever is pending."""
    assert moved(None, pending=(EMPTIED,)) == (None, None)


@given(firings.filter(bool), st.randoms())
def test_headline_does_not_depend_on_order(firing: dict[str, float], random) -> None:
    """The same firing alarms give the same headline in whatever order they are listed."""
    items = list(firing.items())
    random.shuffle(items)
    one, other = (
        advance(None, key="key", firing=some, pending=(), rules=RULES, now=60)[0]
        for some in (firing, dict(items))
    )

    assert one == other


@given(st.lists(firings))
def test_life_of_an_incident(timeline: list[dict[str, float]]) -> None:
    """Whatever fires: it opens once, headlines only improve, and it ends when nothing fires."""
    incident: Incident | None = None
    for now, firing in enumerate(timeline):
        before = incident
        incident, change = advance(
            before, key="key", firing=firing, pending=(), rules=RULES, now=now
        )

        assert (change is Change.OPENED) == (before is None and bool(firing))
        assert (change is Change.RESOLVED) == (before is not None and not firing)
        if before and incident and change is Change.REHEADLINED:
            assert rank(incident.headline) < rank(before.headline)
        if incident and change is not Change.RESOLVED:
            ranks = [rank(headline) for headline, _ in incident.headlines]
            assert ranks == sorted(set(ranks), reverse=True)
            assert incident.headline == incident.headlines[-1][0]
            assert set(firing) <= set(incident.members)
        if change is Change.RESOLVED:
            incident = None


@pytest.mark.parametrize("known", [DOWN, FAULT])
def test_vanished_rule_loses_to_any_known_one(known: Rule) -> None:
    """A headline whose rule left the config is taken over, and the incident stays as grave."""
    old = Incident("key", "shop", "shop/service_down/gone", 0, {}, (("shop/service_down/gone", 0),))
    after, change = moved(old, known)

    assert (after.headline, change) == (known.id, Change.REHEADLINED)
    assert after.severity is Severity.CRITICAL


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="/")))
def test_dedup_key_is_the_same_everywhere(deployment: str, service: str) -> None:
    """The key is the deployment's and the service's alone, so that agents agree on it."""
    assert dedup_key(deployment, service).rsplit("/", 1) == [deployment, service]
