"""All that may be wrong with one watched prefix, each an alarm of its own.

Rule: pure; no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from vedette.agent.alarms.alarm import Evidence, Memory, State, step
from vedette.agent.routes.events import RouteEvent, appeared, found, gone, lost
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.rpki.payloads import Validity, Vrps
from vedette.checks.bgp.rpki.validation import validate
from vedette.checks.bgp.watch import Watch

PARTIAL_HOLD = 120.0
"""Seconds that a partial withdrawal has to last."""
FOREIGN_HOLD = 5.0
"""The same for a foreign origin or neighbour: what goes sooner was path hunting."""
DOUBT_HOLD = 120.0
"""The same where the own routes had begun to go before it came: it may be a symptom yet."""
SIGHTING_HOLD = 1.0
"""The same for a more-specific: path hunting brings none forth, so the first peer is enough."""

Key = tuple[Reason, str, int]
"""What is wrong, with which prefix, and by which AS."""


@dataclass(frozen=True, slots=True)
class Times:
    """For how many seconds a withdrawal has to last, and all be well until a fault is over."""

    hold: float = 30.0
    clear: float = 600.0


@dataclass(slots=True)
class _Alarm:
    """What is believed of one thing that may be wrong, and the alarm that goes by it."""

    hold: float
    memory: Memory = field(default_factory=Memory)
    holds: bool | None = None
    began_at: float = 0.0

    @property
    def is_on(self) -> bool:
        return self.memory.state is State.ALARM

    def step(self, holds: bool | None, clear: float, now: float) -> bool:
        """Step to *now*, and return whether it went on or off."""
        before = self.is_on
        evidence = Evidence(holds, self.began_at, now)
        self.memory = step(self.memory, evidence, hold=self.hold, clear=clear, now=now)
        return self.is_on is not before

    def due(self, clear: float) -> float:
        """Return when it goes on or off if nothing else changes."""
        if not self.is_on:
            return self.began_at + self.hold if self.holds else math.inf
        if self.holds is not False or self.memory.stepped_at is None:
            return math.inf
        return self.memory.stepped_at + clear - self.memory.good_for


@dataclass(slots=True, kw_only=True)
class _Stranger(_Alarm):
    """The same of a foreign AS, as the routes show it in *row*."""

    row: Foreign
    is_symptom: bool = False
    cause_since: float = -math.inf  # it was a symptom before
    told: bool = False  # that enough peers see it

    @property
    def is_gone(self) -> bool:
        return not self.is_on and self.holds is False and not self.row.peers

    def believe(self, row: Foreign, standing: Standing, now: float) -> None:
        """Believe what the routes say of it now."""
        self.row = row
        if row.reason is Reason.MORE_SPECIFIC:
            # Leftovers at a few peers do not hold back what was more.
            self.holds = row.since is not None or not self.told
            self.began_at = row.seen_at
            return
        fell_at = standing.fell_at
        follows = standing.known and fell_at is not None and row.seen_at > fell_at
        symptom = follows and standing.collapsed
        if self.is_symptom and not symptom:
            self.cause_since = now
        self.is_symptom = symptom
        present = row.since is not None and row.reason in standing.conditions
        self.holds = None if present and symptom and not self.is_on else present
        self.began_at = max(row.since or now, self.cause_since)
        self.hold = DOUBT_HOLD if follows or self.cause_since > 0 else FOREIGN_HOLD


class PrefixAlarms:
    """The alarms of *watch*: withdrawn, partly so, invalid, and one for each foreign AS or part."""

    def __init__(self, watch: Watch, times: Times, vrps: Vrps | None = None) -> None:
        self._watch, self._clear, self._vrps = watch, times.clear, vrps
        self._withdrawn = _Alarm(times.hold)
        self._partly = _Alarm(max(times.hold, PARTIAL_HOLD))
        self._invalid = _Alarm(times.hold)
        self._lost_at: float | None = None
        self._strangers: dict[Key, _Stranger] = {}

    @property
    def due(self) -> float:
        """When one of them goes on or off if nothing else changes, in epoch seconds; else inf."""
        return min(alarm.due(self._clear) for alarm in self._all())

    @property
    def are_idle(self) -> bool:
        """Whether there is nothing to remember."""
        own = (self._withdrawn, self._partly, self._invalid)
        return not self._strangers and not any(alarm.is_on or alarm.holds for alarm in own)

    def revise(self, standing: Standing | None, now: float) -> list[RouteEvent]:
        """Go from *now* on by *standing*, and return what happened; None: nothing is known."""
        for alarm in self._all():
            # The good time until now counts. What is wrong was stepped when it was due.
            alarm.step(None if alarm.holds else alarm.holds, self._clear, now)
        judged = standing is not None and standing.known
        for alarm, reason in (
            (self._withdrawn, Reason.WITHDRAWN),
            (self._partly, Reason.PARTIALLY_WITHDRAWN),
        ):
            alarm.holds = holds(reason, standing) if standing and judged else None
            alarm.began_at = standing.conditions.get(reason, now) if standing else now
        self._validate(standing, now)
        self._meet(standing, now)
        return self.step(standing, now)

    def _validate(self, standing: Standing | None, now: float) -> None:
        """Believe what the RPKI says of the own route, if anybody has it."""
        if self._vrps is None or standing is None or not standing.holding:
            self._invalid.holds = None
            return
        was, own = self._invalid.holds, validate(self._watch, standing, self._vrps).own
        self._invalid.holds = own is Validity.INVALID
        self._invalid.began_at = self._invalid.began_at if was else now

    def _meet(self, standing: Standing | None, now: float) -> None:
        present = _rows(standing)
        for key, row in present.items():
            assert standing is not None
            hold = SIGHTING_HOLD if row.reason is Reason.MORE_SPECIFIC else FOREIGN_HOLD
            stranger = self._strangers.setdefault(key, _Stranger(hold, row=row))
            stranger.believe(row, standing, now)
        for key, stranger in self._strangers.items():
            if key not in present:
                stranger.holds = False if standing else None
                stranger.row = replace(stranger.row, peers=0, asns=0, since=None)

    def step(self, standing: Standing | None, now: float) -> list[RouteEvent]:
        """Let it be *now*, with nothing new since the last call, and return what happened."""
        events = [
            *self._step_own(standing, now),
            *self._step_invalid(standing, now),
            *self._step_strangers(standing, now),
        ]
        self._strangers = {k: s for k, s in self._strangers.items() if not s.is_gone}
        return events

    def _step_own(self, standing: Standing | None, now: float) -> Iterator[RouteEvent]:
        before = self._withdrawn.is_on or self._partly.is_on
        went = self._withdrawn.step(self._withdrawn.holds, self._clear, now)
        if went and self._withdrawn.is_on and standing:
            yield lost(Reason.WITHDRAWN, self._watch, standing, now)
        # While it is withdrawn nobody wants to hear that it is partly so.
        if self._withdrawn.is_on and not self._partly.is_on and self._partly.holds:
            self._partly.holds = None
        went = self._partly.step(self._partly.holds, self._clear, now)
        if went and self._partly.is_on and standing:
            yield lost(Reason.PARTIALLY_WITHDRAWN, self._watch, standing, now)
        on = self._withdrawn.is_on or self._partly.is_on
        if on and not before:
            self._lost_at = (self._withdrawn if self._withdrawn.is_on else self._partly).began_at
        elif before and not on and standing and self._lost_at is not None:
            yield found(self._watch, standing, now, self._lost_at)

    def _step_invalid(self, standing: Standing | None, now: float) -> Iterator[RouteEvent]:
        went = self._invalid.step(self._invalid.holds, self._clear, now)
        if went and self._invalid.is_on and standing:
            yield lost(Reason.RPKI_INVALID, self._watch, standing, now)

    def _step_strangers(self, standing: Standing | None, now: float) -> Iterator[RouteEvent]:
        present = _rows(standing)
        for key, stranger in self._strangers.items():
            row = stranger.row = present.get(key, stranger.row)
            went = stranger.step(stranger.holds, self._clear, now)
            if standing is None:
                continue
            enough = row.since is not None
            if (went and stranger.is_on) or (stranger.is_on and enough and not stranger.told):
                stranger.told = enough
                validity = self._vrps.state(row.prefix, row.asn) if self._vrps else None
                yield appeared(row, self._watch, standing, now, validity)
            elif went:
                yield gone(row, standing, now, stranger.memory.began_at)

    def _all(self) -> Iterator[_Alarm]:
        return iter((self._withdrawn, self._partly, self._invalid, *self._strangers.values()))


def _rows(standing: Standing | None) -> Mapping[Key, Foreign]:
    rows = standing.foreign if standing else ()
    return {(row.reason, row.prefix, row.asn): row for row in rows}
