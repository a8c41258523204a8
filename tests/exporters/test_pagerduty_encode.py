"""The page as an event: every field in its place, every published limit kept."""

import json
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.pagerduty import faults
from vedette.exporters.details import serialize
from vedette.exporters.page import Action, Page, Severity
from vedette.exporters.pagerduty import MAX_BYTES, PagerDutySettings, encode

KEY = "0123456789abcdef0123456789ABCDEF"
PAGE = Page(
    key="vedette/dynamodb",
    action=Action.TRIGGER,
    severity=Severity.CRITICAL,
    summary="dynamodb: record_emptied",
    service="dynamodb",
    diagnosis="record_emptied",
    subject="dynamodb.us-east-1.amazonaws.com A",
    source="fra-1",
    began_at=1_760_925_600.25,
    details={"evidence": "4 of 4 servers answer NODATA", "agents": ["fra-1", "nyc-1"]},
)


def event_of(page: Page) -> dict[str, Any]:
    body = serialize(encode(page, KEY))
    assert faults(body) == []
    event: dict[str, Any] = json.loads(body)
    return event


def test_a_trigger_says_everything() -> None:
    """Each field of a page has its place in a trigger event."""
    assert event_of(PAGE) == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": "vedette/dynamodb",
        "client": "Vedette",
        "payload": {
            "summary": "dynamodb: record_emptied",
            "source": "fra-1",
            "severity": "critical",
            "timestamp": "2025-10-20T02:00:00.250+00:00",
            "component": "dynamodb.us-east-1.amazonaws.com A",
            "group": "dynamodb",
            "class": "record_emptied",
            "custom_details": {
                "evidence": "4 of 4 servers answer NODATA",
                "agents": ["fra-1", "nyc-1"],
            },
        },
    }


def test_a_resolve_carries_only_the_key() -> None:
    """A resolve event has no payload and no client."""
    assert event_of(replace(PAGE, action=Action.RESOLVE)) == {
        "routing_key": KEY,
        "event_action": "resolve",
        "dedup_key": "vedette/dynamodb",
    }


def test_a_trigger_leads_to_the_status_page_and_to_the_runbook() -> None:
    """What a page has as a URL can be followed in one tap; what is none is not linked."""
    links = {"runbook": "https://run.test/dns", "status_page": "http://192.0.2.1:9469/"}
    event = event_of(replace(PAGE, details=links))
    plain = event_of(replace(PAGE, details={"runbook": "", "status_page": "none"}))

    assert event["client_url"] == "http://192.0.2.1:9469/"
    assert event["links"] == [{"href": "https://run.test/dns", "text": "Runbook"}]
    assert not plain.keys() & {"client_url", "links"}


@pytest.mark.parametrize("severity", list(Severity))
def test_every_severity_is_pagerdutys(severity: Severity) -> None:
    """Our severities are PagerDuty's words."""
    assert event_of(replace(PAGE, severity=severity))["payload"]["severity"] == severity.value


@pytest.mark.parametrize(("length", "cut"), [(1024, False), (1025, True), (9000, True)])
def test_summary_limit(length: int, cut: bool) -> None:
    """A summary of up to 1024 characters stays, a longer one ends in an ellipsis at the limit."""
    summary = event_of(replace(PAGE, summary="ü" * length))["payload"]["summary"]
    assert len(summary) == min(length, 1024)
    assert summary.endswith("…") == cut


def test_long_keys_stay_different() -> None:
    """Keys over 255 characters are cut, equal where they were equal and different where not."""
    long = [event_of(replace(PAGE, key="k" * 300 + end))["dedup_key"] for end in ("a", "b", "a")]
    assert len(long[0]) == 255
    assert long[0] == long[2] != long[1]


def test_the_resolve_of_a_long_key_closes_its_trigger() -> None:
    """Trigger and resolve of one long key have the same dedup_key."""
    page = replace(PAGE, key="k" * 300)
    resolve = event_of(replace(page, action=Action.RESOLVE))
    assert resolve["dedup_key"] == event_of(page)["dedup_key"]


@pytest.mark.parametrize(
    "details",
    [
        {"text": "ü" * 1_000_000},
        {"rows": [{"row": n, "text": "x" * 100} for n in range(10_000)]},
        {f"key {n}": "x" * 200 for n in range(10_000)},
    ],
    ids=["long string", "long list", "many keys"],
)
def test_large_details_are_shortened(details: dict[str, object]) -> None:
    """Details over the size limit lose their ends, the same way every time, not themselves."""
    page = replace(PAGE, details=details)
    event = event_of(page)
    assert event["payload"]["custom_details"].keys() & details.keys()
    assert event == event_of(page)


def test_details_beyond_shortening_become_a_note() -> None:
    """Where no shortening helps, a note stands in the place of the details."""
    details = event_of(replace(PAGE, details={"k" * 600_000: 1}))["payload"]["custom_details"]
    assert list(details) == ["note"]
    assert "600006 bytes" in details["note"]


@pytest.mark.parametrize("spare", [0, 1])
def test_the_size_limit_is_exact(spare: int) -> None:
    """Details that make an event of exactly the limit go out whole, one byte more does not."""
    bare = len(serialize(encode(replace(PAGE, details={"a": ""}), KEY)))
    details = {"a": "x" * (MAX_BYTES - bare + spare)}
    event = event_of(replace(PAGE, details=details))
    assert (event["payload"]["custom_details"] == details) == (spare == 0)
    assert len(serialize(event)) == MAX_BYTES or spare


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (MappingProxyType({1: (2, None)}), {"1": [2, None]}),
        ({"b", "a"}, ["a", "b"]),
        (datetime(2025, 10, 20), "2025-10-20 00:00:00"),  # noqa: DTZ001 - any object will do
        (Colour.RED, "red"),
        (True, True),
        ("\udc80", "?"),
    ],
)
def test_details_of_any_type_are_said(value: object, said: object) -> None:
    """No page is lost because a detail is not JSON's."""
    assert event_of(replace(PAGE, details={"v": value}))["payload"]["custom_details"]["v"] == said


TEXT = st.text(st.characters(), min_size=1)


@given(
    key=st.text(st.characters(), min_size=1, max_size=400),
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT),
    repeat=st.integers(1, 5000),
    details=st.recursive(
        st.none() | st.floats() | st.integers() | TEXT,
        lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
        max_leaves=8,
    ),
)
def test_whatever_the_page_the_event_is_valid(
    key: str, texts: tuple[str, str, str, str], repeat: int, details: object
) -> None:
    """Any text anywhere makes an event that breaks no published rule."""
    summary, source, service, subject = (text * repeat for text in texts)
    page = replace(PAGE, key=key, summary=summary, source=source, service=service, subject=subject)
    event_of(replace(page, details={"d": details}))


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, "https://events.pagerduty.com/v2"),
        ({"region": "eu"}, "https://events.eu.pagerduty.com/v2"),
        ({"region": "eu", "url": "http://127.0.0.1:1/x/enqueue"}, "http://127.0.0.1:1/x"),
    ],
)
def test_the_endpoints_follow_region_and_url(settings: dict[str, str], url: str) -> None:
    """The region picks where events and changes go, and a url overrides it."""
    read = PagerDutySettings.model_validate({"routing_key_env": "PD_KEY", **settings})
    assert (read.endpoint, read.changes) == (f"{url}/enqueue", f"{url}/change/enqueue")
