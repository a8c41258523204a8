"""From what a config says of feeds and of the RPKI to the parts that follow them."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

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

Now = Callable[[], float]


def feeds(
    settings: Sequence[FeedSettings], watches: Collection[Watch], folder: Path, now: Now
) -> Sequence[Feed]:
    """Return a feed of *watches* for each of *settings*, or else RIS Live."""
    if not watches:
        return []
    chosen = settings or [FeedSettings(ris_live=RisLiveSettings())]
    return [_feed(one, watches, folder, now) for one in chosen]


def _feed(settings: FeedSettings, watches: Collection[Watch], folder: Path, now: Now) -> Feed:
    if settings.bmp:
        return bmp_feed(watches, settings.bmp, now)
    if settings.mrt:
        files = str(folder / settings.mrt.files)
        return mrt_feed(watches, settings.mrt.model_copy(update={"files": files}), now)
    if settings.bgpstream:
        return bgpstream_feed(watches, settings.bgpstream, RisLiveSettings().seed, now)
    if settings.ripestat:
        return ripestat_feed(watches, settings.ripestat, now)
    return ris_live_feed(watches, settings.ris_live or RisLiveSettings(), now)


def vrps(config: Config, watches: Collection[Watch], folder: Path, now: Now) -> VrpSource | None:
    """Return the VRPs that bear on *watches*; None where the config names no validator."""
    if config.rpki is None or not watches:
        return None
    file = beside(folder, config.rpki.file)
    prefixes = [watch.prefix for watch in watches]
    return VrpSource(config.rpki.model_copy(update={"file": file}), prefixes, now)
