"""The peer sessions of a feed: numbered, with their AS numbers, and which of them are down.

Rule: no I/O, no clock.
"""

import math
from collections.abc import Iterator

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer

MOST = 10_000
"""How many sessions a feed may have; RIS and RouteViews together have about 2,000."""


class Peers:
    """Numbers for sessions, so that a table can be an array; *asns* has 0 where nobody said it.

    *told_all* are those whose whole table of an IP version has come: what they announce is new.
    *telling* maps those whose session began to when it did, by the feed's clock, and to when they
    are taken to have told all, by ours. *down* has when a session was lost, and *spoke_at* when its
    peer last spoke: of the two the later one says whether it is down.
    """

    def __init__(self) -> None:
        self.asns: list[int] = []
        self.collectors: list[str] = []
        self.down: dict[int, float] = {}
        self.spoke_at: list[float] = []
        self.told_all: set[tuple[int, int]] = set()
        self.telling: dict[int, tuple[float, float]] = {}
        self._next = math.inf  # when the first of those has, or sooner
        self._numbers: dict[Peer, int] = {}
        self._peers: list[Peer] = []

    def __len__(self) -> int:
        return len(self._peers)

    def __getitem__(self, number: int) -> Peer:
        """Return the session of a number."""
        return self._peers[number]

    def number(self, peer: Peer, asn: int = 0) -> int | None:
        """Return the number of *peer*, a new one where it is new; None when there are too many."""
        number = self._numbers.get(peer)
        if number is None:
            if len(self._peers) >= MOST:
                return None
            number = self._numbers[peer] = len(self._peers)
            self._peers.append(peer)
            self.collectors.append(peer.collector)
            self.asns.append(asn)
            self.spoke_at.append(-math.inf)
        elif not self.asns[number]:
            self.asns[number] = asn
        return number

    def speaks(self, number: int, at: float) -> None:
        """Note that the peer of *number* spoke at *at*: news may come in any order."""
        self.spoke_at[number] = max(self.spoke_at[number], at)

    def is_down(self, number: int) -> bool:
        """Whether the session of *number* was lost, and its peer has not spoken since."""
        return number in self.down and self.down[number] >= self.spoke_at[number]

    def begin_anew(self, number: int) -> None:
        """Note that the session of *number* ended or began: it has a table to tell."""
        self.told_all -= {(number, 4), (number, 6)}
        self.telling.pop(number, None)

    def tells(self, number: int, began_at: float, until: float) -> None:
        """Note that *number*, whose session began at *began_at*, tells its table *until* then."""
        self.telling[number] = began_at, until
        self._next = min(self._next, until)

    def has_told(self, now: float) -> int | None:
        """Return who is taken to have told all as of *now*, the first one first, if anybody is."""
        if now < self._next:
            return None
        number = min(self.telling, key=lambda number: self.telling[number][1], default=None)
        self._next = math.inf if number is None else self.telling[number][1]
        return None if now < self._next else number

    def of(self, collector: str) -> Iterator[Peer]:
        """Return the sessions of *collector*."""
        return (peer for peer in self._peers if peer.collector == collector)


def asn_of(path: Path) -> int:
    """Return the AS number of the peer that has *path*: its first; 0 where that is no single AS."""
    return path[0] if path and isinstance(path[0], int) else 0
