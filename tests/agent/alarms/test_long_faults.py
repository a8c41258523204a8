"""Faults that last for longer than looks are kept, or give way to others while they last."""

import pytest

from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import Change
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity

QUORUM = Quorum("here", {"here": Vantage("here", "here")})
DNS = CheckKey("shop", Kind.DNS, "shop.example A")
HTTP = CheckKey("shop", Kind.HTTP, "https://shop.example/")
TIMING = Timing(every=30, timeout=5, hold=15, clear=600)
LONG = 100
"""More looks than are kept."""


def engine(key: CheckKey, timing: Timing = TIMING) -> Engine:
    rules = list(rules_for(key, timing, Severity.CRITICAL))
    return Engine(deployment="test", quorum=QUORUM, rules=rules, controls=())


@pytest.mark.parametrize(("every", "hold"), [(1, 50), (1, 60), (2, 300), (5, 300), (10, 3600)])
@pytest.mark.parametrize(
    ("key", "place", "words"),
    [
        (HTTP, "name", ["timeout"]),
        (HTTP, "name", ["timeout", "refused", "timeout"]),
        (DNS, "authoritative", ["nodata"]),
        (DNS, "authoritative", ["nodata", "nxdomain"]),
    ],
    ids=["page", "page for several reasons", "record", "record for two reasons"],
)
def test_a_fault_pages_after_its_hold_however_many_looks_that_takes(
    key: CheckKey, place: str, words: list[str], every: int, hold: int
) -> None:
    """Only some looks are kept, and a fault is known to have lasted for longer than they span."""
    timing = Timing(every=every, timeout=1, hold=hold, clear=600)
    made, ledger, paged = engine(key, timing), Ledger(), []
    for number, at in enumerate(range(0, hold + 20 * every, every)):
        word = Verdict.OK if number < 3 else words[number % len(words)]
        ledger.add(key, timing, [seen(at, word, key=key, place=place)])
        changes = made.step({"here": ledger}, at).changes
        paged += [at for _, change in changes if change is Change.OPENED]

    began = 3 * every
    assert len(paged) == 1
    assert began + hold <= paged[0] < began + hold + 2 * every


@pytest.mark.parametrize(
    ("before", "after", "diagnosis"),
    [("timeout", "nodata", "authoritative_down"), ("nodata", "timeout", "record_emptied")],
)
def test_a_cause_that_gave_way_to_another_ends(before: str, after: str, diagnosis: str) -> None:
    """It is over soon, and an agent that starts then judges as the one that ran on."""
    made, ledger, id_ = engine(DNS), Ledger(), f"shop/{diagnosis}/{DNS.check}"
    held = {}
    for number, word in enumerate([*[Verdict.OK] * 6, *[before] * 30, *[after] * LONG]):
        ledger.add(DNS, TIMING, [seen(number * 30, word, key=DNS)])
        made.step({"here": ledger}, number * 30)
        anew = engine(DNS)
        anew.step({"here": ledger}, number * 30)
        held[number] = made.evidence[id_].holds
        assert anew.evidence[id_].holds == held[number], number

    assert held[35]
    assert not any(held[number] for number in range(36 + 10, 36 + LONG))
