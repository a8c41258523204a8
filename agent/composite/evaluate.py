"""Whether a rule holds, in three values, and since when.

Rule: pure. What nobody can see is undecided: it makes a rule neither true nor false unless the
rest decides it (Kleene's strong logic). Only INSUFFICIENT_DATA() itself asks about not seeing.
Within a rule, what is so until it changes was seen at infinity; only the whole was seen by now.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, State, reached
from vedette.agent.composite.rule import And, AtLeast, Constant, InState, Not, Or, Ref, Rule
from vedette.agent.composite.standing import Standing

StandingOf = Callable[[Ref], Standing]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule says at one moment, and *until* when time alone changes nothing of it.

    Nothing but that it is seen so later, where it was seen at that very moment.
    """

    evidence: Evidence
    until: float


def evaluate(rule: Rule, standing_of: StandingOf, *, since: float, now: float) -> Judgement:
    """Judge *rule* at *now*, in epoch seconds, by how what it names stands.

    What holds, and what is false, does so since the evidence says; what TRUE and FALSE alone
    decide does *since*, when the rule was read.
    """
    done: list[Evidence] = []
    edges = [math.inf]
    for step in rule.steps:
        match step:
            case InState(state, ref):
                done.append(_seen(state, standing_of(ref), now, edges))
            case And(parts):
                done[-parts:] = [all_of(done[-parts:], now, edges)]
            case Or(parts):
                done[-parts:] = [any_of(done[-parts:], now, edges)]
            case Not():
                done[-1] = inverse(done[-1])
            case AtLeast():
                counted = [_seen(step.state, standing_of(ref), now, edges) for ref in step.refs]
                parts_ = [inverse(part) for part in counted] if step.negated else counted
                done.append(at_least(step.need, parts_))
            case Constant(holds):
                done.append(Evidence(holds, -math.inf, math.inf))
    (whole,) = done
    if whole.holds is None:
        return Judgement(UNDECIDED, min(edges))
    began_at = since if whole.began_at == -math.inf else whole.began_at
    seen_at = max(began_at, min(whole.seen_at, now))
    return Judgement(Evidence(whole.holds, began_at, seen_at), min(edges))


def in_state(state: State, standing: Standing, now: float) -> Evidence:
    """Judge whether something is in *state*: ALARM and OK cannot be told of what is not seen."""
    if standing.state is State.INSUFFICIENT_DATA and (
        state is not State.INSUFFICIENT_DATA or standing.is_early(now)
    ):
        return UNDECIDED
    return Evidence(standing.state is state, standing.since, standing.seen_at)


def _seen(state: State, standing: Standing, now: float, edges: list[float]) -> Evidence:
    """Judge a leaf, and note among *edges* when that it is not seen will mean something."""
    if standing.state is not State.INSUFFICIENT_DATA:
        return Evidence(standing.state is state, standing.since, standing.seen_at)
    if standing.is_early(now):
        edges.append(standing.since)
    return in_state(state, standing, now)


def inverse(part: Evidence) -> Evidence:
    """Return the opposite, which holds since the same time."""
    return part if part.holds is None else Evidence(not part.holds, part.began_at, part.seen_at)


def all_of(parts: Sequence[Evidence], now: float, edges: list[float]) -> Evidence:
    """Judge AND: true since the last part is, false since the part that has been so longest.

    *edges* gets when, after *now*, another part will have been so longest.
    """
    return _joined(parts, now, edges, alone=False)


def any_of(parts: Sequence[Evidence], now: float, edges: list[float]) -> Evidence:
    """Judge OR: true since the part that has been so longest, false since the last part is.

    *edges* gets when, after *now*, another part will have been so longest.
    """
    return _joined(parts, now, edges, alone=True)


def _joined(parts: Sequence[Evidence], now: float, edges: list[float], *, alone: bool) -> Evidence:
    """Judge parts of which one that is *alone* decides; otherwise it takes all of them.

    As in votes.either and votes.both: one decides, not the sum of several, so that single bad
    looks at different things fill no hold together.
    """
    deciding = [part for part in parts if part.holds is alone]
    if deciding:
        longest = max(deciding, key=lambda part: (_span(part, now), -part.began_at))
        if longest.seen_at < math.inf:
            lasting = (part.began_at for part in deciding if part.seen_at == math.inf)
            edges.append(min(lasting, default=math.inf) + _span(longest, now))
        return longest
    if any(part.holds is None for part in parts):
        return UNDECIDED
    began_at = max(part.began_at for part in parts)
    return Evidence(not alone, began_at, max(began_at, min(part.seen_at for part in parts)))


def _span(part: Evidence, now: float) -> float:
    return min(part.seen_at, now) - part.began_at


def at_least(need: int, parts: Sequence[Evidence]) -> Evidence:
    """Judge whether *need* of *parts* hold: false where even the undecided could not make them."""
    against = len(parts) - need + 1
    for holds, wanted in ((True, need), (False, against)):
        votes = [part for part in parts if part.holds is holds]
        if len(votes) >= wanted:
            return reached(votes, wanted)
    return UNDECIDED
