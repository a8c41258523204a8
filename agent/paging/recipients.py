"""Who gets a page: a call for help goes where routes lead, and its end wherever the call went.

Rule: no I/O, no clock.
"""

from collections.abc import Collection, Sequence

from vedette.agent.paging.queue import Queue
from vedette.agent.paging.routing import Routes
from vedette.agent.paging.taken import Taken
from vedette.exporters.page import Action, Page


class Recipients:
    """Goes by the *pagers* of the config, by what waits in *queue* and what they have *taken*."""

    def __init__(self, pagers: Collection[str], routes: Routes, queue: Queue, taken: Taken) -> None:
        self._pagers, self._routes, self._queue, self._taken = pagers, routes, queue, taken

    def of(self, page: Page) -> Sequence[str]:
        """Return who gets *page*.

        An end of which no pager of now was told is kept for those that were: they may come back.
        """
        if page.action is Action.RESOLVE:
            had = [name for name in self._pagers if self.is_called(name, page.key)]
            if had:
                return had
        first = [name for name in self._routes.first(page) if name in self._pagers]
        if page.action is Action.RESOLVE and not first:
            return [name for name, key in self._taken.places if key == page.key]
        return first

    def of_drill(self, page: Page, to: Collection[str]) -> Sequence[str]:
        """Return who of *to* gets a drill's *page*: at a pager that is dead they do not pile up.

        A trigger goes behind nothing but an end, and an end behind anything but another.
        """

        def is_free(name: str) -> bool:
            waits = [one.row.page.action for one in self._queue.of(name, page.key)]
            if page.action is Action.RESOLVE:
                return waits[-1:] != [Action.RESOLVE]
            return waits in ([], [Action.RESOLVE])

        return [name for name in self._pagers if name in to and is_free(name)]

    def is_called(self, pager: str, key: str) -> bool:
        """Whether *pager* has been called for *key*, or will be, after all ends that it gets."""
        if of_key := self._queue.of(pager, key):
            return of_key[-1].row.page.action is Action.TRIGGER
        return self._taken.call((pager, key)) is not None
