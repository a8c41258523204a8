"""What sessions said of foreign ASes when they were lost: it may be so still.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Iterator, Set

from vedette.checks.bgp.reason import Reason

BELIEVED = 86400.0
"""How long that is believed: a session that never comes back must not keep a page open for ever."""

RESET = 10.0
"""Some collectors withdraw all that a session said before they tell that it is down."""
MOST = 1_000
"""For how many of them that is noted."""

Key = tuple[Reason, str, int]
"""What is wrong, with which prefix, and by which AS."""


class Silence:
    """Who had a route by a foreign AS when its session was lost, by the route's prefix."""

    __slots__ = ("_ends_at", "left", "lost")

    def __init__(self) -> None:
        self.lost: dict[str, dict[int, tuple[int, float, set[Key]]]] = {}
        self.left: dict[Key, dict[int, tuple[int, float]]] = {}
        self._ends_at = math.inf  # the first of them, or sooner

    def __contains__(self, prefix: object) -> bool:
        return prefix in self.lost

    def leave(self, key: Key, peer: int, asn: int, at: float, *, was_fact: bool) -> None:
        """Note that *peer*, of *asn*, says *key* no longer at *at*: its session may be going down.

        Where that was no fact when the first of them left, what they said were leftovers.
        """
        recent = {p: one for p, one in self.left.pop(key, {}).items() if at - one[1] <= RESET}
        if was_fact or recent or self.asns(key):
            recent[peer] = asn, at
        if len(self.left) >= MOST:
            self.left.clear()
        if recent:
            self.left[key] = recent

    def lose(self, peer: int, at: float) -> Set[str]:
        """Keep what *peer* said till its session was lost at *at*; return of which prefixes."""
        kept = set()
        for key, left in self.left.items():
            asn, left_at = left.get(peer, (0, -math.inf))
            if 0 <= at - left_at <= RESET:
                self._keep(key, peer, asn, at)
                kept.add(key[1])
        return kept

    def _keep(self, key: Key, peer: int, asn: int, at: float) -> None:
        self._ends_at = min(self._ends_at, at + BELIEVED)
        lost = self.lost.setdefault(key[1], {})
        lost.setdefault(peer, (asn, at, set()))[2].add(key)

    def end(self, prefix: str, peer: int) -> bool:
        """Note that it is known again what *peer* has of *prefix*; True where that was in doubt."""
        lost = self.lost.get(prefix, {})
        found = lost.pop(peer, None)
        if not lost:
            self.lost.pop(prefix, None)
        return found is not None

    def end_old(self, now: float) -> bool:
        """Believe no longer what was said too long ago; True where there was such a thing."""
        if now < self._ends_at:
            return False
        lost = [(at, prefix, peer) for prefix in self.lost for peer, at in self.of(prefix)]
        old = [(prefix, peer) for at, prefix, peer in lost if at + BELIEVED <= now]
        self._ends_at = min(
            (a + BELIEVED for a, *_ in lost if a + BELIEVED > now), default=math.inf
        )
        return sum(self.end(prefix, peer) for prefix, peer in old) > 0

    def of(self, prefix: str) -> Iterator[tuple[int, float]]:
        """Yield who was lost with a route of *prefix*, and when."""
        return ((peer, at) for peer, (_, at, _) in self.lost.get(prefix, {}).items())

    def said(self) -> Set[Key]:
        """Return what they said."""
        return {key for lost in self.lost.values() for *_, keys in lost.values() for key in keys}

    def asns(self, key: Key) -> Set[int]:
        """Return the ASes that said *key*."""
        lost = self.lost.get(key[1], {})
        return {asn for asn, _, keys in lost.values() if key in keys}
