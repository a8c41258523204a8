"""The services for which no page may open, and what counts once it may again.

Rule: pure; time is passed in.
"""

import math
from collections.abc import Collection, Set

from vedette.agent.alarms.alarm import Evidence


class Muted:
    """Which services windows of maintenance mute, and when the last window of each was over."""

    def __init__(self) -> None:
        self.services: Set[str] = frozenset()
        self._over_at: dict[str, float] = {}

    def take_over(self, before: "Muted") -> None:
        """Go on with the windows that *before* knew of, if the config has them still or not."""
        self.services, self._over_at = before.services, dict(before._over_at)  # noqa: SLF001

    def switch(self, services: Collection[str], now: float) -> Set[str]:
        """Have *services* muted from *now* on, and return those for which that is new or over."""
        before, self.services = self.services, frozenset(services)
        self._over_at |= dict.fromkeys(before - self.services, now)
        return before ^ self.services

    def shows(self, service: str, evidence: Evidence) -> bool:
        """Whether *evidence* was seen since the last window of *service*.

        What was over before its window is would page at its end, by the looks in it.
        """
        return evidence.seen_at >= self._over_at.get(service, -math.inf)
