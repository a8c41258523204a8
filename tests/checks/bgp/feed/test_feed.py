"""The feed around a source: seeds, gaps, floods, restarts, and what was there the day before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NoReturn

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
from tests.checks.bgp.made import ORIGIN, PREFIX, peer, rows, update
from tests.servers.rislive import RisLive, ris_live
from tests.waiting import meanwhile, until
from vedette.checks.bgp.check import FeedCheck
from vedette.checks.bgp.feed.feed import Feed, SourceLostError
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.sources.rislive import MOST_LAG
from vedette.checks.bgp.update import Announce, PeerState, Update, Withdraw
from vedette.checks.finding import Finding, Verdict

PATH = (64511, ORIGIN)


class Script:
    """A source that tells what a test puts into it."""

    name = "script"

    def __init__(self) -> None:
        self.followed = 0
        self.intake: Intake | None = None
        self.lost = asyncio.Event()

    async def follow(self, intake: Intake) -> NoReturn:
        self.followed += 1
        self.intake = intake
        intake.up()
        await self.lost.wait()
        self.lost.clear()
        raise SourceLostError("the script ends")

    def tell(self, *news: Update) -> None:
        assert self.intake is not None
        self.intake.put(list(news))


@asynccontextmanager
async def scripted(
    clock: Clock, times: Times = FAST
) -> AsyncIterator[tuple[RisLive, Script, Feed]]:
    """Run a feed that ten peers' table has seeded, with its server and its source."""
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        source, routes = Script(), Routes([WATCH])
        tables = Tables(server.seed_url, routes, clock)
        feed = Feed(source, routes, Intake(clock, 100), tables=tables, times=times)
        async with meanwhile(feed.run()):
            await until(lambda: seeded(feed))
            yield server, source, feed


async def test_ten_minutes_without_the_plug_during_a_withdrawal() -> None:
    """A gap is stale from its first to its last second; then comes what the new seed shows."""
    clock = Clock()
    async with fed(clock) as (server, feed):
        await server.play(*(update(n, 1001, withdrawn=[PREFIX]) for n in range(6)))
        await until(lambda: holding(feed) == (4, 10))
        server.accepts = False
        await server.drop()
        for second in range(1002, 1602, 60):
            clock.at = float(second)
            await until(lambda: not feed.health(clock()).connected)
            assert (await look(feed, clock)).reason is Reason.FEED_STALE
        assert not seeded(feed)
        server.seed(PREFIX, rows(1), 1601)
        server.seed_gate.clear()
        server.accepts = True
        await until(lambda: feed.health(clock()).connected)
        assert (await look(feed, clock)).reason is Reason.UNSEEDED
        server.seed_gate.set()
        await until(lambda: seeded(feed))
        finding = await look(feed, clock)
        assert (finding.reason, finding.facts["of"]) == (Reason.WITHDRAWN, 10)
        server.seed(PREFIX, rows(10), 1700)
        await server.drop()
        await until(lambda: holding(feed) == (10, 10))
        assert (await look(feed, clock)).reason is None
        assert feed.health(clock()).reconnects > 1


@pytest.mark.parametrize("fallen", [{}, {"fell": 900.0}, {"collapsed": 900.0}])
def test_how_far_a_prefix_fell_is_stored(fallen: dict[str, float]) -> None:
    """Since when a prefix has fallen, and how far, comes back as it was kept."""
    stored = {PREFIX: {"AS64511": 800.0, **fallen}}
    feed = Feed(Script(), Routes([WATCH]), Intake(Clock()))
    feed.restore(stored)
    assert feed.baseline() == stored


async def test_a_restart_during_an_outage() -> None:
    """A restored baseline, through JSON, makes an empty seed a withdrawal; nobody asks the past."""
    clock = Clock()
    async with ris_live() as server:
        server.seed(PREFIX, rows(10), 990)
        before, after = make(server, clock), make(server, clock)
        async with meanwhile(before.run()):
            await until(lambda: seeded(before))
        server.seed(PREFIX, [], 2000)
        server.past_requests.clear()
        stored = before.baseline()
        assert stored[PREFIX]["AS64511"] == 1000
        after.restore(json.loads(json.dumps(stored)))
        clock.at = 2000
        async with meanwhile(after.run()):
            await until(lambda: seeded(after))
            finding = await look(after, clock)
        assert after.baseline()[PREFIX]["AS64511"] == 1000
    assert (finding.reason, finding.facts["of"]) == (Reason.WITHDRAWN, 10)
    assert server.past_requests == []


@pytest.mark.parametrize(
    "stored",
    [{PREFIX: 5}, {PREFIX: {"x": 1}}, {PREFIX: {"rrc00 ::": "y"}}, {PREFIX: {"AS1": None}}, [1]],
)
async def test_a_bad_store_is_refused(stored: dict[str, object]) -> None:
    """A stored baseline that cannot be read is a ValueError."""
    async with ris_live() as server:
        feed = make(server, Clock())
    with pytest.raises(ValueError, match="stored baseline"):
        feed.restore(stored)


async def test_a_flood_is_bounded_counted_and_seeded_again() -> None:
    """What is too much is dropped and counted; nothing is known until the feed is seeded anew.

    What was said before the drop does not overrule that seed: it may have been taken back.
    """
    clock = Clock()
    async with scripted(clock) as (server, source, feed):
        server.seed(PREFIX, rows(2), 1005)
        server.seed_gate.clear()
        clock.at = 1006
        source.tell(*(Announce(peer(n), 64511, PREFIX, PATH, 1001) for n in range(10)))
        source.tell(*(Announce(peer(0), 64511, PREFIX, PATH, 1002) for _ in range(95)))
        await until(lambda: feed.health(1006).silence == "script floods: 105 updates dropped")
        finding = await look(feed, clock)
        assert finding.reason is Reason.FEED_STALE
        server.seed_gate.set()
        await until(lambda: seeded(feed))
        finding, health = await look(feed, clock), feed.health(1006)
    assert (finding.reason, finding.facts["holding"]) == (Reason.WITHDRAWN, 2)
    assert (health.drops, health.queue, health.silence, health.reconnects) == (105, 0, None, 0)


async def test_a_long_flood_asks_for_seeds_only_when_it_is_over() -> None:
    """However often updates are dropped, RIPEstat is asked once they are not any more."""
    clock = Clock()
    async with scripted(clock, replace(FAST, calm=1.0)) as (server, source, feed):
        server.seed_gate.clear()
        flood = [Withdraw(peer(0), 64511, PREFIX, 1001)] * 101
        for _ in range(50):
            source.tell(*flood)
            await asyncio.sleep(0.002)  # the loop's turns that a request would need
        assert len(server.seed_requests) == 1
        server.seed_gate.set()
        await until(lambda: seeded(feed))
        assert len(server.seed_requests) == 2
        assert feed.health(1000).drops == 50 * 101


async def test_a_flood_of_a_source_that_seeds_itself_begins_it_anew() -> None:
    """Where nobody else has the table, the source is followed anew, so that it sends all again."""
    source = Script()
    feed = Feed(source, Routes([WATCH], learn=True), Intake(Clock(), 100), times=FAST)
    async with meanwhile(feed.run()):
        await until(lambda: source.followed == 1)
        source.tell(*[Withdraw(peer(0), 64511, PREFIX, 1001)] * 101)
        await until(lambda: source.followed == 2)
        assert feed.health(1000).last_error == "it floods: 101 updates dropped"


async def test_others_go_on_while_updates_are_applied() -> None:
    """A full queue is applied in slices: whoever waits for the loop has many turns meanwhile."""
    source, clock = Script(), Clock()
    routes = Routes([WATCH], learn=True)
    feed = Feed(source, routes, Intake(clock), times=FAST)
    async with meanwhile(feed.run()):
        await until(lambda: source.followed == 1)
        source.tell(*(Announce(peer(n % 400), 64511, PREFIX, PATH, n) for n in range(60_000)))
        turns = 0
        while feed.health(1000).queue and turns < 60_000:
            turns += 1
            await asyncio.sleep(0)
        assert holding(feed) == (400, 400)
    assert 3 < turns < 60_000


async def test_a_table_is_believed_for_a_while_only() -> None:
    """Where only tables come, an old one says nothing any more."""
    source, clock = Script(), Clock()
    feed = Feed(source, Routes([WATCH]), Intake(clock), lasts=60, times=FAST)
    async with meanwhile(feed.run()):
        await until(lambda: source.followed == 1)
        assert source.intake is not None
        source.intake.seed(PREFIX, {peer(n): PATH for n in range(10)}, 990)
        await until(lambda: seeded(feed))
        clock.at = 1051
        assert not seeded(feed)


@pytest.mark.parametrize("attempt", [0, 3, 10, 10_000])
def test_backoff_is_full_jitter(attempt: int) -> None:
    """Waits lie between nothing and a bound that grows from 1 to 30 s."""
    most = {0: 1, 3: 8}.get(attempt, 30)
    waits = [Times().backoff(attempt) for _ in range(200)]
    assert 0 <= min(waits) < most / 4 < max(waits) <= most


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (lambda source: source.lost.set(), "script is not connected (the script ends)"),
        (lambda source: source.intake.down("has no router"), "script has no router"),
    ],
    ids=["lost", "down"],
)
async def test_why_a_feed_is_silent(lose: Callable[[Script], None], why: str) -> None:
    """A feed that is lost says the last error; a source that is not up says why itself."""
    source = Script()
    slow = Times(retry=1e6, retry_most=1e6)
    feed = Feed(source, Routes([WATCH]), Intake(Clock()), times=slow)
    async with meanwhile(feed.run()):
        await until(lambda: source.followed == 1)
        assert feed.health(1000).silence is None
        lose(source)
        await until(lambda: feed.health(1000).silence == why)


async def test_a_feed_without_tables_says_so_after_a_while() -> None:
    """Connected and never seeded, a feed knows nothing of anybody, and that is its own fault."""
    clock = Clock()
    async with ris_live() as server:
        server.seed_gate.clear()
        feed = make(server, clock)
        async with meanwhile(feed.run()):
            await until(lambda: feed.health(clock()).connected)
            assert feed.unseeded(clock()) is None
            late = clock() + 301
            assert feed.unseeded(late) == (
                "ris-live has been connected for 301 s and has no table of 1 of 1 prefixes"
            )
            server.seed(PREFIX, rows(10), 990)
            server.seed_gate.set()
            await until(lambda: seeded(feed))
            assert feed.unseeded(late) is None


@pytest.mark.parametrize("ahead", [10.0, 3600.0])
async def test_a_collector_whose_clock_was_ahead_is_heard_once_it_is_right(ahead: float) -> None:
    """What is dated into the future is of now, and what follows it is no older; a bit is left."""
    clock = Clock()
    async with scripted(clock) as (_, source, feed):
        source.tell(*(Announce(peer(n), 64511, PREFIX, PATH, 1000.0 + ahead) for n in range(9)))
        await until(lambda: not feed.health(clock()).queue)
        clock.at = 1005.0
        source.tell(*(Withdraw(peer(n), 64511, PREFIX, 1005.0) for n in range(9)))
        await until(lambda: not feed.health(clock()).queue)
        assert holding(feed) == ((10, 10) if ahead < 60 else (1, 10))


async def test_a_feed_that_lags_says_so_and_is_believed() -> None:
    """What is told five minutes after it was is the feed's fault; the prefix is judged by it."""
    clock = Clock()
    async with fed(clock, times=replace(FAST, lag=MOST_LAG)) as (server, feed):
        (check,) = FeedCheck(feed, clock).looks()
        clock.at = 2000.0
        for at, verdict in ((1701.0, Verdict.OK), (1400.0, Verdict.FAILING)):
            await server.play(*(update(n % 10, at, announced=[PREFIX]) for n in range(31)))
            await until(lambda at=at: feed.health(clock()).lag == 2000.0 - at)
            assert (await check.once()).verdict is verdict
        said = (await check.once()).detail
        assert said == "ris-live tells what was 10 minutes ago by this host's clock"
        assert (await look(feed, clock)).verdict is Verdict.OK


async def test_a_feed_whose_sessions_end_is_stale_though_it_is_heard() -> None:
    """It is while more than half of the peers that had a prefix are unknown."""
    clock = Clock()
    async with scripted(clock) as (_, source, feed):
        (check,) = FeedCheck(feed, clock).looks()

        async def after(*news: Update) -> Finding:
            source.tell(*news)
            await until(lambda: feed.health(clock()).queue == 0)
            return await check.once()

        def sessions(peers: range, *, up: bool) -> list[Update]:
            return [PeerState(peer(number), up, clock()) for number in peers]

        assert (await after(*sessions(range(5), up=False))).verdict is Verdict.OK
        stale = await after(*sessions(range(5, 6), up=False))
        assert (stale.reason, stale.detail) == (
            Reason.FEED_STALE,
            "script has lost the sessions with most peers of 1 of 1 prefixes",
        )
        assert (await after(*sessions(range(6), up=True))).verdict is Verdict.FAILING
        routes = [Announce(peer(n), 3333, PREFIX, (3333, ORIGIN), clock()) for n in range(6)]
        assert (await after(*routes)).verdict is Verdict.OK
