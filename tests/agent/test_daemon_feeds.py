"""The daemon and its feeds: what routes page, and what is said while a feed is silent."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.daemon import SERVICE_KEY, World, world
from tests.checks.bgp.made import ORIGIN, PREFIX, address
from tests.checks.bgp.wire.made import body, initiation, monitoring, nlri, peer_up
from tests.servers.process import free_port
from tests.waiting import until

TRIGGER, RESOLVE = ("trigger", SERVICE_KEY), ("resolve", SERVICE_KEY)
FEED_KEY = "vedette/ris-live"
PEERS, TRANSIT, STRANGER = 10, 64510, 64666
PART = "192.0.2.128/25"
BGP = PREFIX, ORIGIN


def path(number: int, *, origin: int = ORIGIN, by: int = TRANSIT) -> list[int]:
    """Return the path of the *number*-th peer, which is in an AS of its own."""
    return [64600 + number, by, origin]


def rows(*numbers: int) -> list[tuple[str, list[int]]]:
    """Return a seed in which these peers have the route."""
    return [(f"00-{address(n)}", path(n)) for n in numbers]


def frame(number: int, **keys: Any) -> dict[str, Any]:
    """Return an UPDATE of the *number*-th peer; *keys* are those that it needs."""
    return {
        "type": "UPDATE", "timestamp": time.time(), "host": "rrc00.ripe.net",
        "peer": address(number), "peer_asn": str(64600 + number), **keys,
    }  # fmt: skip


def held(number: int, prefix: str = PREFIX, **towards: int) -> dict[str, Any]:
    groups = [{"next_hop": address(number), "prefixes": [prefix]}]
    return frame(number, announcements=groups, path=path(number, **towards))


def gone(number: int, prefix: str = PREFIX) -> dict[str, Any]:
    return frame(number, withdrawals=[prefix])


@asynccontextmanager
async def seeded(folder: Path, **options: Any) -> AsyncIterator[World]:
    """Open a world in which all peers have the prefix, by the feed and by the agent."""
    async with world(folder, bgp=BGP, start=False, **options) as w:
        w.routes.seed(PREFIX, rows(*range(PEERS)), time.time() - 10)
        w.routes.past(PREFIX, rows(*range(PEERS)), time.time() - 86400)
        await w.daemon.start()
        await w.daemon.sees("vedette_bgp_visibility_ratio", 1)
        yield w
        assert w.routes.violations == []


def payload(w: World, number: int = 0) -> dict[str, Any]:
    return w.events[number]["payload"]


async def test_a_withdrawal_pages_with_all_that_is_known(tmp_path: Path) -> None:
    """The page says since when, the share, who still has it and by way of whom, and which feeds."""
    async with seeded(tmp_path) as w:
        sent_at = time.time()
        await w.routes.play(*map(gone, range(PEERS - 1)))
        since: dict[str, Any] = {"check": PREFIX, "reason": "withdrawn"}

        async def began() -> float | None:
            return await w.daemon.value("vedette_bgp_condition_since_timestamp_seconds", **since)

        await until(began, lambda: w.daemon.output)
        began_at = await began()
        assert began_at is not None
        assert sent_at - 1 < began_at < time.time() + 1
        await w.told(TRIGGER)
        page = payload(w)
        assert (page["class"], page["severity"]) == ("prefix_withdrawn", "critical")
        details = page["custom_details"]
        assert f"{PREFIX} by AS{ORIGIN} is seen by 1 of 10 peers (10 %)" in page["summary"]
        (line,) = details["bgp"]
        assert line.startswith("ris-live: FAILING withdrawn: ")
        assert f"by origin: AS{ORIGIN} 1; by way of: AS{TRANSIT} 1" in line
        assert "withdrawn since 20" in line
        assert details["feeds"] == ["1 of 1 speak (ris-live)"]
        await w.routes.play(*map(held, range(PEERS - 1)))
        await w.told(TRIGGER, RESOLVE)


STRANGE = {
    "origin_hijack": {"origin": STRANGER},
    "subprefix_hijack": {"prefix": PART, "origin": STRANGER},
    "route_leak": {"by": STRANGER},
}


@pytest.mark.parametrize("diagnosis", STRANGE)
async def test_a_stranger_pages_and_its_end_resolves(tmp_path: Path, diagnosis: str) -> None:
    """A foreign origin, part or neighbour at three peer ASes pages; at one it is only an event."""
    towards = dict(STRANGE[diagnosis])
    prefix = str(towards.pop("prefix", PREFIX))
    event = {
        "origin_hijack": "origin_changed",
        "subprefix_hijack": "more_specific_changed",
        "route_leak": "neighbour_changed",
    }[diagnosis]
    async with seeded(tmp_path) as w:
        await w.routes.play(held(0, prefix, **towards))  # type: ignore[arg-type]
        alone = 0 if diagnosis == "route_leak" else 1
        await w.daemon.sees("vedette_bgp_foreign_peer_ases", 1, check=PREFIX)
        await w.daemon.sees("vedette_events_total", alone, event=event)
        assert w.story == []
        await w.routes.play(*(held(n, prefix, **towards) for n in (1, 2)))  # type: ignore[arg-type]
        await w.told(TRIGGER)
        page = payload(w)
        assert page["class"] == diagnosis
        assert page["severity"] == ("warning" if diagnosis == "route_leak" else "critical")
        assert f"AS{STRANGER}" in page["summary"]
        back = gone if prefix == PART else held
        await w.routes.play(*(back(n, prefix) for n in range(3)))
        await w.told(TRIGGER, RESOLVE)
        await w.daemon.sees("vedette_events_total", 2, event=event)


async def test_one_router_of_ours_hears_it_before_the_world(tmp_path: Path) -> None:
    """Of two feeds one is enough: what our own routers lost pages while the world still has it."""
    port = free_port()
    feeds = [{"bmp": {"listen": f"127.0.0.1:{port}"}}]
    async with seeded(tmp_path, more={"feeds": feeds}) as w:
        _, router = await asyncio.open_connection("127.0.0.1", port)
        peers = [f"198.51.100.{n}" for n in range(1, 5)]
        router.write(initiation("edge-1"))
        for n, peer in enumerate(peers):
            router.write(peer_up(peer=peer, asn=64600 + n))
            route = body(announced=[nlri(PREFIX)], path=tuple(path(n)))
            router.write(monitoring(route, peer=peer, asn=64600 + n))
        await w.daemon.sees("vedette_bgp_baseline_peers", 4, place="bmp")
        await w.daemon.sees("vedette_bgp_feed_sessions", 4, feed="bmp", state="up")
        for n, peer in enumerate(peers):
            lost = body(withdrawn=[nlri(PREFIX)])
            router.write(monitoring(lost, peer=peer, asn=64600 + n))
        await w.told(TRIGGER)
        page = payload(w)
        assert page["class"] == "prefix_withdrawn"
        assert "at 1 of 2 feeds" in page["summary"]
        lines = page["custom_details"]["bgp"]
        assert [line.split(":")[0] for line in lines] == ["bmp", "ris-live"]
        router.close()
        with contextlib.suppress(OSError):
            await router.wait_closed()
        await w.daemon.sees("vedette_bgp_feed_up", 0, feed="bmp")


async def test_routers_that_never_had_the_prefix_keep_no_page_open(tmp_path: Path) -> None:
    """What the world sees again is over, though our routers hear only what others send them."""
    port = free_port()
    feeds = [{"bmp": {"listen": f"127.0.0.1:{port}"}}]
    async with seeded(tmp_path, more={"feeds": feeds}) as w:
        _, router = await asyncio.open_connection("127.0.0.1", port)
        router.write(initiation("edge-1") + peer_up() + monitoring(bytes(4)))
        await w.daemon.sees("vedette_bgp_feed_up", feed="bmp")
        await w.routes.play(*map(gone, range(PEERS)))
        await w.told(TRIGGER)
        assert "feeds" not in payload(w)["summary"]
        assert payload(w)["custom_details"]["feeds"] == ["2 of 2 speak (bmp, ris-live)"]
        await w.routes.play(*map(held, range(PEERS)))
        await w.told(TRIGGER, RESOLVE)
        router.close()


@pytest.mark.parametrize("returns", [True, False], ids=["ends meanwhile", "lasts"])
async def test_the_plug_is_pulled_amid_a_withdrawal(tmp_path: Path, returns: bool) -> None:
    """The silent feed joins the open page; after the new seed the verdict is right: two events."""
    async with seeded(tmp_path) as w:
        await w.routes.play(*map(gone, range(PEERS - 1)))
        await w.told(TRIGGER)
        w.routes.accepts = False
        await w.routes.drop()
        stale = {"diagnosis": "feed_stale", "state": "ALARM"}
        await w.daemon.sees("vedette_alarm_state", **stale)
        await w.daemon.sees("vedette_probe_state", check=PREFIX, state="UNKNOWN")
        await w.daemon.sees("vedette_incidents_open", 1)
        _, status = await w.daemon.get("/")
        assert "<span>feed_stale ris-live</span>" in status
        assert w.story == [TRIGGER]
        left = range(PEERS) if returns else [PEERS - 1]
        w.routes.seed(PREFIX, rows(*left), time.time())
        w.routes.accepts = True
        share = len(left) / PEERS
        await w.daemon.sees("vedette_bgp_visibility_ratio", share)
        await w.daemon.sees("vedette_alarm_state", 0, **stale)
        if not returns:
            assert w.story == [TRIGGER]
            await w.routes.play(*map(held, range(PEERS)))
        await w.told(TRIGGER, RESOLVE)
        await w.daemon.sees("vedette_incidents_open", 0)
        await w.daemon.looks(4, PREFIX)
        assert w.story == [TRIGGER, RESOLVE]


async def test_a_feed_that_says_nothing_is_a_warning(tmp_path: Path) -> None:
    """A feed that is connected and silent, with nothing else wrong, is one warning and its end."""
    async with seeded(tmp_path, ris_live_keys={"stale_after": "2s"}) as w:
        speaks = asyncio.Event()
        speaks.set()

        async def breathe() -> None:
            while True:
                await speaks.wait()
                await w.routes.play(frame(0, type="KEEPALIVE"))
                await asyncio.sleep(0.2)

        breath = asyncio.create_task(breathe())
        try:
            await w.daemon.looks(4, PREFIX)
            speaks.clear()
            await w.told(("trigger", FEED_KEY))
            page = payload(w)
            assert (page["class"], page["severity"]) == ("feed_stale", "warning")
            assert "ris-live has been silent for" in page["summary"]
            assert page["custom_details"]["feeds"][0] == "0 of 1 speak"
            assert PREFIX in page["custom_details"]["bgp"][0]
            speaks.set()
            await w.told(("trigger", FEED_KEY), ("resolve", FEED_KEY))
            await w.daemon.sees("vedette_probe_state", check=PREFIX, state="OK")
        finally:
            breath.cancel()
        assert len(w.events) == 2


def allow(folder: Path, *origins: int) -> dict[str, Any]:
    """Let *origins* announce the prefix, by a list of VRPs; return what the config says of it."""
    roas = [{"asn": f"AS{asn}", "prefix": PREFIX, "maxLength": 24, "ta": "test"} for asn in origins]
    new = folder / "vrps.new"
    new.write_text(json.dumps({"roas": roas}))
    new.rename(folder / "vrps.json")
    return {"rpki": {"file": "vrps.json", "every": "1s"}}


async def test_an_own_route_that_becomes_invalid_pages(tmp_path: Path) -> None:
    """A ROA that is replaced makes the own route invalid: events, a page, and a resolve after."""
    state = {"prefix": PREFIX, "origin": str(ORIGIN)}
    async with seeded(tmp_path, more=allow(tmp_path, ORIGIN)) as w:
        await w.daemon.sees("vedette_bgp_rpki_state", **state, state="valid")
        await w.daemon.sees("vedette_rpki_vrps", 1)
        allow(tmp_path, STRANGER)
        await w.told(TRIGGER)
        assert payload(w)["class"] == "rpki_invalid"
        assert "RPKI-invalid" in payload(w)["summary"]
        assert "RPKI invalid" in payload(w)["custom_details"]["bgp"][0]
        await w.daemon.sees("vedette_bgp_rpki_state", **state, state="invalid")
        await w.daemon.sees("vedette_events_total", 2, event="roa_changed")
        await w.daemon.sees("vedette_events_total", 1, event="roa_missing")
        assert f"roa_missing shop/{PREFIX}: {PREFIX} AS{ORIGIN}: " in w.daemon.output
        allow(tmp_path, ORIGIN)
        await w.told(TRIGGER, RESOLVE)
        await w.daemon.sees("vedette_events_total", 4, event="roa_changed")


async def test_a_foreign_origin_with_a_roa_wakes_people_too(tmp_path: Path) -> None:
    """A stolen account can make a ROA: the page tells that there is one, and is no milder."""
    async with seeded(tmp_path, more=allow(tmp_path, ORIGIN, STRANGER)) as w:
        await w.daemon.sees("vedette_bgp_rpki_state", prefix=PREFIX, state="valid")
        await w.routes.play(*(held(n, origin=STRANGER) for n in range(3)))
        await w.told(TRIGGER)
        assert (payload(w)["class"], payload(w)["severity"]) == ("origin_hijack", "critical")
        assert f"RPKI valid for AS{STRANGER}" in payload(w)["custom_details"]["bgp"][0]


async def test_an_outage_older_than_the_agent_is_found(tmp_path: Path) -> None:
    """An agent that starts for the first time amid an outage knows by yesterday's table."""
    async with world(tmp_path, bgp=BGP, start=False) as w:
        w.routes.seed(PREFIX, rows(0), time.time() - 10)
        w.routes.past(PREFIX, rows(*range(PEERS)), time.time() - 86400)
        await w.daemon.start()
        await w.told(TRIGGER)
        assert payload(w)["class"] == "prefix_withdrawn"
        assert "is seen by 1 of 10 peers (10 %)" in payload(w)["summary"]
