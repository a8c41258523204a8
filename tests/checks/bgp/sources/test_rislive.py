"""RIS Live as it follows the manual, and then does not."""

import socket
from dataclasses import replace

import pytest

from tests.checks.bgp.followed import (
    FAST,
    WATCH,
    Clock,
    fed,
    holding,
    look,
    make,
    seeded,
)
from tests.checks.bgp.made import ORIGIN, PREFIX, address, rows, state, update
from tests.servers.rislive import ris_live
from tests.waiting import meanwhile, until
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.sources.rislive import ris_live_feed

IMPATIENT = replace(FAST, pong=0.2)


def keepalive(host: str, peer: str, at: float) -> dict[str, object]:
    return {
        "timestamp": at, "peer": peer, "peer_asn": "64511", "host": f"{host}.ripe.net",
        "id": "x", "type": "KEEPALIVE",
    }  # fmt: skip


async def test_from_seed_to_withdrawn_and_back() -> None:
    """Seeded, the prefix is OK; as its peers withdraw it fails; as they announce it recovers."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        assert (await look(feed, clock)).reason is Reason.FEED_STALE
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            assert (await look(feed, clock)).reason is None
            await server.play(*(update(n, 1001, withdrawn=[PREFIX]) for n in range(6)))
            await until(lambda: holding(feed) == (4, 10))
            assert (await look(feed, clock)).reason is Reason.PARTIALLY_WITHDRAWN
            await server.play(*(update(n, 1002, withdrawn=[PREFIX]) for n in range(6, 9)))
            await until(lambda: holding(feed) == (1, 10))
            assert (await look(feed, clock)).reason is Reason.WITHDRAWN
            assert feed.news() == {PREFIX}
            await server.play(*(update(n, 1003, announced=[PREFIX]) for n in range(9)))
            await until(lambda: holding(feed) == (10, 10))
            assert (await look(feed, clock)).reason is None
            health = feed.health(clock())
        assert server.violations == []
        assert [s["type"] for s in server.subscriptions] == [
            "UPDATE",
            "RIS_PEER_STATE",
            "KEEPALIVE",
        ]
        assert server.subscriptions[0]["prefix"] == [PREFIX]
        assert server.subscriptions[0]["moreSpecific"] is True
    assert (health.connected, health.errors, health.late, health.reconnects) == (True, 0, 0, 0)
    assert health.seeded == {PREFIX: 990}
    assert (health.frames, health.drops, health.queue, health.seed_age) == (18, 0, 0, 10)
    assert health.sessions == (9, 0)


async def test_updates_during_seeding_are_kept() -> None:
    """A withdrawal that comes before the seed's answer is not undone by it."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 999)
        server.seed_gate.clear()
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: bool(server.seed_requests) and feed.health(1000).connected)
            assert (await look(feed, clock)).reason is Reason.UNSEEDED
            await server.play(update(0, 1000, withdrawn=[PREFIX]))
            await until(lambda: feed.health(1000).frames == 1)
            server.seed_gate.set()
            await until(lambda: seeded(feed))
            assert holding(feed) == (9, 10)


async def test_a_more_specific_is_heard() -> None:
    """What is announced inside the watched prefix comes through; what is beside it does not."""
    clock = Clock()
    async with fed(clock) as (server, feed):
        await server.play(
            *(update(n, 1001, announced=["192.0.2.128/25", "198.51.100.0/24"]) for n in range(3))
        )
        await until(lambda: feed.health(1000).frames == 3)
        await until(lambda: bool(feed.standing(PREFIX).foreign))  # type: ignore[union-attr]
        (foreign,) = feed.standing(PREFIX).foreign  # type: ignore[union-attr]
        assert (foreign.reason, foreign.prefix) == (Reason.MORE_SPECIFIC, "192.0.2.128/25")


async def test_peer_down_is_unknown() -> None:
    """Sessions that go down never look like a withdrawal, and are counted by collector."""
    clock = Clock()
    async with fed(clock) as (server, feed):
        await server.play(*(state(n, 1001, "down") for n in range(4)))
        await until(lambda: holding(feed) == (6, 6))
        assert (await look(feed, clock)).reason is None
        await server.play(*(state(n, 1001, "down") for n in range(4, 9)))
        await until(lambda: holding(feed) == (1, 1))
        assert (await look(feed, clock)).reason is Reason.FEED_STALE
        clock.at = 1007
        await server.play(keepalive("rrc00", address(9), 1004))
        await until(lambda: feed.health(1007).sessions == (1, 9))
        health = feed.health(1007)
        assert health.collectors["rrc00"].last_frame_at == 1007
        assert health.lag == -1  # the median of nine at -1 and one at 3 s


async def test_a_silent_collector_is_unknown_until_it_speaks() -> None:
    """A collector that says nothing while another speaks has withdrawn nothing, and holds nothing.

    When it is back, its peers are asked for again.
    """
    clock = Clock()
    both = [*rows(6), *((f"01-{address(n)}", [64511, ORIGIN]) for n in range(6))]
    async with ris_live() as server:
        server.seed(PREFIX, both, 990)
        feed = make(server, clock, times=Times(ping=0.02, pong=5, retry=0.02, silent=0.3))
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            alive = [keepalive("rrc00", address(n), 1000) for n in range(6)]
            await server.play(*alive, keepalive("rrc01", address(0), 1000))
            await until(lambda: feed.health(1000).sessions == (7, 0))
            clock.at = 1001.0
            await server.play(keepalive("rrc01", address(0), 1001.0))
            await until(lambda: feed.health(1001).collectors["rrc00"].silent)
            await until(lambda: holding(feed) == (6, 6))
            assert (await look(feed, clock)).reason is None
            assert "rrc00 has been silent" in feed.health(1001).last_error
            server.seed(PREFIX, both, 1001.0)
            asked = len(server.seed_requests)
            await server.play(*(keepalive("rrc00", address(n), 1001.5) for n in range(6)))
            await until(lambda: holding(feed) == (12, 12))
            assert len(server.seed_requests) > asked
            assert not feed.health(1001).collectors["rrc00"].silent


async def test_a_collector_that_is_dead_at_the_start_has_withdrawn_nothing() -> None:
    """Where a first table lists nobody of a collector that never spoke, its peers are unknown.

    Once it speaks, and a table still lists nobody of it, they have lost the route.
    """
    clock = Clock()
    both = [*rows(6), *((f"01-{address(n)}", [64511, ORIGIN]) for n in range(6))]
    async with ris_live() as server:
        server.past(PREFIX, both, 900)
        server.seed(PREFIX, rows(6), 990)
        feed = make(server, clock, times=Times(ping=0.02, pong=5, retry=0.02, silent=0.3))
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            assert holding(feed) == (6, 6)
            assert (await look(feed, clock)).facts["unknown"] == 6
            assert feed.health(1000).collectors["rrc01"].silent
            clock.at = 1001
            server.seed(PREFIX, rows(6), 1001)
            await server.play(keepalive("rrc01", address(0), 1000.5))
            await until(lambda: holding(feed)[1] > 6)


async def test_a_server_without_pongs_is_left() -> None:
    """Without pongs the connection is given up and made anew."""
    async with fed(times=IMPATIENT) as (server, feed):
        server.answers_pings = False
        await until(lambda: server.connections > 1)
        assert "no pong" in feed.health(1000).last_error


async def test_a_server_that_takes_a_connection_and_is_mute() -> None:
    """That it never answered is said, and not that a connection was lost."""
    clock = Clock()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"ws://127.0.0.1:{mute.getsockname()[1]}/"
        settings = RisLiveSettings(url=url, seed=url.replace("ws", "http"))
        feed = ris_live_feed([WATCH], settings, clock, replace(FAST, connect=0.05))
        async with meanwhile(feed.run()):
            await until(lambda: feed.health(1000).errors > 0)
            finding = await look(feed, clock)
    assert "ris-live is not connected (the server did not answer within 0.05 s)" in finding.detail


async def test_a_server_that_acknowledges_nothing_is_left() -> None:
    """A feed that connects and says nothing is never believed, and is made anew."""
    clock = Clock()
    async with ris_live() as server:
        server.acknowledges = False
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock, times=IMPATIENT)
        async with meanwhile(feed.run()):
            await until(lambda: server.connections > 1)
            assert "not acknowledged" in feed.health(1000).last_error
            finding = await look(feed, clock)
    assert finding.reason is Reason.FEED_STALE
    assert server.seed_requests == []


async def test_no_frame_for_stale_after() -> None:
    """A connection that stands, and pongs, but brings nothing for `stale_after` is stale.

    It is told by that limit, which is passed at the time that a page says.
    """
    clock = Clock()
    async with fed(clock) as (server, feed):
        clock.at = 1121
        pings = server.pings
        await until(lambda: server.pings > pings + 2)
        assert feed.health(clock()).silence == "ris-live has been silent for more than 120 s"
        await server.play(keepalive("rrc00", address(0), 1121))
        await until(lambda: feed.health(clock()).silence is None)


@pytest.mark.parametrize(
    "junk",
    ["{", "[]", '{"type":"ris_message","data":{}}', "\x00", '["' + "x" * 10_000_000 + '"]'],
    ids=["broken", "list", "empty", "nul", "10 MB"],
)
async def test_broken_frames_are_counted(junk: str) -> None:
    """A frame that cannot be read, or is larger than any can be, is counted; the feed goes on."""
    async with fed() as (server, feed):
        await server.play(junk, update(0, 1001, withdrawn=[PREFIX]))
        await until(lambda: holding(feed) == (9, 10))
        assert (feed.health(1000).errors, feed.health(1000).reconnects) == (1, 0)


async def test_an_error_of_the_server_is_counted() -> None:
    """A ris_error after the acknowledgement is counted, with what it says."""
    async with fed() as (server, feed):
        await server.play('{"type":"ris_error","data":{"message":"slow down"}}')
        await until(lambda: feed.health(1000).last_error == "slow down")
        assert (feed.health(1000).errors, feed.health(1000).reconnects) == (1, 0)


async def test_a_refused_subscription_is_no_connection() -> None:
    """A subscription that the server refuses leaves the feed stale, with the server's words."""
    clock = Clock()
    async with ris_live() as server:
        server.acknowledges = False
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: len(server.subscriptions) == 3)
            await server.play('{"type":"ris_error","data":{"message":"too many prefixes"}}')
            await until(lambda: server.connections > 1)
            assert "refused: too many prefixes" in (await look(feed, clock)).detail


async def test_late_updates_and_duplicates() -> None:
    """An update older than its peer's last changes nothing and is counted; one twice is no news."""
    async with fed() as (server, feed):
        old, new = update(0, 1001, announced=[PREFIX]), update(0, 1002, withdrawn=[PREFIX])
        await server.play(new, new, old)
        await until(lambda: feed.health(1000).frames == 3 and feed.health(1000).late == 1)
        assert holding(feed) == (9, 10)
