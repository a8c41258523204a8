"""Whether a rule holds only because alarms that it names have not cleared yet.

Rule: pure; time is passed in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vedette.agent.alarms.alarm import State
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.evaluate import evaluate
from vedette.agent.composite.link import Target
from vedette.agent.composite.rule import Ref
from vedette.agent.composite.standing import Standing


def judge_clearing(
    alarms: Sequence[CompositeAlarm],
    at: Mapping[Target, Standing],
    is_over: Callable[[str], bool],
    is_early: Callable[[str], bool],
    now: float,
    known: dict[str, bool],
) -> None:
    """Note in *known* which of *alarms* have rules that would not hold, were all well that is over.

    Those that they go by stand before them, or are known. *is_over* tells of a standard alarm
    whether its fault is; of the user's own, their rules do, and those that are undecided for no
    other reason than that it *is_early* may be over.
    """

    def is_denied(alarm: CompositeAlarm) -> bool:
        def standing_of(ref: Ref) -> Standing:
            target = alarm.targets[ref.name]
            stands = at[target]
            clears = stands.state is State.ALARM and (known.get(target.id) or is_over(target.id))
            return replace(stands, state=State.OK) if clears else stands

        said = evaluate(alarm.settings.rule, standing_of, since=now, now=now)
        holds = said.evidence.holds
        return is_early(alarm.id) if holds is None else not holds

    for alarm in alarms:
        known[alarm.id] = is_denied(alarm)
