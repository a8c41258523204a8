"""A page as the state file has it: waiting, ended, or the last that was told."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from vedette.exporters.page import Action, Outcome, Page


@dataclass(frozen=True, slots=True)
class Row:
    """A page on its way to one pager; *backed* once it went to its second channels as well."""

    id: int
    pager: str
    page: Page
    queued_at: float
    backed: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A page that a pager was given, and what became of it; None while it is on its way.

    *queued_at* is when it was to be given, and *ended_at* when that became of it, in epoch seconds.
    """

    pager: str
    page: Page
    outcome: str | None
    ended_at: float | None = None
    queued_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Accepted:
    """That a pager took a call for help under a key, or its end, *at* epoch seconds."""

    pager: str
    key: str
    at: float
    action: Action = Action.TRIGGER


@dataclass(frozen=True, slots=True)
class Sent:
    """A page with what became of it; *ended_at* is None while it is on its way."""

    row: Row
    ended_at: float | None
    outcome: str | None
    detail: str


def last_taken(told: Sequence[Told]) -> Sequence[Told]:
    """Return what each pager took last of each key; *told* is in order of time."""
    taken = (one for one in told if one.outcome == Outcome.DELIVERED)
    return [*{(one.pager, one.page.key): one for one in taken}.values()]


def standing(told: Sequence[Told], before: float) -> Sequence[Accepted]:
    """Return the calls that pagers took *before* then and that have not ended, oldest first."""
    calls = [
        Accepted(one.pager, one.page.key, one.ended_at)
        for one in last_taken(told)
        if one.page.action is Action.TRIGGER and one.ended_at is not None and one.ended_at < before
    ]
    return sorted(calls, key=attrgetter("at"))
