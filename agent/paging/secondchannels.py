"""What second channels get of what their pager has not taken: no call twice, or after its end.

Rule: no I/O, no clock; marks nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from vedette.agent.paging.queue import Queue, Waiting
from vedette.agent.paging.routing import Routes
from vedette.exporters.page import Action, Page


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The *calls* that second channels answer for from now on, and who gets which *pages*."""

    calls: Sequence[Waiting]
    pages: Sequence[tuple[str, Page]]


def handed_over(waiting: Waiting, queue: Queue, routes: Routes) -> HandedOver:
    """Return what second channels get as *waiting* was not taken; nothing where they have it.

    Of the calls that wait they get the newest alone, whose headline is the best that is known, and
    where its end is known already that too: each other call would wake people for what has ended.
    """
    row = waiting.row
    if row.backed or row.page.action is not Action.TRIGGER:
        return HandedOver((), ())
    behind = [*queue.behind(waiting)]
    further = [*takewhile(_is_call, behind)]
    ends = [one.row.page for one in behind[len(further) : len(further) + 1]]
    calls = [one for one in (waiting, *further) if not one.row.backed]
    newest = {name: one.row.page for one in calls for name in _backups(one, routes)}
    pages = [(name, page) for name, call in newest.items() for page in (call, *ends)]
    return HandedOver(calls if pages else (), pages)


def called_off(
    key: str, pagers: Iterable[str], told: Collection[str], queue: Queue, routes: Routes
) -> Sequence[Waiting]:
    """Return the calls of *key* at *pagers* that need no second channel: each is *told* the end.

    It was called before, and would be called again after that end.
    """
    return [
        one
        for pager in pagers
        for one in queue.of(pager, key)
        if _is_call(one)
        and not one.row.backed
        and (names := _backups(one, routes))
        and {*names} <= {*told}
    ]


def _is_call(waiting: Waiting) -> bool:
    return waiting.row.page.action is Action.TRIGGER


def _backups(waiting: Waiting, routes: Routes) -> Sequence[str]:
    return routes.backups(waiting.row.pager, waiting.row.page)
