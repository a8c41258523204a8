"""The words every kind of check speaks: verdict, finding, look, check, observation.

Rule: types only, no I/O.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol, runtime_checkable


class Verdict(StrEnum):
    """What one look showed; UNKNOWN means that we could not look, and is never OK."""

    OK = "OK"
    FAILING = "FAILING"
    UNKNOWN = "UNKNOWN"


class Kind(StrEnum):
    """The kinds of checks there are."""

    DNS = "dns"
    HTTP = "http"
    BGP = "bgp"


Fact = str | int | float | bool | None | Sequence[str] | Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look showed, judged.

    *reason* comes from the kind's closed list (it becomes a metric label) and is None exactly
    when the verdict is OK. *detail* is one sentence for a person. *facts* are what was measured;
    each kind documents its names beside its judge.
    """

    verdict: Verdict
    reason: StrEnum | None = None
    detail: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert (self.reason is None) == (self.verdict is Verdict.OK), self


@dataclass(frozen=True, slots=True)
class Look:
    """One subject of a check and how to look at it once.

    Calling *once* returns a Finding and raises nothing but bugs; the caller owns the deadline and
    the stopwatch. *place* says in a word what sort of subject it is, so that a rule can pick.
    """

    subject: str
    place: str
    once: Callable[[], Awaitable[Finding]]


class Check(Protocol):
    """One thing looked at on a cadence."""

    @property
    def name(self) -> str:
        """What a person calls it: `NAME TYPE`, the URL or the prefix."""

    @property
    def kind(self) -> Kind:
        """The kind it is of."""

    def looks(self) -> Sequence[Look]:
        """Return the subjects to look at now, at least one, without I/O."""


@runtime_checkable
class Refreshing(Protocol):
    """A check with slow reference work (a delegation walk) that must not delay its probes."""

    async def refresh(self) -> float:
        """Do the work once and return the seconds until it should be done again; inf is never."""


class Observation(NamedTuple):
    """A finding with where, when and how long; made only by the runner.

    *started_at* is in epoch seconds of the agent's steady clock, *seconds* the stopwatch's. A
    tuple, because each look makes one or two.
    """

    service: str
    check: str
    kind: Kind
    vantage: str
    subject: str
    place: str
    finding: Finding
    started_at: float
    seconds: float
