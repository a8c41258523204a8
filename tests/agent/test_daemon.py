"""The agent as a process: what it pages, what it does not, and what a restart changes."""

import signal
import time
from pathlib import Path

import pytest

from tests.agent.daemon import AGENT_KEY, CHECK, SERVICE, SERVICE_KEY, world
from tests.checks.bgp.made import ORIGIN, PREFIX, rows, update
from tests.waiting import until

TRIGGER, RESOLVE = ("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY)


async def test_an_emptied_record_is_one_page_and_one_resolve(tmp_path: Path) -> None:
    """The page has the cause and the serving addresses in its first line, and resolves itself."""
    async with world(tmp_path) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        payload = w.events[0]["payload"]
        assert payload["class"] == "record_emptied"
        assert payload["severity"] == "critical"
        assert payload["summary"].startswith(f"record_emptied: {CHECK} is empty at 1 of 1 auth")
        assert "the last-known-good addresses still serve (127.0.0.1)" in payload["summary"]
        assert payload["custom_details"]["last_known_good"][CHECK].startswith("127.0.0.1 (since")
        # The service fails by name for want of an address, which is no second page.
        await w.daemon.sees("vedette_alarm_state", diagnosis="service_down", state="ALARM")
        await w.daemon.looks(4)
        w.restore()
        await w.told(TRIGGER, RESOLVE)
        await w.daemon.sees("vedette_incidents_open", 0)
        await w.daemon.looks(4)
        assert w.story == [TRIGGER, RESOLVE]
        assert len(w.pagerduty.bodies) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_in_an_incident_changes_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    """An open incident is not paged again after a restart, and resolves when the record is back."""
    async with world(tmp_path) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        # Accepted is noted in the state only after the answer; a kill in between pages twice.
        await w.daemon.sees("vedette_pages_undelivered", 0)
        status, seconds = await w.daemon.end(number)
        if number is signal.SIGTERM:
            assert status == 0, w.daemon.output
            assert seconds < 5
        await w.daemon.start()
        await w.daemon.looks(6)
        await w.daemon.sees("vedette_alarm_state", diagnosis="record_emptied", state="ALARM")
        assert w.story == [TRIGGER]
        w.restore()
        await w.told(TRIGGER, RESOLVE)
        assert len(w.pagerduty.bodies) == 2


async def test_a_record_restored_while_the_agent_was_down_resolves(tmp_path: Path) -> None:
    """What ended unseen is seen to have ended: the page of the former life is resolved."""
    async with world(tmp_path) as w:
        await w.well()
        w.empty()
        await w.told(TRIGGER)
        await w.daemon.sees("vedette_pages_undelivered", 0)
        await w.daemon.end()
        w.restore()
        await w.daemon.start()
        await w.told(TRIGGER, RESOLVE)


async def test_a_fault_older_than_the_agent_is_paged(tmp_path: Path) -> None:
    """A record that was never seen well pages too, without addresses that nobody knows."""
    async with world(tmp_path, records="api TXT left-behind\n") as w:
        await w.told(TRIGGER)
        payload = w.events[0]["payload"]
        assert payload["class"] == "record_emptied"
        assert "last-known-good" not in payload["summary"]
        assert payload["custom_details"]["last_known_good_serves"] == "not known"
        w.restore()
        await w.told(TRIGGER, RESOLVE)


async def test_a_service_that_refuses_connections_is_down(tmp_path: Path) -> None:
    """Where the name is well and nobody listens, service_down is the headline."""
    async with world(tmp_path) as w:
        await w.well()
        w.close_web()
        await w.told(TRIGGER)
        payload = w.events[0]["payload"]
        assert payload["class"] == "service_down"
        assert payload["summary"].startswith(f"service_down: https://api.shop.test:{w.web.https}/")
        assert "refused" in payload["summary"]
        assert "do not serve either (127.0.0.1)" in payload["summary"]


async def test_a_withdrawn_prefix_is_paged_and_resolves(tmp_path: Path) -> None:
    """A prefix that most peers lost pages with the share, and resolves when it is back."""
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, rows(10), time.time() - 10)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        await w.routes.play(*(update(n, time.time(), withdrawn=[PREFIX]) for n in range(9)))
        await w.told(TRIGGER)
        payload = w.events[0]["payload"]
        assert payload["class"] == "prefix_withdrawn"
        assert f"{PREFIX} by AS{ORIGIN} is seen by 1 of 10 peers (10 %)" in payload["summary"]
        await w.routes.play(*(update(n, time.time(), announced=[PREFIX]) for n in range(9)))
        await w.told(TRIGGER, RESOLVE)
        assert w.routes.violations == []


async def test_a_cut_feed_is_no_withdrawal(tmp_path: Path) -> None:
    """Without the feed nothing is known about the prefix, which pages nobody."""
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), start=False) as w:
        w.routes.seed(PREFIX, rows(10), time.time() - 10)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        w.routes.seed_gate.clear()  # it comes back, but cannot learn what it missed
        w.routes.seed(PREFIX, rows(0), time.time())
        await w.routes.drop()
        await w.daemon.sees("vedette_probe_state", check=PREFIX, state="UNKNOWN")
        await until(lambda: w.routes.connections > 1, lambda: w.daemon.output)
        await w.daemon.looks(6, PREFIX)
        await w.daemon.sees("vedette_probe_state", check=PREFIX, state="UNKNOWN")
        assert w.story == []


async def test_a_blind_vantage_accuses_nobody(tmp_path: Path) -> None:
    """When controls and service go silent together, only the vantage itself is paged."""
    async with world(tmp_path) as w:
        await w.well()
        w.nsd.silence()
        await w.told(("trigger", AGENT_KEY))
        payload = w.events[0]["payload"]
        assert payload["class"] == "vantage_blind"
        assert payload["source"] == "fra-1"
        await w.daemon.sees("vedette_probe_state", service=SERVICE, subject="by name",
                            state="FAILING")  # fmt: skip
        await w.daemon.looks(6)
        w.nsd.silence(ended=True)
        await w.told(("trigger", AGENT_KEY), ("resolve", AGENT_KEY))
        await w.well()
        assert len(w.events) == 2


async def test_a_blip_shorter_than_the_hold_pages_nobody(tmp_path: Path) -> None:
    """A record that was empty for less than the hold is seen and forgotten."""
    async with world(tmp_path, hold="3s") as w:
        await w.well()
        w.empty()
        failure = {"service": SERVICE, "kind": "dns", "reason": "nodata"}
        await w.daemon.sees("vedette_probe_failure_info", **failure)
        w.restore()
        await w.daemon.sees("vedette_probe_state", service=SERVICE, kind="dns", state="OK")
        # That nothing comes takes time to see: eight looks, which are longer than the hold.
        await w.daemon.looks(8)
        assert w.pagerduty.bodies == []
