"""Foreign ASes at one watched prefix: who they are, how many peers say so, and since when.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from vedette.checks.bgp.reason import Reason

LEFTOVER = 0.1
"""The share of the most peers that may keep a dead route (zombies) without it being alive."""
MOST = 1_000
"""How many of them are kept for one prefix; what comes beyond is of the same attack."""

Key = tuple[Reason, str, int]
"""What is wrong, with which prefix, and by which AS."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A foreign AS where it should not be: at *asns* peer ASes, over *peers* sessions.

    *since* is when enough peers said so, in the receiver's epoch seconds; None while too few do.
    *seen_at* is when the first did.
    """

    reason: Reason
    prefix: str
    asn: int
    peers: int
    asns: int
    since: float | None
    seen_at: float = 0.0


@dataclass(slots=True)
class _Seen:
    sessions: dict[int, int] = field(default_factory=dict)
    peak: int = 0
    since: float | None = None
    at: float | None = None


class Strangers:
    """Counts what *least* peer ASes have to say before it counts: one that lies alone does not."""

    __slots__ = ("_alive", "_least", "_news", "_seen")

    def __init__(self, least: int) -> None:
        self._least = least
        self._seen: dict[Key, _Seen] = {}
        self._news: set[Key] = set()  # counted since the last review: a flood is reviewed piecemeal
        # Those of each reason that enough peers say, and since when, the first one first.
        self._alive: dict[Reason, dict[Key, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._seen)

    def tally(self, key: Key, peer_asn: int, by: int) -> None:
        """Count one session more (*by* = 1) or less (-1) of *peer_asn* for *key*."""
        seen = self._seen.get(key)
        if seen is None:
            if by < 0 or len(self._seen) >= MOST:
                return
            seen = self._seen[key] = _Seen()
        self._news.add(key)
        count = seen.sessions.get(peer_asn, 0) + by
        if count > 0:
            seen.sessions[peer_asn] = count
        else:
            seen.sessions.pop(peer_asn, None)

    def review(self, now: float) -> bool:
        """Note as of *now* which of them enough peers say, and forget those that nobody does.

        Return whether one came or went.
        """
        changed = False
        for key in self._news:
            seen = self._seen.get(key)
            if seen is not None:
                changed |= self._review(key, seen, now)
        self._news.clear()
        return changed

    def _review(self, key: Key, seen: _Seen, now: float) -> bool:
        asns = len(seen.sessions)
        came, seen.peak = seen.at is None, max(seen.peak, asns)
        seen.at = now if seen.at is None else seen.at
        if asns < self._least or asns <= LEFTOVER * seen.peak:
            self._end(key, seen)
        elif seen.since is None:
            seen.since = self._alive.setdefault(key[0], {})[key] = now
        if not asns:
            del self._seen[key]
        return came or not asns

    def _end(self, key: Key, seen: _Seen) -> None:
        seen.since = None
        self._alive.get(key[0], {}).pop(key, None)

    def lapse(self) -> None:
        """Note that the feed was lost: nothing says how long it lasts."""
        for key, seen in self._seen.items():
            self._end(key, seen)
        self._news.update(self._seen)

    def forget(self, reason: Reason, asn: int) -> None:
        """Forget what was counted of *asn* for *reason*: it is no stranger any more."""
        for key in [key for key in self._seen if key[0] is reason and key[2] == asn]:
            self._end(key, self._seen.pop(key))

    def since(self, reason: Reason) -> float | None:
        """Return since when one of them is alive; None where none is."""
        return next(iter(self._alive.get(reason, {}).values()), None)

    def listed(self) -> Iterable[Foreign]:
        """Return them all, those of the most peers first."""
        rows = [
            Foreign(*key, sum(seen.sessions.values()), len(seen.sessions), seen.since, seen.at)
            for key, seen in self._seen.items()
            if seen.sessions and seen.at is not None
        ]
        return sorted(rows, key=lambda row: (-row.asns, row.prefix, row.asn))
