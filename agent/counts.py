"""What the agent counts about its own work."""

from dataclasses import dataclass, field

from vedette.agent.memory.events import EventName
from vedette.exporters.metrics import Histogram


@dataclass(slots=True)
class Counts:
    """What the agent counts about its own work."""

    runs: int = 0
    skipped: int = 0
    internal_errors: int = 0
    disturbed: int = 0
    """Looks whose seconds may be wrong for our own sake."""
    lateness: Histogram = field(default_factory=Histogram)
    config_is_current: bool = True
    config_loaded_at: float = 0.0
    events: dict[EventName, int] = field(default_factory=lambda: dict.fromkeys(EventName, 0))

    def ticked(self, lateness: float, skipped: int) -> None:
        """Count one run of a check that began *lateness* seconds after it was due."""
        self.runs += 1
        self.skipped += skipped
        self.lateness.observe(lateness)
