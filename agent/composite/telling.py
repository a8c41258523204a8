"""A composite alarm in words: what its rule names, and how that stands.

Rule: pure.
"""

from collections.abc import Iterator, Mapping, Sequence

from vedette.agent.alarms.alarm import State
from vedette.agent.clock import utc
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.evaluate import evaluate, in_state
from vedette.agent.composite.link import Target
from vedette.agent.composite.rule import And, AtLeast, Constant, InState, Not, Or, Ref
from vedette.agent.composite.standing import Standing

Standings = Mapping[Target, Standing]
Condition = tuple[Ref, State, bool]
"""What is named, in which state, and whether it must not be in that."""

_NAMED = 3
"""How many names a line gives for each state."""
_LONGEST = 160
"""How many characters of a name: it may be a URL."""


def holding(alarm: CompositeAlarm, at: Standings, now: float) -> str:
    """Return in one line which of the rule's conditions hold, to be followed by since when.

    While an alarm clears its rule does not hold; what of it does is no cause.
    """
    if _is_over(alarm, at, now):
        return "its rule does not hold now, failing"
    parts = [
        f"{_some(names)} {'is' if len(names) == 1 else 'are'} in {state}"
        for state, names in _holding(alarm, at, now).items()
    ]
    return f"{' and '.join(parts) or 'its rule holds'},"


def standings(alarm: CompositeAlarm, at: Standings, now: float) -> Iterator[str]:
    """Return a line for each name in the rule: how it stands, and since when."""
    for ref in alarm.settings.rule.refs:
        if stands := at.get(alarm.targets[ref.name]):
            is_early = stands.is_early(now)
            since = ", too early to tell" if is_early else f" since {utc(stands.since)}"
            yield f"{stands.state}{since}: {ref.name}"


def _is_over(alarm: CompositeAlarm, at: Standings, now: float) -> bool:
    unseen = Standing(State.INSUFFICIENT_DATA, now)
    said = evaluate(
        alarm.settings.rule,
        lambda ref: at.get(alarm.targets[ref.name], unseen),
        since=now,
        now=now,
    )
    return said.evidence.holds is False


def _holding(alarm: CompositeAlarm, at: Standings, now: float) -> Mapping[State, Sequence[str]]:
    """Return the names whose conditions hold by their states; else all that are not OK."""
    found: dict[State, dict[str, None]] = {}
    conditions = _conditions(alarm)
    for ref, state, negated in conditions:
        stands = at.get(alarm.targets[ref.name])
        if stands and in_state(state, stands, now).holds is (not negated):
            found.setdefault(stands.state, {})[ref.name] = None
    for ref, _, _ in () if found else conditions:
        stands = at.get(alarm.targets[ref.name])
        if stands and stands.state is not State.OK:
            found.setdefault(stands.state, {})[ref.name] = None
    return {state: list(names) for state, names in found.items()}


def _conditions(alarm: CompositeAlarm) -> Sequence[Condition]:
    """Return what the rule asks: whether this is in that state, or whether it is not."""
    parts: list[list[Condition]] = []
    for step in alarm.settings.rule.steps:
        match step:
            case InState(state, ref):
                parts.append([(ref, state, False)])
            case AtLeast(negated=negated, state=state, refs=refs):
                parts.append([(ref, state, negated) for ref in refs])
            case Not():
                parts.append([(ref, state, not negated) for ref, state, negated in parts.pop()])
            case And(count) | Or(count):
                parts[-count:] = [[one for part in parts[-count:] for one in part]]
            case Constant():
                parts.append([])
    return parts.pop()


def _some(names: Sequence[str]) -> str:
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…" for name in names[:_NAMED]]
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    *most, last = shown + more
    return f"{', '.join(most)} and {last}" if most else last
