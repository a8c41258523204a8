"""Windows of time in which an alarm is judged but opens no page.

Rule: pure; time is passed in.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from pydantic import Field, field_validator, model_validator

from vedette.checks.settings import Duration, Settings

_MINUTE, _WEEK = 60, 7 * 86400
_SET_BY = timedelta(hours=3)
"""No clock is set forward or back by more."""
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_RANGES = (
    "minutes are 0 to 59, hours 0 to 23, days 1 to 31, months 1 to 12 or jan to dec, "
    "and steps such as */5 at least 1"
)
_LEAP_CYCLE = datetime(2096, 1, 1, tzinfo=UTC), datetime(2105, 1, 1, tzinfo=UTC)
"""What happens at all happens in here: it holds the longest time there is without a 29 February."""


def _timezone(name: str) -> tzinfo:
    if name == "UTC":  # needs no database of time zones, which small machines lack
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(
            f"there is no time zone {name!r} on this machine: write one such as Europe/Berlin, "
            "or UTC"
        ) from None


class CronSettings(Settings):
    """Moments: when *cron* says, by the clocks of *timezone*.

    What begins in an hour that the clocks skip begins an hour later, and in one that comes twice,
    twice.
    """

    cron: str
    """Five fields: minute, hour, day of month, month, day of week."""
    timezone: str = "UTC"
    """By whose clocks, such as Europe/Berlin."""

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        _timezone(name)
        return name

    @model_validator(mode="after")
    def _happens(self) -> Self:
        begin, end = _LEAP_CYCLE
        trigger = _trigger(self.cron)
        trigger.end_date = end
        if trigger.get_next_fire_time(None, begin) is None:
            raise ValueError(f"cron: {self.cron!r} names a day that no year has")
        return self

    def first_after(self, at: float) -> float:
        """Return the first moment after *at*; both in epoch seconds."""
        return _first_begin(self.cron, self.timezone, (int(at // _MINUTE) + 1) * _MINUTE)


class WindowSettings(CronSettings):
    """A window: it begins at each such moment, and lasts *duration*."""

    duration: Annotated[Duration, Field(ge=60.0)]
    """How long it lasts."""

    @property
    def is_endless(self) -> bool:
        """Whether each begins before the last one has ended, for a week on end."""
        first = begin = self.first_after(_LEAP_CYCLE[0].timestamp())
        while begin < first + _WEEK:
            before, begin = begin, self.first_after(begin)
            if begin - before > self.duration:
                return False
        return True


def is_muted(windows: Iterable[WindowSettings], at: float) -> bool:
    """Return whether one of *windows* is open at *at*, in epoch seconds; its end is outside."""
    return any(_begin(window, at) <= at for window in windows)


def muted_until(windows: Iterable[WindowSettings], at: float) -> float:
    """Return until when those of *windows* that are open at *at* are: others may begin by then."""
    begins = ((window, _begin(window, at)) for window in windows)
    return max((begin + window.duration for window, begin in begins if begin <= at), default=at)


def _begin(window: WindowSettings, at: float) -> float:
    """A window that is open began after `at - duration`, and begins are whole minutes."""
    after = (int((at - window.duration) // _MINUTE) + 1) * _MINUTE
    known = _known(window.cron, window.timezone, window.duration)
    since, begin = known.span
    if not since <= after <= begin:
        begin = _first_begin(window.cron, window.timezone, after)
        known.span = after, begin
    return begin


@dataclass(slots=True)
class _Known:
    """A *span* of epoch seconds at whose end a window begins, and not before."""

    span: tuple[float, float] = (math.inf, -math.inf)


@lru_cache(maxsize=65_536)
def _known(_cron: str, _timezone: str, _duration: float) -> _Known:
    """Return what is known of a window: thousands are asked for each second, and begin seldom."""
    return _Known()


def _first_begin(cron: str, timezone: str, at: int) -> float:
    """Return the first begin from *at* on, in epoch seconds.

    The trigger is asked for what clocks show, and not for moments: where they are set forward at
    midnight it would pass over that day.
    """
    zone, trigger = _timezone(timezone), _trigger(cron)
    first, shown = math.inf, _shown(at, zone)
    if _is_set(zone, at):
        shown -= _SET_BY
    while first == math.inf or (_is_set(zone, first) and shown <= _shown(first, zone) + _SET_BY):
        shown = trigger.get_next_fire_time(None, shown)
        first = min(first, *(one if one >= at else math.inf for one in _moments(shown, zone)))
        shown += timedelta(seconds=1)
    return first


def _shown(at: float, zone: tzinfo) -> datetime:
    """Return what clocks of *zone* show *at* epoch seconds, as if it were UTC."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=UTC, fold=0)


def _is_set(zone: tzinfo, at: float) -> bool:
    """Whether the clocks of *zone* are set forward or back near *at*."""
    before, after = (datetime.fromtimestamp(at, zone) + by for by in (-_SET_BY, _SET_BY))
    return before.utcoffset() != after.utcoffset()


def _moments(shown: datetime, zone: tzinfo) -> Iterator[float]:
    """Yield when clocks of *zone* show that: once, twice, or an hour later where they skip it."""
    once, again = (shown.replace(tzinfo=zone, fold=fold).timestamp() for fold in (0, 1))
    yield once
    if again > once:
        yield again


def _trigger(cron: str) -> CronTrigger:
    """Return what knows the begins; raise ValueError where *cron* is not five fields of crontab."""
    fields = cron.split()
    if cron.startswith("@"):
        raise ValueError(
            f"cron: {cron!r} is no five fields: write these, such as 0 0 * * * for each day"
        )
    if len(fields) != 5:
        raise ValueError(
            f"cron: {cron!r} has {len(fields)} fields and needs five: "
            "minute, hour, day of month, month, day of week"
        )
    if "*" not in (fields[2], fields[4]):
        raise ValueError(
            f"cron: {cron!r} names days of the month and of the week, which crontabs and people "
            "read differently: name one and write * for the other"
        )
    try:
        weekdays = ",".join(map(_weekdays, fields[4].lower().split(",")))
    except ValueError as error:
        raise ValueError(f"cron: {cron!r} is not a crontab's: {error}") from None
    try:
        return CronTrigger.from_crontab(" ".join([*fields[:4], weekdays]), UTC)
    except ValueError:
        raise ValueError(f"cron: {cron!r} is not a crontab's: {_RANGES}") from None


def _weekdays(part: str) -> str:
    """Write one part of the field of weekdays by names: crontabs begin at Sunday, APScheduler not.

    0 and 7 are Sunday; a range may cross the end of the week, as 5-1 does.
    """
    span, _, step = part.partition("/")
    first, dash, last = span.partition("-")
    if span == "*" and not step:
        return "*"
    begin = 0 if span == "*" else _weekday(first)
    end = 6 if span == "*" or (step and not dash) else _weekday(last if dash else first)
    if step and not (step.isascii() and step.isdigit() and 0 < int(step) < 7):
        raise ValueError(f"/{step} is no step through a week: write 1 to 6")
    days = range(begin, end + (8 if end < begin else 1), int(step or 1))
    return ",".join(_WEEKDAYS[day % 7] for day in days)


def _weekday(name: str) -> int:
    if name in _WEEKDAYS:
        return _WEEKDAYS.index(name)
    if len(name) == 1 and name in "01234567":
        return int(name)
    raise ValueError(f"{name!r} is no weekday: write 0 to 7, or sun to sat")
