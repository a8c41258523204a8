"""Asks RIPEstat for the tables that a stream does not send.

RIS Live sends only what changes. So every watched prefix is asked for once the feed is up, and
again after each gap; and because an answer may be older than the gap that it should fill, or come
while sessions are down, it is renewed until it is not.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import NoReturn

import aiohttp

from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.ripestat import state as ripestat

PAST = 86400.0
"""How long ago is asked for where nothing is stored: a fault may have begun before the agent."""
PARTS = 1_000
"""How many prefixes inside the watched ones are asked for."""


class Tables:
    """Asks bgp-state at *url* for tables and puts them into an intake; *now* is epoch seconds.

    *connect* makes the way there for each session.
    """

    def __init__(
        self,
        url: str,
        routes: Routes,
        now: Callable[[], float],
        connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
    ) -> None:
        self._url, self._routes, self._now, self._connect = url, routes, now, connect
        self._strange: set[str] | None = None
        self._watched, self._empty = frozenset(routes.watched), set[str]()
        self.newest_at: float | None = None

    @property
    def strange(self) -> set[str]:
        """The watched prefixes of which nobody knows who held them before."""
        if self._strange is None:
            now = self._now()
            self._strange = {p for p in self._routes.watched if not self._routes.baseline(p, now)}
        return self._strange

    @property
    def wanted(self) -> set[str]:
        """What is watched, and the parts of it that somebody held when last heard."""
        return {*self._routes.watched, *islice(self._routes.parts, PARTS)}

    def session(self) -> aiohttp.ClientSession:
        """Return a session to ask by."""
        return ripestat.session(self._connect())

    async def ask(
        self, session: aiohttp.ClientSession, intake: Intake, prefixes: Iterable[str]
    ) -> set[str]:
        """Ask for *prefixes*, four at once, and return those that could not be had."""

        async def one(prefix: str) -> bool:
            if prefix in self.strange:
                await self._remember(session, intake, prefix)
            try:
                seed = await self._fetch(session, prefix)
                self._doubt(prefix, seed)
            except ripestat.SeedError as exc:
                intake.error(str(exc))
                return False
            self.newest_at = max(self.newest_at or 0.0, seed.at)
            for listed in {prefix, *seed.routes}:
                intake.seed(listed, seed.routes.get(listed, {}), seed.at)
            return True

        return await ripestat.each(prefixes, one)

    def _doubt(self, prefix: str, seed: ripestat.Seed) -> None:
        """Raise SeedError where nobody has a watched *prefix* any more, until it is said again."""
        if seed.routes.get(prefix) or prefix not in self._watched:
            self._empty.discard(prefix)
        elif prefix not in self._empty:
            self._empty.add(prefix)
            raise ripestat.SeedError(f"{self._url} lists nobody with {prefix}: it is asked again")

    async def _fetch(
        self, session: aiohttp.ClientSession, prefix: str, at: float | None = None
    ) -> ripestat.Seed:
        return await ripestat.fetch(session, self._url, prefix, at)

    async def _remember(self, session: aiohttp.ClientSession, intake: Intake, prefix: str) -> None:
        try:
            past = await self._fetch(session, prefix, self._now() - PAST)
        except ripestat.SeedError as exc:
            intake.error(str(exc))  # it stays strange, and is asked about with its next seed
            return
        self.strange.discard(prefix)
        intake.remember(prefix, past.routes.get(prefix, {}), past.at)


class Seeder:
    """Keeps the routes of one feed seeded."""

    def __init__(self, tables: Tables, routes: Routes, times: Times) -> None:
        self._tables, self._routes, self._times = tables, routes, times
        self._due: set[str] = set()
        self._not_before = 0.0  # on the loop's clock
        self._wake = asyncio.Event()

    def renew(self, prefixes: Iterable[str] | None = None, *, after: float = 0.0) -> None:
        """Ask anew for *prefixes*, or all, *after* so many seconds at the earliest."""
        self._due.update(self._tables.wanted if prefixes is None else prefixes)
        self._not_before = asyncio.get_running_loop().time() + after
        self._wake.set()

    async def run(self, intake: Intake) -> NoReturn:
        """Seed all, as soon as the source is up; then what failed, and what must be renewed."""
        await intake.is_up()
        clock, attempt, every = asyncio.get_running_loop().time, 0, self._times.reseed
        self._due = self._tables.wanted
        self._wake.clear()
        renew_at = clock() + every
        async with self._tables.session() as session:
            while True:
                due, self._due = self._due, set()
                failed = await self._tables.ask(session, intake, due)
                attempt = attempt + 1 if failed else 0
                self._due |= failed
                await self._sleep(
                    1.0 + self._times.backoff(attempt) if failed else renew_at - clock()
                )
                if clock() >= renew_at:
                    self._due |= self._outdated(intake)
                    every = min(2 * every, self._times.reseed_most)
                    renew_at = clock() + every

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but no longer than until something is due by `renew`."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._wake.wait()
        except TimeoutError:
            return
        clock = asyncio.get_running_loop().time
        while self._wake.is_set():  # it may be put off again meanwhile
            self._wake.clear()
            await asyncio.sleep(max(0.0, self._not_before - clock()))

    def _outdated(self, intake: Intake) -> set[str]:
        """Return the prefixes whose seed cannot speak for the gap, or whose peers went down."""
        gap_at = max(intake.up_at or 0.0, intake.gap_at or 0.0)
        seeded = self._routes.seeded
        parts = {*islice(self._routes.outdated_parts(gap_at), PARTS)}
        outdated = {
            prefix
            for prefix in self._routes.watched
            if seeded.get(prefix, 0.0) < gap_at
            or not ((seen := self._routes.standing(prefix)) and seen.known)
        }
        return outdated | self._tables.strange | parts
