"""What the settings of every kind have in common: strictness, times, and what a signal is."""

import re
from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def in_seconds(value: object) -> float:
    """Return a duration as written in a config; raise ValueError where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value)):
        seconds = float(match[1]) * _UNITS[match[2]]
    else:
        raise ValueError("expected a duration such as 500ms, 30s, 10m or 1h")
    if not 0 <= seconds <= 366 * 86400:
        raise ValueError("expected a duration between 0 and a year")
    return float(seconds)


def written(seconds: float) -> str:
    """Return a duration as a config has it: in the largest unit of which it has whole ones."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:.12g}ms"
    units = reversed(_UNITS.items())
    unit, size = next(((u, s) for u, s in units if seconds and seconds % s == 0), ("s", 1.0))
    return f"{seconds / size:.12g}{unit}"


Duration = Annotated[float, BeforeValidator(in_seconds)]
"""Seconds, written as a number or as 500ms, 30s, 10m, 1h."""


def without_password(url: str, remedy: str = "remove it") -> str:
    """Return *url*; raise ValueError with the *remedy* where it holds a user name or password."""
    # By hand: of what it cannot read, urlsplit quotes a part.
    if re.match(r"([^/?#]*//)?[^/?#]*@", url):
        raise ValueError(f"no user name or password in a URL, which messages may show: {remedy}")
    return url


def is_url(text: str, *schemes: str) -> bool:
    """Whether *text* is a URL with one of *schemes* and a host, and a port that there can be."""
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname and parts.port != 0)
    except ValueError:
        return False


def is_http_url(text: str) -> bool:
    """Whether *text* is a URL of http or https with a host."""
    return is_url(text, "http", "https")


def of_http(url: str) -> str:
    """Return *url*; raise ValueError, without quoting it, where nobody could be reached by it."""
    if not is_http_url(url):
        raise ValueError(
            "expected an http or https URL with a host, and a port from 1 to 65535 if any"
        )
    return url


Link = Annotated[
    str,
    StringConstraints(pattern=r"^https?://[^\s]+$"),
    AfterValidator(without_password),
    AfterValidator(of_http),
]
"""A URL that people are given to follow."""


class Settings(BaseModel):
    """A block of the config file: an unknown key is an error, and nothing changes it later."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def or_none(cls, data: object) -> Self | None:
        """Return the settings that *data* are, None where they are none."""
        try:
            return cls.model_validate(data)
        except ValidationError:
            return None


class Missing(StrEnum):
    """What is made of what nobody could see: the four of CloudWatch's TreatMissingData."""

    BREACHING = "breaching"  # it is taken for bad
    NOT_BREACHING = "notBreaching"  # it is taken for good
    IGNORE = "ignore"  # all stays as it was
    MISSING = "missing"  # nothing is known: INSUFFICIENT_DATA, and what was paged stays open


class FailingSettings(Settings):
    """M of N: so many *looks* of the newest *of* that failed are a fault, were others well between.

    CloudWatch calls them DatapointsToAlarm and EvaluationPeriods.
    """

    looks: Annotated[int, Field(ge=1, le=60, strict=True)]
    """So many that failed are a fault."""
    of: Annotated[int, Field(ge=1, le=60, strict=True)]
    """Of so many, the newest."""

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.looks > self.of:
            raise ValueError(f"{self.looks} looks of {self.of} can never fail: raise of")
        return self


class CheckSettings(Settings):
    """What every check takes; what it leaves out it takes from its service, then the defaults."""

    every: Annotated[Duration, Field(ge=0.1)] | None = None
    """Between the beginnings of two looks."""
    timeout: Annotated[Duration, Field(ge=0.01)] | None = None
    """How long a look may take."""
    hold: Duration | None = None
    """How long bad looks must span before they are a fault."""
    clear: Duration | None = None
    """How much good, in all, ends it."""
    failing: FailingSettings | None = None
    """When what comes and goes is a fault too."""
    missing: Missing | None = None
    """What is made of a look that could not be made."""
