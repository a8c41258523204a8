"""What waits for pagers: in order per pager and key, found without going through all of it.

Rule: no I/O, no clock; time is passed in.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from vedette.agent.memory.pages import Row
from vedette.exporters.page import Action


@dataclass(slots=True)
class Waiting:
    """A row of the outbox with what the last attempts said.

    It is on its way *since* it was queued, and as much later as we held it back.
    """

    row: Row
    attempts: int = 0
    due_at: float = 0.0
    detail: str = ""
    trying: bool = False
    since: float = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.row.queued_at


@dataclass(slots=True)
class _Line:
    """The first page of each key of one pager that is not being tried: *later*, and *ready*."""

    later: list[tuple[float, int]] = field(default_factory=list)
    ready: list[tuple[bool, int]] = field(default_factory=list)
    trying: int = 0


class Queue:
    """Pages by pager and key; of each key one is tried at a time, and the rest waits for it.

    *backup_at* says when a row that is still there goes to second channels too; None for never.
    Each is held until *held_until* says, of it and the resolve that waits behind a call for help.
    """

    def __init__(
        self,
        backup_at: Callable[[Row], float | None],
        held_until: Callable[[Row, Row | None], float] = lambda _row, _resolve: float("-inf"),
    ) -> None:
        self._backup_at, self._held_until = backup_at, held_until
        self._waiting: dict[int, Waiting] = {}
        self._of_key: dict[tuple[str, str], deque[Waiting]] = {}
        self._lines: dict[str, _Line] = {}
        self._backups: list[tuple[float, int]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Waiting]:
        """Return all, the oldest first."""
        return iter(self._waiting.values())

    @property
    def pagers(self) -> Sequence[str]:
        """All for whom something has ever waited."""
        return [*self._lines]

    def trying(self, pager: str) -> int:
        """Return how many pages *pager* is being given."""
        return self._lines[pager].trying

    def holds(self, pager: str, key: str) -> bool:
        """Whether a page of *key* waits for *pager*."""
        return (pager, key) in self._of_key

    def of(self, pager: str, key: str) -> Sequence[Waiting]:
        """Return what waits of *key* for *pager*, the oldest first."""
        return self._of_key.get((pager, key), ())

    def add(self, waiting: Waiting) -> None:
        """Take in one more, behind all others."""
        row = waiting.row
        self._waiting[row.id] = waiting
        of_key = self._of_key.setdefault((row.pager, row.page.key), deque())
        of_key.append(waiting)
        self._lines.setdefault(row.pager, _Line())
        if len(of_key) == 1:
            self._expect(waiting)
        at = None if row.backed else self._backup_at(row)
        if at is not None:
            heapq.heappush(self._backups, (at, row.id))

    def begin(self, pager: str, now: float) -> Waiting | None:
        """Return what *pager* is to be given next, calls for help first; None for nothing yet."""
        line = self._lines[pager]
        while line.later and line.later[0][0] <= now:
            _, id_ = heapq.heappop(line.later)
            is_call = self._waiting[id_].row.page.action is Action.TRIGGER
            heapq.heappush(line.ready, (not is_call, id_))
        while line.ready:
            waiting = self._waiting[heapq.heappop(line.ready)[1]]
            if (at := self._held(waiting)) > now:
                waiting.due_at = at
                waiting.since += at - now
                self._expect(waiting)
                continue
            waiting.trying = True
            line.trying += 1
            return waiting
        return None

    def _held(self, waiting: Waiting) -> float:
        return self._held_until(waiting.row, self.end_of(waiting))

    def next_at(self, pager: str) -> float | None:
        """Return from when on *pager* can be given something; None where nothing can be."""
        line = self._lines[pager]
        if line.ready:
            return self._waiting[line.ready[0][1]].due_at
        return line.later[0][0] if line.later else None

    def stale(self, pager: str, key: str) -> Waiting | None:
        """Return the call for help that is next of *key*, is over, and is not being tried."""
        call = self.calling(pager, key)
        return call if call and self.end_of(call) else None

    def calling(self, pager: str, key: str) -> Waiting | None:
        """Return the call for help that is next of *key*, and not being tried."""
        return self._next(pager, key, Action.TRIGGER)

    def outdated(self, pager: str, key: str) -> tuple[Waiting, Waiting] | None:
        """Return a call that is next of *key*, and not being tried, and the newer one behind it."""
        call = self.calling(pager, key)
        newer = next(self.behind(call), None) if call else None
        if call is None or newer is None or newer.row.page.action is not Action.TRIGGER:
            return None
        return call, newer

    def begun_again(self, pager: str, key: str) -> Waiting | None:
        """Return the resolve that is next of *key*, behind which another call for help waits."""
        if resolve := self.ending(pager, key):
            behind = (one.row.page.action for one in self.behind(resolve))
            return resolve if Action.TRIGGER in behind else None
        return None

    def ending(self, pager: str, key: str) -> Waiting | None:
        """Return the resolve that is next of *key*, and not being tried."""
        return self._next(pager, key, Action.RESOLVE)

    def _next(self, pager: str, key: str, action: Action) -> Waiting | None:
        of_key = self._of_key.get((pager, key))
        if not of_key or of_key[0].trying or of_key[0].row.page.action is not action:
            return None
        return of_key[0]

    def end_of(self, waiting: Waiting) -> Row | None:
        """Return the resolve that waits behind a call for help, if one does."""
        if waiting.row.page.action is not Action.TRIGGER:
            return None
        behind = (one.row for one in self.behind(waiting))
        return next((row for row in behind if row.page.action is Action.RESOLVE), None)

    def withdraw(self, waiting: Waiting) -> None:
        """Have one not be given that is the next of its key, and not being tried: it ends."""
        line, id_ = self._lines[waiting.row.pager], waiting.row.id
        line.later = [one for one in line.later if one[1] != id_]
        line.ready = [one for one in line.ready if one[1] != id_]
        heapq.heapify(line.later)
        heapq.heapify(line.ready)

    def end(self, waiting: Waiting) -> None:
        """Forget one that is being tried, or withdrawn: nothing more becomes of it."""
        place = waiting.row.pager, waiting.row.page.key
        of_key = self._of_key[place]
        assert of_key.popleft() is waiting
        del self._waiting[waiting.row.id]
        if of_key:
            self._expect(of_key[0])
        else:
            del self._of_key[place]

    def tried(self, waiting: Waiting) -> None:
        """Note that an attempt is over; what has not ended by it is tried again when it is due."""
        waiting.trying = False
        self._lines[waiting.row.pager].trying -= 1
        if waiting.row.id in self._waiting:
            self._expect(waiting)

    def _expect(self, waiting: Waiting) -> None:
        later = self._lines[waiting.row.pager].later
        heapq.heappush(later, (waiting.due_at, waiting.row.id))

    def behind(self, waiting: Waiting) -> Iterator[Waiting]:
        """Yield what waits for one of the same pager and key, the oldest first."""
        of_key = self._of_key[waiting.row.pager, waiting.row.page.key]
        return islice(of_key, of_key.index(waiting) + 1, None)

    @property
    def backed_up_next(self) -> tuple[float, Waiting] | None:
        """What goes to its second channels next, and when."""
        while self._backups:
            at, id_ = self._backups[0]
            waiting = self._waiting.get(id_)
            if waiting is not None and not waiting.row.backed:
                return at, waiting
            heapq.heappop(self._backups)
        return None
