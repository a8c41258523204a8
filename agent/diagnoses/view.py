"""The ledger at one moment: what each newest look says about it is worked out once.

Rule: no I/O, no clock; time is passed in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vedette.agent.ledger import CheckKey, Ledger, Series, T
from vedette.checks.finding import Finding, Verdict

_UNEVEN = 0.5
"""Seconds between two looks of one round from which on it is worth to ask whether one is slow."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What a series says about the moment *now*; UNKNOWN where its newest look is too old."""

    series: Series
    place: str
    verdict: Verdict
    finding: Finding
    """Of the newest look, however old."""
    now: float


def voice(series: Series, now: float) -> Voice:
    """Return what *series* says about *now*."""
    return Voice(series, series.place, series.verdict(now), series.last.finding, now)


class View:
    """The voices of all checks at the moment *now*."""

    def __init__(self, ledger: Ledger, now: float) -> None:
        self.now = now
        self._ledger = ledger
        self._voices: dict[CheckKey, Sequence[Voice]] = {}

    def well_at(self, key: CheckKey | None) -> Sequence[str]:
        """Return the places of a check's voices where all of them are well, else nothing.

        One that says OK, and that its certificate ends soon, has something to be judged; so have
        those of which one takes much longer than another.
        """
        if key is None:
            return ()
        return self._ledger.recall(("well", key), (key,), self.now, lambda: self._well_at(key))

    def recall(self, judge: "Callable[[View], T]", keys: Sequence[CheckKey]) -> T:
        """Return what *judge*, which goes by the checks *keys* alone, said last or says now."""
        return self._ledger.recall(judge, keys, self.now, lambda: judge(self))

    def _well_at(self, key: CheckKey) -> Sequence[str]:
        series = self._ledger.of(key)
        well = all(s.verdict(self.now) is Verdict.OK and not s.expiring for s in series)
        return [s.place for s in series] if well and _are_even(series) else ()

    def of(self, key: CheckKey) -> Sequence[Voice]:
        """Return the voices of one check, in the order of its subjects."""
        if key not in self._voices:
            self._voices[key] = [voice(series, self.now) for series in self._ledger.of(key)]
        return self._voices[key]


def _are_even(series: Sequence[Series]) -> bool:
    """Whether the newest looks took about as long as each other."""
    took = [s.last.seconds for s in series]
    return len(took) < 2 or max(took) - min(took) < _UNEVEN
