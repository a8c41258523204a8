"""When things are due though nothing is seen: a hold is filled, a window ends, a look is too old.

Rule: no I/O, no clock; time is passed in.
"""

import heapq
import math
from typing import Generic, TypeVar

K = TypeVar("K", bound=tuple[object, ...] | str)


class Deadlines(Generic[K]):
    """Keeps for each key the one moment, in epoch seconds, at which it is due."""

    def __init__(self) -> None:
        """Begin with nothing that is due."""
        self._at: dict[K, float] = {}
        self._queue: list[tuple[float, K]] = []

    def put(self, key: K, at: float) -> None:
        """Note that *key* is due at *at*, in place of what was noted before; inf: never."""
        if at == math.inf:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._queue, (at, key))

    def first(self) -> tuple[float, K] | None:
        """Return when the first key is due, and which that is; None where none is."""
        while self._queue and self._at.get(self._queue[0][1]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0] if self._queue else None

    def next(self) -> float:
        """Return when the first key is due; inf where none is."""
        first = self.first()
        return first[0] if first else math.inf

    def pop(self, now: float) -> tuple[float, K] | None:
        """Return the first key that is due by *now*, and when it was; forget that."""
        if self.next() > now:
            return None
        at, key = heapq.heappop(self._queue)
        del self._at[key]
        return at, key

    def take(self, now: float) -> list[K]:
        """Return the keys that are due by *now*, the first one first, and forget when they were."""
        taken = []
        while due := self.pop(now):
            taken.append(due[1])
        return taken
