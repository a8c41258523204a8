"""Whether a check fails, or fails for a reason, as a rule that names it means it.

Rule: pure.
"""

from collections.abc import Callable, Sequence

from vedette.agent.alarms.alarm import Evidence
from vedette.agent.alarms.fleet import Fleet, anybody
from vedette.agent.diagnoses import bgp, dns
from vedette.agent.diagnoses.http import is_remembered
from vedette.agent.diagnoses.view import View, Voice
from vedette.agent.diagnoses.votes import either, failing, failing_for, half, most
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.bgp.reason import Reason
from vedette.checks.finding import Kind
from vedette.checks.http.places import Place

Judge = Callable[[Sequence[Voice]], Evidence]


def judge_of(key: CheckKey, reason: str | None = None) -> Callable[[Fleet], Evidence]:
    """Return what judges whether the check *key* fails, for *reason* where there is one.

    A quorum of the vantages must say so; of routes, a feed is one voice for all.
    """
    judge = _fails(key.kind) if reason is None else _fails_for(key.kind, reason)

    def at_vantage(view: View) -> Evidence:
        return judge(view.of(key))

    def judged(fleet: Fleet) -> Evidence:
        votes = fleet.votes(key, at_vantage)
        return anybody(votes) if key.kind is Kind.BGP else fleet.agreed(votes, key.service)

    return judged


def _fails(kind: Kind) -> Judge:
    """Most of those fail whose word counts: authorities, looks by name; of feeds, half."""
    match kind:
        case Kind.DNS:
            return lambda voices: most(dns.answering(voices) or voices, failing)
        case Kind.HTTP:
            return lambda voices: most(_by_name(voices) or _present(voices), failing)
        case Kind.BGP:
            return lambda voices: half(bgp.judging(voices, *Reason), failing)


def _by_name(voices: Sequence[Voice]) -> Sequence[Voice]:
    return [v for v in voices if v.place == Place.NAME]


def _present(voices: Sequence[Voice]) -> Sequence[Voice]:
    """Leave out the addresses that are only remembered, unless nothing else is looked at."""
    return [v for v in voices if not is_remembered(v)] or voices


def _fails_for(kind: Kind, reason: str) -> Judge:
    """Most subjects of one sort give the reason: a resolver's is none that an authority gives."""
    if kind is Kind.BGP:
        return bgp.given_by(Reason(reason))
    counts = failing_for(reason)

    def judge(voices: Sequence[Voice]) -> Evidence:
        voices = _present(voices)
        places = dict.fromkeys(v.place for v in voices)
        return either(*(most([v for v in voices if v.place == p], counts) for p in places))

    return judge
