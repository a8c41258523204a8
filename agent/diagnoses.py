"""The standard diagnoses: which series, read how, mean what.

Rule: pure; no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.alarm import UNDECIDED, Evidence
from vedette.agent.config import Timing
from vedette.agent.ledger import CheckKey, Ledger, Series, deciding
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity


class Diagnosis(StrEnum):
    """A cause by its name; the name appears verbatim in every output."""

    RECORD_EMPTIED = "record_emptied"
    PREFIX_WITHDRAWN = "prefix_withdrawn"
    SERVICE_DOWN = "service_down"
    VANTAGE_BLIND = "vantage_blind"


# Routing explains DNS, and DNS explains the service: the lower number takes the headline.
RANK = {
    Diagnosis.VANTAGE_BLIND: 0,
    Diagnosis.PREFIX_WITHDRAWN: 1,
    Diagnosis.RECORD_EMPTIED: 2,
    Diagnosis.SERVICE_DOWN: 3,
}

EMPTY = ("nodata", "nxdomain", "too_few")


@dataclass(frozen=True, slots=True)
class Rule:
    """One diagnosis of one subject of one service; *judge* reads the ledger at a time."""

    diagnosis: Diagnosis
    service: str
    subject: str
    severity: Severity
    key: CheckKey | None
    hold: float
    clear: float
    judge: Callable[[Ledger, float], Evidence]

    @property
    def id(self) -> str:
        """The name under which its state is kept."""
        return f"{self.service}/{self.diagnosis}/{self.subject}"


def rule_for(key: CheckKey, timing: Timing, severity: Severity) -> Rule:
    """Return the diagnosis that the checks of *key*'s kind can give."""
    diagnosis, judge = {
        Kind.DNS: (Diagnosis.RECORD_EMPTIED, record_emptied),
        Kind.HTTP: (Diagnosis.SERVICE_DOWN, service_down),
        Kind.BGP: (Diagnosis.PREFIX_WITHDRAWN, prefix_withdrawn),
    }[key.kind]

    return Rule(
        diagnosis=diagnosis,
        service=key.service,
        subject=key.check,
        severity=severity,
        key=key,
        hold=timing.hold,
        clear=timing.clear,
        judge=lambda ledger, now: judge(ledger.of(key), now),
    )


def record_emptied(series: Sequence[Series], now: float) -> Evidence:
    """Most authoritative servers answer, and answer nothing; without them, most of those asked."""
    return _most(deciding(series), now, lambda s: s.failed_for(*EMPTY))


def service_down(series: Sequence[Series], now: float) -> Evidence:
    """The page fails by name; results by address explain, and never alone say down."""
    return _most([s for s in series if s.place == "name"], now, lambda _: True)


def prefix_withdrawn(series: Sequence[Series], now: float) -> Evidence:
    """The share of the baseline's peers that reach the prefix by an expected origin fell."""
    return _most(series, now, lambda s: s.failed_for("withdrawn"))


def _most(series: Sequence[Series], now: float, counts: Callable[[Series], bool]) -> Evidence:
    """Judge a majority: True with it, False where even the unknown ones could not make it."""
    if not series:
        return UNDECIDED
    need = len(series) // 2 + 1
    verdicts = [(s, s.verdict(now)) for s in series]
    bad = [s for s, verdict in verdicts if verdict is Verdict.FAILING and counts(s)]
    unknown = sum(verdict is Verdict.UNKNOWN for _, verdict in verdicts)
    if len(bad) >= need:
        began_at = sorted(_known(s.failing_since, now) for s in bad)[need - 1]
        seen_at = sorted((_known(s.failed_at, now) for s in bad), reverse=True)[need - 1]
        return Evidence(True, began_at, max(began_at, seen_at))
    return Evidence(False) if len(bad) + unknown < need else UNDECIDED


def _known(at: float | None, otherwise: float) -> float:
    return otherwise if at is None else at


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether this vantage sees the internet, and until when that is proven."""

    blind: Evidence
    proven_at: float


def sight(ledger: Ledger, controls: Sequence[CheckKey], now: float) -> Sight:
    """Judge the controls: blind when most of them fail; without controls we trust ourselves."""
    if not controls:
        return Sight(Evidence(False), math.inf)
    judged = [_control(ledger.of(key), now) for key in controls]
    need = len(controls) // 2 + 1
    failing = [e for e, _ in judged if e.holds]
    undecided = sum(e.holds is None for e, _ in judged)
    seeing = sorted((at for e, at in judged if e.holds is False), reverse=True)
    half = math.ceil(len(controls) / 2)
    proven_at = seeing[half - 1] if len(seeing) >= half else -math.inf
    if len(failing) >= need:
        began_at = sorted(e.began_at for e in failing)[need - 1]
        seen_at = sorted((e.seen_at for e in failing), reverse=True)[need - 1]
        return Sight(Evidence(True, began_at, max(began_at, seen_at)), proven_at)
    blind = Evidence(False) if len(failing) + undecided < need else UNDECIDED
    return Sight(blind, proven_at)


def _control(series: Sequence[Series], now: float) -> tuple[Evidence, float]:
    """Judge one control, and say when most of its subjects were last seen well."""
    evidence = _most(series, now, lambda _: True)
    seen = sorted((_known(s.ok_at, -math.inf) for s in series), reverse=True)
    return evidence, seen[math.ceil(len(seen) / 2) - 1] if seen else -math.inf


def unless_blind(evidence: Evidence, sight: Sight) -> Evidence:
    """A blind vantage says nothing about anybody, and a fault needs sight proven since it began."""
    if sight.blind.holds is not False:
        return UNDECIDED
    if evidence.holds and sight.proven_at < evidence.began_at:
        return UNDECIDED
    return evidence
