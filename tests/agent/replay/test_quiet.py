"""Rounds that are filed together: each ledger must hold what it would have held, one by one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.replay.made import SHOP, change, document, name_change, scenario, watched
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.replay import vantage
from vedette.agent.replay.incident import play
from vedette.agent.replay.report import report
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Finding, Kind, Observation, Verdict

EVERY = 30.0
TIMING = Timing(every=EVERY, timeout=5, hold=15, clear=600)


def round_(at: float, verdict: Verdict, subjects: int) -> list[Observation]:
    """Return a round in which all subjects show the same."""
    look = Observation(
        service="shop",
        check="www A",
        kind=Kind.DNS,
        vantage="one",
        subject="",
        place="authoritative",
        finding=Finding(verdict=verdict, reason=None if verdict is Verdict.OK else Reason.TIMEOUT),
        started_at=at,
        seconds=0.0625,  # a sum of them is exact
    )
    return [look._replace(subject=f"192.0.2.{i}") for i in range(subjects)]


def held(ledger: Ledger, key: CheckKey) -> list[object]:
    """Return all that a ledger tells of a check."""
    rows: list[object] = [ledger.version, ledger.looked(key), ledger.newest_at]
    rows.append(ledger.fresh_until(key, 0.0))
    for one in ledger.of(key):
        rows += [
            one.subject,
            one.failing_since,
            one.troubled_since,
            one.failed_at,
            one.ok_at,
            one.well,
            one.alike,
        ]
        rows += [one.fresh_until, one.last, [*one.looks], one.seconds.lines("seconds")]
    return rows


@given(
    st.lists(st.sampled_from(Verdict), min_size=1, max_size=4),
    st.integers(1, 80),
    st.integers(1, 3),
)
@settings(deadline=None)
def test_rounds_filed_together_are_those_filed_one_by_one(
    verdicts: list[Verdict], many: int, subjects: int
) -> None:
    """Whatever was seen before, once one more round is no news, neither are many more."""
    key = CheckKey("shop", Kind.DNS, "www A")
    singly, together = Ledger(), Ledger()
    begun = [*verdicts[:-1], *verdicts[-1:] * 8]
    for number, verdict in enumerate(begun):
        for ledger in (singly, together):
            ledger.add(key, TIMING, round_(number * EVERY, verdict, subjects))
    starts = [number * EVERY for number in range(len(begun), len(begun) + many)]

    assert together.is_settled(key)
    for at in starts:
        singly.add(key, TIMING, round_(at, verdicts[-1], subjects))
    together.repeat(key, starts)
    assert held(together, key) == held(singly, key)


def test_news_are_never_filed_unseen() -> None:
    """A check that has just begun to fail is looked at one by one."""
    key, ledger = CheckKey("shop", Kind.DNS, "www A"), Ledger()
    for number in range(10):
        ledger.add(key, TIMING, round_(number * EVERY, Verdict.OK, 1))
    assert ledger.is_settled(key)

    ledger.add(key, TIMING, round_(300.0, Verdict.FAILING, 1))
    assert not ledger.is_settled(key)


TIMELINES = {
    "names": [name_change(300.0), name_change(500.0, answers="same")],
    "sight": [
        change(200.0, vantage={"agents": ["two"], "uplink": "down"}),
        change(400.0, vantage={"agents": ["two"], "uplink": "up"}),
        change(500.0, http={"url": SHOP, "agents": "all", "error": "connect"}),
    ],
}


@pytest.mark.parametrize("timeline", TIMELINES.values(), ids=TIMELINES)
def test_resting_changes_no_report(
    timeline: list[dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is paged, when and in which words is the same where no check ever rests."""
    made: dict[str, Any] = watched(document()) | {"end_s": 1000}
    resting = play(scenario(*timeline, of=made))
    monkeypatch.setattr(vantage, "LEAST", 10**9)
    awake = play(scenario(*timeline, of=made))

    assert not resting.faults
    assert report(resting)["pages"]
    assert report(resting)["pages"] == report(awake)["pages"]
