"""Whether this vantage sees the internet at all, by its controls.

Rule: pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from vedette.agent.alarms.alarm import UNDECIDED, Evidence, reached
from vedette.agent.diagnoses.view import View, Voice
from vedette.agent.diagnoses.votes import failing, most
from vedette.agent.memory.ledger import CheckKey, Series
from vedette.checks.dns.server import Place
from vedette.checks.finding import Verdict

# These hold servers against each other, and say nothing about who can be reached.
_COMPARED = (Place.AGREEMENT, Place.DELEGATION, Place.DNSSEC)


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether this vantage sees the internet, and until when that is proven."""

    blind: Evidence
    proven_at: float


def blindness(view: View, controls: Sequence[CheckKey]) -> Evidence:
    """Judge the controls: blind when most of them fail; without controls we trust ourselves.

    One at which this host could make no look shows no more than one that fails.
    """
    if not controls:
        return Evidence(False)
    judged = [_failed(_asked(view.of(key))) for key in controls]
    need = len(controls) // 2 + 1
    blinded = [e for e in judged if e.holds]
    if len(blinded) >= need:
        return reached(blinded, need)
    undecided = sum(e.holds is None for e in judged)
    return Evidence(False) if len(blinded) + undecided < need else UNDECIDED


def _failed(asked: Sequence[Voice]) -> Evidence:
    """Judge one control; whom nobody could ask does not keep it from failing at all the others."""
    evidence = most(asked, failing)
    if evidence.holds is None:
        # Who has never seen the internet does not even know the name's own servers.
        told = [v for v in asked if v.finding.verdict is not Verdict.UNKNOWN]
        others = most(told, failing) if told else _unseen(asked)
        return others if others.holds else evidence
    return evidence


def _unseen(asked: Sequence[Voice]) -> Evidence:
    """Return since when none of those that are asked could be; once alone says nothing."""
    if not asked or any(v.now > v.series.fresh_until for v in asked):
        return UNDECIDED
    began_at = max(_unseen_since(v.series) for v in asked)
    seen_at = min(v.series.last.started_at for v in asked)
    return Evidence(True, began_at, seen_at) if seen_at > began_at else UNDECIDED


def _unseen_since(series: Series) -> float:
    """Return the start of the present run of looks that could not be made."""
    run = takewhile(lambda look: look.finding.verdict is Verdict.UNKNOWN, reversed(series.looks))
    return min((look.started_at for look in run), default=series.last.started_at)


def proven_at(view: View, controls: Sequence[CheckKey]) -> float:
    """Return when half of the controls that do not fail, or more, were last seen well."""
    if not controls:
        return math.inf
    asked = [_asked(view.of(key)) for key in controls]
    seeing = sorted((_well_at(a) for a in asked if most(a, failing).holds is False), reverse=True)
    half = math.ceil(len(controls) / 2)
    return seeing[half - 1] if len(seeing) >= half else -math.inf


def _asked(voices: Sequence[Voice]) -> Sequence[Voice]:
    return [v for v in voices if v.place not in _COMPARED]


def _well_at(asked: Sequence[Voice]) -> float:
    """Return when most of the subjects of a control were last seen well."""
    ends = (-math.inf if v.series.ok_at is None else v.series.ok_at for v in asked)
    seen = sorted(ends, reverse=True)
    return seen[math.ceil(len(seen) / 2) - 1] if seen else -math.inf


def unless_blind(evidence: Evidence, sight: Sight) -> Evidence:
    """A blind vantage says nothing about anybody, and a fault needs sight proven since it began."""
    if sight.blind.holds is not False:
        return UNDECIDED
    if evidence.holds and sight.proven_at < evidence.began_at:
        return UNDECIDED
    return evidence
