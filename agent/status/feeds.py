"""Feeds of routes and the RPKI as the page shows them.

Rule: pure; time is passed in.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vedette.agent.routes.roas import Roas
from vedette.checks.bgp.feed.health import FeedHealth
from vedette.checks.bgp.rpki.source import VrpHealth
from vedette.checks.words import some

_NAMED = 5
"""How many silent collectors are named."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """How one feed is; *newest* and *seed* are ages in seconds."""

    health: FeedHealth
    newest: float | None
    sessions: str
    says: str


def feed_row(health: FeedHealth, now: float) -> FeedRow:
    """Return how the feed of *health* is at *now*."""
    newest = None if health.last_frame_at is None else max(0.0, now - health.last_frame_at)
    says = health.silence or (f"last error: {health.last_error}" if health.last_error else "")
    return FeedRow(health, newest, _sessions(health), says)


def _sessions(health: FeedHealth) -> str:
    """Return how many are up and down, and the collectors that are silent while others speak."""
    up, down = health.sessions
    silent = [name for name, one in health.collectors.items() if one.silent]
    named = f"; silent: {some(silent, _NAMED)}" if silent else ""
    return f"{up} up, {down} down{named}"


@dataclass(frozen=True, slots=True)
class Rpki:
    """The list of VRPs and the own routes by it; *silence* says why it is not believed."""

    silence: str | None
    source: str
    count: int
    age: float
    states: Sequence[tuple[str, int]]


def rpki(health: VrpHealth, roas: Roas, now: float) -> Rpki:
    """Return how the list of *health* is, and how many own routes are in which state."""
    states = Counter(str(route.state) for route in roas.routes.values())
    return Rpki(
        health.silence, health.source, health.count, health.age(now) or 0.0, states.most_common()
    )
