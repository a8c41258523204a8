"""How well watched names would stand a failure of their own DNS.

Rule: pure; no I/O.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.audit.part import FailureDomain, Kind

STEER = 300
"""Seconds of TTL beyond which a record is too long in caches to steer an outage by."""
SURVIVE = 3600
"""Seconds of TTL below which an NS set leaves caches before people can mend a delegation."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone as it was found: its name servers, on what each hangs, and the TTL of the set.

    *operators* are the domains that run the name servers, by their host names.
    """

    apex: str
    servers: Mapping[str, frozenset[FailureDomain]]
    operators: frozenset[str]
    ttl: int | None


@dataclass(frozen=True, slots=True)
class Posture:
    """A watched name and its zone; *ttl* in seconds is that of its records."""

    name: str
    zone: Zone | None
    ttl: int | None


@dataclass(frozen=True, slots=True)
class Weakness:
    """One thing that would make an outage of a name longer."""

    subject: str
    text: str


def weaknesses(postures: Sequence[Posture]) -> Sequence[Weakness]:
    """Return what is weak about the names, each zone's own weaknesses once."""
    zones = {one.zone.apex: one.zone for one in postures if one.zone is not None}
    found = [weakness for apex in sorted(zones) for weakness in _of_zone(zones[apex])]
    return [*found, *(weakness for one in postures for weakness in _of_name(one))]


def _of_zone(zone: Zone) -> Iterator[Weakness]:
    if len(zone.operators) == 1:
        yield Weakness(
            zone.apex,
            f"{zone.apex} has one DNS provider, {min(zone.operators)}: "
            "a second one would answer while it does not",
        )
    shared = frozenset.intersection(*zone.servers.values()) if zone.servers else frozenset()
    for domain in sorted(d for d in shared if d.kind is Kind.ASN):
        yield Weakness(
            zone.apex,
            f"all {len(zone.servers)} name servers of {zone.apex} are in {domain}: "
            "one withdrawal takes them all",
        )
    if zone.ttl is not None and zone.ttl < SURVIVE:
        yield Weakness(
            zone.apex,
            f"the NS set of {zone.apex} has a TTL of {zone.ttl} s: caches forget it within "
            f"{_minutes(zone.ttl)} of a failure above it, so raise it to a day",
        )


def _of_name(one: Posture) -> Iterator[Weakness]:
    if one.ttl is not None and one.ttl > STEER:
        yield Weakness(
            one.name,
            f"{one.name} has a TTL of {one.ttl} s: traffic follows a change only after "
            f"{_minutes(one.ttl)}, so lower it to {STEER} s or less",
        )


def _minutes(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
