"""Calls that pagers have refused: given again, ever more seldom, until they are over; and ends.

What refuses may only stand in the receiver's place, as a proxy that does not know it for a minute,
or be mended meanwhile; and what burns for hours is worth more than one try. An end that never came
leaves open what is over.
Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vedette.agent.memory.pages import Row
from vedette.agent.paging.arrears import Arrear
from vedette.agent.paging.deduplication import Place
from vedette.exporters.page import Action

FIRST_WAIT = 60.0
LONGEST_WAIT = 600.0
"""Seconds; less than the quarter of an hour for which the chart's alert looks back."""


@dataclass(slots=True)
class _Refusal:
    row: Row
    wait: float
    due_at: float


class Refused:
    """The newest page of each key at each pager, where that has refused it."""

    def __init__(self) -> None:
        self._refusals: dict[Place, _Refusal] = {}

    def note(self, row: Row, now: float) -> None:
        """Take in that *row* was refused at *now*: it waits twice as long as the time before."""
        place = row.pager, row.page.key
        before = self._refusals.get(place)
        wait = FIRST_WAIT if before is None else min(2 * before.wait, LONGEST_WAIT)
        self._refusals[place] = _Refusal(row, wait, now + wait)

    def forget(self, place: Place) -> None:
        """Take in that something else became of the newest page at *place*."""
        self._refusals.pop(place, None)

    def end(self, key: str) -> None:
        """Take in that what *key* stands for is over."""
        for place in [place for place in self._refusals if place[1] == key]:
            del self._refusals[place]

    def due(self, now: float) -> Iterator[Arrear]:
        """Yield what is to be given again, once: what becomes of it must be told."""
        for refusal in self._refusals.values():
            if refusal.due_at <= now:
                refusal.due_at, row = math.inf, refusal.row
                yield Arrear(row.pager, row.page, row.queued_at)

    @property
    def calls(self) -> Sequence[Row]:
        """Return the calls for help that were refused."""
        rows = (refusal.row for refusal in self._refusals.values())
        return [row for row in rows if row.page.action is Action.TRIGGER]

    @property
    def next_at(self) -> float:
        """When something is to be given again; infinity for never."""
        return min((one.due_at for one in self._refusals.values()), default=math.inf)
