"""Foreign ASes at one watched prefix: who they are, how many peers say so, and since when.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.silence import Key, Silence

LEFTOVER = 0.1
"""The share of the most peers that may keep a dead route (zombies) without it being alive."""
MOST = 1_000
"""How many of them are kept for one prefix; what comes beyond is of the same attack."""


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
    """*left* ASes kept the route of what was over; *peak* is the most of those beyond them."""

    sessions: dict[int, int] = field(default_factory=dict)
    left: int = 0
    peak: int = 0
    since: float | None = None
    at: float | None = None
    lasts_since: float | None = None  # gaps of the feed included
    heard_for: float = 0.0  # before the last of them


class Strangers:
    """Counts what *least* peer ASes have to say before it counts: one that lies alone does not.

    What a lost session said neither counts, nor is over: it is kept in *silence*.
    """

    __slots__ = ("_alive", "_least", "_leaving", "_news", "_seen", "_was_heard", "silence")

    def __init__(self, least: int) -> None:
        self._least = least
        self._seen: dict[Key, _Seen] = {}
        self._news: set[Key] = set()  # counted since the last review: a flood is reviewed piecemeal
        # Those of each reason that enough peers say, and since when, the first one first.
        self._alive: dict[Reason, dict[Key, float]] = {}
        self.silence = Silence()
        self._leaving: tuple[int, float] | None = None
        self._was_heard = False  # somebody who was silent, since the last review

    def __bool__(self) -> bool:
        return bool(self._seen or self.silence.lost or self._was_heard)

    def tally(self, key: Key, peer_asn: int, by: int) -> None:
        """Count one session more (*by* = 1) or less (-1) of *peer_asn* for *key*."""
        seen = self._seen.get(key)
        if seen is None:
            if by < 0 or len(self._seen) >= MOST:
                return
            seen = self._seen[key] = _Seen()
        self._news.add(key)
        if self._leaving is not None and by < 0:
            peer, at = self._leaving
            self.silence.leave(key, peer, peer_asn, at, was_fact=seen.since is not None)
        count = seen.sessions.get(peer_asn, 0) + by
        if count > 0:
            seen.sessions[peer_asn] = count
        else:
            seen.sessions.pop(peer_asn, None)

    @contextmanager
    def leaving(self, peer: int, at: float) -> Iterator[None]:
        """Take what is counted less for what *peer* says no longer at *at*."""
        self._leaving = peer, at
        try:
            yield
        finally:
            self._leaving = None

    def heard(self, peer: int, prefix: str) -> None:
        """Note that it is known what *peer* has of *prefix*."""
        self._was_heard |= self.silence.end(prefix, peer)

    def in_doubt(self) -> Set[Reason]:
        """Return what would be a fact if those who are silent still said so, and is none now."""
        return {
            key[0]
            for key in self.silence.said()
            if len(self._asns(key) | self.silence.asns(key)) >= self._least
        } - {reason for reason, alive in self._alive.items() if alive}

    def _asns(self, key: Key) -> Set[int]:
        seen = self._seen.get(key)
        return seen.sessions.keys() if seen else frozenset[int]()

    def review(self, now: float) -> bool:
        """Note as of *now* which of them enough peers say, and forget those that nobody does.

        Return whether one came or went.
        """
        changed = (self.silence.end_old(now) if self.silence.lost else False) or self._was_heard
        self._was_heard = False
        for key in self._news:
            seen = self._seen.get(key)
            if seen is not None:
                changed |= self._review(key, seen, now)
        self._news.clear()
        return changed

    def _review(self, key: Key, seen: _Seen, now: float) -> bool:
        asns = len(seen.sessions)
        seen.left = min(seen.left, asns)
        more = asns - seen.left
        came, seen.peak = seen.at is None, max(seen.peak, more)
        seen.at = now if seen.at is None else seen.at
        if more <= LEFTOVER * seen.peak:
            # Zombies must neither keep up what is over, nor hide what begins beside them.
            more, seen.left, seen.peak = 0, asns, 0
        if more < self._least:
            self._end(key, seen)
            seen.lasts_since, seen.heard_for = None, 0.0
        elif seen.since is None:
            seen.lasts_since = now if seen.lasts_since is None else seen.lasts_since
            seen.since = self._alive.setdefault(key[0], {})[key] = now - seen.heard_for
        if not asns:
            del self._seen[key]
        return came or not asns

    def _end(self, key: Key, seen: _Seen) -> None:
        seen.since = None
        self._alive.get(key[0], {}).pop(key, None)

    def lapse(self, now: float) -> None:
        """Note that the feed was lost: what is seen after the gap counts on from before it."""
        for key, seen in self._seen.items():
            if seen.since is not None:
                seen.heard_for = max(0.0, now - seen.since)
            self._end(key, seen)
        self._news.update(self._seen)

    def forget(self, reason: Reason, asn: int) -> None:
        """Forget what was counted of *asn* for *reason*: it is no stranger any more."""
        for key in [key for key in self._seen if key[0] is reason and key[2] == asn]:
            self._end(key, self._seen.pop(key))

    def lasting(self, reason: Reason, since: float) -> Sequence[int]:
        """Return those that are alive, and were before *since*, gaps of the feed included."""
        return [
            key[2]
            for key in self._alive.get(reason, {})
            if (at := self._seen[key].lasts_since) is not None and at < since
        ]

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
