"""What is worth a line in the record: how it is told, and that it is counted by its name."""

from collections.abc import Mapping

import pytest

from tests.agent.observations import KEY, seen, series
from vedette.agent.events import EventName, events_of, route_events
from vedette.agent.lastgood import Generation, LastKnownGood, Learned, Returned
from vedette.agent.ledger import CheckKey, Series
from vedette.agent.telemetry import Counts, last_known_good, work
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.metrics import render

PROMOTED = Generation("n", "A", ("192.0.2.2",), 1, 2, whole=True)
RETURNED = Returned("ns1", ("192.0.2.1",), ("192.0.2.2",))


@pytest.mark.parametrize(
    ("learned", "told"),
    [
        (Learned("n", "A"), {}),
        (
            Learned("n", "A", PROMOTED),
            {
                "last_known_good_promoted": "last_known_good_promoted shop/shop.example A: n A: "
                "name n; type A; answers 192.0.2.2"
            },
        ),
        (
            Learned("n", "A", PROMOTED, [RETURNED]),
            {
                "stale_answer_returned": "stale_answer_returned shop/shop.example A: ns1: "
                "name n; type A; answers 192.0.2.1; good 192.0.2.2",
                "last_known_good_promoted": "last_known_good_promoted shop/shop.example A: n A: "
                "name n; type A; answers 192.0.2.2",
            },
        ),
    ],
    ids=["nothing", "promoted", "both"],
)
def test_what_was_learned_is_told(learned: Learned, told: Mapping[str, str]) -> None:
    """Each thing learned is one event, with the check that saw it and both sets in words."""
    events = list(events_of(learned, KEY, 7.0))

    assert {event.name: str(event) for event in events} == told
    assert all(event.at == 7.0 for event in events)


def test_events_are_counted_from_nothing() -> None:
    """Every name has its series from the start, so that the first event is an increase."""
    counts = Counts()
    counts.events[EventName.STALE_ANSWER_RETURNED] += 1
    text = "".join(render(work(counts, "1")))

    assert 'vedette_events_total{event="stale_answer_returned"} 1\n' in text
    assert 'vedette_events_total{event="last_known_good_promoted"} 0\n' in text


def test_the_newest_good_set_is_dated_in_the_metrics() -> None:
    """Each name and type has the time at which its newest good set became that."""
    old = Generation("n", "A", ("192.0.2.1",), 0, 1, whole=True)
    text = "".join(render(last_known_good(LastKnownGood([PROMOTED, old]))))

    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        'vedette_last_known_good_promoted_timestamp_seconds{name="n",type="A"} 2'
    ]


ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")


def feed(*looks: Mapping[str, Mapping[str, float]] | None) -> Series:
    """Return the series of a feed that saw these strangers; None is a look that saw nothing."""
    return series(
        *(
            seen(at, key=ROUTE, place="ris-live", share=1.0, **facts)
            if facts is not None
            else seen(at, Verdict.UNKNOWN, key=ROUTE, place="ris-live")
            for at, facts in enumerate(looks)
        ),
        key=ROUTE,
    )


PART = "192.0.2.0/25 AS64666"


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([{}], {}),
        ([{}, {"more_specifics": {PART: 1.0}}], {"more_specific_changed": {"appeared": [PART]}}),
        ([{"more_specifics": {PART: 1.0}}, {}], {"more_specific_changed": {"vanished": [PART]}}),
        ([{}, None, {"foreign_origins": {"1": 9.0}}], {"origin_changed": {"appeared": ["1"]}}),
        ([{"foreign_origins": {"1": 9.0}}, None], {}),
        ([{"foreign_origins": {"1": 9.0}}], {"origin_changed": {"appeared": ["1"]}}),
        ([{}, {"foreign_neighbours": {"7": 2.0}}], {}),
        ([{}, {"foreign_neighbours": {"7": 3.0}}], {"neighbour_changed": {"appeared": ["7"]}}),
    ],
)
def test_routes_that_change_are_told_once(
    looks: list[Mapping[str, Mapping[str, float]] | None],
    told: Mapping[str, Mapping[str, list[str]]],
) -> None:
    """A stranger is told of when it comes and when it goes, whatever was unknown in between."""
    events = list(route_events(feed(*looks), 9.0))
    assert {str(e.name): {k: v for k, v in e.detail.items() if k != "feed"} for e in events} == told
    assert all(event.detail["feed"] == "ris-live" for event in events)
