"""What an agent has around it that no config names: its clocks, its resolvers, feeds and pagers."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Protocol

from vedette.agent.alarms.agreement import Vantage
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.paging import pagers
from vedette.agent.routes import feeds
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.watch import Watch
from vedette.checks.dns.resolver import Servers, SystemServers
from vedette.exporters.page import Pager
from vedette.exporters.reach import Reach

Now = Callable[[], float]


class Listen(Protocol):
    """Makes the feeds of what is watched."""

    def __call__(
        self, config: Config, watches: Collection[Watch], folder: Path, now: Now
    ) -> Sequence[Feed]:
        """Return the feeds that *config*, read at *folder*, asks for."""


def _listen(config: Config, watches: Collection[Watch], folder: Path, now: Now) -> Sequence[Feed]:
    return feeds.feeds(config, watches, folder, now)


def _peers(config: Config) -> Sequence[Vantage]:
    """Return the peers by the domains that the config says, whatever they say of themselves."""
    domains = [(peer.name, peer.domain) for peer in config.peers]
    return [Vantage(name, d.provider, d.region, d.account, d.asn) for name, d in domains]


def _pagers(config: Config, folder: Path, reach: Reach, now: Now) -> Sequence[Pager]:
    return pagers.pagers(config.pagers, folder, reach, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """This host; the replay of an incident brings its own world.

    *clock* tells epoch seconds, *stopwatch* seconds from anywhere; *system* are the resolvers of
    names that no check asks for by server. *peers* are the other agents whose word is heard.
    """

    clock: SteadyClock = field(default_factory=SteadyClock)
    stopwatch: Callable[[], float] = perf_counter
    system: Servers = field(default_factory=SystemServers)
    listen: Listen = _listen
    vrps: Callable[[Config, Collection[Watch], Path, Now], VrpSource | None] = feeds.vrps
    pagers: Callable[[Config, Path, Reach, Now], Sequence[Pager]] = _pagers
    peers: Callable[[Config], Sequence[Vantage]] = _peers
