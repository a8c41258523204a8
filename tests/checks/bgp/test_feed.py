"""The feed against a RIS Live that follows the manual, and then does not."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, rows, state, update
from tests.servers.rislive import RisLive, ris_live, until
from vedette.checks.bgp.check import BgpCheck
from vedette.checks.bgp.feed import RisLiveFeed, Times
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.settings import BgpSettings, RisLiveSettings
from vedette.checks.finding import Check, Finding

FAST = Times(ping=0.02, pong=0.2, connect=2, retry=0.02, retry_most=0.05, reseed=60)


class Clock:
    """Epoch seconds that a test sets."""

    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def make(server: RisLive, clock: Clock) -> RisLiveFeed:
    settings = RisLiveSettings(url=server.url, seed=server.seed_url)
    return RisLiveFeed({PREFIX: [ORIGIN]}, settings, clock, FAST)


@asynccontextmanager
async def following(feed: RisLiveFeed) -> AsyncIterator[None]:
    task = asyncio.create_task(feed.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def look(feed: RisLiveFeed, clock: Clock) -> Finding:
    check: Check = BgpCheck(BgpSettings(prefix=PREFIX, origins=[ORIGIN]), feed, clock)
    (one,) = check.looks()
    assert (one.subject, one.place, check.name) == (PREFIX, "ris-live", PREFIX)
    return await one.once()


def seeded(feed: RisLiveFeed) -> bool:
    return feed.visibility(PREFIX, [ORIGIN]) is not None


def holding(feed: RisLiveFeed) -> tuple[int, int]:
    seen = feed.visibility(PREFIX, [ORIGIN])
    return (seen.holding, seen.of) if seen else (-1, -1)


async def test_from_seed_to_withdrawn_and_back() -> None:
    """Seeded, the prefix is OK; as its peers withdraw it fails; as they announce it recovers."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        assert (await look(feed, clock)).reason is Reason.FEED_STALE
        async with following(feed):
            await until(lambda: seeded(feed))
            assert (await look(feed, clock)).reason is None
            await server.play(*(update(n, 1001, withdrawn=[PREFIX]) for n in range(6)))
            await until(lambda: holding(feed) == (4, 10))
            assert (await look(feed, clock)).reason is Reason.PARTIALLY_WITHDRAWN
            await server.play(*(update(n, 1002, withdrawn=[PREFIX]) for n in range(6, 9)))
            await until(lambda: holding(feed) == (1, 10))
            assert (await look(feed, clock)).reason is Reason.WITHDRAWN
            await server.play(*(update(n, 1003, announced=[PREFIX]) for n in range(9)))
            await until(lambda: holding(feed) == (10, 10))
            health = feed.health(clock())
        assert server.violations == []
        assert [s["type"] for s in server.subscriptions] == ["UPDATE", "RIS_PEER_STATE"]
        assert server.subscriptions[0]["prefix"] == [PREFIX]
    assert (health.connected, health.errors, health.late, health.reconnects) == (True, 0, 0, 0)
    assert health.seeded == {PREFIX: 990}


async def test_updates_during_seeding_are_kept() -> None:
    """A withdrawal that comes before the seed's answer is not undone by it."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 999)
        server.seed_gate.clear()
        feed = make(server, clock)
        async with following(feed):
            await until(lambda: bool(server.seed_requests) and feed.health(1000).connected)
            assert (await look(feed, clock)).reason is Reason.UNSEEDED
            frames = feed.health(1000).frames
            await server.play(update(0, 1000, withdrawn=[PREFIX]))
            await until(lambda: feed.health(1000).frames > frames)
            server.seed_gate.set()
            await until(lambda: seeded(feed))
            assert holding(feed) == (9, 10)


async def test_expanded_v6_withdrawal() -> None:
    """A withdrawal written expanded finds the prefix that was watched compressed."""
    prefix, clock = "2a12:ca42::/32", Clock()
    async with ris_live() as server:
        server.seed(prefix, rows(3), 999)
        settings = RisLiveSettings(url=server.url, seed=server.seed_url)
        feed = RisLiveFeed({prefix: [ORIGIN]}, settings, clock, FAST)
        async with following(feed):
            await until(lambda: feed.visibility(prefix, [ORIGIN]) is not None)
            await server.play(update(0, 1000, withdrawn=["2a12:ca42:0:0:0:0:0:0/32"]))
            await until(lambda: feed.visibility(prefix, [ORIGIN]).holding == 2)  # type: ignore[union-attr]


async def test_peer_down_is_unknown() -> None:
    """Sessions that go down never look like a withdrawal."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        async with following(feed):
            await until(lambda: seeded(feed))
            await server.play(*(state(n, 1001, "down") for n in range(4)))
            await until(lambda: holding(feed) == (6, 6))
            assert (await look(feed, clock)).reason is None
            await server.play(*(state(n, 1001, "down") for n in range(4, 9)))
            await until(lambda: holding(feed) == (1, 1))
            assert (await look(feed, clock)).reason is Reason.FEED_STALE


async def test_plug_pulled_then_seeded_again() -> None:
    """A lost feed says feed_stale, and after the reconnect what the new seed shows."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        async with following(feed):
            await until(lambda: seeded(feed))
            server.acknowledges = False
            await server.drop()
            await until(lambda: not feed.health(1000).connected)
            assert (await look(feed, clock)).reason is Reason.FEED_STALE
            server.seed(PREFIX, rows(1), 1001)
            server.acknowledges = True
            clock.at = 1002
            await server.drop()
            await until(lambda: feed.health(1002).connected and seeded(feed))
            assert (await look(feed, clock)).reason is Reason.WITHDRAWN
            assert feed.health(1002).reconnects > 0


async def test_silent_server_is_left() -> None:
    """Without pongs the connection is given up and made anew."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, Clock())
        async with following(feed):
            await until(lambda: seeded(feed))
            server.answers_pings = False
            await until(lambda: server.connections > 1)
            assert "no pong" in feed.health(1000).last_error


async def test_no_frame_for_stale_after() -> None:
    """A connection that stands but brings nothing for `stale_after` is stale."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        async with following(feed):
            await until(lambda: seeded(feed))
            silence = feed.health(clock.at + 121).silence
    assert silence == "ris-live has been silent for 121 s"


@pytest.mark.parametrize("junk", ["{", "[]", '{"type":"ris_message","data":{}}', "\x00"])
async def test_broken_frames_are_counted(junk: str) -> None:
    """Broken JSON is counted and the feed goes on."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, Clock())
        async with following(feed):
            await until(lambda: seeded(feed))
            await server.play(junk, update(0, 1001, withdrawn=[PREFIX]))
            await until(lambda: holding(feed) == (9, 10))
            assert (feed.health(1000).errors, feed.health(1000).reconnects) == (1, 0)


async def test_late_updates_are_counted() -> None:
    """An update older than its peer's last changes nothing and is counted."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, Clock())
        async with following(feed):
            await until(lambda: seeded(feed))
            old, new = update(0, 1001, announced=[PREFIX]), update(0, 1002, withdrawn=[PREFIX])
            await server.play(new, old)
            await until(lambda: feed.health(1000).late == 1)
            assert holding(feed) == (9, 10)


async def test_a_failed_seed_is_tried_again() -> None:
    """While RIPEstat fails the prefix is unseeded; then it is seeded without a reconnect."""
    clock = Clock()
    async with ris_live() as server:
        feed = make(server, clock)
        async with following(feed):
            await until(lambda: bool(feed.health(1000).errors) and feed.health(1000).connected)
            assert (await look(feed, clock)).reason is Reason.UNSEEDED
            server.seed(PREFIX, rows(10), 990)
            await until(lambda: seeded(feed))
            assert feed.health(1000).reconnects == 0


async def test_a_restart_during_an_outage() -> None:
    """A restored baseline, through JSON, makes an empty seed a withdrawal."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        before, after = make(server, clock), make(server, clock)
        async with following(before):
            await until(lambda: seeded(before))
        server.seed(PREFIX, [], 2000)
        after.restore(json.loads(json.dumps(before.baseline())))
        clock.at = 2000
        async with following(after):
            await until(lambda: seeded(after))
            finding = await look(after, clock)
    assert (finding.reason, finding.facts["of"]) == (Reason.WITHDRAWN, 10)


@pytest.mark.parametrize("stored", [{PREFIX: 5}, {PREFIX: {"x": 1}}, {PREFIX: {"rrc00 ::": "y"}}])
def test_a_bad_store_is_refused(stored: dict[str, object]) -> None:
    """A stored baseline that cannot be read is a ValueError."""
    feed = RisLiveFeed({PREFIX: [ORIGIN]}, RisLiveSettings(), Clock())
    with pytest.raises(ValueError, match="stored baseline"):
        feed.restore(stored)


def test_backoff_is_full_jitter() -> None:
    """Waits lie between nothing and a bound that grows from 1 to 30 s."""
    times = Times()
    for attempt, most in ((0, 1), (3, 8), (10, 30), (10_000, 30)):
        assert all(0 <= times.backoff(attempt) <= most for _ in range(50))
