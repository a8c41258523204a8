"""The double itself: it refuses what PagerDuty refuses, or the other tests would prove nothing."""

import json
from typing import Any

import pytest

from tests.servers.pagerduty import faults

KEY = "k" * 32
PAYLOAD = {"summary": "s", "source": "o", "severity": "info"}
RESOLVE: dict[str, Any] = {"routing_key": KEY, "event_action": "resolve", "dedup_key": "d"}
TRIGGER = RESOLVE | {"event_action": "trigger", "payload": PAYLOAD}


@pytest.mark.parametrize("event", [TRIGGER, RESOLVE, TRIGGER | {"dedup_key": "d" * 255}])
def test_a_valid_event_has_no_faults(event: dict[str, Any]) -> None:
    """The least that the documentation asks for is enough."""
    assert faults(json.dumps(event).encode()) == []


@pytest.mark.parametrize(
    "event",
    [
        [],
        TRIGGER | {"routing_key": "short"},
        RESOLVE | {"event_action": "page"},
        TRIGGER | {"dedup_key": "d" * 256},
        TRIGGER | {"details": {}},
        TRIGGER | {"payload": None},
        TRIGGER | {"payload": PAYLOAD | {"summary": "s" * 1025}},
        TRIGGER | {"payload": PAYLOAD | {"summary": ""}},
        TRIGGER | {"payload": PAYLOAD | {"source": ""}},
        TRIGGER | {"payload": PAYLOAD | {"severity": "bad"}},
        TRIGGER | {"payload": PAYLOAD | {"timestamp": "yesterday"}},
        TRIGGER | {"payload": PAYLOAD | {"timestamp": 5}},
        TRIGGER | {"payload": PAYLOAD | {"custom_details": "text"}},
        TRIGGER | {"payload": PAYLOAD | {"component": 5}},
        TRIGGER | {"payload": PAYLOAD | {"colour": "red"}},
        TRIGGER | {"payload": PAYLOAD | {"custom_details": {"a": "x" * 512_000}}},
        TRIGGER | {"links": {"href": "https://run.test/"}},
        TRIGGER | {"links": [{"text": "Runbook"}]},
        TRIGGER | {"client_url": "no URL"},
        {key: value for key, value in RESOLVE.items() if key != "dedup_key"},
    ],
)
def test_each_broken_rule_is_one_fault(event: object) -> None:
    """An event that breaks one rule is refused for that one."""
    assert len(faults(json.dumps(event).encode())) == 1
