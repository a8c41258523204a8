"""Who says what of the cause of an incident: each vantage, since when, by how many of its looks."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.alarms.agreement import Vantage
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet
from vedette.agent.composite import telling
from vedette.agent.composite.alarm import Alarm, CompositeAlarm
from vedette.agent.memory.ledger import Ledger, Series
from vedette.agent.status.look import WORST_FIRST, Row, row, saw, since_when
from vedette.checks.finding import Verdict

SHOWN = 40
"""How many looks of one vantage are listed."""


class Says(StrEnum):
    """What a vantage says: a verdict, or why its word does not count."""

    OK = "OK"
    FAILING = "FAILING"
    UNKNOWN = "UNKNOWN"
    BLIND = "blind"
    SILENT = "not heard"
    SEES = "sees"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What one vantage says; *tally* counts its looks, *seen* what those saw that say so.

    *rows* are its looks one by one, those that are not well first.
    """

    vantage: str
    where: str
    own: bool
    says: Says
    since: float | None
    at_least: bool
    tally: str
    seen: Sequence[str]
    rows: Sequence[Row]


def evidence(
    rule: Alarm | None, engine: Engine, fleet: Fleet, ledgers: Mapping[str, Ledger]
) -> Sequence[Witnessed]:
    """Return what each vantage says of *rule*, ours first."""
    names = [fleet.own, *(name for name in ledgers if name != fleet.own)]
    vantages = engine.quorum.vantages
    return [_witnessed(vantages[name], rule, fleet, ledgers[name]) for name in names]


def standings(rule: Alarm | None, engine: Engine, now: float) -> Sequence[str]:
    """Return how everything stands that the rule of a composite alarm names."""
    if not isinstance(rule, CompositeAlarm):
        return ()
    return list(telling.standings(rule, engine.composites.at, now))


def _witnessed(vantage: Vantage, rule: Alarm | None, fleet: Fleet, ledger: Ledger) -> Witnessed:
    now = fleet.now
    series = ledger.of(rule.key) if rule and rule.key else ()
    ordered = sorted(series, key=lambda one: WORST_FIRST.index(one.verdict(now)))
    says = _says(vantage.name, rule, ordered, fleet, ledger.newest_at)
    since, at_least = _since(says, ordered, vantage.name, fleet)
    saying = [one for one in ordered if str(one.verdict(now)) == says]
    return Witnessed(
        vantage=vantage.name,
        where=", ".join(part for part in (vantage.provider, vantage.region) if part),
        own=vantage.name == fleet.own,
        says=says,
        since=since,
        at_least=at_least,
        tally=_tally(ordered, now) if rule is None or rule.key else "",
        seen=list(_seen(saying, now)),
        rows=[row(one, now) for one in ordered[:SHOWN]],
    )


def _says(
    name: str, rule: Alarm | None, series: Sequence[Series], fleet: Fleet, newest_at: float
) -> Says:
    """Return what a vantage says; the word of one that does not see counts for nothing."""
    if fleet.sights[name].blind.holds:
        is_silent = name != fleet.own and fleet.now - newest_at > SILENT_AFTER
        return Says.SILENT if is_silent else Says.BLIND
    if rule and rule.key is None:
        return Says.SEES if fleet.sees(name) else Says.UNKNOWN
    return Says(series[0].verdict(fleet.now)) if series else Says.UNKNOWN


def _since(
    says: Says, series: Sequence[Series], name: str, fleet: Fleet
) -> tuple[float | None, bool]:
    if says in (Says.BLIND, Says.SILENT):
        return fleet.sights[name].blind.began_at, False
    known = [
        (since, at_least)
        for one in series
        if str(one.verdict(fleet.now)) == says
        for since, at_least in [since_when(one, fleet.now)]
        if since is not None
    ]
    return min(known, default=(None, False))


def _tally(series: Sequence[Series], now: float) -> str:
    """Return how many looks fail, and for which reasons, the commonest first."""
    verdicts = [one.verdict(now) for one in series]
    if not verdicts:
        return "does not look at it"
    known = sum(one is not Verdict.UNKNOWN for one in verdicts)
    bad = [one.last.finding.reason for one in series if one.verdict(now) is Verdict.FAILING]
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(bad).most_common())
    tally = f"{len(bad)} of {known} fail" if known else "knows nothing"
    return f"{tally}: {reasons}" if reasons else tally


def _seen(saying: Sequence[Series], now: float) -> Iterator[str]:
    """Yield what the first of them saw, and how many more did."""
    told = list(dict.fromkeys(saw(one, now) for one in saying))
    yield from told[:1]
    if len(told) > 1:
        yield f"and {len(told) - 1} more"
