"""What one round of a DNS check says of its name's answers, and of its zone's delegation.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.diagnoses.dns import is_bare_alias
from vedette.agent.memory.ledger import Series
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.finding import Verdict

Answers = frozenset[str]


@dataclass(frozen=True, slots=True)
class Round:
    """What one round saw of one name and type: the answers of each server that gave any.

    *good* are those that passed every judgement, or None when too few did or they are in dispute.
    """

    shown: Mapping[str, Answers]
    good: Mapping[str, Answers] | None


def deciding(series: Sequence[Series]) -> Sequence[Series]:
    """Return those whose word counts about a record: its authorities, else resolvers, else all.

    Authorities that say only that the name is an alias leave the record to the zone it leads to.
    """
    servers = [s for s in series if s.place == Place.AUTHORITATIVE]
    resolvers = [s for s in series if s.place == Place.RECURSIVE]
    known = [s for s in servers if s.last.finding.verdict is not Verdict.UNKNOWN]
    away = 2 * sum(is_bare_alias(s.last.finding) for s in known) > len(known)
    return (away and resolvers) or servers or resolvers or series


def answers_of(series: Sequence[Series], now: float) -> Round:
    """Return what the newest looks of a DNS check say: good while most deciding servers are well.

    Servers that give different answers, or a broken chain of trust, make every answer doubtful;
    that serials differ or a signature ends soon does not.
    """
    asked = deciding(series)
    verdicts = {s.subject: s.verdict(now) for s in asked}
    shown = {
        s.subject: answers
        for s in asked
        if verdicts[s.subject] is not Verdict.UNKNOWN and (answers := texts(s, "answers"))
    }
    well = [subject for subject, verdict in verdicts.items() if verdict is Verdict.OK]
    doubted = any(
        s.place in (Place.AGREEMENT, Place.DNSSEC)
        and s.failed_for(Reason.DISAGREE, Reason.BOGUS)
        and s.verdict(now) is Verdict.FAILING
        for s in series
    )
    if doubted or len(well) * 2 <= len(asked):
        return Round(shown, None)
    return Round(shown, {subject: shown[subject] for subject in well if subject in shown})


def delegations_of(series: Sequence[Series], now: float) -> Iterator[tuple[str, Round]]:
    """Return each zone with its round: good where parent and child agree, even on a change.

    Many never agree. Of these what the parent says first is good too, for nothing else would show
    that it was changed.
    """
    for one in series:
        if one.place == Place.DELEGATION:
            zone = one.last.finding.facts.get("zone")
            if isinstance(zone, str):
                yield zone, _delegation(one, series, now)


def _delegation(one: Series, series: Sequence[Series], now: float) -> Round:
    bogus = any(s.place == Place.DNSSEC and s.failed_for(Reason.BOGUS) for s in series)
    facts = one.last.finding.facts
    stands = facts.get("agrees") is True or "changed" not in facts
    known = one.verdict(now) is not Verdict.UNKNOWN
    shown = {one.subject: names} if known and (names := texts(one, "delegation")) else {}
    return Round(shown, shown if shown and stands and not bogus else None)


def texts(series: Series, fact: str) -> Answers:
    """Return the texts that a *fact* of the newest look has, if it has any."""
    value = series.last.finding.facts.get(fact)
    return frozenset(value) if isinstance(value, tuple | list) else frozenset()
