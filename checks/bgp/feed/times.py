"""The cadences of feeds."""

import math
import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Times:
    """A feed's cadences in seconds; only tests change them."""

    ping: float = 20.0
    pong: float = 60.0  # without an answer for so long, the connection is dead
    connect: float = 30.0
    retry: float = 1.0
    retry_most: float = 30.0
    settled: float = 60.0  # a connection that lasted so long resets the backoff
    reseed: float = 60.0  # and twice as long each time, up to
    reseed_most: float = 3600.0
    calm: float = 5.0  # a flood without drops for so long is over
    seeded: float = 300.0  # without a table for so long, something is wrong with the seeds
    lag: float = math.inf  # news takes no longer, unless something is wrong
    silent: float = 180.0  # a collector whose peers send no keepalive, three of 60 s, is down

    def backoff(self, attempt: int) -> float:
        """Return a wait with full jitter, so that a fleet does not come back at once."""
        return random.uniform(0, min(self.retry_most, self.retry * 2.0 ** min(attempt, 20)))
