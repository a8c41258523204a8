"""How the checks and the standard alarms stand that rules name.

Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from vedette.agent.alarms.alarm import Evidence, Memory, State
from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.composite.leaves import judge_of
from vedette.agent.composite.link import Target
from vedette.agent.composite.standing import Standing, of_alarm, of_check
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.finding import Kind
from vedette.checks.settings import Missing

Changed = tuple[Target, Standing | None]
"""What stands otherwise than before, and how it stood."""


class Inputs:
    """What the rules of *alarms* name beside each other; *timings* has all checks."""

    def __init__(
        self,
        alarms: Mapping[str, CompositeAlarm],
        timings: Mapping[CheckKey, Timing],
        at: dict[Target, Standing],
    ) -> None:
        """Find what each name is; how it stands is kept in *at*."""
        self._at = at
        self._checks: dict[CheckKey, list[Target]] = {}
        self._standard: dict[str, Target] = {}
        self._patience: dict[str, float] = {}
        self._parts: dict[str, Sequence[str]] = {}
        self._heard_by: dict[str, float] = {}
        keys = {str(key): key for key in timings}
        for alarm in alarms.values():
            for target in dict.fromkeys(alarm.targets.values()):
                if target.id not in alarms:
                    self._add(target, keys.get(target.id), timings)
            refs = alarm.settings.rule.refs
            self._parts[alarm.id] = [alarm.targets[ref.name].id for ref in refs]
        self.lasting = {
            target
            for key, targets in self._checks.items()
            for target in targets
            if timings[key].missing is Missing.IGNORE
        }
        """What stays as it was last seen while it is not seen: checks that ignore missing data."""
        self._judges = {
            target: judge_of(key, target.reason)
            for key, targets in self._checks.items()
            for target in targets
        }

    def _add(
        self, target: Target, key: CheckKey | None, timings: Mapping[CheckKey, Timing]
    ) -> None:
        if key is None:
            self._standard[target.id] = target
            self._patience[target.id] = SILENT_AFTER
        elif target not in self._checks.setdefault(key, []):
            self._checks[key].append(target)
            self._patience[target.id] = timings[key].fresh_for

    @property
    def checks(self) -> Collection[CheckKey]:
        """The checks that rules name."""
        return self._checks.keys()

    @property
    def standard(self) -> Collection[str]:
        """The standard alarms that rules name."""
        return self._standard.keys()

    def heard_by(self, id_: str) -> float:
        """Return until when nothing has been heard of something only for our own sake."""
        return self._heard_by.get(id_, math.inf)

    def wake(self, now: float, *, slept: bool) -> None:
        """Take it that nothing was heard before *now*: of what is new, or of all if *slept*."""
        for id_, patience in self._patience.items():
            if slept or id_ not in self._heard_by:
                self._heard_by[id_] = now + patience
        for id_, parts in self._parts.items():  # those that others name come first
            self._heard_by[id_] = max((self._heard_by[part] for part in parts), default=now)

    def look_afresh(self, now: float, changed: list[Changed]) -> None:
        """Take it that nothing was heard before *now*, as nobody could see.

        Add to *changed* what is not seen: that means something once it could be.
        """
        self.wake(now, slept=True)
        named = chain(*self._checks.values(), self._standard.values(), map(Target, self._parts))
        for target in named:
            stands = self._at.get(target)
            if stands is not None and stands.state is State.INSUFFICIENT_DATA:
                self._at[target] = replace(stands, since=self._heard_by[target.id])
                changed.append((target, stands))

    def take_over(self, before: "Inputs", keys: Collection[CheckKey]) -> None:
        """Have heard what *before* has: of the checks *keys*, and of standard alarms."""
        stays = {*map(str, keys), *self._standard} & self._patience.keys()
        self._heard_by = {i: at for i, at in before._heard_by.items() if i in stays}  # noqa: SLF001

    def see(self, key: CheckKey, fleet: Fleet, changed: list[Changed]) -> Sequence[Evidence]:
        """Judge what rules ask of a check, add to *changed*, and return all that holds of it."""
        held = []
        for target in self._checks.get(key, ()):
            evidence, before = self._judges[target](fleet), self._at.get(target)
            if evidence.holds:
                held.append(evidence)
            elif evidence.holds is None and before is not None and target in self.lasting:
                continue
            after = of_check(
                before,
                evidence,
                fleet.now,
                self.heard_by(target.id),
                lasts=key.kind is Kind.BGP and target.reason is not None,
            )
            if after != before:
                self._at[target] = after
                changed.append((target, before))
        return held

    def look_at(
        self, ids: Iterable[str], memories: Mapping[str, Memory], now: float
    ) -> Iterator[Changed]:
        """Look at the standard alarms of these *ids*, and yield those that stand otherwise."""
        for target in [self._standard[id_] for id_ in ids if id_ in self._standard]:
            memory, before = memories.get(target.id, Memory()), self._at.get(target)
            heard_by = self.heard_by(target.id)
            after = of_alarm(before, memory.state, memory.began_at, now, heard_by)
            if after != before:
                self._at[target] = after
                yield target, before
