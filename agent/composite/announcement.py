"""What people were last told of an alarm, and why they are told nothing new.

Rule: pure; time is passed in. The state of an alarm goes on while it keeps quiet.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from vedette.agent.alarms.alarm import State
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.settings import SuppressorSettings
from vedette.agent.composite.suppression import SuppressedBy, Suppression, suppress
from vedette.agent.composite.windows import is_muted, muted_until

MUTE = "Mute"
QUIETED_BY = (*SuppressedBy, MUTE)
"""Everything that may keep an alarm quiet, in CloudWatch's words where it has one."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """The *state* that people were told last, and how its suppressor keeps an alarm quiet."""

    state: State = State.INSUFFICIENT_DATA
    quiet: Suppression = field(default_factory=Suppression)


def announce(
    before: Announcement, alarm: CompositeAlarm, state: State, suppressor: State | None, now: float
) -> Announcement:
    """Advance to *now*: *alarm* is in *state*, and its suppressor in *suppressor*.

    A suppressor of None cannot be told yet, and leaves an alarm that is quiet so.
    """
    quiet = _quiet(before.quiet, alarm.settings.suppressor, state, suppressor, now)
    opens = state is State.ALARM and before.state is not State.ALARM
    if quiet.by or (opens and is_muted(alarm.settings.mute, now)):
        return Announcement(before.state, quiet)
    return Announcement(state, quiet)


def _quiet(
    before: Suppression,
    settings: SuppressorSettings | None,
    state: State,
    suppressor: State | None,
    now: float,
) -> Suppression:
    if settings is None:
        return Suppression(state)
    if suppressor is None and before.by:
        return before
    return suppress(
        before,
        state=state,
        suppressor=suppressor or State.INSUFFICIENT_DATA,
        wait=settings.wait,
        extension=settings.extension,
        now=now,
    )


def due_at(announcement: Announcement, alarm: CompositeAlarm, state: State, now: float) -> float:
    """Return when people may next be told otherwise, while *alarm* and its suppressor stay."""
    quiet = announcement.quiet
    if quiet.by is SuppressedBy.ALARM or (quiet.by is None and announcement.state is state):
        return math.inf
    return quiet.until if quiet.by else muted_until(alarm.settings.mute, now)


def by_whom(announcement: Announcement, alarm: CompositeAlarm, now: float) -> Collection[str]:
    """Return what keeps *alarm* quiet at *now*, of QUIETED_BY."""
    quieted: list[str] = [announcement.quiet.by] if announcement.quiet.by else []
    return [*quieted, MUTE] if is_muted(alarm.settings.mute, now) else quieted
