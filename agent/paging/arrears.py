"""What a former life has left undone at pagers: calls that nobody heard, and ends that never came.

Rule: pure; no I/O, no clock. Pages of a former life are in order of time.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from vedette.agent.memory.pages import Row, Told
from vedette.agent.paging.routing import Routes
from vedette.exporters.page import Action, Outcome, Page

_TAKEN = (Outcome.DELIVERED, Outcome.SUPERSEDED)


class Former(NamedTuple):
    """What the store has of a former life, and the keys of what is *open* now.

    *waiting* was on its way; *told* is the last page of each key at each pager, and the last that
    was taken.
    """

    waiting: Sequence[Row] = ()
    told: Sequence[Told] = ()
    open: Collection[str] = ()
    last_row: int = 0


NOTHING = Former()


class Arrear(NamedTuple):
    """A page that a pager is to be given again."""

    pager: str
    page: Page


def arrears(former: Former, routes: Routes, pagers: Collection[str]) -> Sequence[Arrear]:
    """Return what *pagers*, which are those of now, are to be given of a *former* life."""
    return [*_unheard(former, routes, pagers), *_unended(former, pagers)]


def _unheard(former: Former, routes: Routes, pagers: Collection[str]) -> Iterator[Arrear]:
    """Yield the newest page of each key that calls for help and that no pager of now has."""
    newest = {one.page.key: one.page for one in former.told}
    heard = {
        one.page.key
        for one in former.told
        if one.pager in pagers
        and one.outcome == Outcome.DELIVERED
        and one.page.action is Action.TRIGGER
    } | {row.page.key for row in former.waiting if row.pager in pagers}
    for key, page in newest.items():
        if page.action is Action.TRIGGER and key not in heard:
            yield from (Arrear(name, page) for name in routes.first(page) if name in pagers)


def _unended(former: Former, pagers: Collection[str]) -> Iterator[Arrear]:
    """Yield the end of each call that a pager took, and that is over, where it has not taken that.

    It has refused the end, or was not in the config when that was due. What is open may burn.
    """
    ends: dict[tuple[str, str], Page | None] = {}
    """By pager and key of what a pager took: its end, where one has come since, from whomever."""
    for one in former.told:
        place, key = (one.pager, one.page.key), one.page.key
        if one.page.action is Action.TRIGGER:
            if one.outcome == Outcome.DELIVERED and one.pager in pagers:
                ends[place] = None
            continue
        ends |= {(name, key): one.page for name in pagers if (name, key) in ends}
        if one.outcome in _TAKEN:
            ends.pop(place, None)
    for (name, key), end in ends.items():
        if end is not None and key not in former.open:
            yield Arrear(name, end)
