"""What the settings of every kind have in common: strictness and the four times."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", value)):
        seconds = float(match[1]) * _UNITS[match[2]]
    else:
        raise ValueError("expected a duration such as 500ms, 30s, 10m or 1h")
    if not 0 <= seconds <= 366 * 86400:
        raise ValueError("expected a duration between 0 and a year")
    return seconds


Duration = Annotated[float, BeforeValidator(_seconds)]
"""Seconds, written as a number or as 500ms, 30s, 10m, 1h."""


class Settings(BaseModel):
    """A block of the config file: an unknown key is an error, and nothing changes it later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CheckSettings(Settings):
    """The four times that every check takes; None inherits from the service, then the defaults."""

    every: Annotated[Duration, Field(ge=0.1)] | None = None
    timeout: Annotated[Duration, Field(ge=0.01)] | None = None
    hold: Duration | None = None
    clear: Duration | None = None
