"""The one place that reads the wall clock."""

import time


class SteadyClock:
    """Epoch seconds that never jump: the wall clock once, at the start, and monotonic time since.

    A clock set back an hour, or forward a day, must neither page nor resolve.
    """

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()  # noqa: TID251 - the one reading

    def now(self) -> float:
        """Return epoch seconds, UTC."""
        return self._offset + time.monotonic()


def utc(at: float) -> str:
    """Return epoch seconds as `2026-01-31 14:03:10 UTC`, for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
