"""From what a config says of feeds and of the RPKI to the parts that follow them."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import aiohttp

from vedette.agent.config import Config, FeedSettings, beside
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.sources.bgpstream import bgpstream_feed
from vedette.checks.bgp.sources.bmp import bmp_feed
from vedette.checks.bgp.sources.mrt import mrt_feed
from vedette.checks.bgp.sources.ripestat import ripestat_feed
from vedette.checks.bgp.sources.rislive import ris_live_feed
from vedette.checks.bgp.watch import Watch
from vedette.exporters.reach import Reach

Now = Callable[[], float]
Connect = Callable[[], aiohttp.BaseConnector]


def feeds(config: Config, watches: Collection[Watch], folder: Path, now: Now) -> Sequence[Feed]:
    """Return a feed of *watches* for each that *config* names, or else RIS Live."""
    if not watches:
        return []
    chosen = config.feeds or [FeedSettings(ris_live=RisLiveSettings())]
    connect = _connect(config)
    return [_feed(one, watches, folder, now, connect) for one in chosen]


def _connect(config: Config) -> Connect:
    """Return what makes the way to where routes are told of: without this host's DNS too."""
    return partial(Reach(config.paging.endpoints).connector, is_kept=True)


def _feed(
    settings: FeedSettings, watches: Collection[Watch], folder: Path, now: Now, connect: Connect
) -> Feed:
    if settings.bmp:
        return bmp_feed(watches, settings.bmp, now)
    if settings.mrt:
        files = str(folder / settings.mrt.files)
        return mrt_feed(watches, settings.mrt.model_copy(update={"files": files}), now)
    if settings.bgpstream:
        return bgpstream_feed(watches, settings.bgpstream, RisLiveSettings().seed, now, connect)
    if settings.ripestat:
        return ripestat_feed(watches, settings.ripestat, now, connect)
    return ris_live_feed(watches, settings.ris_live or RisLiveSettings(), now, connect=connect)


def vrps(config: Config, watches: Collection[Watch], folder: Path, now: Now) -> VrpSource | None:
    """Return the VRPs that bear on *watches*; None where the config names no validator."""
    if config.rpki is None or not watches:
        return None
    file = beside(folder, config.rpki.file)
    prefixes = [watch.prefix for watch in watches]
    settings = config.rpki.model_copy(update={"file": file})
    return VrpSource(settings, prefixes, now, connect=_connect(config))
