"""The one place that reads the wall clock."""

import time
from collections.abc import Callable


def wall() -> float:
    """Return epoch seconds by this host's clock, which may be set, for others to hold to theirs."""
    return time.time()  # noqa: TID251 - what receivers compare


class SteadyClock:
    """Epoch seconds that never jump: the wall clock once, at the start, and monotonic time since.

    A clock set back an hour, or forward a day, must neither page nor resolve.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - the one reading
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._offset = wall() - monotonic()

    def now(self) -> float:
        """Return epoch seconds, UTC."""
        return self._offset + self._monotonic()


def utc(at: float) -> str:
    """Return epoch seconds as `2026-01-31 14:03:10 UTC`, for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
