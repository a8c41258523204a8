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

    Unless what is seen to fail has a part in it: what it names is in ALARM together for as long as
    it says so, though its bad looks do not meet. Those that they go by stand before them, or are
    known. *is_over* tells of a standard alarm whether its fault is; of the user's own, their rules
    do, and those that are undecided for no other reason than that it *is_early* may be over.
    """

    def said(alarm: CompositeAlarm, *, over: bool | None = None) -> bool | None:
        """Return what its rule would say, were all well that is *over*, or that is not."""

        def standing_of(ref: Ref) -> Standing:
            target = alarm.targets[ref.name]
            stands = at[target]
            if over is None or stands.state is not State.ALARM:
                return stands
            clears = bool(known.get(target.id) or is_over(target.id))
            return replace(stands, state=State.OK) if clears is over else stands

        return evaluate(alarm.settings.rule, standing_of, since=now, now=now).evidence.holds

    def only_clears(alarm: CompositeAlarm) -> bool:
        holds = said(alarm, over=True)
        if holds is None:
            return is_early(alarm.id)
        if holds or not said(alarm):
            return not holds
        return said(alarm, over=False) is not False  # else what fails has a part in it

    for alarm in alarms:
        known[alarm.id] = only_clears(alarm)
