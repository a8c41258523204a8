"""A page as the state file has it: waiting, ended, or the last that was told."""

from dataclasses import dataclass

from vedette.exporters.page import Page


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
    """A page that a pager was given, and what became of it; None while it is on its way."""

    pager: str
    page: Page
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """That a pager took a call for help of a key, *at* epoch seconds."""

    pager: str
    key: str
    at: float


@dataclass(frozen=True, slots=True)
class Sent:
    """A page with what became of it; *ended_at* is None while it is on its way."""

    row: Row
    ended_at: float | None
    outcome: str | None
    detail: str
