"""When an alarm keeps quiet because another one, its suppressor, explains it.

Rule: pure; time is passed in. The alarm's state changes all the same, and when the quiet is over
people are told what it is then (CloudWatch user guide, "Suppressing composite alarm actions").
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from vedette.agent.alarms.alarm import State


class SuppressedBy(StrEnum):
    """Why an alarm keeps quiet: CloudWatch's ActionsSuppressedBy."""

    WAIT_PERIOD = "WaitPeriod"  # it has changed, and its suppressor may yet say why
    EXTENSION_PERIOD = "ExtensionPeriod"  # the suppressor has cleared, and it may yet do so too
    ALARM = "Alarm"  # the suppressor is in ALARM


@dataclass(frozen=True, slots=True)
class Suppression:
    """What is remembered of an alarm with a suppressor: its state, why it is quiet, until when.

    *by* is None when people may be told; *until* is the end of a period, in epoch seconds.
    """

    state: State = State.INSUFFICIENT_DATA
    by: SuppressedBy | None = None
    until: float = 0.0


def suppress(
    before: Suppression,
    *,
    state: State,
    suppressor: State,
    wait: float,
    extension: float,
    now: float,
) -> Suppression:
    """Advance to *now*: the alarm is in *state* and its suppressor in *suppressor*.

    A suppressor in ALARM ends every period. One that leaves ALARM starts *extension* seconds of
    quiet; any later change of the alarm starts *wait* seconds, whatever period was running.
    """
    if suppressor is State.ALARM:
        return Suppression(state, SuppressedBy.ALARM)
    if before.by is SuppressedBy.ALARM:
        period = Suppression(state, SuppressedBy.EXTENSION_PERIOD, now + extension)
    elif state is not before.state:
        period = Suppression(state, SuppressedBy.WAIT_PERIOD, now + wait)
    else:  # nothing keeps quiet for longer than it may, also where the clock was set back
        longest = extension if before.by is SuppressedBy.EXTENSION_PERIOD else wait
        period = replace(before, until=min(before.until, now + longest))
    return period if now < period.until else Suppression(state)
