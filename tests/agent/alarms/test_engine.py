"""All alarms together: who pages, who waits, who resolves, and who says nothing."""

import math
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.engine import Engine, Step
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.diagnoses.table import feed_rule, rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.looks import KEPT
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
TIMING = Timing(every=1, timeout=1, hold=3, clear=5)
LONG = KEPT + 15  # seconds that let every hold, clear and memory of an old look run out
CHECKS = [
    CheckKey("shop", Kind.HTTP, "https://shop.example/"),
    CheckKey("shop", Kind.DNS, "shop.example A"),
    CheckKey("shop", Kind.BGP, "192.0.2.0/24"),
    CheckKey("bank", Kind.HTTP, "https://bank.example/"),
]
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
BAD = {Kind.HTTP: "timeout", Kind.DNS: "nodata", Kind.BGP: "withdrawn"}
PLACE = {Kind.HTTP: "name", Kind.DNS: "authoritative", Kind.BGP: "feed"}

QUORUM = Quorum("here", {"here": Vantage("here", "here")})

Round = Sequence[Verdict]
Told = list[tuple[float, str, str, Change]]
rounds = st.tuples(*(st.sampled_from(Verdict) for _ in CHECKS))
# A round that lasts some seconds: faults that come and go faster than a hold are the lesser half.
timelines = st.lists(st.tuples(rounds, st.integers(1, 8)), max_size=8).map(
    lambda runs: [verdicts for verdicts, seconds in runs for _ in range(seconds)]
)


def engine(checks: Sequence[CheckKey] = CHECKS, controls=()) -> Engine:
    return Engine(
        deployment="test",
        quorum=QUORUM,
        rules=[rule for key in checks for rule in rules_for(key, TIMING, Severity.CRITICAL)],
        controls=controls,
    )


def look(ledger: Ledger, now: float, verdicts: Iterable[tuple[CheckKey, Verdict]]) -> None:
    for key, verdict in verdicts:
        word = BAD[key.kind] if verdict is FAILING else verdict
        facts = {"since": {word: began_at(ledger, key, now)}} if key.kind is Kind.BGP else {}
        ledger.add(key, TIMING, [seen(now, word, key=key, place=PLACE[key.kind], **facts)])


def began_at(ledger: Ledger, key: CheckKey, now: float) -> float:
    """Return since when a feed says what it says now, had it failed from now on."""
    failing = [s.failing_since for s in ledger.of(key) if s.failing_since is not None]
    return failing[0] if failing else now


def told(now: float, step: Step) -> Told:
    return sorted((now, i.key, i.headline, change) for i, change in step.changes)


def live(timeline: Sequence[Round]) -> tuple[Engine, Told]:
    """Return an engine that saw *timeline*, a round a second, and what it told people."""
    made, ledger, said = engine(), Ledger(), []
    for now, verdicts in enumerate(timeline):
        look(ledger, now, zip(CHECKS, verdicts, strict=True))
        said += told(now, made.step({"here": ledger}, now))
    return made, said


def states(made: Engine) -> dict[str, State]:
    return {id_: memory.state for id_, memory in made.memories.items()}


@given(timelines, st.integers(1, LONG))
def test_restarted_with_nothing_seen_says_nothing(timeline: list[Round], seconds: int) -> None:
    """Before its first look an agent changes nothing, whatever was open."""
    made, _ = live(timeline)
    before = states(made), dict(made.open)
    steps = [made.step({"here": Ledger()}, len(timeline) + second) for second in range(seconds)]

    assert not any(step.changes or step.alarms or step.incidents for step in steps)
    assert (states(made), made.open) == before


def test_fault_already_there_pages() -> None:
    """An agent that starts in the middle of a fault pages once, after the hold."""
    _, said = live([(FAILING, OK, OK, OK)] * LONG)

    assert [(at, change) for at, _, _, change in said] == [(TIMING.hold, Change.OPENED)]


def test_cause_and_symptom_are_one_page_with_the_cause() -> None:
    """Everything broken at once gives one page, and its headline is the route."""
    _, said = live([(FAILING, FAILING, FAILING, OK)] * LONG)

    assert [(headline.split("/")[1], change) for _, _, headline, change in said] == [
        ("prefix_withdrawn", Change.OPENED)
    ]


def test_services_do_not_share_incidents() -> None:
    """Two services that fail are two pages under two keys."""
    _, said = live([(FAILING, OK, OK, FAILING)] * LONG)

    assert len({key for _, key, _, _ in said}) == len(said) == 2


@pytest.mark.parametrize(
    ("after", "paged"),
    [
        ((UNKNOWN, UNKNOWN, OK, OK), []),
        ((FAILING, UNKNOWN, OK, OK), [(4, "service_down")]),
        ((UNKNOWN, FAILING, OK, OK), [(5, "record_emptied")]),
    ],
)
def test_what_waited_for_its_cause_pages_only_while_something_is_seen(
    after: Round, paged: list[tuple[float, str]]
) -> None:
    """What nobody knows of any more wakes nobody by itself, nor keeps silent what is seen."""
    waits = [(FAILING, OK, OK, OK)] * 2 + [(FAILING, FAILING, OK, OK)] * 2
    made, said = live([*waits, *[after] * LONG])

    assert made.memories["shop/service_down/https://shop.example/"].state is State.ALARM
    assert [(at, headline.split("/")[1]) for at, _, headline, _ in said] == paged


def test_a_page_that_waits_goes_out_when_its_wait_is_over() -> None:
    """A warning pages a minute after its hold, and not with the next look after that."""
    slow, key = Timing(every=30, timeout=5, hold=15, clear=600), CHECKS[1]
    made = Engine(
        deployment="test",
        quorum=QUORUM,
        rules=rules_for(key, slow, Severity.CRITICAL),
        controls=(),
    )
    ledger, said, due = Ledger(), [], -1.0
    for now in range(150):
        if now % 30 == 0:
            word = "timeout" if now else OK
            resolver = seen(now, word, key=key, subject="192.0.2.53", place="recursive")
            ledger.add(key, slow, [seen(now, key=key), resolver])
        if now % 30 == 0 or now >= due:
            said += told(now, made.step({"here": ledger}, now))
            due = made.due({"here": ledger})

    assert [(at, change) for at, _, _, change in said] == [(30 + 15 + 60, Change.OPENED)]


def test_fault_and_end_each_tell_once() -> None:
    """A fault that ends is one page and one resolve, after `clear` good seconds.

    They are good from when fewer than three of the newest five looks are bad.
    """
    bad, good = (FAILING, OK, OK, OK), (OK, OK, OK, OK)
    made, said = live([*[bad] * 10, *[good] * LONG])

    assert [change for *_, change in said] == [Change.OPENED, Change.RESOLVED]
    assert 12 + TIMING.clear - 1 <= said[1][0] <= 12 + TIMING.clear
    assert not made.open


def test_blind_vantage_says_nothing() -> None:
    """While the controls fail, everything failing pages nobody, and nothing good resolves."""
    made, ledger = engine(controls=[CONTROL]), Ledger()
    for now in range(LONG):
        look(ledger, now, ((key, FAILING) for key in [*CHECKS, CONTROL]))

        assert not made.step({"here": ledger}, now).changes
        assert ledger.blind_at == now
    assert set(states(made).values()) == {State.INSUFFICIENT_DATA}


def test_sighted_vantage_speaks() -> None:
    """While the controls are seen, a fault pages as it does without controls."""
    made, ledger, said = engine(controls=[CONTROL]), Ledger(), []
    for now in range(LONG):
        look(ledger, now, [(CHECKS[0], FAILING), (CONTROL, OK)])
        said += told(now, made.step({"here": ledger}, now))

    assert [change for *_, change in said] == [Change.OPENED]
    assert ledger.blind_at == -math.inf


@pytest.mark.parametrize(("until", "paged"), [(20, []), (22, []), (24, []), (40, [25])])
def test_what_failed_while_blind_fills_no_hold(until: int, paged: list[int]) -> None:
    """Looks that failed with the controls do not make a fault of one that fails after them."""
    made, ledger, said = engine(checks=CHECKS[:1], controls=[CONTROL]), Ledger(), []
    for now in range(LONG):
        page = FAILING if 10 <= now <= until else OK
        control = FAILING if 10 <= now < 20 else OK
        look(ledger, now, [(CHECKS[0], page), (CONTROL, control)])
        said += told(now, made.step({"here": ledger}, now))

    assert [at for at, *_, change in said if change is Change.OPENED] == paged


def test_a_fault_that_spreads_is_paged_anew_and_graver() -> None:
    """Bogus at one of three resolvers warns; at two of them it pages again, as critical, once."""
    key, ledger, said = CHECKS[1], Ledger(), []
    made = engine(checks=[key])
    for now in range(160):
        words = ["bogus", "bogus" if now > 120 else OK, OK]
        looks = [
            seen(now, w, key=key, subject=str(i), place="recursive") for i, w in enumerate(words)
        ]
        ledger.add(key, TIMING, looks)
        said += [
            (change, i.headline, i.severity)
            for i, change in made.step({"here": ledger}, now).changes
        ]

    bogus = "shop/dnssec_bogus/shop.example A"
    assert said == [
        (Change.OPENED, bogus, Severity.WARNING),
        (Change.REHEADLINED, bogus, Severity.CRITICAL),
    ]


@pytest.mark.parametrize(("over", "paged"), [(41, []), (60, [42]), (100, [42])])
def test_what_was_seen_in_a_window_only_pages_nobody_at_its_end(
    over: int, paged: list[int]
) -> None:
    """Most of the newest looks failed as the window ends at 42: it takes one more to page."""
    made, ledger, said = engine(), Ledger(), []
    for now in range(80):
        look(ledger, now, [(CHECKS[0], FAILING if 10 <= now < over else OK)])
        muted = ["shop"] if 5 <= now < 42 else []
        said += told(now, made.step({"here": ledger}, now, muted))

    assert [now for now, *_, change in said if change is Change.OPENED] == paged


def test_a_page_that_is_open_lets_nothing_in_that_only_a_window_saw() -> None:
    """A warning that is open as the window ends opens no page beside it for what is over."""
    made, ledger, said = engine(), Ledger(), []
    key = CHECKS[1]
    for now in range(80):
        word = "timeout" if 10 <= now < 60 else OK
        resolver = seen(now, word, key=key, subject="192.0.2.53", place="recursive")
        ledger.add(key, TIMING, [seen(now, key=key), resolver])
        look(ledger, now, [(CHECKS[0], FAILING if 25 <= now < 41 else OK)])
        muted = ["shop"] if 20 <= now < 42 else []
        said += told(now, made.step({"here": ledger}, now, muted))

    (opened, resolved) = said
    assert opened[2:] == ("shop/resolver_fault/shop.example A", Change.OPENED)
    assert resolved[3] is Change.RESOLVED


def test_a_fault_burns_only_while_it_is_seen() -> None:
    """An open incident burns while its fault is seen, and not while it only has to stay well."""
    made, ledger, burns = engine(), Ledger(), dict[float, bool]()
    for now in range(40):
        failing = now < 20 or now >= 25
        look(ledger, now, [(CHECKS[0], FAILING if failing else OK)])
        made.step({"here": ledger}, now)
        for key in made.open:
            burns[now] = made.burns(key)

    began = min(burns)
    assert [*burns] == [*range(began, 40)]
    assert all(burns[now] for now in (began, 19, 39))
    assert not burns[24]
    assert not burns[25]  # one bad look is no fault that is certain
    assert not made.burns("test/elsewhere")


def test_what_burns_in_a_page_of_its_own_burns_in_no_other() -> None:
    """A page that only its warning keeps open is not that of the emergency that came back."""
    made, ledger = engine(), Ledger()
    for now in range(60):
        resolver = seen(now, "timeout", key=CHECKS[1], subject="192.0.2.53", place="recursive")
        ledger.add(CHECKS[1], TIMING, [seen(now, key=CHECKS[1]), resolver])
        look(ledger, now, [(CHECKS[0], FAILING if now < 20 or now >= 40 else OK)])
        made.step({"here": ledger}, now)
    for now in range(60, 70):  # the resolver is unknown by then
        look(ledger, now, [(CHECKS[0], FAILING)])
        made.step({"here": ledger}, now)

    assert made.burns("test/shop/service_down")
    assert not made.burns("test/shop")


def test_incident_of_a_removed_service_ends() -> None:
    """An open incident whose service left the config resolves instead of staying for ever."""
    left = Incident("test/old", "old", "old/service_down/x", 0, {"old/service_down/x": 0}, ())
    made = Engine(deployment="test", quorum=QUORUM, rules=[], controls=[], incidents=[left])
    changes = made.step({"here": Ledger()}, 10).changes

    assert [(i.key, change) for i, change in changes] == [("test/old", Change.RESOLVED)]
    assert not made.open


def test_alarms_of_removed_rules_are_dropped() -> None:
    """What the store remembers of a rule that is gone does not come back."""
    made, _ = live([(FAILING,) * len(CHECKS)] * LONG)
    fewer = Engine(deployment="test", quorum=QUORUM, rules=[], controls=[], memories=made.memories)

    assert fewer.memories == {}


FEED = CheckKey("ris-live", Kind.BGP, "ris-live")


def with_feed() -> Engine:
    rules = [rule for key in CHECKS for rule in rules_for(key, TIMING, Severity.CRITICAL)]
    return Engine(
        deployment="test",
        quorum=QUORUM,
        rules=[*rules, feed_rule(FEED, TIMING)],
        controls=(),
        hosts={"ris-live": ("shop",)},
    )


def listen(ledger: Ledger, now: float, *, heard: bool) -> None:
    word = OK if heard else "feed_stale"
    ledger.add(FEED, TIMING, [seen(now, word, key=FEED, place="feed")])


def test_a_silent_feed_joins_the_page_of_what_depends_on_it() -> None:
    """While a withdrawal is paged, a feed that falls silent pages nobody beside it."""
    made, ledger, said = with_feed(), Ledger(), []
    for now in range(40):
        verdicts = (OK, OK, FAILING if now < 10 else UNKNOWN, OK)
        look(ledger, now, zip(CHECKS, verdicts, strict=True))
        listen(ledger, now, heard=now < 10)
        said += told(now, made.step({"here": ledger}, now))
    assert [(key, change) for _, key, _, change in said] == [("test/shop", Change.OPENED)]
    assert "ris-live/feed_stale/ris-live" in made.open["test/shop"].members


def test_a_silent_feed_pages_by_itself() -> None:
    """Where nothing is paged, a silent feed is a warning of its own, and resolves."""
    made, ledger, said = with_feed(), Ledger(), []
    for now in range(160):
        look(ledger, now, zip(CHECKS, (OK, OK, UNKNOWN if now < 80 else OK, OK), strict=True))
        listen(ledger, now, heard=now >= 80)
        said += told(now, made.step({"here": ledger}, now))
    changes = [(key, change) for _, key, _, change in said]
    assert changes == [("test/ris-live", Change.OPENED), ("test/ris-live", Change.RESOLVED)]


def test_what_is_not_seen_while_it_waits_hides_in_no_older_incident() -> None:
    """A new cause that comes and goes, and waits for a better one, has a page of its own."""
    timing = Timing(every=1, timeout=1, hold=3, clear=600)
    old, new, other = (CheckKey("shop", Kind.DNS, f"{name}.example A") for name in "abc")
    made = Engine(
        deployment="test",
        quorum=QUORUM,
        rules=[r for key in (old, new, other) for r in rules_for(key, timing, Severity.CRITICAL)],
        controls=(),
    )
    fails = {690, 691, 692, 695, 708, 709, 710, 714, *range(716, 722)}
    may_be_empty = {690, *range(694, 699), 704, 705, 709, 710, 714, *range(718, 722)}
    ledger, said = Ledger(), []
    for now in [*range(20), *range(680, 760)]:
        said_of = ["nodata" if now else OK, "timeout" if now in fails else OK]
        words = [*said_of, "nodata" if now in may_be_empty else OK]
        for key, word in zip((old, new, other), words, strict=True):
            ledger.add(key, timing, [seen(now, word, key=key)])
        said += told(now, made.step({"here": ledger}, now))

    keys = [key for _, key, headline, _ in said if headline.endswith(new.check)]
    assert keys == ["test/shop/authoritative_down"]
