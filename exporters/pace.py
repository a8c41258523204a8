"""How many calls a receiver may be made in a time.

Rule: pure; time is passed in.
"""

from collections import deque


class Pace:
    """At most *most* calls in any minute: a sliding window, as receivers count it."""

    def __init__(self, most: int) -> None:
        self._calls: deque[float] = deque(maxlen=most)

    def ready_at(self, now: float) -> float:
        """Return when the next call may be made: *now*, or later."""
        if len(self._calls) < (self._calls.maxlen or 0):
            return now
        return max(now, self._calls[0] + 60.0)

    def take(self, now: float) -> None:
        """Count a call that is made at *now*."""
        self._calls.append(now)
