"""Observations and series as short as a table needs them."""

from collections.abc import Sequence

from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.diagnoses.view import Voice, voice
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Fact, Finding, Kind, Observation, Verdict

KEY = CheckKey("shop", Kind.DNS, "shop.example A")
TIMING = Timing(every=30, timeout=5, hold=15, clear=600)

_REASONS = {reason.value: reason for reason in (*BgpReason, *DnsReason)}


def seen(
    at: float,
    verdict: Verdict | str = Verdict.OK,
    *,
    key: CheckKey = KEY,
    subject: str = "192.0.2.1",
    place: str = "authoritative",
    seconds: float = 0.0,
    detail: str = "",
    **facts: Fact,
) -> Observation:
    """Return an observation; *verdict* is one, or the reason of a FAILING one."""
    said = verdict if isinstance(verdict, Verdict) else Verdict.FAILING
    reason = None if said is Verdict.OK else _REASONS.get(verdict, DnsReason.TIMEOUT)
    return Observation(
        service=key.service,
        check=key.check,
        kind=key.kind,
        vantage="here",
        subject=subject,
        place=place,
        finding=Finding(verdict=said, reason=reason, detail=detail, facts=facts),
        started_at=at,
        seconds=seconds,
    )


def series(*looks: Observation, key: CheckKey = KEY, timing: Timing = TIMING) -> Series:
    """Return the series of *looks*, which are at one subject."""
    made = Series(key, looks[0].subject, looks[0].place, timing)
    for look in looks:
        made.add(look)
    return made


def voices(*made: Series, now: float) -> list[Voice]:
    """Return what *made* say about *now*."""
    return [voice(one, now) for one in made]


QUORUM = Quorum("here", {"here": Vantage("here", "provider")})
"""That of one agent alone."""


def alone(ledger: Ledger, now: float, controls: Sequence[CheckKey] = ()) -> Fleet:
    """Return what one agent sees that has no peers."""
    return Fleet({"here": ledger}, QUORUM, controls, now)


def case(value: object) -> str:
    """Return what a case of a table is called: the words it is made of."""
    return ",".join(value) if isinstance(value, list) else str(value)
