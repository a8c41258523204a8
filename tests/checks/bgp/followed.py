"""Feeds that are followed in a test, and what is asked of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.checks.bgp.made import ORIGIN, PREFIX, rows
from tests.servers.rislive import RisLive, ris_live
from tests.waiting import meanwhile, until
from vedette.checks.bgp.check import BgpCheck
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.sources.rislive import ris_live_feed
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Check, Finding

FAST = Times(ping=0.02, pong=5, connect=2, retry=0.02, retry_most=0.05, reseed=60, calm=0.05)
WATCH = Watch(PREFIX, frozenset({ORIGIN}))


class Clock:
    """Epoch seconds that a test sets."""

    def __init__(self, at: float = 1000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def make(server: RisLive, clock: Clock, watch: Watch = WATCH, times: Times = FAST) -> Feed:
    """Return a feed of RIS Live about *watch*."""
    settings = RisLiveSettings(url=server.url, seed=server.seed_url)
    return ris_live_feed([watch], settings, clock, times)


@asynccontextmanager
async def fed(
    clock: Clock | None = None, times: Times = FAST
) -> AsyncIterator[tuple[RisLive, Feed]]:
    """Run a feed of RIS Live that ten peers' table has seeded, and its server."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock or Clock(), times=times)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            yield server, feed


async def look(feed: Feed, clock: Clock) -> Finding:
    """Look at the prefix once."""
    check: Check = BgpCheck(WATCH, [feed], clock)
    (one,) = check.looks()
    assert (one.subject, one.place, check.name) == (PREFIX, feed.source, PREFIX)
    return await one.once()


def seeded(feed: Feed) -> bool:
    """Whether anything can be said about the prefix."""
    return feed.standing(PREFIX) is not None


def holding(feed: Feed) -> tuple[int, int]:
    """Return how many hold the prefix, and of how many."""
    seen = feed.standing(PREFIX)
    return (seen.holding, seen.of) if seen else (-1, -1)
