"""Who may stand next to the origin of a prefix: those that are listed, or were learned.

Rule: no I/O, no clock; time is passed in.
"""

from collections import Counter
from collections.abc import Collection

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Strangers

PROBATION = 86400.0
"""How long a new neighbour passes the route on until it is taken for a right one."""
EVERY = 600.0
"""How often it is asked whose probation is over."""

_NEVER = float("-inf")


class Neighbours:
    """The right neighbours of one prefix; *listed* by people, or *learned*, and when."""

    __slots__ = ("_due", "_had_moved", "_moved_at", "learned", "listed")

    def __init__(self, listed: Collection[int]) -> None:
        self.listed = listed
        self.learned: dict[int, float] = {}
        self._due = _NEVER
        self._had_moved, self._moved_at = False, _NEVER

    def expects(self, neighbour: int | None) -> bool:
        """Whether *neighbour* may pass the route on; everybody may until the first were learned."""
        allowed = self.listed or self.learned
        return neighbour is None or not allowed or neighbour in allowed

    def begin(self, seen: Collection[int], now: float) -> None:
        """Take those of the first seed for right."""
        if not self.learned:
            self.learned = dict.fromkeys(seen, now)

    def review(self, strangers: Strangers, now: float) -> None:
        """Take those for right whose probation is over as of *now*; those of a list never are."""
        if now < self._due or self.listed:
            return
        self._due = now + EVERY
        for asn in strangers.lasting(Reason.PATH, now - PROBATION):
            self.learned[asn] = now
            strangers.forget(Reason.PATH, asn)

    def leaked_since(
        self, seen: Counter[int], holding: int, since: float, now: float
    ) -> float | None:
        """Return since when one that is new *since* leaks; None while most peers have moved to it.

        That is a failover, and the peers that come back last from it are no leak of its whole time.
        Peers beyond those *holding* of the baseline had no route before, so they have not moved.
        """
        kept = sum(seen[asn] for asn in self.learned)
        has_moved = not self.listed and 2 * kept < min(seen.total(), holding)
        if has_moved or self._had_moved:
            self._moved_at = now
        self._had_moved = has_moved
        return None if has_moved else max(since, self._moved_at)
