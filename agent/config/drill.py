"""The `drill` block: when the way to every pager is proved by a page that means nothing."""

from typing import Annotated

from pydantic import Field

from vedette.agent.composite.windows import CronSettings
from vedette.checks.settings import Duration


class DrillSettings(CronSettings):
    """A drill when *cron* says; each of its two pages must be accepted *within* so many seconds."""

    within: Annotated[Duration, Field(ge=5.0)] = 120.0
    """In how long each of its two pages must be accepted."""
