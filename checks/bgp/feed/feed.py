"""A source and the routes it tells of, kept current: reconnects, seeds, lapses and health."""

import asyncio
import math
import re
from collections.abc import Collection, Mapping, Set
from typing import Any, NoReturn, Protocol

import aiohttp

from vedette.checks.bgp.feed.health import FeedHealth
from vedette.checks.bgp.feed.intake import Gap, Intake, Item, Past, Returned, Table
from vedette.checks.bgp.feed.seeding import Seeder, Tables
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.rib.fall import Fall
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.update import CollectorDown

SLICE = 0.003
"""Seconds for which updates are applied before others may go on: probes must not be late."""

AHEAD = 60.0
"""Seconds that a collector's clock may be ahead; what it says to be of later is of now."""
_FELL, _COLLAPSED = "fell", "collapsed"
"""What tells of a fall among the peers and neighbours that are stored of a prefix."""


class SourceLostError(Exception):
    """The connection is of no use any more; the message is a clause."""


class Source(Protocol):
    """Where routes are heard of."""

    @property
    def name(self) -> str:
        """Its name, which is a failure domain: agents that read it are one voice."""

    async def follow(self, intake: Intake) -> NoReturn:
        """Tell *intake* all that is heard, from a fresh start, until the connection is lost.

        Raise SourceLostError, OSError or aiohttp.ClientError then.
        """


class Feed:
    """Keeps *routes* current by what *source* tells *intake*.

    Nothing is judged while the source is not up, silent for *stale_after* seconds, or not seeded
    since: a gap must never look like a withdrawal, nor hide one. Where there are *tables* they seed
    it; without, the source sends whole tables itself whenever it is followed anew. Where a source
    sends only tables, each is believed for *lasts* seconds.
    """

    def __init__(
        self,
        source: Source,
        routes: Routes,
        intake: Intake,
        *,
        tables: Tables | None = None,
        stale_after: float = math.inf,
        lasts: float = math.inf,
        times: Times | None = None,
    ) -> None:
        self._source, self._routes, self._intake = source, routes, intake
        self._stale_after, self._lasts = stale_after, lasts
        self._times = times or Times()
        self._watched = frozenset(routes.watched)
        self._seeder = Seeder(tables, routes, self._times) if tables else None
        self._late = self._reconnects = 0
        self._flooded = False  # and not seeded since

    @property
    def source(self) -> str:
        """The feed's name, which is a failure domain: agents that read it are one voice."""
        return self._source.name

    def news(self) -> Set[str]:
        """Return the prefixes of which something else is wrong than when it was last asked."""
        changed = frozenset(self._routes.changed)
        self._routes.changed.clear()
        return changed

    def standing(self, prefix: str) -> Standing | None:
        """Return how *prefix* stands as of now; None until it is seeded."""
        now = self._intake.now()
        self._routes.review(prefix, now)
        standing = self._routes.standing(prefix)
        is_old = standing is not None and now - standing.since > self._lasts
        return None if is_old else standing

    async def run(self) -> NoReturn:
        """Follow the source for ever, reconnecting with full jitter."""
        loop, attempt = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            try:
                await self._follow()
            except* (SourceLostError, aiohttp.ClientError, OSError) as group:
                self._intake.error(str(_first(group)) or "the connection was lost")
            finally:
                self._intake.clear()
                self._flooded = False
                self._routes.lapse(self._intake.now())
            attempt = 0 if loop.time() - began >= self._times.settled else attempt + 1
            await asyncio.sleep(self._times.backoff(max(0, attempt - 1)))
            self._reconnects += 1

    def health(self, now: float) -> FeedHealth:
        """Return what the feed knows about itself as of *now*."""
        intake, seeded = self._intake, self._routes.seeded
        return FeedHealth(
            source=self.source,
            connected=intake.up_at is not None,
            last_frame_at=intake.last_frame_at,
            seeded=seeded,
            frames=intake.frames,
            errors=intake.errors,
            late=self._late,
            reconnects=self._reconnects,
            last_error=intake.last_error,
            silence=self.silence(now),
            drops=intake.drops,
            queue=len(intake),
            lag=intake.lag,
            seed_age=now - min(seeded.values()) if seeded else None,
            collectors=intake.sessions.health(),
        )

    def silence(self, now: float) -> str | None:
        """Return in a clause why nothing that the feed said is believed as of *now*, if so."""
        intake, name = self._intake, self.source
        if self._flooded:
            return f"{name} floods: {intake.drops} updates dropped"
        if intake.up_at is None:
            cause = f" ({intake.last_error})" if intake.last_error else ""
            return f"{name} {intake.trouble or f'is not connected{cause}'}"
        quiet = now - max(intake.up_at, intake.last_frame_at or 0.0)
        if quiet > self._stale_after:
            return f"{name} has been silent for more than {self._stale_after:g} s"
        return None

    def unseeded(self, now: float) -> str | None:
        """Return in a clause that prefixes have had no table for long, if so: nothing is known."""
        up_at = self._intake.up_at
        if self._seeder is None or up_at is None or now - up_at <= self._times.seeded:
            return None
        watched, missing = self._routes.watched, self._routes.watched.keys() - self._routes.seeded
        if not missing:
            return None
        why = f" ({self._intake.last_error})" if self._intake.last_error else ""
        return (
            f"{self.source} has been connected for {now - up_at:.0f} s and has no table of "
            f"{len(missing)} of {len(watched)} prefixes{why}"
        )

    def without_sessions(self) -> str | None:
        """Return in a clause that the sessions with most peers of most prefixes are down, if so.

        Each collector says so of its own peers, while the feed is heard.
        """
        found = (self._routes.standing(prefix) for prefix in self._watched)
        standings = [one for one in found if one is not None and one.enough]
        unknown = sum(not one.known for one in standings)
        if not standings or unknown * 2 < len(standings):
            return None
        return (
            f"{self.source} has lost the sessions with most peers of {unknown} of "
            f"{len(standings)} prefixes"
        )

    def lagging(self) -> str | None:
        """Return in a clause that what it tells is old, if so: what is wrong now shows later."""
        lag = self._intake.lag
        if lag is None or lag <= self._times.lag:
            return None
        return f"{self.source} tells what was {lag / 60:.0f} minutes ago by this host's clock"

    def baseline(self) -> dict[str, Any]:
        """Return baselines, neighbours and falls as JSON-able data, which a restart still knows."""
        now = self._intake.now()
        return {
            prefix: {str(peer): at for peer, at in self._routes.baseline(prefix, now).items()}
            | {f"AS{asn}": at for asn, at in self._routes.neighbours(prefix).items()}
            | _fall_of(self._routes.fall(prefix))
            for prefix in self._routes.watched
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Add what `baseline` returned in an earlier life; raise ValueError and change nothing."""
        try:
            read = {prefix: _read(kept) for prefix, kept in stored.items()}
        except (AttributeError, TypeError, ValueError) as exc:
            raise ValueError(f"the stored baseline cannot be read: {exc}") from None
        for prefix, (peers, neighbours, fall) in read.items():
            self._routes.restore(prefix, peers, self._intake.now(), neighbours, fall)

    async def _follow(self) -> None:
        """Live through one connection; end by an exception."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_applying())
            if self._seeder is not None:
                group.create_task(self._seeder.run(self._intake))
            group.create_task(self._source.follow(self._intake))

    async def _keep_applying(self) -> NoReturn:
        clock = asyncio.get_running_loop().time
        while True:
            await self._intake.filled()
            now, until = self._intake.now(), clock() + SLICE
            while clock() < until and (items := self._intake.take(64)):
                for item in items:
                    self._apply(item, now)
            await asyncio.sleep(0)

    def _apply(self, item: Item, now: float) -> None:
        match item:
            case Table(prefix, routes, at):
                self._seed(prefix, routes, at, now)
            case Past(prefix, peers, at):
                self._routes.remember(prefix, peers, at)
            case Gap(drops):
                self._mend(drops)
            case Returned():
                self._ask_for_the_unknown()
            case update:
                if update.at > now + AHEAD:  # or all that its peer says until then would be late
                    update = update._replace(at=now)
                self._late += not self._routes.apply(update, now)

    def _seed(self, prefix: str, routes: Mapping[Peer, Path], at: float, now: float) -> None:
        """Seed *prefix*, where the peers of a collector that may be down have lost nothing."""
        self._flooded = False
        if self._seeder is not None and prefix in self._watched:
            for name in _missing(self._routes.baseline(prefix, now), routes):
                if self._intake.sessions.lose_unheard(name, now):
                    self._routes.apply(CollectorDown(name, at), now)
        self._routes.seed(prefix, routes, at, now)

    def _mend(self, drops: int) -> None:
        """Begin again after updates were dropped."""
        if self._seeder is None:
            raise SourceLostError(f"it floods: {drops} updates dropped")
        self._flooded = True
        self._routes.lapse(self._intake.now())
        self._seeder.renew(after=self._times.calm)

    def _ask_for_the_unknown(self) -> None:
        """Seed again what a collector that was silent may know; give its peers time to speak."""
        if self._seeder is not None:
            self._seeder.renew(self._routes.doubted, after=self._times.silent / 3)


def _missing(baseline: Collection[Peer], routes: Collection[Peer]) -> Set[str]:
    """Return the collectors of which a table lists nobody, though it lists most of the others."""
    if 2 * len(routes) < len(baseline):
        return frozenset()
    return {peer.collector for peer in baseline} - {peer.collector for peer in routes}


def _read(kept: Mapping[str, Any]) -> tuple[dict[Peer, float], dict[int, float], Fall | None]:
    """Read what is stored of a prefix: peers (COLLECTOR ADDRESS), neighbours (AS64500), fall."""
    neighbours = {key for key in kept if re.fullmatch(r"AS[0-9]{1,10}", key)}
    others = neighbours | {_FELL, _COLLAPSED}
    fallen = next((key for key in (_COLLAPSED, _FELL) if key in kept), None)
    return (
        {Peer(*key.split(" ", 1)): float(at) for key, at in kept.items() if key not in others},
        {int(key[2:]): float(kept[key]) for key in neighbours},
        Fall(float(kept[fallen]), collapsed=fallen == _COLLAPSED) if fallen else None,
    )


def _fall_of(fall: Fall) -> dict[str, float]:
    """Return what is stored of *fall*: since when, under a name that tells how far."""
    return {} if fall.at is None else {_COLLAPSED if fall.collapsed else _FELL: fall.at}


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
