"""The one place that reads the wall clock."""

import time
from collections.abc import Callable

_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def wall() -> float:
    """Return epoch seconds by this host's clock, which may be set, for others to hold to theirs."""
    return time.time()  # noqa: TID251 - what receivers compare


def since_boot() -> float:
    """Return seconds that nobody sets, and that pass while the machine is suspended.

    Source: Linux, clock_gettime(2), CLOCK_BOOTTIME; elsewhere what Python has for monotonic time.
    """
    return time.clock_gettime(_BOOTTIME) if _BOOTTIME is not None else time.monotonic()


class SteadyClock:
    """Epoch seconds that nobody sets: the wall clock once, at the start, and the time since.

    A clock set back an hour, or forward a day, must neither page nor resolve; but who was asleep
    for an hour has looked at nothing for an hour, and the windows of that hour are over.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,  # noqa: TID251 - the one reading
        passed: Callable[[], float] = since_boot,
    ) -> None:
        self.wall = wall
        """The host's clock as it is, which may have been set since."""
        self._passed = passed
        self._offset = wall() - passed()

    def now(self) -> float:
        """Return epoch seconds, UTC."""
        return self._offset + self._passed()

    def lag(self) -> float:
        """Return by how many seconds this clock is behind the host's, which was set since."""
        return self.wall() - self.now()


def utc(at: float) -> str:
    """Return epoch seconds as `2026-01-31 14:03:10 UTC`, for people."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
