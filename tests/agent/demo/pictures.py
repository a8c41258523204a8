"""States of the demo as an agent would show them."""

from vedette.agent.demo.pagerreceiver import PagerEvent
from vedette.agent.demo.screen import AlarmRow, Phase, ProbeRow, ScreenState
from vedette.checks.finding import Kind, Verdict

OK, FAILING, UNKNOWN = Verdict.OK, Verdict.FAILING, Verdict.UNKNOWN
URL = "https://api.shop.example:41873/"
KEY = "vedette/shop"

HEALTHY = (
    ProbeRow(
        kind=Kind.DNS,
        check="api.shop.example A",
        subject="ns1.shop.example 127.0.0.1:40453",
        verdict=OK,
        seconds=0.0021,
        history=[UNKNOWN] + [OK] * 9,
    ),
    ProbeRow(
        kind=Kind.HTTP, check=URL, subject="by name", verdict=OK, seconds=0.012, history=[OK] * 10
    ),
    ProbeRow(
        kind=Kind.BGP,
        check="203.0.113.0/24",
        subject="24 of 24 peers",
        verdict=OK,
        seconds=0.0,
        history=[UNKNOWN, UNKNOWN] + [OK] * 30,
    ),
)
BROKEN = (
    ProbeRow(
        kind=Kind.DNS,
        check="api.shop.example A",
        subject="ns1.shop.example 127.0.0.1:40453",
        verdict=FAILING,
        reason="no_data",
        seconds=0.0019,
        history=[OK] * 9 + [FAILING] * 4,
    ),
    ProbeRow(
        kind=Kind.HTTP,
        check=URL,
        subject="by name",
        verdict=FAILING,
        reason="dns_no_address",
        seconds=1.2,
        history=[OK] * 10 + [FAILING] * 3,
    ),
    ProbeRow(
        kind=Kind.HTTP,
        check=URL,
        subject="127.0.0.1 (last known good)",
        verdict=OK,
        seconds=0.011,
        history=[OK] * 13,
    ),
    HEALTHY[2],
)
ALARMS = (
    AlarmRow(
        diagnosis="record_emptied",
        service="shop",
        state="ALARM",
        seconds=5,
        detail="1 of 1 authoritative servers answers nothing for api.shop.example A",
    ),
    AlarmRow(diagnosis="service_down", service="shop", state="ALARM", seconds=5),
    AlarmRow(diagnosis="prefix_withdrawn", service="shop", state="OK", seconds=20),
    AlarmRow(diagnosis="dnssec_bogus", service="shop", state="OK", seconds=20),
    AlarmRow(diagnosis="feed_stale", service="ris_live", state="INSUFFICIENT_DATA"),
)
DETAILS = {
    "cause": "record_emptied: the authoritative servers answer, and answer nothing",
    "since": "2026-01-31 14:03:10 UTC",
    "seen_by": ["demo-1"],
    "last_known_good": ["127.0.0.1", "127.0.0.2"],
    "last_known_good_serve": True,
    "bgp": {"prefix": "203.0.113.0/24", "peers": "24 of 24", "share": 1.0},
    "symptoms": ["service_down"],
}


def event(action, at=1769868190.0, cause="record_emptied", key=KEY):
    summary = "shop: record_emptied: api.shop.example A is empty at every authoritative server"
    payload = {
        "summary": summary,
        "source": "demo-1",
        "severity": "critical",
        "class": cause,
        "timestamp": "2026-01-31T14:03:10Z",
        "custom_details": DETAILS,
    }
    return PagerEvent(at, {"event_action": action, "dedup_key": key, "payload": payload})


EMPTY = ScreenState(phase=Phase.STARTING)
PAGED = ScreenState(
    phase=Phase.PAGED,
    elapsed=11.3,
    progress=0.6,
    rows=BROKEN,
    alarms=ALARMS,
    events=[event("trigger")],
    status_url="http://127.0.0.1:9469/",
)
DONE = ScreenState(
    phase=Phase.DONE,
    elapsed=24.9,
    progress=1.0,
    rows=HEALTHY,
    alarms=ALARMS[2:4],
    events=[event("trigger"), event("resolve", 1769868204.0)],
    status_url="http://127.0.0.1:9469/",
)
