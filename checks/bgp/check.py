"""The BGP check: one look at what a feed already knows."""

from collections.abc import Collection, Sequence
from typing import Protocol

import aiohttp

from vedette.checks.bgp import ripestat
from vedette.checks.bgp.health import FeedHealth
from vedette.checks.bgp.judge import judge
from vedette.checks.bgp.prefix import canonical
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.routes import Routes, Visibility
from vedette.checks.bgp.settings import BgpSettings
from vedette.checks.finding import Finding, Kind, Look, Verdict


class Feed(Protocol):
    """A source of routes that keeps itself current."""

    @property
    def source(self) -> str:
        """The feed's name, which is a failure domain: agents that read it are one voice."""

    def visibility(self, prefix: str, origins: Collection[int]) -> Visibility | None:
        """Return how visible *prefix* is; None until it is seeded."""

    def health(self, now: float) -> FeedHealth:
        """Return whether the feed can be believed as of *now*."""


class Now(Protocol):
    """The agent's clock."""

    def __call__(self) -> float:
        """Return epoch seconds."""


class BgpCheck:
    """Is the prefix still reachable by an expected origin? Looks at *feed* without I/O."""

    kind = Kind.BGP

    def __init__(self, settings: BgpSettings, feed: Feed, now: Now) -> None:
        self.name = settings.prefix
        self._origins = tuple(settings.origins)
        self._feed = feed
        self._now = now

    def looks(self) -> Sequence[Look]:
        """Return the one look at the prefix through the feed."""
        return (Look(subject=self.name, place=self._feed.source, once=self._look),)

    async def _look(self) -> Finding:
        return judge(
            self.name,
            self._origins,
            self._feed.visibility(self.name, self._origins),
            feed=self._feed.source,
            silence=self._feed.health(self._now()).silence,
        )


async def ask_ripestat(prefix: str, origins: Collection[int], url: str) -> Finding:
    """Judge *prefix* once by RIPEstat alone, where every peer that lists it is the baseline."""
    prefix = canonical(prefix)
    routes = Routes({prefix: origins})
    try:
        async with aiohttp.ClientSession() as session:
            seed = await ripestat.fetch(session, url, prefix)
    except ripestat.SeedError as exc:
        return Finding(
            verdict=Verdict.UNKNOWN,
            reason=Reason.UNSEEDED,
            detail=f"nothing is known about {prefix}: {exc}",
            facts={"feed": "ripestat"},
        )
    routes.seed(prefix, seed.routes.get(prefix, {}), seed.at)
    return judge(prefix, origins, routes.share(prefix, origins), feed="ripestat")
