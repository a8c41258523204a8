"""The page drill: an incident that is none is triggered and resolved, to prove the whole way.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vedette.agent.config.drill import DrillSettings
from vedette.exporters.page import Action, Delivery, Outcome

AGAIN_AFTER = 3600.0
"""Seconds after which a drill that did not come through is repeated."""


class Phase(StrEnum):
    """How far a drill has come: its trigger or its resolve is on its way, or it is over."""

    OVER = "over"
    TRIGGERED = "triggered"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Drill:
    """What is remembered of drills, in epoch seconds.

    *began_at* is when the newest one began, or the agent first knew that there are to be any;
    *told_at* when its newest page was queued; *accepted* who has accepted that one, *failed* whose
    way is not proved, and why; *succeeded* when each pager last accepted both pages of a drill.
    *calendar* is by which cron and clocks, None where an older release has not said.
    """

    began_at: float
    phase: Phase = Phase.OVER
    told_at: float = 0.0
    accepted: Sequence[str] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    paged: bool = False
    succeeded: Mapping[str, float] = field(default_factory=dict)
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a pager said *at* epoch seconds to a page of a drill."""

    pager: str
    action: Action
    at: float
    delivery: Delivery


def step(
    drill: Drill,
    settings: DrillSettings,
    pagers: Sequence[str],
    heard: Iterable[Heard],
    now: float,
) -> tuple[Drill, Action | None]:
    """Advance to *now*; return the drill with what to send to all *pagers*, if anything.

    *heard* is what was lately said to its pages.
    """
    if drill.phase is Phase.OVER:
        if not pagers or now < _due_at(drill, settings):
            return drill, None
        begun = replace(drill, began_at=now, phase=Phase.TRIGGERED, told_at=now)
        return replace(begun, accepted=(), failed={}), Action.TRIGGER
    drill = _taken_in(drill, pagers, heard)
    left = [name for name in pagers if name not in drill.accepted and name not in drill.failed]
    if left and now - drill.told_at < settings.within:
        return drill, None
    late = f"its {_action(drill)} was not accepted within {settings.within:g} s"
    drill = replace(drill, failed={**drill.failed, **dict.fromkeys(left, late)})
    if drill.phase is Phase.TRIGGERED:
        return replace(drill, phase=Phase.RESOLVED, told_at=now, accepted=()), Action.RESOLVE
    proved = [name for name in pagers if name not in drill.failed]
    succeeded = {name: at for name, at in drill.succeeded.items() if name in pagers}
    return replace(drill, phase=Phase.OVER, succeeded=succeeded | dict.fromkeys(proved, now)), None


def begun_again(drill: Drill) -> Drill:
    """Return the drill of a former life: one that was under way begins anew."""
    if drill.phase is Phase.OVER:
        return drill
    return replace(drill, phase=Phase.OVER, began_at=float("-inf"))


def planned(drill: Drill, settings: DrillSettings | None, now: float) -> Drill:
    """Return *drill* by the calendar of *settings*: by a new one nothing was missed before *now*.

    What is to be repeated is, whatever the calendar says. None began after *now*: the host's clock
    was wrong then.
    """
    drill = replace(drill, began_at=min(drill.began_at, now))
    calendar = f"{settings.cron} {settings.timezone}" if settings else ""
    if drill.calendar in (None, calendar) or drill.failed or drill.began_at == float("-inf"):
        return replace(drill, calendar=calendar)
    return replace(drill, calendar=calendar, began_at=now)


def _due_at(drill: Drill, settings: DrillSettings) -> float:
    if drill.began_at == float("-inf"):
        return drill.began_at
    regular = settings.first_after(drill.began_at)
    return min(regular, drill.began_at + AGAIN_AFTER) if drill.failed else regular


def _action(drill: Drill) -> Action:
    return Action.TRIGGER if drill.phase is Phase.TRIGGERED else Action.RESOLVE


def _taken_in(drill: Drill, pagers: Sequence[str], heard: Iterable[Heard]) -> Drill:
    """Take in which pagers have accepted or refused the newest page of the drill."""
    accepted, failed = set(drill.accepted), dict(drill.failed)
    for one in heard:
        of_it = one.action is _action(drill) and one.at >= drill.told_at
        if not of_it or one.pager not in pagers:
            continue
        if one.delivery.outcome is Outcome.DELIVERED:
            accepted.add(one.pager)
        else:
            failed.setdefault(one.pager, f"its {one.action} was refused: {one.delivery.detail}")
    return replace(drill, accepted=tuple(sorted(accepted)), failed=failed)
