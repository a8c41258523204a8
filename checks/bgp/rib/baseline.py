"""Which peers count for a prefix: those that held it by an expected origin, and for long.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Iterator

from vedette.checks.bgp.rib.cells import BASELINE, KNOWN, Cells
from vedette.checks.bgp.rib.standing import WITHDRAWN

MEMORY = 7 * 86400.0
"""How long a peer without the route stays in the baseline."""
LASTING = 3600.0
"""How long a new peer holds the route until it joins that: a leak is seen widely for a while."""
TENDED = 600.0
"""How often it is looked who joins the baseline, and who leaves it."""

_NEVER = float("-inf")


class Baseline:
    """The peers of one prefix that are asked for it; with *learns*, also by what they announce."""

    __slots__ = ("_began_at", "_cells", "_joining", "_learns", "_tended_at")

    def __init__(self, cells: Cells, *, learns: bool) -> None:
        self._cells, self._learns = cells, learns
        self._joining: dict[int, float] = {}  # who holds it and is not of the baseline for good
        self._began_at = self._tended_at = _NEVER  # it began where announcements made it

    def is_joining(self, peer: int) -> bool:
        """Whether *peer* has not held the prefix for long enough to count for good."""
        return peer in self._joining

    def admit(self, peer: int, at: float, *, told_all: bool) -> None:
        """Let a peer join that has the route and does not count, at once where that is new too.

        One that learns counts it at once, since it may have taken over what others lost; but who
        had *told_all* before, and so had no route, has joined only when it lasts.
        """
        is_new = not self._learns or told_all
        if is_new and not self._cells.of and not self._cells.unknown:
            self._began_at = at
        since = self._joining.setdefault(peer, at)
        if not is_new or at < self._began_at + LASTING or at >= since + LASTING:
            self.join(peer)
        elif self._learns:
            self._cells.set(peer, BASELINE)

    def join(self, peer: int) -> None:
        """Count a peer for good."""
        self._joining.pop(peer, None)
        if not self._cells.counts(peer):
            self._cells.set(peer, BASELINE)

    def give_up(self, peer: int, at: float) -> None:
        """Count a peer no more that gave the route up before it had lasted."""
        since = self._joining.pop(peer, None)
        if since is not None and at < since + LASTING and self._cells.counts(peer):
            self._cells.clear(peer, BASELINE)

    def restore(self, peer: int, held_at: float) -> None:
        """Count *peer*, which held the prefix at *held_at*; what it has is unknown if it is new."""
        if self._cells.note(peer):
            self._cells.clear(peer, KNOWN)
        self.join(peer)
        self._cells.hold_until(peer, held_at)

    def peers(self, at: float) -> Iterator[tuple[int, float]]:
        """Yield who counts for good and when each last held the prefix; holders do at *at*."""
        for peer in self._cells.noted():
            if self._cells.counts(peer) and peer not in self._joining:
                held_at = float(self._cells.held_at(peer))
                yield peer, max(held_at, at) if self._cells.holds(peer) else held_at

    def tend(self, now: float) -> None:
        """Let peers join that held the route for long, and leave that lost it long ago."""
        if now >= self._tended_at + TENDED:
            self._tended_at = now
            for peer in [peer for peer, at in self._joining.items() if now - at >= LASTING]:
                self.join(peer)
            self.forget(now)

    def forget(self, at: float) -> None:
        """Drop peers that gave the route up long ago, but keep a lost prefix's whole baseline."""
        cells = self._cells
        if cells.holding <= WITHDRAWN * (cells.of + cells.unknown):
            return
        for peer in cells.noted():
            idle = not cells.holds(peer) and cells.held_at(peer) < at - MEMORY
            if idle and cells.counts(peer):
                cells.clear(peer, BASELINE)
