"""What a feed says about itself."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHealth:
    """Whether a feed can be believed; *silence* says in a clause why not.

    *seeded* maps a prefix to the time its seed speaks of; *late* counts updates that came after
    newer ones; times are epoch seconds.
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
