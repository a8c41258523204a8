"""The BGP check: one look at what a feed already knows."""

from collections.abc import Callable, Sequence
from functools import partial

from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.judge import judge
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rpki.payloads import Validity, Vrps
from vedette.checks.bgp.rpki.validation import validate
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Finding, Kind, Look, Verdict

FEED = "feed"
"""What sort of subject a feed is."""


class BgpCheck:
    """Is the prefix reached as it should be? Looks at what each of *feeds* knows, without I/O."""

    kind = Kind.BGP

    def __init__(
        self,
        watch: Watch,
        feeds: Sequence[Feed],
        now: Callable[[], float],
        vrps: Callable[[float], Vrps | None] | None = None,
    ) -> None:
        """*vrps* gives the VRPs as of a time, where there is a validator; None is unknown."""
        self.name = watch.prefix
        self._watch = watch
        self._feeds = feeds
        self._now = now
        self._vrps = vrps
        self._invalid_since: dict[str, float] = {}

    def looks(self) -> Sequence[Look]:
        """Return a look at the prefix through each feed."""
        return [
            Look(subject=self.name, place=feed.source, once=partial(self._look, feed))
            for feed in self._feeds
        ]

    async def _look(self, feed: Feed) -> Finding:
        now, standing = self._now(), feed.standing(self.name)
        validation = validate(self._watch, standing, self._vrps(now)) if self._vrps else None
        if validation is not None and validation.own is Validity.INVALID:
            self._invalid_since.setdefault(feed.source, now)
        else:
            self._invalid_since.pop(feed.source, None)
        return judge(
            self._watch,
            standing,
            feed=feed.source,
            silence=feed.silence(now),
            validation=validation,
            invalid_since=self._invalid_since.get(feed.source),
        )


class FeedCheck:
    """Can *feed* be believed? Looks at what it says about itself, without I/O."""

    kind = Kind.BGP

    def __init__(self, feed: Feed, now: Callable[[], float]) -> None:
        self.name = feed.source
        self._feed = feed
        self._now = now

    def looks(self) -> Sequence[Look]:
        """Return the one look at the feed."""
        return (Look(subject=self.name, place=FEED, once=self._look),)

    async def _look(self) -> Finding:
        now = self._now()
        feed = self._feed
        silence = feed.silence(now) or feed.unseeded(now)
        silence = silence or feed.without_sessions() or feed.lagging()
        return Finding(
            verdict=Verdict.FAILING if silence else Verdict.OK,
            reason=Reason.FEED_STALE if silence else None,
            detail=silence or f"{self.name} is heard",
            facts={"feed": self.name},
        )
