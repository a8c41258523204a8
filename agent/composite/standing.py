"""How an alarm or a check stands, as the rules that name it see it.

Rule: pure; time is passed in. A standing stays the same object's equal for as long as nothing has
happened, so that who has seen it need not look again.
"""

import math
from dataclasses import dataclass

from vedette.agent.alarms.alarm import Evidence, State


@dataclass(frozen=True, slots=True)
class Standing:
    """The state something is in, since when, and when it was last seen so; in epoch seconds.

    *seen_at* is infinite where it is seen so at any moment until it changes. One whose *since* is
    yet to come cannot be told yet, not even that it is not seen.
    """

    state: State
    since: float
    seen_at: float = math.inf

    def is_again(self, before: "Standing | None") -> bool:
        """Whether it is as *before*, and was but seen to be so once more."""
        return before is not None and (before.state, before.since) == (self.state, self.since)

    def is_early(self, now: float) -> bool:
        """Whether it is too early to tell that something is not seen."""
        return self.state is State.INSUFFICIENT_DATA and self.since > now


_STATES = {True: State.ALARM, False: State.OK, None: State.INSUFFICIENT_DATA}


def of_check(
    before: Standing | None,
    evidence: Evidence,
    now: float,
    heard_by: float = -math.inf,
    *,
    lasts: bool = False,
) -> Standing:
    """Return how a check stands by the *evidence* that it fails; *before* is how it last stood.

    That nothing is known of it means something from *heard_by* on. What *lasts* is told of once,
    and is so at any moment until the contrary is.
    """
    if evidence.holds:
        return Standing(State.ALARM, evidence.began_at, math.inf if lasts else evidence.seen_at)
    return _lasting(before, _STATES[evidence.holds], now, heard_by)


def of_alarm(
    before: Standing | None,
    state: State,
    began_at: float,
    now: float,
    heard_by: float = -math.inf,
) -> Standing:
    """Return how an alarm in *state* stands; *began_at* is when the fault began, if it is ALARM."""
    if state is State.ALARM:
        return Standing(state, began_at)
    return _lasting(before, state, now, heard_by)


def _lasting(before: Standing | None, state: State, now: float, heard_by: float) -> Standing:
    if before is not None and before.state is state:
        return before
    return Standing(state, max(now, heard_by) if state is State.INSUFFICIENT_DATA else now)
