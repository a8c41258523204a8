"""Whether a remedy may be used for an incident, and what became of it.

A remedy is used once per incident: what was intended and not done, because the agent was killed or
because there were too many, is left to a person.
Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.alarms.agreement import Distinct, Quorum
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.alarms.incidents import Incident
from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.diagnoses.names import Rule, is_warning
from vedette.agent.memory.events import Event, EventName
from vedette.agent.memory.ledger import CheckKey, Ledger

MOST_PER_HOUR = 3
"""How many attempts all remedies make together in an hour."""
_HOUR = 3600.0


class Result(StrEnum):
    """What became of an attempt; they are metric labels, and are never renamed."""

    INTENDED = "intended"
    DONE = "done"
    FAILED = "failed"
    DRY_RUN = "dry_run"
    LIMITED = "limited"
    UNKEPT = "unkept"  # the disk did not take the intention, so that it might be done twice
    INTERRUPTED = "interrupted"


ACTED = frozenset({Result.INTENDED, Result.DONE, Result.FAILED, Result.INTERRUPTED})
"""What may have changed something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """The one attempt of the remedy *name* at the incident of *key* that opened at *opened_at*."""

    name: str
    key: str
    opened_at: float
    service: str
    diagnosis: str
    at: float
    result: Result
    detail: str = ""

    @property
    def of(self) -> tuple[str, str, float]:
        """What there is at most one attempt of."""
        return self.name, self.key, self.opened_at

    @property
    def told(self) -> str:
        """What became of it, in words."""
        return f"{self.result}: {self.detail}" if self.detail else str(self.result)


def is_meant(settings: RemediationSettings, incident: Incident, rule: Rule) -> bool:
    """Whether a remedy is for an incident that is headed by *rule*."""
    return (
        settings.enabled
        and not is_warning(incident.severity)
        and rule.diagnosis in settings.diagnoses
        and (settings.services is None or incident.service in settings.services)
    )


def providers(
    rule: Rule,
    ledgers: Mapping[str, Ledger],
    quorum: Quorum,
    controls: Sequence[CheckKey],
    now: float,
) -> Collection[str]:
    """Return the providers that see what *rule* says each by itself, now and with its own eyes."""
    found = set()
    for name, ledger in ledgers.items():
        vantage = quorum.vantages[name]
        alone = Quorum(name, {name: vantage}, agree=1)
        if rule.judge(Fleet({name: ledger}, alone, controls, now)).holds:
            found.add(str(vantage.domain(Distinct.PROVIDER)))
    return found


def limit(settings: RemediationSettings, attempts: Iterable[Attempt], now: float) -> str | None:
    """Return why a remedy may not be used again so soon; None where it may."""
    acted = [one for one in attempts if one.result in ACTED]
    lately = [one for one in acted if one.name == settings.name and now - one.at < settings.every]
    if lately:
        ago = now - lately[-1].at
        return f"it was used {ago:.0f} s ago, and is used every {settings.every:g} s at most"
    if sum(now - one.at < _HOUR for one in acted) >= MOST_PER_HOUR:
        return f"{MOST_PER_HOUR} remedies were used within an hour"
    return None


def event(attempt: Attempt) -> Event:
    """Return the line of the record that tells *attempt*."""
    return Event(
        attempt.at,
        attempt.service,
        attempt.key,
        EventName.REMEDIATION,
        attempt.name,
        {"change": attempt.told},
    )
