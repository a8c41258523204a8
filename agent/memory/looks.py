"""The last looks at one subject, kept small: there are tens of thousands of subjects.

Rule: no I/O, no clock.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import starmap
from typing import NamedTuple, overload

from vedette.checks.finding import Finding, Observation

KEPT = 60
"""How many there are at most; the oldest make room."""
MOST = 900
"""How many there are at most where they are kept for a time: that of a look a second."""
_LATELY = 8
"""How many of the newest a look is compared with: what comes and goes is soon met again."""


class Seen(NamedTuple):
    """What one of many looks at a subject found, when it began, and how many seconds it took.

    A tuple, because whoever judges a fault reads a dozen of them each time.
    """

    finding: Finding
    started_at: float
    seconds: float


class Looks(Sequence[Seen]):
    """Looks that differ in nothing but finding, start and length, newest last.

    Only the newest is kept whole. Of each, start and length are kept as numbers, and a finding:
    that of an earlier one which is alike, since they differ in what informs people alone.
    """

    __slots__ = ("_different", "_findings", "_lasting", "_seconds", "_starts", "last")

    last: Observation
    """The newest look, when there is any."""

    def __init__(self, lasting: float = 0.0) -> None:
        """Have looks kept for *lasting* seconds, where more than the usual number come in them."""
        self._lasting = lasting
        self._findings: list[Finding] = []
        self._different: Collection[Finding] | None = None
        self._starts, self._seconds = array("d"), array("d")

    def append(self, look: Observation, kept: Finding | None = None) -> None:
        """Take in one more look at the same subject, of which *kept* is kept, if it is given."""
        findings = self._findings
        if findings and look.finding is not findings[-1] and look.finding == findings[-1]:
            look = look._replace(finding=findings[-1])
        findings.append(look.finding if kept is None else kept)
        self._starts.append(look.started_at)
        self._seconds.append(look.seconds)
        self._make_room()
        self.last = look

    def repeat(self, starts: Sequence[float]) -> None:
        """Take in a look like the last one at each of *starts*."""
        finding, seconds = self._findings[-1], self.last.seconds
        self._findings += [finding] * len(starts)
        self._starts.extend(starts)
        self._seconds.extend([seconds] * len(starts))
        self._make_room()
        self.last = self.last._replace(started_at=starts[-1])

    def _make_room(self) -> None:
        self._different = None
        surplus = len(self._starts) - KEPT
        if surplus > 0 and self._lasting:
            old = bisect_right(self._starts, self._starts[-1] - self._lasting)
            surplus = max(min(surplus, old), len(self._starts) - MOST)
        if surplus > 0:
            del self._findings[:surplus], self._starts[:surplus], self._seconds[:surplus]

    @property
    def is_full(self) -> bool:
        """Whether there may have been older ones."""
        return len(self._findings) >= KEPT

    def findings(self) -> Collection[Finding]:
        """Return each finding once of those that looks share."""
        if self._different is None:  # several judges ask after each look
            self._different = [*{id(finding): finding for finding in self._findings}.values()]
        return self._different

    def newest_findings(self) -> Iterator[Finding]:
        """Yield the findings of the newest looks, those of the newest first."""
        return reversed(self._findings[-_LATELY:])

    def since(self, at: float, *, after: float = -math.inf) -> Sequence[Seen]:
        """Return those that began from *at* on, and *after* another time."""
        return self[max(bisect_left(self._starts, at), bisect_right(self._starts, after)) :]

    def __len__(self) -> int:
        return len(self._findings)

    @overload
    def __getitem__(self, index: int) -> Seen: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Seen]: ...
    def __getitem__(self, index: int | slice) -> Seen | Sequence[Seen]:
        if isinstance(index, slice):
            parts = self._findings[index], self._starts[index], self._seconds[index]
            return [*starmap(Seen, zip(*parts, strict=True))]
        return Seen(self._findings[index], self._starts[index], self._seconds[index])

    def __iter__(self) -> Iterator[Seen]:
        return starmap(Seen, zip(self._findings, self._starts, self._seconds, strict=True))

    def __reversed__(self) -> Iterator[Seen]:
        findings, starts = reversed(self._findings), reversed(self._starts)
        return starmap(Seen, zip(findings, starts, reversed(self._seconds), strict=True))
