"""Windows of maintenance: what is declared, what is open now, and whom that concerns.

Rule: pure; time is passed in. Inside a window alarms go on, and no page opens.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vedette.agent.composite.windows import WindowSettings, is_muted
from vedette.agent.config import Config


@dataclass(frozen=True, slots=True)
class Declared:
    """A window of one *service*, or of everything where that is None."""

    service: str | None
    window: WindowSettings

    def __str__(self) -> str:
        who = "everything" if self.service is None else self.service
        window = self.window
        return f"{who}: from {window.cron} {window.timezone}, for {window.duration / 60:g} min"


class Maintenance:
    """The windows that a config declares."""

    def __init__(self, config: Config) -> None:
        """Take those of the whole agent and those of each service."""
        self._declared = [Declared(None, window) for window in config.maintenance]
        for service in config.services:
            self._declared += [Declared(service.name, window) for window in service.maintenance]

    def open(self, now: float) -> Sequence[Declared]:
        """Return the windows that are open at *now*, in epoch seconds."""
        return [one for one in self._declared if is_muted([one.window], now)]

    def muted(self, services: Collection[str], now: float) -> Collection[str]:
        """Return those of *services*, which are all there are, of which no page opens at *now*."""
        concerned = {one.service for one in self.open(now)}
        return services if None in concerned else set(services) & concerned
