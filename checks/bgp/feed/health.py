"""What a feed says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CollectorHealth:
    """How many peer sessions of a collector were heard to be up or down, and when one last spoke.

    *silent*: nothing comes from it while others speak, so that all it said is unknown.
    """

    up: int
    down: int
    last_frame_at: float | None
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """Whether a feed can be believed; *silence* says in a clause why not.

    *seeded* maps a prefix to the time its seed speaks of; *late* counts updates that came after
    newer ones, *drops* those that were too many; *queue* is how many wait to be applied, *lag* how
    many seconds news took to come here (the median of the newest), *seed_age* the age in seconds of
    the oldest seed. Times are epoch seconds; None is unknown.
    """

    source: str
    connected: bool
    last_frame_at: float | None
    seeded: Mapping[str, float]
    frames: int
    errors: int
    late: int
    reconnects: int
    last_error: str
    silence: str | None
    drops: int = 0
    queue: int = 0
    lag: float | None = None
    seed_age: float | None = None
    collectors: Mapping[str, CollectorHealth] = field(default_factory=dict)

    @property
    def sessions(self) -> tuple[int, int]:
        """How many peer sessions are up, and how many are down, as far as they were heard of."""
        rows = self.collectors.values()
        return sum(row.up for row in rows), sum(row.down for row in rows)
