"""One probe on its way: what is asked for, what has been learnt, and what went wrong."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vedette.agent.blackbox.modules import Module
from vedette.checks.net import NetworkFailure, Resolve
from vedette.checks.policy import Forbidden, Refusal

MOST_LINES = 500
"""Lines that a probe's log may have: a server that talks without end fills no memory."""

Value = float | dict[str, float]
"""One number, or one for each text of labels such as `phase="connect"`."""


@dataclass(slots=True)
class Line:
    """One line of a probe's log; *at* is in epoch seconds, *level* one of `logging`'s."""

    at: float
    level: int
    message: str
    pairs: Mapping[str, object]


@dataclass(slots=True, kw_only=True)
class Probe:
    """A target under a module; the probers add to *metrics*, *lines* and, on failure, *reason*.

    *deadline* is on the loop's clock, *timeout* what it was made from in seconds. *hostname*,
    *query_name* and *query_type* are parameters of the URL, "" where they were not given.
    """

    target: str
    name: str
    """Of the module."""
    module: Module
    deadline: float
    timeout: float
    resolve: Resolve
    permit: Callable[[str], None]
    now: Callable[[], float]
    hostname: str = ""
    query_name: str = ""
    query_type: str = ""
    metrics: dict[str, Value] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    reason: str = ""

    @property
    def looked_up(self) -> float:
        """The seconds that the search for the target's address took."""
        seconds = self.metrics["probe_dns_lookup_time_seconds"]
        assert isinstance(seconds, float)
        return seconds

    def debug(self, message: str, **pairs: object) -> None:
        """Write a line about the probe's progress into its log, unless that is full."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(Line(self.now(), logging.DEBUG, message, pairs))

    def say(self, level: int, message: str, **pairs: object) -> None:
        """Write a line that may matter also where the probe succeeds."""
        self.lines.append(Line(self.now(), level, message, pairs))

    def fail(self, reason: str, message: str, **pairs: object) -> bool:
        """Say why the probe fails; return False, which is what a prober then returns.

        The first reason stays: it is the one that the others follow from.
        """
        self.reason = self.reason or reason
        self.say(logging.ERROR, message, **pairs)
        return False

    def broken(self, message: str, failure: NetworkFailure) -> bool:
        """Say that the network is why the probe fails, like `fail`."""
        forbidden = isinstance(failure, Forbidden)
        reason = Refusal.FORBIDDEN if forbidden else failure.reason
        return self.fail(str(reason), message, err=failure.detail)
