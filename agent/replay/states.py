"""Which state something is in, and which probes of a partial failure fail.

Rule: pure; times are seconds after the incident's start.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Generic, TypeVar

State = TypeVar("State")

_EPSILON = 1e-9


def fails(count: int, share: float) -> bool:
    """Return whether probe number *count*, from 1 on, is among the *share* that fails."""
    return _failed(count, share) != _failed(count - 1, share)


def _failed(count: int, share: float) -> int:
    return math.floor(count * share + _EPSILON)


class History(Generic[State]):
    """The states of one subject as one agent meets it: *healthy* until the first change."""

    def __init__(self, healthy: State, changes: Sequence[tuple[float, State]]) -> None:
        """*changes* are in order of time; of several at the same time the last one counts."""
        self.healthy = healthy
        self._times = [at for at, _ in changes]
        self._states = [state for _, state in changes]

    def number(self, at: float) -> int:
        """Return how many changes have taken effect: it names a state, 0 the healthy one."""
        return bisect_right(self._times, at)

    def __getitem__(self, number: int) -> State:
        """Return the state of a number."""
        return self._states[number - 1] if number else self.healthy

    def at(self, at: float) -> State:
        """Return the state at a time."""
        return self[self.number(at)]


class Turns:
    """Counts the probes of one subject in each state, and says which of them fail.

    *position* is the agent's, from 0 on: agents do not fail in step.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        self._number = self._count = 0
        self._failed = False

    def fails(self, number: int, share: float) -> bool:
        """Count one more probe in state *number*, of which a *share* fails."""
        if number != self._number:
            self._number, self._count = number, 0
        self._count += 1
        self._failed = fails(self._count + self._position, share)
        return self._failed

    def fails_again(self, number: int, share: float) -> bool:
        """Say the same of a question that belongs to the last probe, if the state still lasts."""
        return self._failed if number == self._number else self.fails(number, share)
