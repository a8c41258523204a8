"""What is measured over sizes of work, and what of it may not grow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

GROWS = 2.0
"""How many times as much a unit of work may cost amid a hundred times as much of it: caches of the
processor become too small, and lists of names longer by a logarithm. What compares all with all
costs ten times as much at ten times the work."""

Costs = Mapping[str, float]
"""Figures by name, each of one unit of work."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a plot; *unit* is of the cost of one unit of work."""

    name: str
    text: str
    unit: str
    most: float | None = None
    """What it may not pass at any size, in place of growing slowly."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One plot: *measure* returns the figures at a size, and runs in a process of its own."""

    name: str
    title: str
    of: str
    """What there is so much of."""
    sizes: Sequence[int]
    figures: Sequence[Figure]
    measure: Callable[[int], Costs]
    seconds: float = 240
    """After which a measurement is given up."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of a curve as it was measured, by size."""

    figure: Figure
    costs: Mapping[int, float] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """How many times the cheapest unit one costs at the largest size."""
        last = self.costs[max(self.costs)]
        least = min(self.costs.values())
        return last / least if least > 0 else 1.0

    @property
    def holds(self) -> bool:
        """Whether it grows no faster than the work, or stays below what it may not pass."""
        if self.figure.most is not None:
            return max(self.costs.values()) <= self.figure.most
        return self.growth <= GROWS
