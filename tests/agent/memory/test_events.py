"""What is worth a line in the record: how it is told, and that it is counted by its name."""

from collections.abc import Mapping

import pytest

from tests.agent.observations import KEY
from vedette.agent.counts import Counts
from vedette.agent.memory.events import EventName, events_of
from vedette.agent.memory.lastgood import Generation, LastKnownGood, Learned, Returned
from vedette.agent.serving.telemetry import last_known_good, work
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
    text = "".join(render(work(counts, "1", 0.0)))

    assert 'vedette_events_total{event="stale_answer_returned"} 1\n' in text
    assert 'vedette_events_total{event="last_known_good_promoted"} 0\n' in text


def test_the_newest_good_set_is_dated_in_the_metrics() -> None:
    """Each name and type has the time at which its newest good set became that."""
    old = Generation("n", "A", ("192.0.2.1",), 0, 1, whole=True)
    text = "".join(render(last_known_good(LastKnownGood([PROMOTED, old]))))

    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        'vedette_last_known_good_promoted_timestamp_seconds{name="n",type="A"} 2'
    ]
