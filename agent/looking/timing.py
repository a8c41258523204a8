"""How often and how long a check looks, and what of what it sees is a signal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vedette.checks.finding import Kind
from vedette.checks.settings import CheckSettings, FailingSettings, Missing

_SOME = FailingSettings(looks=3, of=5)


@dataclass(frozen=True, slots=True)
class Timing:
    """A check's four times in seconds, and what its looks add up to, with every default filled in.

    What goes on for *hold* is a fault, and so is what comes and goes as *failing* says; *missing*
    says what is made of a look that could not be made.
    """

    every: float
    timeout: float
    hold: float
    clear: float
    failing: FailingSettings = _SOME
    missing: Missing = Missing.MISSING
    fresh_for: float = field(init=False, compare=False)
    """How long after its end a look still speaks for the present: one look may be lost."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fresh_for", 2 * self.every + self.timeout + 1)


# A route takes longer to settle than an answer: path hunting is over after half a minute.
_DEFAULTS: Mapping[Kind, Timing] = {
    Kind.DNS: Timing(every=30, timeout=5, hold=15, clear=600),
    Kind.HTTP: Timing(every=30, timeout=5, hold=15, clear=600),
    Kind.BGP: Timing(every=10, timeout=5, hold=30, clear=600),
}


def timing(kind: Kind, *levels: CheckSettings) -> Timing:
    """Return the timing of a check of *kind*: the first of *levels* that sets a part of it wins."""

    def first(key: Literal["every", "timeout", "hold", "clear"]) -> float:
        for level in levels:
            value: float | None = getattr(level, key)
            if value is not None:
                return value
        default: float = getattr(_DEFAULTS[kind], key)
        return default

    return Timing(
        first("every"),
        first("timeout"),
        first("hold"),
        first("clear"),
        next((one.failing for one in levels if one.failing is not None), _SOME),
        next((one.missing for one in levels if one.missing is not None), Missing.MISSING),
    )
