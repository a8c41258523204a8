"""From updates to events, in the data's own time: what `vedette bgp` tells.

Rule: pure; the only time is that of the updates. Between two of them nothing changes but the date,
so alarms are stepped when they are due, and when what they go by has changed.
"""

import math
from collections.abc import Iterable, Mapping

from vedette.agent.alarms.deadlines import Deadlines
from vedette.agent.routes.events import RouteEvent
from vedette.agent.routes.prefixalarms import PrefixAlarms, Times
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.rpki.payloads import Validity, Vrps
from vedette.checks.bgp.update import Update
from vedette.checks.bgp.watch import Watch

_TICK = 0.001


class Detector:
    """Turns updates, in the order of their times, into events.

    *times* has those of each prefix that *routes* watch; nobody else may clear `routes.changed`.
    *vrps* are what the RPKI says all the time, where that is known.
    """

    def __init__(
        self, routes: Routes, times: Mapping[str, Times], vrps: Vrps | None = None
    ) -> None:
        self._routes, self._times, self._watched = routes, times, routes.watched
        self._vrps, self._suspects = vrps, _suspects(routes.watched.values(), vrps)
        self._alarms: dict[str, PrefixAlarms] = {}
        self._due = Deadlines[str]()
        self._now = self._next = -math.inf

    def take(self, update: Update) -> list[RouteEvent]:
        """Take one update in, and return what had happened by then; time never goes back."""
        now = max(update.at, self._now)
        events = self.advance(now) if now >= self._next else []
        self._now = now
        self._routes.apply(update, now)
        return events

    def seed(self, routes: Mapping[str, Mapping[Peer, Path]], at: float) -> list[RouteEvent]:
        """Take in who held what *at*, and return what had happened by then."""
        now = max(at, self._now)
        events = self.advance(now)
        for prefix, holders in routes.items():
            self._routes.seed(prefix, holders, at, now)
        return events

    def advance(self, now: float) -> list[RouteEvent]:
        """Return what happened until *now*, given that nothing more came."""
        events = self._revise()
        while first := self._due.pop(now):
            due, prefix = first
            alarms = self._alarms[prefix]
            events += alarms.step(self._routes.standing(prefix), due)
            self._schedule(prefix, alarms, due)
        self._now = max(now, self._now)
        self._next = min(math.floor(now) + 1.0, self._due.next())
        return events

    def _revise(self) -> list[RouteEvent]:
        """Judge anew what changed in the second that is over."""
        events: list[RouteEvent] = []
        for prefix in sorted(self._routes.changed | self._suspects):
            alarms = self._alarms.get(prefix)
            if alarms is None:
                alarms = PrefixAlarms(self._watched[prefix], self._times[prefix], self._vrps)
                self._alarms[prefix] = alarms
            events += alarms.revise(self._routes.standing(prefix), self._now)
            self._schedule(prefix, alarms, self._now)
        self._routes.changed.clear()
        return events

    def _schedule(self, prefix: str, alarms: PrefixAlarms, now: float) -> None:
        if alarms.are_idle:
            del self._alarms[prefix]
        # What a rounding error left undone is done a moment later, not over and over now.
        self._due.put(prefix, max(alarms.due, now + _TICK))


def _suspects(watches: Iterable[Watch], vrps: Vrps | None) -> frozenset[str]:
    """Return the prefixes whose own route may be invalid: nothing needs to change with them."""
    if vrps is None:
        return frozenset()
    return frozenset(
        watch.prefix
        for watch in watches
        for origin in watch.origins
        if vrps.state(watch.prefix, origin) is Validity.INVALID
    )
