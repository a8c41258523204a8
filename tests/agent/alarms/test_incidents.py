"""Incidents of a service: what joins, who has the headline, who waits, and when it is over."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import TIMING
from vedette.agent.alarms.incidents import (
    NEAR,
    PATIENCE,
    Change,
    Faults,
    Incident,
    advance,
    dedup_key,
    headed,
    hosted,
    waits_until,
)
from vedette.agent.diagnoses.names import RANK, Diagnosis, Rule
from vedette.agent.diagnoses.table import feed_rule, rules_for
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.exporters.page import Severity


def rules(kind: Kind, check: str) -> dict[Diagnosis, Rule]:
    made = rules_for(CheckKey("shop", kind, check), TIMING, Severity.CRITICAL)
    return {rule.diagnosis: rule for rule in made}


HTTP, DNS, BGP = (rules(kind, "one") for kind in (Kind.HTTP, Kind.DNS, Kind.BGP))
DOWN, DEGRADED = HTTP[Diagnosis.SERVICE_DOWN], HTTP[Diagnosis.SERVICE_DEGRADED]
WITHDRAWN, HIJACK = BGP[Diagnosis.PREFIX_WITHDRAWN], BGP[Diagnosis.ORIGIN_HIJACK]
EMPTIED, FAULT = DNS[Diagnosis.RECORD_EMPTIED], DNS[Diagnosis.RESOLVER_FAULT]
SERVERS, BOGUS = DNS[Diagnosis.AUTHORITATIVE_DOWN], DNS[Diagnosis.DNSSEC_BOGUS]
PARTLY, ABOVE = BGP[Diagnosis.PREFIX_PARTIALLY_WITHDRAWN], DNS[Diagnosis.PARENT_DNSSEC_BOGUS]
SOMEWHERE_BOGUS = replace(BOGUS, severity=Severity.WARNING)
OTHERS = [*rules(Kind.HTTP, "two").values(), *rules(Kind.DNS, "b").values()]
ALSO_EMPTIED = next(r for r in OTHERS if r.diagnosis is Diagnosis.RECORD_EMPTIED)
RULES = {r.id: r for r in (*HTTP.values(), *BGP.values(), *DNS.values(), *OTHERS)}
BEGAN = 50.0
LATE = BEGAN + TIMING.hold + PATIENCE * TIMING.clear
CERTAIN = LATE + TIMING.every  # a cause that is one has been looked at for a hold by then
SETTLED = BEGAN + PARTLY.hold + PARTLY.every + PATIENCE * PARTLY.clear
ids = st.sampled_from(sorted(RULES))
firings = st.dictionaries(ids, st.integers(0, 2000).map(float))

Told = Sequence[tuple[Incident, Change | None]]


def told(
    open_: Sequence[Incident],
    firing: Mapping[Rule, float],
    *,
    pending: Mapping[Rule, float] | None = None,
    now: float = 200,
    muted: bool = False,
    called: Collection[str] = (),
) -> Told:
    graded = {rule.id: rule for rule in (*firing, *(pending or {}))}
    faults = Faults(
        {rule.id: at for rule, at in firing.items()},
        {rule.id: at for rule, at in (pending or {}).items()},
        RULES | graded,
        muted,
        is_called=lambda key: key in called,
    )
    return advance(open_, faults, deployment="d", service="shop", now=now)


def after(open_: Sequence[Incident], said: Told) -> list[Incident]:
    """Return the incidents that are open once *said* has been told."""
    by_key = {incident.key: incident for incident in open_}
    for incident, change in said:
        by_key.pop(incident.key, None)
        if change is not Change.RESOLVED:
            by_key[incident.key] = incident
    return list(by_key.values())


class Story:
    """A service over time: each `at` tells what fires then, by when each fault began."""

    def __init__(self) -> None:
        self.open: list[Incident] = []

    def at(self, now: float, *firing: Rule, **more: object) -> list[tuple[str, str]]:
        began = {**dict.fromkeys(firing, BEGAN), **more.pop("began", {})}  # type: ignore[dict-item]
        said = told(self.open, began, now=now, **more)  # type: ignore[arg-type]
        self.open = after(self.open, said)
        return [(f"{i.key} {i.headline.split('/')[1]}", str(c)) for i, c in said if c is not None]


def test_cause_takes_the_headline_once() -> None:
    """A better cause takes the headline under the same key, and says so only once."""
    story = Story()
    assert story.at(100, DOWN) == [("d/shop service_down", "opened")]
    assert story.at(110, DOWN, EMPTIED) == [("d/shop record_emptied", "reheadlined")]
    assert story.at(120, DOWN, EMPTIED) == []
    assert story.open[0].headlines == ((DOWN.id, 100), (EMPTIED.id, 110))
    assert story.open[0].opened_at == 100


def test_two_faults_that_join_in_one_step_are_told_as_one_change() -> None:
    """The better cause is told although another fault joined at the same moment."""
    story = Story()
    story.at(100, DOWN)
    assert story.at(110, DOWN, EMPTIED, DEGRADED) == [("d/shop record_emptied", "reheadlined")]
    assert len(story.open[0].members) == 3


def test_symptom_never_takes_the_headline() -> None:
    """A symptom joins its cause's incident without a word."""
    story = Story()
    story.at(100, EMPTIED)
    assert story.at(110, EMPTIED, DOWN) == []
    assert set(story.open[0].members) == {EMPTIED.id, DOWN.id}
    assert story.open[0].headline == EMPTIED.id


def test_what_still_burns_has_the_headline_when_its_cause_is_over() -> None:
    """A page tells what is wrong now, and its end when that began; what is mild never leads it."""
    story = Story()
    story.at(100, EMPTIED, DOWN, DEGRADED)
    assert story.at(110, DOWN, DEGRADED) == [("d/shop service_down", "reheadlined")]
    assert story.at(120, DOWN, DEGRADED) == []
    back = [("d/shop record_emptied", "reheadlined")]
    assert story.at(130, DOWN, DEGRADED, EMPTIED, began={EMPTIED: 125.0}) == back
    assert story.at(140, DEGRADED) == []
    assert story.at(150) == [("d/shop record_emptied", "resolved")]
    assert story.open == []


def test_what_clears_beside_its_cause_never_leads() -> None:
    """What was over before its cause is no news: nothing shows it any more."""
    story = Story()
    story.at(100, EMPTIED, DOWN)
    clearing = replace(DOWN, severity=Severity.WARNING)
    assert story.at(110, clearing) == []
    assert story.at(120, DOWN) == [("d/shop service_down", "reheadlined")]


@pytest.mark.parametrize(
    ("later", "began", "joins"),
    [
        (DOWN, 9999.0, True),  # DNS explains the service, whenever
        (WITHDRAWN, 9999.0, True),  # routing explains DNS, whenever
        (SERVERS, BEGAN + NEAR, True),  # of the same layer, but at about the same time
        (SERVERS, BEGAN + NEAR + 1, False),
        (SERVERS, BEGAN - NEAR, True),
        (SERVERS, BEGAN - NEAR - 1, False),  # it was there long before, and not told yet
        (FAULT, 9999.0, True),  # it was part of it, and comes back
        (SOMEWHERE_BOGUS, 9999.0, True),  # a warning beside what wakes people anyway
    ],
)
def test_what_joins_an_open_incident(later: Rule, began: float, joins: bool) -> None:
    """A fault joins what explains it or what it explains, and what began at about the same time."""
    story = Story()
    story.at(100, EMPTIED)
    story.at(110, EMPTIED, began={FAULT: 105.0})
    story.at(max(began, BEGAN) + 100, EMPTIED, began={FAULT: 105.0, later: began})
    keys = {incident.key for incident in story.open}
    assert keys == ({"d/shop"} if joins else {"d/shop", f"d/shop/{later.diagnosis}"})


def test_an_independent_emergency_is_a_page_of_its_own() -> None:
    """What comes hours later, of the same layer, never hides in the old page."""
    story = Story()
    story.at(100, EMPTIED)
    later = {SERVERS: 9000.0}
    assert story.at(9100, EMPTIED, began=later) == [
        ("d/shop/authoritative_down authoritative_down", "opened")
    ]
    assert story.at(9200, began=later) == [("d/shop record_emptied", "resolved")]
    assert story.at(9300) == [("d/shop/authoritative_down authoritative_down", "resolved")]


@pytest.mark.parametrize(
    ("called", "key"),
    [
        ((), "d/shop"),
        (("d/shop",), "d/shop"),
        ((f"d/shop/{HIJACK.diagnosis}",), "d/shop"),
        ((f"d/shop/{EMPTIED.diagnosis}",), f"d/shop/{EMPTIED.diagnosis}"),
    ],
    ids=["nobody has called", "for the service", "for another fault", "for this fault"],
)
def test_who_comes_later_calls_under_the_key_of_the_peers(called: Sequence[str], key: str) -> None:
    """Peers called for the fault by its name while another was open, of which we saw nothing."""
    ((opened, change),) = told([], {EMPTIED: BEGAN}, called=called)

    assert (opened.key, change) == (key, Change.OPENED)
    assert told([opened], {EMPTIED: BEGAN}, called=[key]) == []


@pytest.mark.parametrize(
    ("first", "later", "told"),
    [
        (EMPTIED, ALSO_EMPTIED, []),  # a second page under the same key would merge with the first
        (WITHDRAWN, PARTLY, []),
        (PARTLY, WITHDRAWN, [("d/shop prefix_withdrawn", "reheadlined")]),
        (ABOVE, BOGUS, []),
        (BOGUS, ABOVE, [("d/shop parent_dnssec_bogus", "reheadlined")]),
    ],
)
def test_what_grows_or_ebbs_is_one_page(
    first: Rule, later: Rule, told: list[tuple[str, str]]
) -> None:
    """A prefix that goes in steps, or comes back in steps, is one incident however long it takes.

    So is a name that is bogus, where the break seems to have moved, and a fault of two checks.
    """
    story = Story()
    story.at(100, first)
    assert story.at(9100, first, began={later: 9000.0}) == told
    assert len(story.open) == 1


@pytest.mark.parametrize(
    ("firing", "pending", "now", "opens"),
    [
        (DOWN, EMPTIED, 100, False),
        (DOWN, EMPTIED, CERTAIN - 1, False),
        (DOWN, EMPTIED, CERTAIN, True),  # but not for ever
        (DOWN, WITHDRAWN, 100, False),
        (EMPTIED, DOWN, 100, True),
        (DOWN, FAULT, 100, True),  # a warning leads nothing that wakes people
        (EMPTIED, ALSO_EMPTIED, 100, True),  # the same of another check leads no better
        (FAULT, None, LATE - 1, False),  # a warning waits for what it may be a symptom of
        (FAULT, None, LATE, True),
        (DEGRADED, PARTLY, LATE, False),  # what takes long to be certain would page beside it
        (DEGRADED, PARTLY, SETTLED - 1, False),
        (DEGRADED, PARTLY, SETTLED, True),
        (DEGRADED, FAULT, LATE, True),  # which joins it
    ],
)
def test_who_waits(firing: Rule, pending: Rule | None, now: float, opens: bool) -> None:
    """The first page waits a minute where a better cause may still come, and no longer."""
    said = told([], {firing: BEGAN}, pending={pending: BEGAN} if pending else {}, now=now)
    assert bool(said) is opens


@given(firings, firings)
def test_it_is_known_until_when_the_first_of_them_waits(
    firing: dict[str, float], pending: dict[str, float]
) -> None:
    """Nothing opens before the time that is told for it, and something does then."""
    faults = Faults(firing, {id_: at for id_, at in pending.items() if id_ not in firing}, RULES)
    until = waits_until(faults, [])

    assert (until < math.inf) is bool(firing)
    for now, opens in ((until - 1, False), (max(until, 0), bool(firing))):
        if math.isfinite(now):
            said = advance([], faults, deployment="d", service="shop", now=now)
            assert bool(said) is opens


@pytest.mark.parametrize("hold", [60.0, 1800.0, 14400.0])
def test_a_cause_that_takes_long_to_be_certain_delays_no_page(hold: float) -> None:
    """A symptom that is certain waits for its own patience at most; the cause leads it later."""
    slow = replace(EMPTIED, hold=hold)
    certain = BEGAN + DOWN.hold + DOWN.every + PATIENCE * DOWN.clear
    assert told([], {DOWN: BEGAN}, pending={slow: BEGAN}, now=certain - 1) == []
    ((opened, change),) = told([], {DOWN: BEGAN}, pending={slow: BEGAN}, now=certain)
    assert (opened.headline, change) == (DOWN.id, Change.OPENED)

    ((after, change),) = told([opened], {DOWN: BEGAN, slow: BEGAN}, now=BEGAN + hold)
    assert (after.key, after.headline, change) == (opened.key, EMPTIED.id, Change.REHEADLINED)


def test_a_warning_waits_for_no_cause_that_is_not_near() -> None:
    """A cause that takes hours to be certain, as its config says, delays it by ten minutes."""
    slow = replace(PARTLY, hold=14400.0)
    for now, opens in ((BEGAN + NEAR - 1, False), (BEGAN + NEAR, True)):
        assert bool(told([], {DEGRADED: BEGAN}, pending={slow: BEGAN}, now=now)) is opens


def test_a_critical_fault_never_joins_a_warning() -> None:
    """Who sleeps through a warning must be woken: that is a page of its own."""
    story = Story()
    story.at(200, FAULT)
    assert [i.severity for i in story.open] == [Severity.WARNING]
    assert story.at(210, FAULT, DOWN) == [("d/shop/service_down service_down", "opened")]
    assert sorted(i.severity for i in story.open) == [Severity.CRITICAL, Severity.WARNING]


def test_a_warning_joins_what_is_critical() -> None:
    """Beside a critical page a warning is a symptom, and has no headline."""
    story = Story()
    story.at(200, DOWN)
    assert story.at(9999, DOWN, began={FAULT: 9000.0}) == []
    assert story.open[0].headline == DOWN.id
    assert story.at(10000, DOWN, EMPTIED, began={FAULT: 9000.0}) == [
        ("d/shop record_emptied", "reheadlined")
    ]


def test_a_cause_that_grows_grave_is_told_again_once() -> None:
    """The same headline is told anew when it becomes critical, and never sinks back."""
    story = Story()
    assert story.at(200, SOMEWHERE_BOGUS) == [("d/shop dnssec_bogus", "opened")]
    assert story.at(210, BOGUS) == [("d/shop dnssec_bogus", "reheadlined")]
    assert story.at(220, SOMEWHERE_BOGUS) == []
    assert story.open[0].severity is Severity.CRITICAL
    assert len(story.open[0].headlines) == 1


@pytest.mark.parametrize(
    ("first", "cause", "told_as"),
    [
        (Severity.ERROR, Severity.CRITICAL, Severity.CRITICAL),
        (Severity.CRITICAL, Severity.ERROR, Severity.CRITICAL),
        (Severity.ERROR, Severity.ERROR, Severity.ERROR),
    ],
)
def test_a_page_is_as_grave_as_the_gravest_that_led_it(
    first: Severity, cause: Severity, told_as: Severity
) -> None:
    """A cause that takes the headline over makes the page graver, and never milder."""
    story = Story()
    story.at(100, replace(DOWN, severity=first))
    story.at(110, replace(DOWN, severity=first), replace(EMPTIED, severity=cause))
    assert (story.open[0].headline, story.open[0].severity) == (EMPTIED.id, told_as)


def test_what_became_grave_is_told_by_the_best_of_it() -> None:
    """A warning page of which more than one fault is grave by now has the best for its headline."""
    mild = [replace(rule, severity=Severity.WARNING) for rule in (BOGUS, EMPTIED, DOWN)]
    story = Story()
    story.at(200, *mild)
    assert story.at(210, mild[0], DOWN, EMPTIED) == [("d/shop record_emptied", "reheadlined")]
    assert [id_ for id_, _ in story.open[0].headlines] == [BOGUS.id, EMPTIED.id]


def test_what_is_critical_whenever_it_is_seen_goes_on_unseen() -> None:
    """A critical fault of which nothing is known now keeps its page one of those that wake."""
    unseen = replace(DOWN, severity=Severity.WARNING)
    for usual, keys in ((DOWN, ["d/shop"]), (unseen, ["d/shop", "d/shop/prefix_withdrawn"])):
        story = Story()
        story.at(100, SERVERS, usual)
        story.at(700, usual)
        firing = {unseen.id: BEGAN, WITHDRAWN.id: 3990.0}
        faults = Faults(firing, {}, RULES | {unseen.id: unseen}, usual=RULES | {usual.id: usual})
        said = advance(story.open, faults, deployment="d", service="shop", now=9000)
        assert sorted(one.key for one in after(story.open, said)) == keys


def test_pending_cause_delays_no_change_of_an_open_incident() -> None:
    """Once people know, a better headline is told at once and the end is not held back."""
    story = Story()
    story.at(100, DOWN)
    pending = {WITHDRAWN: BEGAN}
    assert story.at(101, DOWN, EMPTIED, pending=pending) == [
        ("d/shop record_emptied", "reheadlined")
    ]
    assert story.at(102, pending=pending) == [("d/shop record_emptied", "resolved")]


def test_nothing_opens_in_a_window_and_what_still_fails_opens_after_it() -> None:
    """While maintenance is declared no page opens; what is open goes on, and may resolve."""
    story = Story()
    assert story.at(100, DOWN, muted=True) == []
    assert story.at(900, DOWN) == [("d/shop service_down", "opened")]
    assert story.at(910, muted=True) == [("d/shop service_down", "resolved")]


def test_nothing_opens_for_nothing() -> None:
    """Without a firing alarm there is no incident, whatever is pending."""
    assert not told([], {}, pending={EMPTIED: BEGAN})


def test_guests_join_critical_hosts_only() -> None:
    """A feed's trouble is a symptom on the pages that wake people, and on no others."""
    feed = feed_rule(CheckKey("ris-live", Kind.BGP, "ris-live"), TIMING)
    critical = Incident("a", "shop", DOWN.id, 0, {DOWN.id: 0}, ((DOWN.id, 0),))
    warning = replace(critical, key="b", severity=Severity.WARNING)
    joined = hosted({feed.id: 7.0}, [critical, warning])
    assert [one.key for one in joined] == ["a"]
    assert joined[0].members == {feed.id: 7.0, DOWN.id: 0}
    assert joined[0].burning == {DOWN.id}
    over = replace(joined[0], ended=joined[0].members.keys())
    assert not hosted({feed.id: 9.0}, [over])[0].burning


@given(firings.filter(bool), st.randoms())
def test_order_of_listing_changes_nothing(firing: dict[str, float], random) -> None:
    """The same firing alarms give the same incidents in whatever order they are listed."""
    items = list(firing.items())
    random.shuffle(items)
    one, other = (
        advance([], Faults(some, {}, RULES), deployment="d", service="shop", now=3000)
        for some in (firing, dict(items))
    )
    assert sorted(one, key=repr) == sorted(other, key=repr)


@given(st.lists(firings))
def test_life_of_incidents(timeline: list[dict[str, float]]) -> None:
    """Keys are distinct, everything is somewhere once, no cause is left for a lesser one."""
    open_: list[Incident] = []
    for step, firing in enumerate(timeline):
        faults = Faults(firing, {}, RULES)
        said = advance(open_, faults, deployment="d", service="shop", now=3000 + step)
        before = {incident.key: incident for incident in open_}
        for incident, change in said:
            assert (change is Change.OPENED) == (incident.key not in before)
            if change is Change.REHEADLINED:
                is_over = before[incident.key].headline in incident.ended
                assert is_over or rank(incident) < rank(before[incident.key])
            if change is Change.RESOLVED:
                assert incident.burning == before[incident.key].burning
                assert incident.burning.isdisjoint(firing)
            ended_at = 3000 + step if change is Change.RESOLVED else None
            assert (incident.resolved_at, incident in open_) == (ended_at, False)
        open_ = after(open_, said)
        keys = [incident.key for incident in open_]
        assert len(keys) == len(set(keys))
        places = [id_ for incident in open_ for id_ in incident.burning]
        assert sorted(firing) == sorted(places)
        for incident in open_:
            assert incident.headline == incident.headlines[-1][0]
            assert incident.burning <= set(firing)
            assert incident.burning


def rank(incident: Incident) -> tuple[bool, int]:
    rule = RULES[incident.headline]
    return incident.severity is Severity.WARNING, RANK[rule.diagnosis]


MILD = replace(FAULT, severity=Severity.WARNING)


@pytest.mark.parametrize("new", [DOWN, WITHDRAWN, EMPTIED])
def test_a_new_emergency_does_not_hide_in_what_a_warning_keeps_open(new: Rule) -> None:
    """Who was woken for what is over is woken again, and each page ends with its own faults."""
    story = Story()
    story.at(100, DOWN)
    story.at(110, DOWN, MILD)
    story.at(700, MILD)
    again = [(f"d/shop/{new.diagnosis} {new.diagnosis}", "opened")]
    assert story.at(4000, MILD, new, began={new: 3990.0}) == again
    assert story.at(4010, MILD, new, began={new: 3990.0}) == []
    assert story.at(4600, new, began={new: 3990.0}) == [("d/shop service_down", "resolved")]
    (left,) = story.open
    assert story.at(5000) == [(f"{left.key} {new.diagnosis}", "resolved")]


def test_a_new_emergency_may_wait_for_its_cause() -> None:
    """It is known until when, though it was part of a page that is still open."""
    story = Story()
    story.at(100, DOWN)
    story.at(110, DOWN, MILD)
    story.at(700, MILD)
    rules = RULES | {MILD.id: MILD}
    firing, pending = {MILD.id: BEGAN, DOWN.id: 3990.0}, {EMPTIED.id: 3990.0}
    until = waits_until(Faults(firing, pending, rules), story.open)

    assert 4000 < until < math.inf
    waiting = {"pending": {EMPTIED: 3990.0}, "began": {DOWN: 3990.0}}
    assert story.at(4000, MILD, DOWN, **waiting) == []
    assert story.at(until, MILD, DOWN, **waiting) == [
        ("d/shop/service_down service_down", "opened")
    ]


def test_what_comes_back_while_the_emergency_lasts_is_part_of_it() -> None:
    """A symptom, or a cause, that ends and returns amid it is one page still."""
    story = Story()
    story.at(100, DOWN, SERVERS)
    story.at(700, SERVERS)
    assert story.at(4000, SERVERS, DOWN, began={DOWN: 3990.0}) == []
    assert story.at(4600, DOWN, began={DOWN: 3990.0}) == [("d/shop service_down", "reheadlined")]
    back = [("d/shop authoritative_down", "reheadlined")]
    assert story.at(5000, DOWN, SERVERS, began={DOWN: 3990.0, SERVERS: 4990.0}) == back
    assert len(story.at(5600)) == 1


@pytest.mark.parametrize("known", [DOWN, WITHDRAWN])
def test_vanished_rule_loses_to_any_known_one(known: Rule) -> None:
    """A headline whose rule left the config is taken over, and the incident stays as grave."""
    gone = "shop/service_down/gone"
    old = Incident("d/shop", "shop", gone, 0, {gone: 0}, ((gone, 0),))
    said = told([old], {known: BEGAN})
    assert [(change, i.key) for i, change in said if i.headline == known.id] == [
        (Change.REHEADLINED, "d/shop")
    ]


@pytest.mark.parametrize(
    ("headline", "told"),
    [
        (DOWN.id, ("service_down", "one")),
        ("shop/record_emptied/www.shop.example A", ("record_emptied", "www.shop.example A")),
        ("shop/service_down/https://shop.example/a", ("service_down", "https://shop.example/a")),
        ("my own rule", ("my own rule", "shop")),
    ],
)
def test_a_headline_that_the_config_has_no_longer_is_read_from_its_id(
    headline: str, told: tuple[str, str]
) -> None:
    """Diagnosis and subject of what is still open are told, whoever took it out of the config."""
    gone = Incident("d/shop", "shop", headline, 0, {headline: 0}, ((headline, 0),))
    for rules in (RULES, {}):
        assert headed(gone, rules) == told


@given(st.text(), st.text(alphabet=st.characters(exclude_characters="/"), min_size=1))
def test_dedup_key_is_the_same_everywhere(deployment: str, service: str) -> None:
    """The key is made of names alone, so that agents agree on it."""
    assert dedup_key(deployment or "d", service).rsplit("/", 1)[-1] == service
    assert dedup_key("d", service, Diagnosis.SERVICE_DOWN) == f"d/{service}/service_down"


def test_what_is_over_still_says_what_went_on_to_the_end() -> None:
    """Of a resolved incident that burns which ended last, whatever leads it."""
    ((opened, _),) = told([], {EMPTIED: BEGAN, FAULT: BEGAN + 10}, now=LATE)
    ((outlasted, _),) = told([opened], {FAULT: BEGAN + 10}, now=900)
    ((over, change),) = told([outlasted], {}, now=9000)

    assert change is Change.RESOLVED
    assert (over.headline, over.burning, over.resolved_at) == (EMPTIED.id, {FAULT.id}, 9000)
