"""What the names in rules stand for, and the order in which the alarms can be judged.

Rule: pure. Every fault is found, not only the first.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

from vedette.agent.composite.rule import Ref
from vedette.agent.composite.settings import AlarmSettings

_HINTS = 20
"""Dangling names for which the nearest one is sought: with many names that takes its time."""
_RING = 10
"""Alarms of a ring that a message names."""


@dataclass(frozen=True, slots=True)
class Nameable:
    """What a rule may name beside the alarms: a check with its reasons, or a standard alarm."""

    id: str
    reasons: Collection[str] = ()


class Target(NamedTuple):
    """What a name stands for: an alarm or a check by its id, perhaps only for one *reason*.

    A tuple, because it is looked up each time that a rule is judged.
    """

    id: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a name: in the alarm of this *index*, under this *key*, and why."""

    index: int
    key: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Links:
    """What names stand for, as they are written; the alarms in the order to judge them; faults.

    Alarms that wait for themselves are not in *order*: with no faults, all alarms are.
    """

    targets: Mapping[str, Target]
    order: Sequence[str]
    faults: Sequence[Fault]


Known = Mapping[str, Sequence[Nameable]]


def link(alarms: Sequence[AlarmSettings], names: Known) -> Links:
    """Find what the rules and suppressors of *alarms* refer to; no two may have the same name.

    *names* has what else may be written, and what it may stand for: with two, it is ambiguous.
    """
    known = dict(names)
    for alarm in alarms:
        known[alarm.name] = [*names.get(alarm.name, ()), Nameable(alarm.name)]
    targets: dict[str, Target] = {}
    faults: list[Fault] = []
    for index, key, name, place in _written(alarms):
        found = targets.get(name) or resolve(name, known, hint=len(faults) < _HINTS)
        if isinstance(found, Target):
            targets[name] = found
        else:
            faults.append(Fault(index, key, f"{place}{found}"))
    needs = _needs(alarms, targets)
    order = _ordered(needs)
    stuck = {name: needs[name] for name in needs.keys() - set(order)}
    faults += _rings(alarms, {a.name: stuck[a.name] for a in alarms if a.name in stuck})
    faults += _silences(alarms, targets)
    return Links(targets, order, faults)


def _written(
    alarms: Sequence[AlarmSettings],
) -> Iterator[tuple[int, tuple[str, ...], str, str]]:
    """Return every name that an alarm uses, with the alarm's index, the key and the place."""
    for index, alarm in enumerate(alarms):
        for ref in alarm.rule.refs:
            yield index, ("rule",), ref.name, f"{ref.at}: "
        if alarm.suppressor:
            yield index, ("suppressor", "alarm"), alarm.suppressor.alarm, ""


def resolve(name: str, known: Known, *, hint: bool = True) -> Target | str:
    """Return what *name* stands for, or what is wrong with it, with the nearest one on *hint*."""
    head, reason = name, ""
    if name not in known:
        head, _, reason = name.rpartition(":")
        if head not in known:
            return _dangling(name, known if hint else ())
    if len(known[head]) > 1:
        ids = ", ".join(str(Ref(one.id)) for one in known[head])
        return f"{Ref(name)} may stand for any of {ids}: write one of them, or rename the alarm"
    (one,) = known[head]
    if head == name:
        return Target(one.id)
    if reason in one.reasons:
        return Target(one.id, reason)
    if not one.reasons:
        return f"{Ref(head)} is an alarm and has no reasons: write it without :{reason}"
    near = get_close_matches(reason, one.reasons, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(one.reasons))}"
    return f"{Ref(head)} has no reason {reason!r}: {remedy}"


def _dangling(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    remedy = f"did you mean {Ref(near[0])}?" if near else "mend its spelling, or add one"
    return f"there is no alarm or check {Ref(name)}: {remedy}"


def _needs(
    alarms: Sequence[AlarmSettings], targets: Mapping[str, Target]
) -> Mapping[str, Mapping[str, Ref]]:
    """Return for each alarm the alarms that its rule needs, and where it names each one first.

    A suppressor is not needed: it changes what people are told, and not the state.
    """
    own = {alarm.name for alarm in alarms}
    needs: dict[str, dict[str, Ref]] = {}
    for alarm in alarms:
        needs[alarm.name] = {}
        for ref in alarm.rule.refs:
            if ref.name in targets and targets[ref.name].id in own:
                needs[alarm.name].setdefault(targets[ref.name].id, ref)
    return needs


def _ordered(needs: Mapping[str, Collection[str]]) -> list[str]:
    """Return the alarms, each behind those it needs, without those that wait for themselves."""
    sorter = TopologicalSorter(needs)
    with suppress(CycleError):
        sorter.prepare()
    order: list[str] = []
    while ready := sorter.get_ready():
        order += ready
        sorter.done(*ready)
    return order


def _rings(
    alarms: Sequence[AlarmSettings], stuck: Mapping[str, Mapping[str, Ref]]
) -> Iterator[Fault]:
    """Return a fault for each ring of alarms that wait for each other.

    Every one that is *stuck* needs another: a walk along the first of those ends in a ring.
    """
    index = {alarm.name: i for i, alarm in enumerate(alarms)}
    following = {name: next(n for n in needed if n in stuck) for name, needed in stuck.items()}
    for ring in _circles(following):
        at = stuck[ring[0]][following[ring[0]]].at
        yield Fault(index[ring[0]], ("rule",), f"{at}: {_waiting(ring)}")


def _silences(alarms: Sequence[AlarmSettings], targets: Mapping[str, Target]) -> Iterator[Fault]:
    """Return a fault for each ring of alarms that suppress each other: it would page nobody."""
    index = {alarm.name: i for i, alarm in enumerate(alarms)}
    by = {a.name: targets.get(a.suppressor.alarm) for a in alarms if a.suppressor}
    following = {name: target.id for name, target in by.items() if target and target.id in by}
    for ring in _circles(following):
        yield Fault(index[ring[0]], ("suppressor", "alarm"), _quiet(ring))


def _circles(following: Mapping[str, str]) -> Iterator[Sequence[str]]:
    """Return each ring that walks along *following* end in, once."""
    walked: set[str] = set()
    for start in following:
        walk: list[str] = []
        name = start
        while name in following and name not in walked:
            walked.add(name)
            walk.append(name)
            name = following[name]
        if name in walk:
            yield walk[walk.index(name) :]


def _waiting(ring: Sequence[str]) -> str:
    """Say in one sentence who waits for whom."""
    if len(ring) == 1:
        return "the alarm needs itself: take its own name out of its rule"
    chain = _chain(ring, " needs ")
    return f"these alarms wait for each other: {chain}: take one of them out of a rule"


def _quiet(ring: Sequence[str]) -> str:
    """Say in one sentence who suppresses whom."""
    if len(ring) == 1:
        return "the alarm keeps itself quiet: take its suppressor out"
    chain = _chain(ring, " by ")
    return f"these alarms keep each other quiet: {chain}: take one suppressor out"


def _chain(ring: Sequence[str], link: str) -> str:
    """Return the alarms of *ring*, back to the first one, without most of a long one."""
    shown = [str(Ref(name)) for name in ring[:_RING]]
    if len(ring) > _RING:
        shown.append(f"{len(ring) - _RING} more")
    return link.join([*shown, shown[0]])
