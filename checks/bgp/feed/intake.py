"""The bounded queue between a source and the routes.

A source tells it what it hears and neither waits nor fails. Where more comes than can be applied,
all that waits is dropped and counted, and the feed knows nothing until it is seeded again: a table
that missed some updates is worse than none. A source that can wait without harm (a file, a TCP
session of one's own router) awaits `room` between its batches, and so loses nothing.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import NamedTuple

from vedette.checks.bgp.feed.sessions import Sessions
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import CollectorDown, EndOfRib, PeerState, Unlisted, Update
from vedette.checks.words import one_line

CAPACITY = 65_536
"""How many updates may wait: about 20 MB, and the work of a second."""


class Table(NamedTuple):
    """Who holds *prefix* as of *at*; who is not listed does not."""

    prefix: str
    routes: Mapping[Peer, Path]
    at: float


class Past(NamedTuple):
    """Who held *prefix* at a time long ago."""

    prefix: str
    peers: frozenset[Peer]
    at: float


class Gap(NamedTuple):
    """Here so many updates in all had been dropped."""

    drops: int


class Returned(NamedTuple):
    """A collector that had gone silent speaks again."""

    collector: str


Item = Update | Table | Past | Gap | Returned


class Intake:
    """What a source has said and the routes have not taken in yet, and what it says of itself.

    *now* is epoch seconds by the receiver's clock. Not for several threads.
    """

    def __init__(self, now: Callable[[], float], capacity: int = CAPACITY) -> None:
        self.sessions = Sessions()
        self.frames = self.errors = self.drops = 0
        self.last_error = ""
        self.last_frame_at: float | None = None
        self.up_at: float | None = None  # since when the source is connected
        self.gap_at: float | None = None  # when updates were last dropped
        self.trouble = ""  # why the source is not up, as a clause after its name
        self.now, self._capacity = now, capacity
        self._items: deque[Item] = deque()
        self._lags: deque[float] = deque(maxlen=31)
        self._filled, self._room, self._up = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        """How much waits."""
        return len(self._items)

    # What a source does.

    def up(self) -> None:
        """Say that the source is connected: from now on it tells all that happens."""
        if self.up_at is None:
            self.up_at, self.trouble = self.now(), ""
            self._up.set()

    def down(self, why: str = "") -> None:
        """Say that nothing is known, and *why*, as a clause that follows the source's name."""
        self.up_at, self.trouble = None, why
        self._up.clear()

    def heard(self, peer: Peer | None = None, at: float | None = None) -> None:
        """Count a frame without news, from *peer* and sent at *at* where it says so."""
        now = self.now()
        self.frames += 1
        self.last_frame_at = now
        if at is not None:
            self._lags.append(now - at)
        if peer is not None:
            self._speaks(peer, now)

    def put(self, news: Update | list[Update]) -> None:
        """Take one update, or what one frame says; where there is no room, drop all that waits."""
        batch: list[Update] = news if isinstance(news, list) else [news]
        if not batch:
            return
        self._note(batch[-1])
        if len(self._items) + len(batch) > self._capacity:
            self._drop(len(batch))
        else:
            self._items.extend(batch)
            if len(self._items) > self._capacity // 2:
                self._room.clear()
        self._filled.set()

    def seed(self, prefix: str, routes: Mapping[Peer, Path], at: float) -> None:
        """Take the whole table of *prefix* as of *at*; there is always room for it."""
        now = self.now()
        self.sessions.expect({peer.collector for peer in routes}, now)
        self._add(Table(prefix, routes, min(at, now)))

    def remember(self, prefix: str, peers: Iterable[Peer], at: float) -> None:
        """Take who held *prefix* long ago, at *at*; there is always room for it."""
        self._add(Past(prefix, frozenset(peers), at))

    def error(self, message: str) -> None:
        """Count what could not be read or asked; *message* is one sentence."""
        self.errors += 1
        self.last_error = one_line(message)[:300]

    async def room(self) -> None:
        """Wait until half of the queue is free."""
        await self._room.wait()

    # What the feed does.

    async def is_up(self) -> None:
        """Wait until the source is up."""
        await self._up.wait()

    async def filled(self) -> None:
        """Wait until there is something to take."""
        await self._filled.wait()

    def take(self, most: int) -> list[Item]:
        """Return up to *most* of what waits, the oldest first, and nothing after what takes long.

        A table takes as long as hundreds of updates, and so does what a session is to all prefixes.
        """
        items, taken = self._items, list[Item]()
        while items and len(taken) < most:
            taken.append(items.popleft())
            if isinstance(taken[-1], Table | PeerState | EndOfRib | Unlisted | CollectorDown):
                break
        if not items:
            self._filled.clear()
        if len(items) <= self._capacity // 2:
            self._room.set()
        return taken

    def clear(self) -> None:
        """Forget what waits and who was heard: the source is lost and will begin again."""
        self.down(self.trouble)
        self.sessions = Sessions()
        self.gap_at = None
        self._items.clear()
        self._lags.clear()
        self._filled.clear()
        self._room.set()

    @property
    def lag(self) -> float | None:
        """How many seconds news took to come here: the median of the newest; None without any."""
        return median(self._lags) if self._lags else None

    def _note(self, last: Update) -> None:
        """Note who speaks, by the last update of a batch: a frame has one peer."""
        now = self.now()
        self.frames += 1
        self.last_frame_at = now
        self._lags.append(now - last.at)
        if isinstance(last, CollectorDown):
            self.sessions.collector_down(last.collector, now)
        elif isinstance(last, Unlisted) or (isinstance(last, PeerState) and not last.up):
            self.sessions.down(last.peer, now)
        else:
            self._speaks(last.peer, now)

    def _speaks(self, peer: Peer, now: float) -> None:
        if self.sessions.heard(peer, now):
            self._add(Returned(peer.collector))

    def _drop(self, more: int) -> None:
        """Drop all that waits and *more*; what was long ago stays true, and is not asked again."""
        kept = [item for item in self._items if isinstance(item, Past)]
        self.drops += more + sum(not isinstance(item, Past | Gap) for item in self._items)
        self.gap_at = self.now()
        self._items.clear()
        self._items.extend((*kept, Gap(self.drops)))
        self._room.set()

    def _add(self, item: Item) -> None:
        self._items.append(item)
        self._filled.set()
