"""What pagers have taken: the calls that stand there, and since when each key was heard.

Rule: no I/O, no clock.
"""

from collections.abc import Iterable, Iterator, Sequence

from vedette.agent.memory.pages import Told, last_taken
from vedette.agent.paging.deduplication import Place
from vedette.exporters.page import Action, Outcome, Page


class Taken:
    """Goes by what pagers were *told*, in order of time."""

    def __init__(self, told: Sequence[Told]) -> None:
        self._ends = [one for one in last_taken(told) if one.page.action is Action.RESOLVE]
        self._calls: dict[Place, Told] = {}
        self.heard: dict[str, float] = {}
        """When the newest page of each key was queued that any pager took."""
        for one in told:
            self.note(one)

    def note(self, told: Told) -> None:
        """Take note of what stands at a pager, or not any more, after one page was *told*."""
        place, is_delivered = (told.pager, told.page.key), told.outcome == Outcome.DELIVERED
        if is_delivered:
            before = self.heard.get(told.page.key, told.queued_at)
            self.heard[told.page.key] = max(before, told.queued_at)
        if told.page.action is Action.RESOLVE:
            if is_delivered or told.outcome == Outcome.SUPERSEDED:
                self._calls.pop(place, None)
        elif is_delivered:
            self._calls[place] = told

    def call(self, place: Place) -> Page | None:
        """Return the call that stands at *place*, if one does."""
        told = self._calls.get(place)
        return None if told is None else told.page

    def at(self, place: Place) -> float | None:
        """Return when the call was taken that stands at *place*, if one does."""
        told = self._calls.get(place)
        return None if told is None else told.ended_at or 0.0

    @property
    def places(self) -> Iterable[Place]:
        """Where calls stand, also at pagers that the config has no longer."""
        return [*self._calls]

    def ends(self, pager: str) -> Iterator[tuple[Page, float]]:
        """Yield the ends that *pager* had taken at the start, with when."""
        return ((one.page, one.ended_at or 0.0) for one in self._ends if one.pager == pager)

    def calls(self, pager: str) -> Iterator[Page]:
        """Yield the calls that stand at *pager*."""
        return (one.page for (name, _), one in self._calls.items() if name == pager)
