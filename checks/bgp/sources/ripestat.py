"""RIPEstat asked over and over: slow, but a second opinion that shares no stream with the first."""

import asyncio
from collections.abc import Callable, Iterable
from typing import NoReturn

import aiohttp

from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import RipeStatSettings
from vedette.checks.bgp.watch import Watch


def ripestat_feed(
    watches: Iterable[Watch],
    settings: RipeStatSettings,
    now: Callable[[], float],
    connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
) -> Feed:
    """Return a feed of RIPEstat's tables of *watches*."""
    routes = Routes(watches)
    source = RipeStat(Tables(settings.url, routes, now, connect), settings, now)
    stale_after = settings.stale_after
    return Feed(source, routes, Intake(now), stale_after=stale_after, lasts=stale_after)


class RipeStat:
    """Asks for the table of every watched prefix every `every` seconds, or as fast as it answers.

    Each answer is a whole table: a peer that it lists no more has lost its route. What counts is
    how old the newest answer is, by its own words; *now* is epoch seconds.
    """

    name = "ripestat"

    def __init__(
        self, tables: Tables, settings: RipeStatSettings, now: Callable[[], float]
    ) -> None:
        self._tables, self._settings, self._now = tables, settings, now

    async def follow(self, intake: Intake) -> NoReturn:
        """Ask for ever; a failure is counted and asked again in the next round."""
        clock = asyncio.get_running_loop().time
        async with self._tables.session() as session:
            while True:
                next_at = clock() + self._settings.every
                wanted = self._tables.wanted
                failed = await self._tables.ask(session, intake, wanted)
                if failed != wanted:
                    self._judge_age(intake)
                await asyncio.sleep(max(0.0, next_at - clock()))

    def _judge_age(self, intake: Intake) -> None:
        newest_at = self._tables.newest_at or 0.0
        intake.heard(at=newest_at)
        age = self._now() - newest_at
        if age > self._settings.stale_after:
            intake.down(f"answers with tables that are {age / 60:.0f} minutes old")
        else:
            intake.up()
