"""One incident, one page: who has the headline, who waits, and when it is over."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.test_ledger import TIMING
from vedette.agent.diagnoses import RANK, Diagnosis, Rule, rule_for
from vedette.agent.incidents import Change, Incident, advance, dedup_key
from vedette.agent.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.exporters.page import Severity


def rule(kind: Kind, check: str) -> Rule:
    return rule_for(CheckKey("shop", kind, check), TIMING, Severity.CRITICAL)


DOWN, EMPTIED, WITHDRAWN = (rule(kind, "one") for kind in (Kind.HTTP, Kind.DNS, Kind.BGP))
RULES = {r.id: r for r in (DOWN, EMPTIED, WITHDRAWN, rule(Kind.HTTP, "two"), rule(Kind.DNS, "b"))}
ids = st.sampled_from(sorted(RULES))
firings = st.dictionaries(ids, st.integers(0, 50).map(float))


def rank(id_: str) -> int:
    return RANK[RULES[id_].diagnosis]


def moved(
    before: Incident | None, *firing: Rule, pending: tuple[Rule, ...] = (), now: float = 100
) -> tuple[Incident | None, Change | None]:
    return advance(
        before,
        key="key",
        firing={r.id: 50.0 for r in firing},
        pending=[r.id for r in pending],
        rules=RULES,
        now=now,
    )


def test_every_diagnosis_has_a_rank() -> None:
    """No two diagnoses explain each other, and none is forgotten."""
    assert set(RANK) == set(Diagnosis)
    assert len(set(RANK.values())) == len(RANK)


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
    ],
)
def test_symptom_waits_for_a_pending_cause(
    firing: Rule, pending: Rule, change: Change | None
) -> None:
    """The first page waits while a better cause may still come, and for nothing else."""
    assert moved(None, firing, pending=(pending,))[1] is change


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


def test_vanished_rule_loses_to_any_known_one() -> None:
    """A headline whose rule left the config is taken over by what is still known."""
    old = Incident("key", "shop", "shop/service_down/gone", 0, {}, (("shop/service_down/gone", 0),))
    after, change = moved(old, DOWN)

    assert (after.headline, change) == (DOWN.id, Change.REHEADLINED)


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="/")))
def test_dedup_key_is_the_same_everywhere(deployment: str, service: str) -> None:
    """The key is the deployment's and the service's alone, so that agents agree on it."""
    assert dedup_key(deployment, service).rsplit("/", 1) == [deployment, service]
