"""When a composite alarm's rule is true and when it is false, as two expressions of PromQL.

Rule: pure. Kleene's three values: of what is neither true nor false, both have no series. All
expressions here are of vectors with one element without labels, or none.
"""

from collections.abc import Callable
from dataclasses import dataclass

from vedette.agent.alarms.alarm import State
from vedette.agent.composite.rule import And, AtLeast, Constant, InState, Not, Or, Ref, Rule
from vedette.agent.rules.promql import FALSE, TRUE, joined


@dataclass(frozen=True, slots=True)
class Truth:
    """Expressions that have a series while something is *true*, and while it is *false*."""

    true: str
    false: str

    @property
    def inverse(self) -> "Truth":
        """The opposite."""
        return Truth(self.false, self.true)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alarm or a check stands: whether it is in *alarm*, and whether it is *known*.

    That it is not means something while it could have been *heard* of.
    """

    alarm: Truth
    known: str
    heard: str

    def in_state(self, state: State) -> Truth:
        """Return whether it is in *state*; not being seen is itself seen."""
        match state:
            case State.ALARM:
                return self.alarm
            case State.OK:
                return self.alarm.inverse
            case State.INSUFFICIENT_DATA:
                return Truth(f"({self.heard}) unless {self.known}", self.known)


StandingOf = Callable[[Ref], Standing]


def truth(rule: Rule, standing_of: StandingOf) -> Truth:
    """Return when *rule* is true and false, by how what it names stands."""
    done: list[Truth] = []
    for step in rule.steps:
        match step:
            case InState(state, ref):
                done.append(standing_of(ref).in_state(state))
            case And(parts):
                done[-parts:] = [_all(done[-parts:])]
            case Or(parts):
                done[-parts:] = [_all([part.inverse for part in done[-parts:]]).inverse]
            case Not():
                done[-1] = done[-1].inverse
            case AtLeast():
                done.append(_at_least(step, standing_of))
            case Constant(holds):
                done.append(Truth(TRUE, FALSE) if holds else Truth(FALSE, TRUE))
    (whole,) = done
    return whole


def _all(parts: list[Truth]) -> Truth:
    return Truth(
        joined("and", [part.true for part in parts]), joined("or", [part.false for part in parts])
    )


def _at_least(step: AtLeast, standing_of: StandingOf) -> Truth:
    parts = [standing_of(ref).in_state(step.state) for ref in step.refs]
    if step.negated:
        parts = [part.inverse for part in parts]
    against = len(parts) - step.need + 1
    return Truth(
        f"{_count([part.true for part in parts])} >= {step.need}",
        f"{_count([part.false for part in parts])} >= {against}",
    )


def _count(parts: list[str]) -> str:
    """Return how many of *parts* have a series; a label keeps them apart."""
    apart = [
        f'label_replace({part}, "part", "{number}", "", "")' for number, part in enumerate(parts, 1)
    ]
    return "count(\n" + "\nor ".join(apart) + "\n)"
