"""How a stream is seeded: at the start, after gaps, again where that failed, and with the past."""

import asyncio
from typing import NoReturn

import aiohttp

from tests.checks.bgp.followed import WATCH, Clock, holding, look, make, seeded
from tests.checks.bgp.made import PREFIX, peer, rows, update
from tests.checks.bgp.rib.told import PATH
from tests.servers.rislive import ris_live
from tests.virtual import virtual
from tests.waiting import meanwhile, until
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.ripestat import state as ripestat


async def test_a_seed_older_than_the_gap_is_renewed() -> None:
    """A seed that speaks of a time before the connection is asked for again until it does not."""
    clock = Clock()
    times = Times(ping=0.02, pong=5, retry=0.02, reseed=0.05, reseed_most=0.05)
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock, times=times)
        async with meanwhile(feed.run()):
            await until(lambda: len(server.seed_requests) > 2)
            server.seed(PREFIX, rows(1), 1001)
            clock.at = 1002
            await until(lambda: feed.health(1002).seeded == {PREFIX: 1001})
            assert holding(feed) == (1, 10)
            asked = len(server.seed_requests)
            pings = server.pings
            await until(lambda: server.pings > pings + 10)
            assert len(server.seed_requests) <= asked + 1


class Resting:
    """A source that is up, and of which nothing comes."""

    name = "resting"

    async def follow(self, intake: Intake) -> NoReturn:
        intake.up()
        await asyncio.Event().wait()
        raise AssertionError


class Late(Tables):
    """Tables that are two minutes old, of a prefix that nearly all lost at 990."""

    async def _fetch(
        self, session: aiohttp.ClientSession, prefix: str, at: float | None = None
    ) -> ripestat.Seed:
        assert not session.closed
        at = self._now() - 120 if at is None else at
        return ripestat.Seed(at, {prefix: {peer(n): PATH for n in range(10 if at < 990 else 1)}})


@virtual
async def test_what_went_away_in_a_gap_is_known_minutes_later() -> None:
    """It is known with the first table that is later, which is soon asked for."""
    clock, routes = asyncio.get_running_loop().time, Routes([WATCH])
    intake = Intake(lambda: 1000 + clock())
    tables = Late("https://ripestat.test/", routes, intake.now)
    feed = Feed(Resting(), routes, intake, tables=tables)
    async with meanwhile(feed.run()):
        await asyncio.sleep(100)
        assert holding(feed) == (10, 10)
        await asyncio.sleep(100)
        assert holding(feed) == (1, 10)


async def test_a_failed_seed_is_tried_again() -> None:
    """While RIPEstat fails the prefix is unseeded; then it is seeded without a reconnect."""
    clock = Clock()
    async with ris_live() as server:
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: bool(feed.health(1000).errors) and feed.health(1000).connected)
            assert (await look(feed, clock)).reason is Reason.UNSEEDED
            server.seed(PREFIX, rows(10), 990)
            await until(lambda: seeded(feed))
            assert feed.health(1000).reconnects == 0


async def test_one_table_without_anybody_withdraws_nothing() -> None:
    """A table that is suddenly empty is asked for again, and believed where it stays so."""
    clock, routes = Clock(), Routes([WATCH])
    intake, said = Intake(clock), list[bool]()
    async with ris_live() as server, ripestat.session() as session:
        tables = Tables(server.seed_url, routes, clock)
        for count in (10, 0, 10, 0, 0, 0, 10, 0):
            server.seed(PREFIX, rows(count), clock())
            said.append(not await tables.ask(session, intake, [PREFIX]))
    assert said == [True, False, True, False, True, True, True, False]
    assert intake.errors == 3
    assert intake.last_error.endswith(f"lists nobody with {PREFIX}: it is asked again")


async def test_a_fault_that_is_older_than_the_agent() -> None:
    """At a first start those who held the prefix a day ago are its baseline."""
    clock = Clock(1_781_627_400)  # 2026-06-16T16:30 UTC
    async with ris_live() as server:
        server.past(PREFIX, rows(10), "2026-06-15T16:30:00")
        server.seed(PREFIX, rows(1), "2026-06-16T16:29:00")
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            finding = await look(feed, clock)
            await server.drop()
            await until(lambda: len(server.seed_requests) == 2 and seeded(feed))
    assert (finding.reason, finding.facts["of"]) == (Reason.WITHDRAWN, 10)
    assert server.past_requests == [(PREFIX, "2026-06-15T16:30:00")]
    assert server.violations == []


async def test_without_the_past_the_present_is_judged() -> None:
    """Where RIPEstat cannot say what was a day ago, the seed alone counts until it can."""
    clock = Clock()
    times = Times(ping=0.02, pong=5, retry=0.02, reseed=0.2, reseed_most=0.2)
    async with ris_live() as server:
        server.pasts[PREFIX] = "no JSON"
        server.seed(PREFIX, rows(3), 1001)
        feed = make(server, clock, times=times)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            assert holding(feed) == (3, 3)
            assert feed.health(1000).last_error == "the answer is not JSON"
            server.past(PREFIX, rows(10), 900)
            await until(lambda: holding(feed) == (3, 10))


def foreign(feed: Feed) -> int:
    """Return how many foreign routes a feed knows of; less than none before it is seeded."""
    seen = feed.standing(PREFIX)
    return len(seen.foreign) if seen else -1


async def test_a_table_of_a_part_from_before_the_gap_is_renewed() -> None:
    """A part that went away in a gap ends with the first table that is later than the gap."""
    inside, clock = "192.0.2.128/25", Clock()
    times = Times(ping=0.02, pong=5, retry=0.02, retry_most=0.05, reseed=0.05, reseed_most=0.05)
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        feed = make(server, clock, times=times)

        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            await server.play(*(update(n, 1001, announced=[inside]) for n in range(3)))
            await until(lambda: foreign(feed) == 1)
            clock.at = 1100
            server.seed(PREFIX, rows(10), 1100)
            server.seed(inside, rows(3), 1050)
            await server.drop()
            await until(lambda: server.seed_requests.count(inside) > 2)
            assert foreign(feed) == 1
            server.seed(inside, [], 1101)
            clock.at = 1102
            await until(lambda: foreign(feed) == 0)


async def test_what_was_announced_inside_is_asked_again_after_a_gap() -> None:
    """A more-specific that went away during a gap is not held for ever."""
    inside, clock = "192.0.2.128/25", Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        server.seed(inside, [], 1002)
        feed = make(server, clock)

        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            await server.play(*(update(n, 1001, announced=[inside]) for n in range(3)))
            await until(lambda: foreign(feed) == 1)
            clock.at = 1003
            await server.drop()
            await until(lambda: foreign(feed) == 0)
        assert server.seed_requests.count(inside) == 1
