"""The `pagers` block: the ways to reach a human."""

from vedette.checks.settings import Settings
from vedette.exporters.pagerduty import PagerDutySettings


class PagerSettings(Settings):
    """One way to reach a human."""

    pagerduty: PagerDutySettings
