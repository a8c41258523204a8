"""What is read out of the samples of a benchmark, each figure in a unit of its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.sample import Sample

LESS = "the agent alone"
"""What is beside an agent that is asked for more: itself, just before."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that the runs of a benchmark give together, None where they have not measured it."""

    unit: str
    of: Callable[[Sequence[Sample]], float | None]
    digits: int = 2
    most_is_best: bool = False
    """The limit is the least that it may be, not the most."""

    def shown(self, value: float | None) -> str:
        """Return *value* as text."""
        return "" if value is None else f"{value:,.{self.digits}f}"

    def holds(self, value: float | None, limit: float) -> bool:
        """Whether *value* keeps to *limit*; what was not measured does not."""
        if value is None:
            return False
        return value >= limit if self.most_is_best else value <= limit


def _middle(of: Callable[[Sample], float | None]) -> Callable[[Sequence[Sample]], float | None]:
    """Return the median over all runs."""

    def over(samples: Sequence[Sample]) -> float | None:
        values = [value for sample in samples if (value := of(sample)) is not None]
        return median(values) if values else None

    return over


def _waits(of: Callable[[Sequence[float]], float]) -> Callable[[Sequence[Sample]], float | None]:
    """Return what the waits of all runs give together."""

    def over(samples: Sequence[Sample]) -> float | None:
        waits = [wait for sample in samples for wait in sample.waits]
        return of(waits) if waits else None

    return over


def _thousandfold(value: float | None) -> float | None:
    return None if value is None else value * 1000


def _later(sample: Sample) -> float | None:
    """Return how much later the latest round was than while the same agent did less."""
    less = (sample.beside or {}).get(LESS)
    if less is None or less.late_max is None or sample.late_max is None:
        return None
    return sample.late_max - less.late_max


COST = Figure("CPU s per 1,000", _middle(lambda s: s.cost), 4)
CPU_EACH = Figure("ms of CPU each", _middle(lambda s: s.cost), 1)
PER_CORE = Figure(
    "a second and core", _middle(lambda s: s.operations / s.cpu), 0, most_is_best=True
)
CORE = Figure("% of a core", _middle(lambda s: s.cpu / s.seconds * 100))
MEMORY = Figure("MB resident", _middle(lambda s: s.rss / 1e6 if s.rss else None), 0)
LATE_P99 = Figure("ms late, 99 of 100", _middle(lambda s: _thousandfold(s.late_p99)), 1)
LATE_MAX = Figure("ms late, worst", _middle(lambda s: _thousandfold(s.late_max)), 1)
LATE_MORE = Figure("ms later than beside, worst", _middle(lambda s: _thousandfold(_later(s))), 1)
WAIT_MEDIAN = Figure("s, median of all", _waits(median), 1)
WAIT_WORST = Figure("s, worst of all", _waits(max), 1)
RATE = Figure("per second", _middle(lambda s: s.rate), 0, most_is_best=True)
