"""The demo's collectors speak RIS Live and bgp-state."""

import asyncio
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from vedette.agent.demo.routecollector import ORIGIN, PREFIX, RouteCollector, wants

SLOW = 3600


@asynccontextmanager
async def talking(every=SLOW, peers=10):
    async with (
        RouteCollector(time.time, peers=peers, every=every) as collector,
        aiohttp.ClientSession() as session,
        session.ws_connect(collector.live_url) as live,
        asyncio.timeout(5),
    ):
        yield collector, live


async def subscribe(live, **data):
    data["socketOptions"] = {"acknowledge": True}
    await live.send_json({"type": "ris_subscribe", "data": data})
    return await live.receive_json()


async def state(collector, resource=PREFIX):
    async with aiohttp.ClientSession() as session:
        query = {"resource": resource}
        async with session.get(collector.state_url, params=query) as answer:
            return answer.status, (await answer.json())["data"]


async def test_subscription_is_acknowledged():
    """The acknowledgement echoes the subscription."""
    async with talking() as (_, live):
        answer = await subscribe(live, prefix=PREFIX)

    assert answer["type"] == "ris_subscribe_ok"
    assert answer["data"]["subscription"] == {"prefix": PREFIX}


async def test_ping_is_answered():
    """An application ping gets a pong."""
    async with talking() as (_, live):
        await live.send_json({"type": "ping", "data": None})

        assert await live.receive_json() == {"type": "pong", "data": None}


@pytest.mark.parametrize(
    "text", ["no json", "[]", '{"type":"ris_subscribe","data":{"prefix":"x"}}', '{"type":"what"}']
)
async def test_nonsense_is_an_error(text):
    """What is not understood gets a `ris_error`, and the connection lives on."""
    async with talking() as (_, live):
        await live.send_str(text)
        assert (await live.receive_json())["type"] == "ris_error"
        assert (await subscribe(live))["type"] == "ris_subscribe_ok"


async def test_withdrawal_frames():
    """Withdrawing half sends one withdrawal per peer that lost the prefix, in today's shape."""
    async with talking() as (collector, live):
        await subscribe(live, prefix=PREFIX, moreSpecific=True)
        await collector.withdraw(0.5)
        frames = [await live.receive_json() for _ in range(5)]

    data = frames[0]["data"]
    assert {frame["type"] for frame in frames} == {"ris_message"}
    assert (data["type"], data["withdrawals"], data["announcements"]) == ("UPDATE", [PREFIX], [])
    assert data["host"].endswith(".ripe.net")
    assert isinstance(data["peer_asn"], str)
    assert len(collector.holding) == 5


async def test_announcement_frames():
    """Announcing again sends paths that end at the origin, for the peers that had lost it only."""
    async with talking() as (collector, live):
        await collector.withdraw(0.2)
        await subscribe(live)
        await collector.announce()
        frames = [await live.receive_json() for _ in range(2)]

    assert {frame["data"]["path"][-1] for frame in frames} == {ORIGIN}
    assert frames[0]["data"]["announcements"][0]["prefixes"] == [PREFIX]
    assert len(collector.holding) == 10


async def test_shows_life():
    """A peer re-announces every so often, without anything having changed."""
    async with talking(every=0.02) as (_, live):
        await subscribe(live, prefix=[PREFIX], type="UPDATE")
        frames = [await live.receive_json() for _ in range(2)]

    assert frames[0]["data"]["peer"] != frames[1]["data"]["peer"]


async def test_state_follows_the_world():
    """bgp-state lists the peers that hold the prefix now, as RIPEstat names them."""
    async with RouteCollector(time.time, peers=10, every=SLOW) as collector:
        _, before = await state(collector)
        await collector.withdraw(0.9)
        _, after = await state(collector)
        _, foreign = await state(collector, "192.0.2.0/24")
        status, _ = await state(collector, "nonsense")

    assert before["bgp_state"][0]["source_id"] == "00-198.51.100.1"
    assert (before["nr_routes"], after["nr_routes"], foreign["nr_routes"]) == (10, 1, 0)
    assert status == 400


@pytest.mark.parametrize(
    ("subscription", "expected"),
    [
        ({}, True),
        ({"prefix": "203.0.113.0/24"}, True),
        ({"prefix": "203.0.0.0/16"}, True),
        ({"prefix": "203.0.0.0/16", "moreSpecific": False}, False),
        ({"prefix": "203.0.113.0/25"}, False),
        ({"prefix": "203.0.113.0/25", "lessSpecific": True}, True),
        ({"prefix": ["2001:db8::/32", "203.0.113.0/24"]}, True),
        ({"type": "STATE"}, False),
        ({"host": "rrc01"}, False),
        ({"host": "rrc00.ripe.net", "peer": "198.51.100.1"}, True),
    ],
)
def test_filters(subscription, expected):
    """A subscription gets what the manual says that it asks for."""
    data = {"type": "UPDATE", "peer": "198.51.100.1", "host": "rrc00.ripe.net"}

    assert wants(subscription, data, PREFIX) is expected
