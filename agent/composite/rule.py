"""What a rule is: CloudWatch's rule expression, read, in postfix order.

Every operator stands behind the parts that it joins, so that nothing that walks a rule recurses.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vedette.agent.alarms.alarm import State


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a rule's text something stands, counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return (
            f"column {self.column}" if self.line == 1 else f"line {self.line}, column {self.column}"
        )


class RuleError(ValueError):
    """A rule that cannot be used: a sentence that begins with the place and ends with a remedy."""

    def __init__(self, at: Position, message: str) -> None:
        super().__init__(f"{at}: {message}")
        self.at = at


@dataclass(frozen=True, slots=True)
class Ref:
    """What a rule names, as it is written: an alarm, a check, or `check:reason`."""

    name: str
    at: Position = field(default=Position(1, 1), compare=False)

    def __str__(self) -> str:
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    holds: bool

    def __str__(self) -> str:
        return "TRUE" if self.holds else "FALSE"


@dataclass(frozen=True, slots=True)
class InState:
    """ALARM(x), OK(x) or INSUFFICIENT_DATA(x)."""

    state: State
    ref: Ref

    def __str__(self) -> str:
        return f"{self.state}({self.ref})"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """AT_LEAST: so many of *refs*, or such a percentage of them, are in *state*, or not in it."""

    number: int
    percent: bool
    negated: bool
    state: State
    refs: tuple[Ref, ...]

    @property
    def need(self) -> int:
        """How many it takes: the least number that is not below the percentage."""
        return -(-self.number * len(self.refs) // 100) if self.percent else self.number

    def __str__(self) -> str:
        share = "%" if self.percent else ""
        negation = "NOT " if self.negated else ""
        refs = ", ".join(map(str, self.refs))
        return f"AT_LEAST({self.number}{share}, {negation}{self.state}, ({refs}))"


@dataclass(frozen=True, slots=True)
class Not:
    """NOT of the part before it."""


@dataclass(frozen=True, slots=True)
class And:
    """AND of as many *parts* before it."""

    parts: int


@dataclass(frozen=True, slots=True)
class Or:
    """OR of as many *parts* before it."""

    parts: int


Step = Constant | InState | AtLeast | Not | And | Or


@dataclass(frozen=True, slots=True)
class Rule:
    """A whole rule: the last of its *steps* joins, directly or not, all others."""

    steps: Sequence[Step]

    @property
    def refs(self) -> Collection[Ref]:
        """What it names: each name once, where it stands first."""
        refs: dict[str, Ref] = {}
        for step in self.steps:
            match step:
                case InState(_, ref):
                    refs.setdefault(ref.name, ref)
                case AtLeast(refs=several):
                    for ref in several:
                        refs.setdefault(ref.name, ref)
        return refs.values()

    def __str__(self) -> str:
        """Return the rule as CloudWatch reads it, with no more parentheses than it needs."""
        done: list[tuple[str, int]] = []
        for step in self.steps:
            match step:
                case Not():
                    done.append((f"NOT {_within(done.pop(), _BINDS_NOT + 1)}", _BINDS_NOT))
                case And(parts):
                    done[-parts:] = [_joined(" AND ", done[-parts:], _BINDS_AND)]
                case Or(parts):
                    done[-parts:] = [_joined(" OR ", done[-parts:], _BINDS_OR)]
                case _:
                    done.append((str(step), _BINDS_NOT + 1))
        return done[-1][0]


_BINDS_OR, _BINDS_AND, _BINDS_NOT = 1, 2, 3


def _within(part: tuple[str, int], binds: int) -> str:
    """Return the text of a part, in parentheses where it binds less than its surroundings ask."""
    text, bound = part
    return text if bound >= binds else f"({text})"


def _joined(operator: str, parts: Sequence[tuple[str, int]], binds: int) -> tuple[str, int]:
    return operator.join(_within(part, binds + 1) for part in parts), binds
