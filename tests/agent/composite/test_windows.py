"""When windows are open: by crontab, by the clocks of a place, and for how long."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vedette.agent.composite import windows
from vedette.agent.composite.windows import WindowSettings, is_muted

WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]


def window(cron: str, duration: str = "1h", timezone: str = "UTC") -> WindowSettings:
    return WindowSettings.model_validate({"cron": cron, "duration": duration, "timezone": timezone})


def at(text: str, timezone: str = "UTC") -> float:
    """Return the moment at which the clocks of *timezone* show *text*."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(timezone)).timestamp()


@pytest.mark.parametrize(
    ("cron", "duration", "moment", "muted"),
    [
        ("0 2 * * *", "1h", "2026-11-21T01:59:59.999", False),
        ("0 2 * * *", "1h", "2026-11-21T02:00", True),
        ("0 2 * * *", "1h", "2026-11-21T02:59:59.999", True),
        ("0 2 * * *", "1h", "2026-11-21T03:00", False),
        ("0 22 * * *", "4h", "2026-11-21T01:59", True),
        ("*/10 * * * *", "15m", "2026-11-21T01:59", True),
        ("*/10 * * * *", "90s", "2026-11-21T01:51:29", True),
        ("*/10 * * * *", "90s", "2026-11-21T01:51:30", False),
        ("30 3 1 * *", "2d", "2026-12-03T03:29", True),
        ("30 3 1 * *", "2d", "2026-12-03T03:30", False),
        ("0 0 29 2 *", "1d", "2028-02-29T12:00", True),
        ("0 0 29 2 *", "1d", "2027-02-28T12:00", False),
        ("0 0 * dec 0", "1d", "2026-12-06T12:00", True),
        ("0 0 * * sat", "1d", "2026-11-21T12:00", True),
        ("0 0 * * 6", "1d", "2026-11-21T12:00", True),
        ("0 0 * * 6", "1d", "2026-11-22T12:00", False),
    ],
)
def test_open(cron: str, duration: str, moment: str, muted: bool) -> None:
    """A window is open from the very second of its begin, and at its end no longer."""
    assert is_muted([window(cron, duration)], at(moment)) is muted


def test_thousands_of_windows_are_thought_about_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crontab is read when its window has begun, not each second, nor each minute, of each."""
    many = [window(f"{i % 60} {i // 60 % 24} * * {i % 7}", f"{61 + i}s") for i in range(2000)]
    read = 0

    def counted(cron: str) -> CronTrigger:
        nonlocal read
        read += 1
        return trigger(cron)

    trigger = windows._trigger
    monkeypatch.setattr(windows, "_trigger", counted)
    begin = at("2026-11-21T01:00")
    for second in (0, 1, 59, 60, 119, 120):
        is_muted(many, begin + second)

    assert read < 1.2 * len(many)


@pytest.mark.parametrize(
    ("cron", "duration", "endless"),
    [
        ("* * * * *", "1m", True),
        ("0 * * * *", "1h", True),
        ("0 * * * *", "59m", False),
        ("0 2 * * *", "1d", True),
        ("0 2 * * *", "23h", False),
        ("0 2 * * mon", "7d", True),
        ("* * * * 1-6", "1d", False),
        ("* * * * 1-6", "2d", True),
        ("* 3 * * *", "2h", False),
    ],
)
def test_what_never_ends_is_known(cron: str, duration: str, endless: bool) -> None:
    """A window whose next one always begins before it ends hides all there is."""
    assert window(cron, duration).is_endless is endless


@pytest.mark.parametrize(
    ("field", "days"),
    [
        ("*", WEEKDAYS),
        ("0", ["sun"]),
        ("7", ["sun"]),
        ("1-5", ["mon", "tue", "wed", "thu", "fri"]),
        ("0-4", ["sun", "mon", "tue", "wed", "thu"]),
        ("0-7", WEEKDAYS),
        ("5-7", ["sun", "fri", "sat"]),
        ("6-1", ["sun", "mon", "sat"]),
        ("fri-mon", ["sun", "mon", "fri", "sat"]),
        ("SUN,3", ["sun", "wed"]),
        ("*/2", ["sun", "tue", "thu", "sat"]),
        ("1/2", ["mon", "wed", "fri"]),
        ("1-5/3", ["mon", "thu"]),
    ],
)
def test_weekdays_are_crontabs(field: str, days: list[str]) -> None:
    """Weekdays count from Sunday, as in every crontab, and may cross the end of the week."""
    sunday = datetime(2026, 11, 22, 12, tzinfo=UTC)
    one = window(f"0 0 * * {field}", "1d")

    assert days == [
        day
        for i, day in enumerate(WEEKDAYS)
        if is_muted([one], (sunday + timedelta(days=i)).timestamp())
    ]


@pytest.mark.parametrize(
    ("moment", "muted"),
    [
        ("2026-07-01T00:30", True),
        ("2026-07-01T02:30", False),
        ("2026-12-01T00:30", False),
        ("2026-12-01T01:30", True),
    ],
    ids=["summer", "summer, over", "winter, not yet", "winter"],
)
def test_timezone(moment: str, muted: bool) -> None:
    """A window follows the clocks of its time zone: half past two is not always the same in UTC."""
    assert is_muted([window("0 2 * * *", "1h", "Europe/Berlin")], at(moment)) is muted


def test_any_of_several() -> None:
    """Of several windows one that is open is enough, and without windows none is."""
    closed, open_ = window("0 2 * * *"), window("0 12 * * *")

    assert is_muted([closed, open_], at("2026-11-21T12:30"))
    assert not is_muted([closed], at("2026-11-21T12:30"))
    assert not is_muted([], at("2026-11-21T12:30"))


@given(
    st.integers(0, 23),
    st.integers(60, 86_400),
    st.floats(at("2026-01-02T00:00"), at("2027-01-01T00:00")),
)
def test_open_for_as_long_as_it_lasts(hour: int, seconds: int, moment: float) -> None:
    """A daily window is open exactly for its duration after its hour."""
    since = (moment - hour * 3600) % 86_400

    assert is_muted([window(f"0 {hour} * * *", f"{seconds}s")], moment) == (since < seconds)


@pytest.mark.parametrize(
    ("cron", "message"),
    [
        (
            "0 2 * *",
            "cron: '0 2 * *' has 4 fields and needs five: "
            "minute, hour, day of month, month, day of week",
        ),
        (
            "0 2 1 * 1",
            "cron: '0 2 1 * 1' names days of the month and of the week, which crontabs and people "
            "read differently: name one and write * for the other",
        ),
        (
            "@daily",
            "cron: '@daily' is no five fields: write these, such as 0 0 * * * for each day",
        ),
        ("0 2 30 2 *", "cron: '0 2 30 2 *' names a day that no year has"),
        (
            "0 0 * * 8",
            "cron: '0 0 * * 8' is not a crontab's: '8' is no weekday: write 0 to 7, or sun to sat",
        ),
        (
            "0 0 * * 1-",
            "cron: '0 0 * * 1-' is not a crontab's: '' is no weekday: write 0 to 7, or sun to sat",
        ),
        (
            "0 0 * * */0",
            "cron: '0 0 * * */0' is not a crontab's: /0 is no step through a week: write 1 to 6",
        ),
    ],
)
def test_bad_crontab(cron: str, message: str) -> None:
    """A crontab that is none, or means no day, is refused with a sentence."""
    with pytest.raises(ValidationError) as caught:
        window(cron)

    assert [error["msg"] for error in caught.value.errors()] == [f"Value error, {message}"]


@pytest.mark.parametrize("cron", ["60 * * * *", "*/0 * * * *", "x * * * *", "* * * 13 *"])
def test_out_of_range_is_told_with_the_ranges(cron: str) -> None:
    """What may stand in a field is said, in words of ours."""
    with pytest.raises(ValidationError) as caught:
        window(cron)

    (error,) = caught.value.errors()
    assert error["msg"] == (
        f"Value error, cron: {cron!r} is not a crontab's: minutes are 0 to 59, hours 0 to 23, days "
        "1 to 31, months 1 to 12 or jan to dec, and steps such as */5 at least 1"
    )


@pytest.mark.parametrize("name", ["Europe/Atlantis", "", "../UTC", "Europe", "a\x00b"])
def test_bad_timezone(name: str) -> None:
    """A time zone that nobody knows is refused with a sentence."""
    with pytest.raises(ValidationError, match="there is no time zone"):
        window("0 2 * * *", timezone=name)


def test_utc_needs_no_database() -> None:
    """A machine without a database of time zones has UTC."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(())
    ZoneInfo.clear_cache()
    try:
        assert window("0 2 * * *").timezone == "UTC"
    finally:
        zoneinfo.reset_tzpath(before)


FIELDS = st.text("0123456789*/,-", max_size=4) | st.sampled_from(["*", "?", "L", "mon", "last"])


@given(st.lists(FIELDS, min_size=4, max_size=6).map(" ".join), st.text(max_size=5))
def test_any_crontab_is_read_or_refused(cron: str, end: str) -> None:
    """Whatever the text, a window is made or refused, and one that is made can be asked."""
    for text in (cron, cron + end):
        try:
            one = window(text)
        except ValidationError:
            continue
        assert isinstance(is_muted([one], at("2026-11-21T12:30")), bool)


def shown_in(zone: ZoneInfo, first: datetime, last: datetime, hour: int, minute: int) -> set[float]:
    """Return each minute in which the clocks show that, with those that they skip an hour later."""
    found, moment = set[float](), first
    while moment < last:
        shown, before = moment.astimezone(zone), (moment - timedelta(minutes=1)).astimezone(zone)
        if (shown.hour, shown.minute) == (hour, minute):
            found.add(moment.timestamp())
        skipped = before.replace(tzinfo=None) + timedelta(minutes=1)
        while skipped < shown.replace(tzinfo=None):
            if (skipped.hour, skipped.minute) == (hour, minute):
                offset = before.utcoffset() or timedelta()
                found.add((skipped - offset).replace(tzinfo=UTC).timestamp())
            skipped += timedelta(minutes=1)
        moment += timedelta(minutes=1)
    return found


@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/Santiago", "2026-09-06"),
        ("Africa/Cairo", "2026-04-24"),
        ("Asia/Beirut", "2026-03-29"),
        ("America/Havana", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
    ],
)
@pytest.mark.parametrize(("hour", "minute"), [(0, 0), (0, 30), (1, 59), (2, 0), (2, 30), (3, 0)])
def test_no_day_is_passed_over_when_clocks_are_set(
    timezone: str, day: str, hour: int, minute: int
) -> None:
    """A daily window begins whenever clocks show its time, also where they are set at midnight."""
    one, zone = window(f"{minute} {hour} * * *", "1m", timezone), ZoneInfo(timezone)
    noon = datetime.fromisoformat(day).replace(hour=12, tzinfo=zone).astimezone(UTC)
    first, last = noon - timedelta(hours=36), noon + timedelta(hours=36)
    begins, begin = set[float](), first.timestamp() - 1
    while (begin := one.first_after(begin)) < last.timestamp():
        begins.add(begin)

    assert begins == shown_in(zone, first, last, hour, minute)
