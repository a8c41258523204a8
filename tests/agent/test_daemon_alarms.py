"""Alarms of the user's own in the agent as a process: their pages, and who holds them back."""

from pathlib import Path

from tests.agent.daemon import CHECK, SERVICE_KEY, World, world
from tests.waiting import until

API, WORKS = "api A 127.0.0.1\n", "works A 192.0.2.7\n"
KEY = "vedette/check out"
ALARMS = {
    "alarms": [
        {
            "name": "check out",
            "description": "nobody can pay",
            "rule": f'ALARM("{CHECK}:nxdomain") OR ALARM("{CHECK}:nodata")',
            "hold": "1s",
            "clear": "1s",
            "suppressor": {"alarm": "works", "wait": "2s", "extension": "1s"},
        },
        {
            "name": "works",
            "rule": 'ALARM("works.shop.test A")',
            "hold": "500ms",
            "clear": "0s",
            "severity": "info",
        },
    ],
    "services": [
        {"name": "shop", "dns": [{"name": "api.shop.test", "servers": ["authoritative"]}]},
        {"name": "plans", "dns": [{"name": "works.shop.test", "servers": ["authoritative"]}]},
    ],
}


async def told(w: World, *actions: str) -> None:
    """Wait until PagerDuty has accepted these actions about the alarm, and no others."""
    await until(lambda: len(about(w)) >= len(actions), lambda: f"{w.story}\n{w.daemon.output}")
    assert [event["event_action"] for event in about(w)] == list(actions), w.daemon.output


def about(w: World) -> list[dict]:
    return [event for event in w.events if event["dedup_key"] == KEY]


async def test_a_composite_alarm_pages_under_its_own_key(tmp_path: Path) -> None:
    """It has a page beside that of the service, in its own words, which resolves with its rule."""
    async with world(tmp_path, records=API + WORKS, more=ALARMS) as w:
        await w.daemon.sees("vedette_alarm_state", diagnosis="check out", state="OK")
        w.serve(WORKS)
        await told(w, "trigger")
        (event,) = about(w)
        payload = event["payload"]
        assert payload["class"] == payload["component"] == "check out"
        assert payload["severity"] == "critical"
        assert payload["summary"].startswith(f"check out: {CHECK}:nxdomain is in ALARM, since ")
        assert payload["custom_details"]["description"] == "nobody can pay"
        assert payload["custom_details"]["rule"].startswith(f'ALARM("{CHECK}:nxdomain") OR')
        w.serve(API + WORKS)
        await told(w, "trigger", "resolve")
        await until(lambda: ("resolve", SERVICE_KEY) in w.story, lambda: w.daemon.output)
        assert sorted(w.story) == sorted(
            (action, key) for action in ("trigger", "resolve") for key in (KEY, SERVICE_KEY)
        )


async def test_a_suppressor_holds_a_page_back(tmp_path: Path) -> None:
    """While the suppressor is in ALARM nobody is told; once it is not, what is left is paged."""
    async with world(tmp_path, records=API + WORKS, more=ALARMS) as w:
        await w.daemon.sees("vedette_alarm_state", diagnosis="check out", state="OK")
        w.serve("")
        await w.daemon.sees("vedette_alarm_state", diagnosis="works", state="ALARM")
        await w.daemon.sees("vedette_alarm_state", diagnosis="check out", state="ALARM")
        # Its wait of two seconds is over when the check has been looked at so often.
        await w.daemon.looks(6)
        assert about(w) == []
        w.serve(WORKS)
        await told(w, "trigger")
        w.serve(API + WORKS)
        await told(w, "trigger", "resolve")
