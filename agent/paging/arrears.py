"""What a former life has left undone at pagers: calls not heard, and ends that never came.

A pager that did not work may have been mended, renamed or replaced since.

Rule: pure; no I/O, no clock. Pages of a former life are in order of time.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
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

    def by(self, now: float) -> "Former":
        """Return it with nothing after *now*: the host's clock was wrong then."""
        waiting = [replace(row, queued_at=min(row.queued_at, now)) for row in self.waiting]
        told = [
            replace(
                one,
                queued_at=min(one.queued_at, now),
                ended_at=None if one.ended_at is None else min(one.ended_at, now),
            )
            for one in self.told
        ]
        return self._replace(waiting=waiting, told=told)


NOTHING = Former()


class Arrear(NamedTuple):
    """A page that a pager is to be given again; *since* is when it first was, None where never."""

    pager: str
    page: Page
    since: float | None = None


def arrears(former: Former, routes: Routes, pagers: Collection[str]) -> Sequence[Arrear]:
    """Return what *pagers*, which are those of now, are to be given of a *former* life."""
    found = [
        *_refused(former, routes),
        *_unheard(former, routes, pagers),
        *_uncalled(former, routes),
        *_unended(former, pagers),
    ]
    return [one for one in found if one.pager in pagers]


def taken_up(former: Former, routes: Routes) -> Sequence[Row]:
    """Return what waits, with calls that no second channel of now has for these again.

    That is the newest of a key, where it is not over.
    """
    newest = {(one.pager, one.page.key): one for one in former.told}

    def has(pager: str, page: Page) -> bool:
        one = newest.get((pager, page.key))
        if one is None or one.page.action is not Action.TRIGGER:
            return False
        return one.outcome != Outcome.REJECTED or backed(pager, page)

    def backed(pager: str, page: Page) -> bool:
        return any(has(name, page) for name in routes.backups(pager, page))

    last = {(row.pager, row.page.key): row for row in former.waiting}
    calls = [row for row in last.values() if row.page.action is Action.TRIGGER]
    again = {row.id for row in calls if not backed(row.pager, row.page)}
    return [replace(row, backed=row.backed and row.id not in again) for row in former.waiting]


def _unheard(former: Former, routes: Routes, pagers: Collection[str]) -> Iterator[Arrear]:
    """Yield the newest page of each key that calls for help and that no pager of now has taken."""
    newest = {one.page.key: one.page for one in former.told}
    heard = {
        one.page.key
        for one in former.told
        if one.pager in pagers
        and one.outcome == Outcome.DELIVERED
        and one.page.action is Action.TRIGGER
    }
    for key, page in newest.items():
        if page.action is Action.TRIGGER and key not in heard:
            yield from (Arrear(name, page) for name in routes.first(page))


def _refused(former: Former, routes: Routes) -> Iterator[Arrear]:
    """Yield the calls for what is open that a pager has refused: it may take them by now.

    A second channel gets them of the pager that it backs.
    """
    newest = {(one.pager, one.page.key): one for one in former.told}
    for (name, key), one in newest.items():
        is_refused = one.page.action is Action.TRIGGER and one.outcome == Outcome.REJECTED
        if is_refused and key in former.open and name in routes.first(one.page):
            yield Arrear(name, one.page, one.queued_at)


def _uncalled(former: Former, routes: Routes) -> Iterator[Arrear]:
    """Yield the calls for what is open to pagers that were not told of it: they are new to it."""
    newest = {one.page.key: one.page for one in former.told}
    called = {(one.pager, one.page.key): one.page.action for one in former.told}
    for key, page in newest.items():
        if page.action is Action.TRIGGER and key in former.open:
            for name in routes.first(page):
                if called.get((name, key)) is not Action.TRIGGER:
                    yield Arrear(name, page)


def _unended(former: Former, pagers: Collection[str]) -> Iterator[Arrear]:
    """Yield the end of each call that a pager took, and that is over, where it has not taken that.

    It has refused the end, or was not in the config when that was due. What is open may burn.
    """
    ends: dict[tuple[str, str], Told | None] = {}
    """By pager and key of what a pager took: its end, where one has come since, from whomever."""
    for one in former.told:
        place, key = (one.pager, one.page.key), one.page.key
        if one.page.action is Action.TRIGGER:
            if one.outcome == Outcome.DELIVERED and one.pager in pagers:
                ends[place] = None
            continue
        ends |= {(name, key): one for name in pagers if (name, key) in ends}
        if one.outcome in _TAKEN:
            ends.pop(place, None)
    for (name, key), end in ends.items():
        if end is not None and key not in former.open:
            yield Arrear(name, end.page, end.queued_at)
