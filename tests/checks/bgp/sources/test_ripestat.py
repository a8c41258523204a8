"""RIPEstat as a feed: every answer is a whole table, and only a fresh one counts."""

import pytest

from tests.checks.bgp.followed import WATCH, Clock, holding, look, seeded
from tests.checks.bgp.made import ORIGIN, PREFIX, rows
from tests.servers.rislive import RisLive, ris_live
from tests.waiting import meanwhile, until
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.settings import RipeStatSettings
from vedette.checks.bgp.sources.ripestat import ripestat_feed
from vedette.checks.bgp.watch import Watch

OTHER = Watch("203.0.113.0/24", frozenset({ORIGIN}))


def make(server: RisLive, clock: Clock, *watches: Watch) -> Feed:
    """Return a feed that asks without pause."""
    settings = RipeStatSettings(url=server.seed_url)
    often = settings.model_copy(update={"every": 0.02})
    return ripestat_feed(watches or [WATCH], often, clock)


async def test_a_peer_that_a_later_table_does_not_list_has_lost_its_route() -> None:
    """From poll to poll, who is gone counts against the prefix, and who is back for it."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        assert (await look(feed, clock)).reason is Reason.FEED_STALE
        async with meanwhile(feed.run()):
            await until(lambda: holding(feed) == (10, 10) and feed.health(clock()).connected)
            assert (await look(feed, clock)).reason is None
            server.seed(PREFIX, rows(2), 991)
            await until(lambda: holding(feed) == (2, 10))
            assert (await look(feed, clock)).reason is Reason.WITHDRAWN
            server.seed(PREFIX, rows(9), 992)
            await until(lambda: holding(feed) == (9, 10))
            assert (await look(feed, clock)).reason is None
            await until(lambda: feed.health(clock()).frames >= 3)
            health = feed.health(clock())
    assert server.violations == []
    assert (health.source, health.errors, health.reconnects) == ("ripestat", 0, 0)
    assert (health.lag, health.seed_age) == (pytest.approx(9, abs=1), 8)


async def test_tables_that_stay_old_are_stale() -> None:
    """A RIPEstat that answers, but always with the same old table, is not believed."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            clock.at = 990 + 1860
            await until(lambda: "31 minutes old" in str(feed.health(clock()).silence))
            finding = await look(feed, clock)
            assert finding.reason is Reason.FEED_STALE
            assert "ripestat answers with tables that are 31 minutes old" in finding.detail
            server.seed(PREFIX, rows(10), clock.at)
            await until(lambda: feed.health(clock()).silence is None)
            assert (await look(feed, clock)).reason is None


async def test_a_ripestat_that_answers_no_more_is_stale() -> None:
    """Errors are counted; when the last good answer is too old nothing is known."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            server.seeds.clear()
            await until(lambda: feed.health(1000).errors > 1)
            assert (await look(feed, clock)).reason is None
            clock.at += 1801
            assert feed.health(clock()).silence == "ripestat has been silent for more than 1800 s"
            assert "HTTP 500" in feed.health(clock()).last_error
            assert not seeded(feed)


async def test_one_prefix_without_an_answer_does_not_cost_the_others() -> None:
    """What cannot be asked for is unseeded; the other prefixes are judged."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock, WATCH, OTHER)
        async with meanwhile(feed.run()):
            await until(lambda: server.seed_requests.count(OTHER.prefix) > 1)
            assert seeded(feed)
            assert feed.standing(OTHER.prefix) is None


async def test_no_more_than_four_are_asked_at_once() -> None:
    """However many prefixes are watched, RIPEstat has four requests to answer at a time."""
    watches = [Watch(f"10.0.{n}.0/24", frozenset({ORIGIN})) for n in range(20)]
    async with ris_live() as server:
        for watch in watches:
            server.seed(watch.prefix, rows(3), 990)
        feed = make(server, Clock(), *watches)
        async with meanwhile(feed.run()):
            await until(lambda: all(feed.standing(watch.prefix) for watch in watches))
    assert server.most_at_once == 4
