"""One alarm: evidence in, state out.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

TICK = 1.0
"""Seconds between two steps. Fewer are enough where nothing is due: what was seen last is taken to
have held until the tick before the next one."""


class State(StrEnum):
    """CloudWatch's words for what an alarm is in."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Whether a condition holds now: True, False, or None while undecided.

    When it holds, *began_at* is the start of the first look that says so and *seen_at* the start
    of the newest one: one bad look spans no time, so it can never fill a hold.
    """

    holds: bool | None
    began_at: float = 0.0
    seen_at: float = 0.0


UNDECIDED = Evidence(None)
DENIED = Evidence(False)


def reached(votes: Collection[Evidence], need: int) -> Evidence:
    """Return what *need* of *votes* say, that all say the same and are as many or more.

    It has been so since the last one needed has, and was last seen when the oldest one needed was.
    """
    began_at = sorted(one.began_at for one in votes)[need - 1]
    seen_at = sorted((one.seen_at for one in votes), reverse=True)[need - 1]
    return Evidence(next(iter(votes)).holds, began_at, max(began_at, seen_at))


@dataclass(frozen=True, slots=True)
class Memory:
    """What an alarm remembers: its state, when its fault began, and how much good it has seen."""

    state: State = State.INSUFFICIENT_DATA
    began_at: float = 0.0
    good_for: float = 0.0
    stepped_at: float | None = None


NEVER_STEPPED = Memory()
WELL = Memory(State.OK)
"""That of all alarms that never were in ALARM: only there time matters."""


def caught_up(
    memory: Memory, said: Evidence | None, *, hold: float, clear: float, until: float, before: float
) -> Memory:
    """Return the memory of an alarm as of *before*, had it been stepped all the time till then.

    What was *said* of it last held until *until*; after that nothing is known, and time counts for
    nothing. Only while it is in ALARM does it remember time.
    """
    at = memory.stepped_at
    if memory.state is not State.ALARM or at is None or at >= before:
        return memory
    if until > at and said is not None:
        memory = step(memory, said, hold=hold, clear=clear, now=until)
    return replace(memory, stepped_at=before)


def step(memory: Memory, evidence: Evidence, *, hold: float, clear: float, now: float) -> Memory:
    """Advance one alarm to *now*; undecided evidence changes nothing but the date.

    ALARM needs bad looks over *hold* seconds, OK needs *clear* seconds of good in all; time
    spent undecided counts for neither.
    """
    elapsed = 0.0 if memory.stepped_at is None else max(0.0, now - memory.stepped_at)
    state, began_at, good_for = memory.state, memory.began_at, memory.good_for
    if evidence.holds is None:
        return Memory(state, began_at, good_for, now)
    if evidence.holds:
        if state is State.ALARM:
            return Memory(state, began_at, 0.0, now)
        if evidence.seen_at > evidence.began_at and evidence.seen_at - evidence.began_at >= hold:
            return Memory(State.ALARM, evidence.began_at, 0.0, now)
        return Memory(state, began_at, good_for, now)
    if state is not State.ALARM:
        return Memory(State.OK, began_at, good_for) if began_at or good_for else WELL
    good_for += elapsed
    if good_for >= clear:
        return Memory(State.OK, began_at, 0.0, now)
    return Memory(state, began_at, good_for, now)


def without_dates(memory: Memory) -> Memory:
    """Return what of *memory* outlives a restart: time asleep counts neither as good nor bad."""
    return Memory(memory.state, memory.began_at, memory.good_for)
