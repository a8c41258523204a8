"""What feeds say of a prefix, added up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import seen, series
from vedette.agent.alarms.alarm import Evidence, Memory, State, step
from vedette.agent.daemon import STEP_EVERY
from vedette.agent.diagnoses.bgp import are_taken, given_by
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.diagnoses.view import voice
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.bgp.reason import Reason
from vedette.checks.finding import Fact, Kind, Verdict
from vedette.exporters.page import Severity

KEY = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
TIMING = Timing(every=10, timeout=5, hold=30, clear=600)
NOW = 130.0

withdrawn = given_by(Reason.WITHDRAWN)


def feed(since: dict[str, float] | None, *, undecided: tuple[str, ...] = (), at: float = 125.0):
    """Return the voice of a feed that found *since* at *at*; None is UNKNOWN."""
    if since is None:
        look = seen(at, Verdict.UNKNOWN, key=KEY, place="feed")
    else:
        word = min(since, default=Verdict.OK)
        look = seen(at, word, key=KEY, place="feed", since=since, undecided=undecided)
    return voice(series(look, key=KEY, timing=TIMING), NOW)


def few(*, reason: str = "unseeded", origin: bool = False):
    """Return the voice of a feed whose peers never had the prefix; it may see it hijacked."""
    if origin:
        look = seen(125.0, "origin", key=KEY, place="feed", since={"origin": 100.0}, too_few=0)
    else:
        look = seen(125.0, Verdict.UNKNOWN, key=KEY, place="feed", too_few=0)
        look = look._replace(finding=replace(look.finding, reason=Reason(reason)))
    return voice(series(look, key=KEY, timing=TIMING), NOW)


FALLEN = {"withdrawn": 100.0}


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([], None),
        ([feed({})], False),
        ([feed(None)], None),
        ([feed({"origin": 90.0})], False),
        ([feed({}, undecided=("withdrawn",))], None),
        ([feed(FALLEN, at=10.0)], None),  # too old to speak for now
        ([feed(FALLEN), feed({})], True),
        ([feed(FALLEN), feed({}), feed({})], False),
        ([feed(FALLEN), feed({}), feed(None)], True),
        ([feed(FALLEN), feed({}), feed({}), feed(None)], None),
        ([feed({}), feed(None)], None),
        ([feed(FALLEN), feed({"withdrawn": 110.0}), feed(None)], True),
        ([few()], None),
        ([feed({}), few()], False),
        ([feed({}), few(reason="feed_stale")], False),
        ([feed({}), few(origin=True)], False),
        ([feed(FALLEN), few(), few()], True),
        ([feed(None), few()], None),
    ],
)
def test_half_of_the_feeds_are_enough(feeds: list, expected: bool | None) -> None:
    """Half of the feeds decide; what those that know nothing could still turn is undecided."""
    assert withdrawn(feeds).holds is expected


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([few()], False),
        ([few(reason="feed_stale")], None),
        ([few(origin=True)], True),
        ([feed({}), few(origin=True)], True),
        ([feed({"origin": 90.0}), few(), few()], True),
        ([feed({}), few()], False),
    ],
)
def test_a_feed_that_never_had_the_prefix_tells_of_strangers(
    feeds: list, expected: bool | None
) -> None:
    """It is a voice for a hijack while it sees one, and holds none open that it does not see."""
    assert given_by(Reason.ORIGIN)(feeds).holds is expected


@pytest.mark.parametrize(("silent_at", "since"), [(10.0, 100.0), (125.0, 125.0)])
def test_a_feed_that_is_silent_for_long_leaves_it_to_the_others(
    silent_at: float, since: float
) -> None:
    """Of three one is enough while another is down, from when that has lasted as long."""
    feeds = [feed(FALLEN), feed({}), feed(None, at=silent_at)]
    assert withdrawn(feeds) == Evidence(True, since, NOW)


def test_it_holds_since_the_last_feed_needed_said_so_and_up_to_now() -> None:
    """A feed tells at once what changes, so what it said last is still so."""
    feeds = [feed({"withdrawn": at}) for at in (100.0, 105.0, 120.0)]
    assert withdrawn(feeds) == Evidence(True, 105.0, NOW)


@given(st.floats(1000, 1001), st.floats(0.3, 30))
def test_what_lasts_is_an_alarm_a_second_after_its_hold(since: float, hold: float) -> None:
    """With a step each second an alarm rises no later than one second after the hold is over."""
    memory, at = Memory(), 1000.0
    look = series(
        seen(since, "withdrawn", key=KEY, place="feed", since={"withdrawn": since}), key=KEY,
        timing=Timing(every=100, timeout=5, hold=hold, clear=600),
    )  # fmt: skip
    while memory.state is not State.ALARM:
        at += STEP_EVERY
        assert at <= since + hold + STEP_EVERY
        memory = step(memory, withdrawn([voice(look, at)]), hold=hold, clear=600, now=at)
    assert at >= since + hold


def test_every_reason_has_its_rule() -> None:
    """A prefix can give six diagnoses; half gone must last longer, and a leak is a warning."""
    rules = {rule.diagnosis: rule for rule in rules_for(KEY, TIMING, Severity.CRITICAL)}
    assert {d: rule.hold for d, rule in rules.items()} == {
        Diagnosis.PREFIX_WITHDRAWN: 30,
        Diagnosis.PREFIX_PARTIALLY_WITHDRAWN: 120,
        Diagnosis.ORIGIN_HIJACK: 30,
        Diagnosis.SUBPREFIX_HIJACK: 30,
        Diagnosis.ROUTE_LEAK: 30,
        Diagnosis.RPKI_INVALID: 30,
    }
    assert rules[Diagnosis.ROUTE_LEAK].severity is Severity.WARNING
    assert rules[Diagnosis.SUBPREFIX_HIJACK].severity is Severity.CRITICAL


def test_a_roa_makes_no_stranger_milder() -> None:
    """A forged origin has a ROA that allows it, and whoever stole the account made one."""
    rules = {rule.diagnosis: rule for rule in rules_for(KEY, TIMING, Severity.CRITICAL)}
    assert rules[Diagnosis.ORIGIN_HIJACK].grade is None
    assert rules[Diagnosis.SUBPREFIX_HIJACK].grade is None


def lost(taken: bool, reason: str = "partially_withdrawn"):
    """Return the voice of a feed of which peers lost the prefix, be it *taken* by a stranger."""
    facts: dict[str, Fact] = {"taken": taken, "since": {reason: 100.0}}
    look = seen(125.0, reason, key=KEY, place="feed", **facts)
    return voice(series(look, key=KEY, timing=TIMING), NOW)


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([], False),
        ([lost(taken=True)], True),
        ([lost(taken=False)], False),
        ([lost(taken=True), lost(taken=False)], False),  # what one feed calls withdrawn is
        ([lost(taken=True), lost(taken=False, reason="origin")], True),
        ([lost(taken=True), feed({}), feed(None)], True),
        ([feed(FALLEN)], False),  # of an agent that tells no more than that
    ],
)
def test_who_follows_a_stranger_is_taken(feeds, expected: bool) -> None:
    """It must be at each feed that has lost the prefix."""
    assert are_taken(feeds) is expected
