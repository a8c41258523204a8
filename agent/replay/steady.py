"""Rounds of looks whose outcome is known: while what a check meets stays, so does what it sees.

Only the sockets' answers are foreseen, never what is made of them: a round is repeated once two in
a row were the same, nothing that changes in the world lies between, and for a while only.
"""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vedette.agent.looking.runner import look_all
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.replay.names import includes
from vedette.agent.replay.pages import Pages, Via
from vedette.agent.replay.scenario import Change, NameChange, Scenario
from vedette.checks.dns.check import DnsCheck
from vedette.checks.finding import Check, Fact, Kind, Observation

REPEATED_FOR = dict.fromkeys(Kind, 1800.0)
"""Seconds after which a round is made for certain: as often as delegations are walked."""
SETTLED_AFTER = {Kind.DNS: 10.0, Kind.HTTP: 10.0, Kind.BGP: 300.0}
"""Seconds after a change in the world until nothing of before counts: replies that are shared for a
while, routes that take their time to settle."""
_SAME = 1e-6
"""Seconds by which two looks of the same length differ at most."""


class Weather:
    """When names and pages change, as one agent meets them, and which come and go until then."""

    def __init__(self, scenario: Scenario, agent: str, pages: Pages) -> None:
        self._agent = agent
        self._pages = pages
        self._times: dict[Kind, list[float]] = {kind: [] for kind in Kind}
        self._partial: list[tuple[float, float, NameChange]] = []
        for change in scenario.timeline:
            for kind, at in _disturbed(change, agent):
                insort(self._times[kind], at)
        changes = [(one.t, one.dns) for one in scenario.timeline if one.dns]
        for i, (at, one) in enumerate(changes):
            after = (t for t, other in changes[i + 1 :] if _replaces(other, one))
            if one.fail_share < 1 and includes(one.agents, agent):
                self._partial.append((at, min(after, default=float("inf")), one))
        self._everywhere = {zone.zone for zone in scenario.healthy.zones}
        self._everywhere |= {ns.name for zone in scenario.healthy.zones for ns in zone.ns}
        self._aliases = _aliases(scenario)

    def period(self, kind: Kind, at: float) -> int:
        """Return the number of the period that a time lies in; in one nothing changes."""
        return bisect_right(self._times[kind], at)

    def lasts_until(self, kind: Kind, at: float) -> float:
        """Return when the period that a time lies in ends."""
        number = self.period(kind, at)
        return self._times[kind][number] if number < len(self._times[kind]) else float("inf")

    def calm_for(self, kind: Kind, at: float) -> float:
        """Return for how many seconds nothing has changed."""
        number = self.period(kind, at)
        return at - self._times[kind][number - 1] if number else float("inf")

    def comes_and_goes(self, check: Check, at: float) -> bool:
        """Whether some of what *check* may meet fails only now and then."""
        if check.kind is Kind.BGP:
            return False
        if check.kind is Kind.HTTP:
            vias: Sequence[Via] = ("name", "address")
            states = [self._pages.history(self._agent, check.name, via).at(at) for via in vias]
            return any(state.fail_share < 1 for state in states)
        met = self._met(check.name.rpartition(" ")[0])
        partial = (one.name for begins, ends, one in self._partial if begins <= at < ends)
        return any(name == "*" or name in met for name in partial)

    def _met(self, name: str) -> set[str]:
        """Return the names that the answers for *name* may come from."""
        met, new = set(self._everywhere), {name}
        while new:
            met |= new
            new = {target for one in new for target in self._aliases.get(one, ())} - met
        return met


def _disturbed(change: Change, agent: str) -> Iterator[tuple[Kind, float]]:
    """Yield the kinds of checks that may meet a change, and when each part of it is done."""
    if change.vantage and includes(change.vantage.agents, agent):
        yield from ((kind, change.t) for kind in Kind)
    if (of := change.dns or change.http) and includes(of.agents, agent):
        yield from ((kind, change.t) for kind in (Kind.DNS, Kind.HTTP))
    if change.feed or change.bgp:
        yield Kind.BGP, change.t
    if change.bgp:
        # What moves a straight line changes all along it: no part of that is calm.
        steps = range(1, int(change.bgp.over_s // 60) + 1)
        yield from ((Kind.BGP, change.t + 60 * step) for step in steps)
        yield Kind.BGP, change.t + change.bgp.over_s


def _replaces(later: NameChange, one: NameChange) -> bool:
    """Whether nothing of a change is left after a *later* one."""
    wider = later.agents in ("all", one.agents)
    return wider and (later.name, later.type, later.at) == (one.name, one.type, one.at)


def _aliases(scenario: Scenario) -> dict[str, set[str]]:
    said = [(one.name, one.answers) for one in scenario.healthy.dns]
    said += [(c.dns.name, [*(c.dns.answers or ())]) for c in scenario.timeline if c.dns]
    aliases: dict[str, set[str]] = {}
    for name, answers in said:
        targets = {answer[6:] for answer in answers if answer.startswith("CNAME:")}
        aliases.setdefault(name, set()).update(targets)
    return aliases


@dataclass(frozen=True, slots=True)
class _Known:
    """A round as it was made last: where the check stood, when, and what it showed."""

    shape: object
    made_at: float
    looks: Sequence[Observation]
    is_sure: bool


class SteadyRounds:
    """Makes the rounds of one agent, and repeats those whose outcome is known.

    *now* tells seconds after the incident's start; *pause* waits. *begun* has when a round began
    that is to be gone on with.
    """

    def __init__(
        self,
        weather: Weather,
        now: Callable[[], float],
        pause: Callable[[float], Any],
    ) -> None:
        self._weather = weather
        self._now = now
        self._pause = pause
        self._known: dict[tuple[str, Kind, str], _Known] = {}
        self.begun: dict[tuple[str, Kind, str], float] = {}

    def known_for(self, key: CheckKey, check: Check, begins: float) -> tuple[float, float]:
        """Return until when rounds are known whose first *begins* then, and how long one takes.

        It is no later than that where none is known.
        """
        known = self._known.get(key)
        if not (known and known.is_sure and self._lasts(known, check, begins)):
            return begins, 0.0
        most, changes = REPEATED_FOR[check.kind], self._weather.lasts_until(check.kind, begins)
        return min(known.made_at + most, changes), _length(known.looks)

    async def look_all(
        self,
        check: Check,
        *,
        service: str,
        vantage: str,
        limit: float,
        now: Callable[[], float],
        stopwatch: Callable[[], float],
    ) -> Sequence[Observation]:
        """Return what runner.look_all() would, after as long."""
        of, began, at = (service, check.kind, check.name), now(), self._now()
        elapsed = at - self.begun.pop(of, at)
        known = self._known.get(of)
        if known and known.is_sure and self._lasts(known, check, at):
            await self._pause(_length(known.looks) - elapsed)
            return [_again(look, began - elapsed) for look in known.looks]
        looks = await look_all(
            check, service=service, vantage=vantage, limit=limit, now=now, stopwatch=stopwatch
        )
        self._known[of] = self._learned(known, check, at, looks)
        return looks

    def _lasts(self, known: _Known, check: Check, at: float) -> bool:
        """Whether a round that begins at a time meets nothing else than the *known* one."""
        weather, ends = self._weather, at + _length(known.looks)
        return (
            at - known.made_at < REPEATED_FOR[check.kind]
            and weather.period(check.kind, known.made_at) == weather.period(check.kind, ends)
            and known.shape == _shape(check)
            and not weather.comes_and_goes(check, at)
        )

    def _learned(
        self, known: _Known | None, check: Check, at: float, looks: Sequence[Observation]
    ) -> _Known:
        weather, shape = self._weather, _shape(check)
        is_sure = (
            known is not None
            and weather.period(check.kind, known.made_at)
            == weather.period(check.kind, at + _length(looks))
            and weather.calm_for(check.kind, known.made_at) >= SETTLED_AFTER[check.kind]
            and shape is not None
            and _are_same(known.looks, looks)
        )
        return _Known(shape, at, looks, is_sure)


def _shape(check: Check) -> object:
    """Return whom *check* looks at as far as that is found out; None while it is not."""
    if isinstance(check, DnsCheck):
        return check.walked
    return tuple(look.subject for look in check.looks())


def _are_same(ones: Sequence[Observation], others: Sequence[Observation]) -> bool:
    return len(ones) == len(others) and all(
        (one.subject, one.place) == (other.subject, other.place)
        and one.finding.verdict is other.finding.verdict
        and one.finding.reason == other.finding.reason
        and _facts(one) == _facts(other)
        and abs(one.seconds - other.seconds) < _SAME
        for one, other in zip(ones, others, strict=True)
    )


def _facts(look: Observation) -> Mapping[str, Fact]:
    """Return the facts of a look but for what this machine took to go through it."""
    facts = look.finding.facts
    return {name: fact for name, fact in facts.items() if not name.endswith("_seconds")}


def _length(looks: Sequence[Observation]) -> float:
    return max((look.seconds for look in looks), default=0.0)


def _again(look: Observation, at: float) -> Observation:
    return look._replace(started_at=at)
