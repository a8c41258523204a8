"""When alarms are due though nothing is seen: a hold is filled, a period or a window ends.

Rule: no I/O, no clock; time is passed in.
"""

import heapq
import math


class Edges:
    """Keeps for each alarm the next moment, in epoch seconds, at which time alone may change it."""

    def __init__(self) -> None:
        """Begin with nothing that is due."""
        self._at: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []

    def put(self, id_: str, at: float) -> None:
        """Note that an alarm is due at *at*, in place of what was noted before; inf: never."""
        if at == math.inf:
            self._at.pop(id_, None)
        elif self._at.get(id_) != at:
            self._at[id_] = at
            heapq.heappush(self._queue, (at, id_))

    def take(self, now: float) -> set[str]:
        """Return the alarms that are due by *now*, and forget when they were."""
        taken: set[str] = set()
        while self.next() <= now:
            _, id_ = heapq.heappop(self._queue)
            del self._at[id_]
            taken.add(id_)
        return taken

    def next(self) -> float:
        """Return when the first alarm is due; inf where none is."""
        while self._queue and self._at.get(self._queue[0][1]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else math.inf
