"""Whether this vantage sees the internet at all, by its controls.

Rule: pure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from vedette.agent.alarm import UNDECIDED, Evidence
from vedette.agent.diagnoses.view import View, Voice
from vedette.agent.diagnoses.votes import failing, most
from vedette.agent.ledger import CheckKey
from vedette.checks.dns.server import Place

# These hold servers against each other, and say nothing about who can be reached.
_COMPARED = (Place.AGREEMENT, Place.DELEGATION, Place.DNSSEC)


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether this vantage sees the internet, and until when that is proven."""

    blind: Evidence
    proven_at: float


def sight(view: View, controls: Sequence[CheckKey]) -> Sight:
    """Judge the controls: blind when most of them fail; without controls we trust ourselves."""
    if not controls:
        return Sight(Evidence(False), math.inf)
    judged = [_control(view.of(key)) for key in controls]
    need = len(controls) // 2 + 1
    blinded = [e for e, _ in judged if e.holds]
    undecided = sum(e.holds is None for e, _ in judged)
    seeing = sorted((at for e, at in judged if e.holds is False), reverse=True)
    half = math.ceil(len(controls) / 2)
    proven_at = seeing[half - 1] if len(seeing) >= half else -math.inf
    if len(blinded) >= need:
        began_at = sorted(e.began_at for e in blinded)[need - 1]
        seen_at = sorted((e.seen_at for e in blinded), reverse=True)[need - 1]
        return Sight(Evidence(True, began_at, max(began_at, seen_at)), proven_at)
    blind = Evidence(False) if len(blinded) + undecided < need else UNDECIDED
    return Sight(blind, proven_at)


def _control(voices: Sequence[Voice]) -> tuple[Evidence, float]:
    """Judge one control, and say when most of its subjects were last seen well."""
    asked = [v for v in voices if v.place not in _COMPARED]
    seen = sorted(
        (-math.inf if v.series.ok_at is None else v.series.ok_at for v in asked), reverse=True
    )
    well_at = seen[math.ceil(len(seen) / 2) - 1] if seen else -math.inf
    return most(asked, failing), well_at


def unless_blind(evidence: Evidence, sight: Sight) -> Evidence:
    """A blind vantage says nothing about anybody, and a fault needs sight proven since it began."""
    if sight.blind.holds is not False:
        return UNDECIDED
    if evidence.holds and sight.proven_at < evidence.began_at:
        return UNDECIDED
    return evidence
