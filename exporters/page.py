"""What a human gets, and the one interface by which it is delivered.

Rule: types only, no I/O.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Severity(StrEnum):
    """PagerDuty's four, worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Action(StrEnum):
    """What a page does to the incident of its key."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One call for one human, complete: a pager adds nothing and looks nothing up.

    *key* names the incident (the same at every agent that sees it), *summary* is the first line,
    *source* the vantage that pages, *began_at* epoch seconds, *details* a JSON object whose order
    is the order to read it in.
    """

    key: str
    action: Action
    severity: Severity
    summary: str
    service: str
    diagnosis: str
    subject: str
    source: str
    began_at: float
    details: Mapping[str, object] = field(default_factory=dict)

    def link(self, detail: str) -> str:
        """Return the URL that *detail* is; empty where it is none."""
        text = str(self.details.get(detail, ""))
        return text if text.startswith(("http://", "https://")) else ""


class Outcome(StrEnum):
    """What became of one attempt: delivered, worth another try soon, or refused.

    Or of a page that was not sent, as a peer has told people, or a newer page does: superseded.
    """

    DELIVERED = "delivered"
    RETRY = "retry"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The answer to one attempt; *retry_after* is the seconds the receiver asked us to wait."""

    outcome: Outcome
    detail: str = ""
    retry_after: float | None = None


ACCEPTED = "accepted"
"""The detail of a delivery of which there is no more to say."""


class Pager(Protocol):
    """A way to reach a human: it tries once, and never sleeps, loops or raises."""

    @property
    def name(self) -> str:
        """What the config, the metrics and the status page call it."""

    async def send(self, page: Page) -> Delivery:
        """Try once to hand *page* over."""

    async def close(self) -> None:
        """Give back connections."""


@runtime_checkable
class Repeating(Pager, Protocol):
    """A pager whose receiver forgets what is not sent again every so many seconds."""

    every: float

    def stand(self, pages: Iterable[Page], ended: Iterable[tuple[Page, float]]) -> None:
        """Take over what stood when the agent ended, and what had *ended*, with when."""

    def drop(self, key: str) -> None:
        """Send what stands of *key* no more: its end is left to others."""

    async def repeat(self) -> Delivery:
        """Try once to hand over again all that stands."""


@runtime_checkable
class Announcing(Pager, Protocol):
    """A pager that also tells of changes, which wake nobody."""

    async def tell(self, change: str, source: str, at: float) -> Delivery | None:
        """Try once to tell of a *change* of *source* at epoch seconds; None where unwanted."""
