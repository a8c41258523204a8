"""What changed before it broke: plain words, the newest first, and never more than fit."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.memory.chronicle import LINES, chronicle, sentence
from vedette.agent.memory.events import Event, EventName

ZONE = "shop.example"


def event(
    what: EventName, at: float = 0.0, subject: str = ZONE, /, **detail: str | Sequence[str]
) -> Event:
    """Return an event of the service."""
    return Event(at, "shop", f"{ZONE} A", what, subject, detail)


def serial(at: float, subject: str = ZONE) -> Event:
    """Return a change of a zone's serial."""
    told = {"before": [f"{at:.0f}"], "after": [f"{at + 1:.0f}"], "server": "ns1"}
    return event(EventName.SERIAL_CHANGED, at, subject, **told)


FEW, MANY = ["192.0.2.1"], [f"192.0.2.{n}" for n in range(1, 8)]


@pytest.mark.parametrize(
    ("name", "subject", "detail", "words"),
    [
        (
            "answers_changed", "shop.example A", {"before": MANY, "after": [], "server": "ns1 ::1"},
            "answers of shop.example A went from 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4 and 3 "
            "more to nothing at ns1 ::1",
        ),
        (
            "serial_changed", ZONE, {"before": ["7"], "after": ["8"], "server": "ns1"},
            "serial of shop.example went from 7 to 8 at ns1",
        ),
        (
            "name_servers_changed", ZONE, {"appeared": ["ns3", "ns3 192.0.2.3"], "vanished": FEW},
            "delegation of shop.example gained ns3, ns3 192.0.2.3 and lost 192.0.2.1",
        ),
        (
            "name_servers_changed", ZONE, {"vanished": ["ns3"]},
            "delegation of shop.example lost ns3",
        ),
        (
            "certificate_changed", "https://shop.example/",
            {"before": "serial 01", "after": "serial 02", "address": "192.0.2.1"},
            "certificate of https://shop.example/ went from serial 01 to serial 02, at 192.0.2.1",
        ),
        (
            "certificate_changed", "https://shop.example/",
            {"before": "serial 01", "after": "serial 02", "address": "by name"},
            "certificate of https://shop.example/ went from serial 01 to serial 02, by name",
        ),
        (
            "origin_changed", "192.0.2.0/24", {"appeared": ["64666"], "feed": "ris-live"},
            "foreign origins of 192.0.2.0/24: AS64666 appeared (ris-live)",
        ),
        (
            "more_specific_changed", "192.0.2.0/24",
            {"appeared": ["192.0.2.0/25 AS1"], "vanished": ["192.0.2.0/26 AS1"], "feed": "bmp"},
            "more-specifics of 192.0.2.0/24: 192.0.2.0/25 AS1 appeared, 192.0.2.0/26 AS1 vanished "
            "(bmp)",
        ),
        (
            "neighbour_changed", "192.0.2.0/24", {"vanished": ["1", "2"], "feed": "bmp"},
            "foreign neighbours of 192.0.2.0/24: AS1, AS2 vanished (bmp)",
        ),
        (
            "stale_answer_returned", "ns1",
            {"name": ZONE, "type": "A", "answers": FEW, "good": ["192.0.2.2"]},
            "ns1 came back to 192.0.2.1 for shop.example A, which 192.0.2.2 had replaced",
        ),
        (
            "stale_answer_returned", "delegation of shop.example",
            {"name": ZONE, "type": "DELEGATION", "answers": ["ns1"], "good": ["ns2"]},
            "delegation of shop.example came back to ns1, which ns2 had replaced",
        ),
        ("roa_changed", "any", {"change": "the ROA was removed"}, "the ROA was removed"),
        ("roa_missing", "any", {"fault": "no ROA covers it"}, "no ROA covers it"),
        ("answers_changed", "n A", {"more": "7"}, "answers of n A changed 7 more times"),
    ],
)  # fmt: skip
def test_changes_are_told_in_words(
    name: str, subject: str, detail: Mapping[str, str | Sequence[str]], words: str
) -> None:
    """A line says what changed, from what to what, and where it was seen."""
    assert sentence(event(EventName(name), 0, subject, **detail)) == words


CHANGES = [name for name in EventName if name is not EventName.LAST_KNOWN_GOOD_PROMOTED]


@pytest.mark.parametrize("name", CHANGES)
def test_every_event_that_is_a_change_has_words(name: EventName) -> None:
    """No event is left out for want of words; each has its own fields."""
    fields = dict.fromkeys(
        ["before", "after", "server", "address", "appeared", "feed", "name", "type", "answers",
         "good", "change"], "x",
    )  # fmt: skip
    assert len(chronicle([event(name, **fields)], [])) == 1


def test_a_promotion_is_no_change() -> None:
    """What became good had changed before."""
    assert chronicle([event(EventName.LAST_KNOWN_GOOD_PROMOTED)], []) == []


def test_lines_are_dated() -> None:
    """Each line begins with its time in UTC."""
    assert chronicle([serial(0)], []) == [
        "1970-01-01 00:00:00 UTC serial of shop.example went from 0 to 1 at ns1"
    ]


times = st.lists(st.integers(0, 10**6), unique=True, max_size=40).map(lambda t: sorted(t)[::-1])


@given(times, times)
def test_the_newest_come_first_and_never_hide_the_last_before(
    before: list[int], since: list[int]
) -> None:
    """At most ten lines; of many since the first fault, half of them at most."""
    border = 10**6 + 1
    lines = chronicle(
        [serial(at, f"z{at}") for at in before], [serial(border + at, f"z{at}") for at in since]
    )
    assert len(lines) == min(len(before) + min(len(since), 5), LINES)
    assert lines == sorted(lines, reverse=True)
    newest = [f"serial of z{at} went" for at in before[:5]]
    assert all(any(one in line for line in lines) for one in newest)


def test_a_busy_zone_hides_nothing() -> None:
    """Of one kind and subject there are three lines, however often it changes."""
    busy = [serial(at, "busy.example") for at in range(500, 0, -1)]
    lines = chronicle([*busy, serial(0)], [])
    assert len(lines) == 4
    assert lines[-1].endswith("serial of shop.example went from 0 to 1 at ns1")
