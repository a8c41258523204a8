"""What `/metrics` says: word for word, and valid while everything it tells of changes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.observations import KEY, QUORUM, TIMING, seen
from vedette.agent.alarms.alarm import UNDECIDED, Memory, State
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import Incident
from vedette.agent.counts import Counts
from vedette.agent.daemon import VERSION
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.table import blind_rule, rules_for
from vedette.agent.memory.events import EventName
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import LastKnownGood, Round
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.paging.outbox import Outbox
from vedette.agent.routes.roas import OwnRoute, Roas, RouteState
from vedette.agent.serving.web import Metrics
from vedette.checks.bgp.feed.health import CollectorHealth, FeedHealth
from vedette.checks.bgp.rpki.source import VrpHealth
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.metrics import PROBE_BUCKETS, SLICE, slices
from vedette.exporters.page import Outcome, Severity

ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
PAGE = CheckKey("bank", Kind.HTTP, 'https://bank.example/"')
NOW = 100.0
PAGER: Any = SimpleNamespace(name="pagerduty")
FEED = FeedHealth(
    source="ris", connected=True, last_frame_at=98.5, seeded={ROUTE.check: 40.0}, frames=300,
    errors=1, late=4, reconnects=2, last_error="", silence=None, drops=5, queue=6, lag=1.25,
    seed_age=60.0, collectors={
        "rrc00": CollectorHealth(7, 1, 98.5), "rrc01": CollectorHealth(0, 3, 20.0, silent=True),
    },
)  # fmt: skip
VRPS = VrpHealth(
    source="vrps.json", built_at=70.0, count=1000, errors=2,
    last_error="", silence="the VRPs of vrps.json are too old",
)  # fmt: skip


def rule(diagnosis: Diagnosis, key: CheckKey) -> Rule:
    """Return a rule that never decides."""
    return Rule(
        diagnosis=diagnosis, service=key.service, subject=key.check, severity=Severity.CRITICAL,
        key=key, hold=0, clear=0, judge=lambda view: UNDECIDED,
    )  # fmt: skip


def incident(headline: str) -> Incident:
    """Return an open incident with a rule's id for its headline."""
    return Incident(f"test/{headline}", "shop", headline, 95.0, {headline: 90.0}, ())


def agent(*checks: CheckKey, rules: Sequence[Rule] = ()) -> Any:
    """Return what the metrics read of an agent with *checks* and *rules*."""
    journal = Journal(SimpleNamespace(frozen=False))
    return SimpleNamespace(
        now=lambda: NOW,
        clock=SimpleNamespace(lag=lambda: 2.5),
        plan=SimpleNamespace(
            checks=[SimpleNamespace(key=key) for key in checks],
            feeds=[SimpleNamespace(health=lambda now: FEED)],
            vrps=SimpleNamespace(health=lambda now: VRPS),
            rules=rules,
            alarms=(),
            controls=(),
            quorum=QUORUM,
        ),
        config=SimpleNamespace(agent=SimpleNamespace(deployment="test", status_url="http://here/")),
        remote=None,
        roas=Roas({ROUTE: Watch(ROUTE.check, frozenset({64500, 64501}))}, within=10),
        ledger=Ledger(),
        good=LastKnownGood(after=0),
        engine=Engine(deployment="test", quorum=QUORUM, rules=rules, controls=()),
        outbox=Outbox([PAGER], journal, now=lambda: NOW),
        journal=journal,
        counts=Counts(),
        exchange=SimpleNamespace(standings=()),
        drills=SimpleNamespace(families=tuple),
        heart=SimpleNamespace(families=tuple),
        remedies=SimpleNamespace(families=tuple),
    )


def test_a_small_state_word_for_word() -> None:
    """Names, labels, values and their order are promises to whoever has rules and dashboards."""
    withdrawn = rule(Diagnosis.PREFIX_WITHDRAWN, ROUTE)
    a = agent(KEY, ROUTE, PAGE, rules=[withdrawn, rule(Diagnosis.SERVICE_DOWN, PAGE)])
    a.ledger.add(KEY, TIMING, [
        seen(99, count=2, ttl=60),
        seen(99, "nodata", place="recursive", count=0, ttl=None, seconds=2.5),
    ])  # fmt: skip
    a.ledger.add(ROUTE, TIMING, [
        seen(99, "withdrawn", key=ROUTE, subject=ROUTE.check, place="ris", share=0.125, of=24,
             unknown=1, origins={"64500": 3.0, "64501": 2.0}, since={"withdrawn": 90.0},
             foreign_origins={"64666": 1.0}, more_specifics={}, foreign_neighbours={}),
    ])  # fmt: skip
    a.roas.routes[ROUTE.check, 64500] = OwnRoute(RouteState.VALID, 5000.0)
    a.ledger.add(PAGE, TIMING, [
        seen(-99, "timeout", key=PAGE, subject="by name", place="name", status=503),
    ])  # fmt: skip
    a.engine.memories[withdrawn.id] = Memory(State.ALARM)
    a.engine.open["shop"] = incident(withdrawn.id)
    a.good.see("shop.example", "A", Round({}, {"ns": frozenset({"192.0.2.2"})}), 7.5)
    a.outbox.delivered |= {("pagerduty", Outcome.REJECTED): 1, ("pagerduty", Outcome.DELIVERED): 3}
    a.counts.events[EventName.LAST_KNOWN_GOOD_PROMOTED] += 1
    for lateness in (0.0, 0.25, 12.0):
        a.counts.ticked(lateness, skipped=0)

    text = "".join(Metrics(a).lines())
    ours, python, _ = text.partition("# HELP process_")
    assert ours == (Path(__file__).parents[1] / "metrics.txt").read_text().replace(
        "VERSION", VERSION
    )
    assert python


def test_what_becomes_of_pages_is_counted_from_zero() -> None:
    """Each pager has a series for each end before any page, so that the first is an increase."""
    lines = set("".join(Metrics(agent()).lines()).splitlines())
    for end in ("delivered", "rejected", "superseded"):
        assert f'vedette_pages_total{{pager="pagerduty",outcome="{end}"}} 0' in lines


NAMES = [CheckKey("shop", Kind.DNS, f"{name}.example A") for name in "abc"]
DIAGNOSES = (Diagnosis.RECORD_EMPTIED, Diagnosis.WRONG_ANSWER)
RULES = [rule(diagnosis, key) for key in NAMES for diagnosis in DIAGNOSES]


def add_round(a: Any, key: CheckKey, subjects: Sequence[str], bad: bool) -> None:
    word = "nodata" if bad else Verdict.OK
    looks = [seen(NOW, word, key=key, subject=one, seconds=1.0, count=2) for one in subjects]
    a.ledger.add(key, TIMING, looks)


def set_alarm(a: Any, id_: str, state: State) -> None:
    a.engine.memories[id_] = Memory(state)
    a.engine.open[id_] = incident(id_)


def promote(a: Any, name: str) -> None:
    a.good.see(name, "A", Round({}, {"ns": frozenset({"192.0.2.1"})}), NOW)


def deliver(a: Any, pager: str) -> None:
    a.outbox.delivered[pager, Outcome.DELIVERED] = 1
    a.counts.ticked(1.0, skipped=1)


changes = st.one_of(
    st.builds(
        partial,
        st.just(add_round),
        key=st.sampled_from(NAMES),
        subjects=st.lists(st.sampled_from("wxyz"), unique=True),
        bad=st.booleans(),
    ),
    st.builds(
        partial,
        st.just(set_alarm),
        id_=st.sampled_from([one.id for one in RULES]),
        state=st.sampled_from(State),
    ),
    st.builds(partial, st.just(promote), name=st.sampled_from("abcd")),
    st.builds(partial, st.just(deliver), pager=st.sampled_from("ab")),
)


def assert_valid(text: str) -> None:
    """Fail unless Prometheus takes *text*, and each part of it speaks of one moment."""
    lines = text.splitlines()
    for word in ("# HELP ", "# TYPE "):
        names = [line.split()[2] for line in lines if line.startswith(word)]
        assert len(names) == len(set(names))
        ours = [name for name in names if name.startswith("vedette_")]
        assert ours == sorted(ours)
    series = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(series) == len(set(series))
    for family in text_string_to_metric_families(text):
        assert all(sample.name.startswith(family.name) for sample in family.samples)
        if family.type == "histogram":
            assert_consistent([sample.value for sample in family.samples])
        if family.name in ("vedette_alarm_state", "vedette_probe_state"):
            told = [sample.value for sample in family.samples]
            assert all(sum(told[i : i + 3]) == 1 for i in range(0, len(told), 3))


def assert_consistent(values: Sequence[float]) -> None:
    """Fail unless *values* are those of histograms whose every observation was 1."""
    series = len(PROBE_BUCKETS) + 3
    for start in range(0, len(values), series):
        *buckets, total, count = values[start : start + series]
        assert buckets == sorted(buckets)
        assert buckets[-1] == total == count


@given(st.lists(changes, max_size=4), st.lists(st.tuples(st.integers(1, 60), changes), max_size=8))
def test_what_changes_amid_a_scrape_does_no_harm(
    before: list[Callable[[Any], None]], amid: list[tuple[int, Callable[[Any], None]]]
) -> None:
    """Rounds, alarms, incidents, good sets and pages may come between any two lines."""
    a = agent(*NAMES, rules=RULES)
    for change in before:
        change(a)
    lines, said = Metrics(a).lines(), []
    for steps, change in amid:
        said += islice(lines, steps)
        change(a)
    assert_valid("".join([*said, *lines]))


def test_a_change_between_any_two_lines_does_no_harm() -> None:
    """Wherever in the text everything turns from good to bad, each part is of before or after."""
    steps = 0
    while True:
        a = agent(*NAMES, rules=RULES)
        add_round(a, NAMES[0], ["x", "y"], bad=False)
        lines = Metrics(a).lines()
        said = list(islice(lines, steps))
        if len(said) < steps:
            break
        add_round(a, NAMES[0], ["y", "z"], bad=True)
        for id_ in a.engine.rules:
            set_alarm(a, id_, State.ALARM)
        promote(a, "a")
        assert_valid("".join([*said, *lines]))
        steps += 1
    assert steps > len(a.engine.rules) * len(State)


CONTROL = CheckKey("controls", Kind.DNS, "control.example A")
WATCHED: dict[CheckKey, Sequence[str]] = {
    KEY: ("nodata", "timeout", "bogus"),
    PAGE: ("timeout",),
    ROUTE: ("withdrawn",),
    CONTROL: ("timeout",),
}
"""Checks, with some of the reasons for which each may fail."""
JUDGED = [
    *(
        r
        for key in (KEY, PAGE, ROUTE)
        for r in rules_for(key, TIMING, Severity.CRITICAL, [CONTROL])
    ),
    blind_rule("here", TIMING),
]
rounds = st.sampled_from([*WATCHED]).flatmap(
    lambda key: st.tuples(
        st.just(key),
        st.lists(
            st.tuples(
                st.sampled_from(["192.0.2.1", "192.0.2.2", "by name"]),
                st.sampled_from([Verdict.OK, Verdict.UNKNOWN, *WATCHED[key]]),
            ),
            unique_by=lambda look: look[0],
        ),
    )
)


def told(metrics: Metrics) -> str:
    """Return a page of what is ours."""
    return "".join(metrics.lines()).partition("# HELP process_")[0]


def look_round(a: Any, key: CheckKey, looks: Sequence[tuple[str, str]]) -> None:
    """Take in a round that begins now; of a page the name is asked for, of a route a feed."""
    place = {Kind.HTTP: "name", Kind.BGP: "ris", Kind.DNS: "authoritative"}[key.kind]
    a.ledger.add(key, TIMING, [
        seen(a.now(), word, key=key, subject=subject, place=place, seconds=0.25, count=2,
             since={word: a.now()}, undecided=())
        for subject, word in looks
    ])  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.5, 5, 30, 90]),
            st.integers(1, 7),
            st.lists(st.one_of(rounds, changes), max_size=5),
            st.integers(0, 120),
        ),
        max_size=8,
    )
)
def test_a_page_is_what_one_made_anew_would_be(scrapes: list[tuple[float, int, list[Any], int]]):
    """What is kept from scrape to scrape is never stale, whatever changed, and whoever hung up."""
    a, clock = agent(*WATCHED, rules=JUDGED), [NOW]
    a.now, a.plan.controls = lambda: clock[0], [CONTROL]
    kept = Metrics(a)
    for seconds, times, amid, steps in scrapes:
        for _ in range(times):
            clock[0] += seconds
            for change in amid:
                if callable(change):
                    change(a)
                else:
                    look_round(a, *change)
        left = kept.lines()
        list(islice(left, steps))
        clock[0] += 1
        assert told(kept) == told(Metrics(a))
        list(islice(left, steps))
        assert told(kept) == told(Metrics(a))


def test_votes_are_judged_again_only_where_they_may_change() -> None:
    """A name that is as it was is not judged at the next scrape; one that fails is."""
    asked: list[str] = []

    def judged(one: Rule) -> Rule:
        return replace(one, judge=lambda fleet: asked.append(one.subject) or one.judge(fleet))

    keys = NAMES[:2]
    a = agent(*keys, rules=[judged(r) for k in keys for r in rules_for(k, TIMING, Severity.INFO)])
    metrics = Metrics(a)
    for _ in range(10):
        for key in keys:
            add_round(a, key, ["x"], bad=False)
        asked.clear()
        told(metrics)
    assert asked == []
    add_round(a, keys[0], ["x"], bad=False)
    add_round(a, keys[1], ["x"], bad=True)
    told(metrics)
    assert {*asked} == {keys[1].check}


def test_made_up_origins_make_no_series_without_end() -> None:
    """Ten origins of a prefix have a series of their own; whatever else is seen is one more."""
    a = agent(ROUTE)
    origins = {str(64500 + n): 100.0 - n for n in range(30)}
    a.ledger.add(ROUTE, TIMING, [seen(99, key=ROUTE, share=1.0, origins=origins)])
    told = {
        sample.labels["origin"]: sample.value
        for family in text_string_to_metric_families("".join(Metrics(a).lines()))
        for sample in family.samples
        if sample.name == "vedette_bgp_origin_peers"
    }
    assert list(told) == [*list(origins)[:10], "other"]
    assert sum(told.values()) == sum(origins.values())


class Counted(dict[str, Any]):
    """Facts that count how often one is asked for, whichever it is."""

    asked = 0

    def get(self, key: str, default: Any = None) -> Any:
        Counted.asked += 1
        return super().get(key, default)


def test_a_slice_is_short_where_there_is_nothing_to_say() -> None:
    """A slice looks at no more series than it may have lines, though none of them makes a line."""
    keys = [CheckKey("shop", Kind.DNS, f"{number}.example A") for number in range(2 * SLICE)]
    a = agent(*keys)
    for key in keys:
        look = seen(NOW, key=key)
        look = look._replace(finding=replace(look.finding, facts=Counted()))
        a.ledger.add(key, TIMING, [look])
    counts = []
    for _ in slices(Metrics(a).lines()):
        counts.append(Counted.asked)
        Counted.asked = 0
    assert max(counts) <= SLICE
    assert sum(counts) >= 3 * len(keys)


def test_a_slice_is_short_before_the_first_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice asks the ledger for no more checks than it may have lines, though it knows none."""
    keys = [CheckKey("shop", Kind.DNS, f"{number}.example A") for number in range(2 * SLICE)]
    a = agent(*keys)
    asked: list[CheckKey] = []
    monkeypatch.setattr(a.ledger, "of", lambda key: asked.append(key) or ())
    counts = []
    for _ in slices(Metrics(a).lines()):
        counts.append(len(asked))
        asked.clear()
    assert max(counts) <= SLICE
    assert sum(counts) >= len(keys)
