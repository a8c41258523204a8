"""Which diagnoses a check cannot give: it does not look where they show.

Rule: pure.
"""

from collections.abc import Collection
from functools import cache

from vedette.agent.diagnoses.names import Diagnosis
from vedette.checks.dns.server import Resolver, Source
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.http.settings import BY_NAME, HttpSettings


def beyond_dns(dns: DnsSettings) -> Collection[Diagnosis]:
    """Return what a dns check cannot tell by the servers that it asks."""
    places, beyond = set(dns.places), set[Diagnosis]()
    is_resolved = any(place is Source.SYSTEM or isinstance(place, Resolver) for place in places)
    if not is_resolved:
        beyond.add(Diagnosis.RESOLVER_FAULT)
    if Source.AUTHORITATIVE not in places and (Source.PARENT in places or not is_resolved):
        beyond.add(Diagnosis.AUTHORITATIVE_DOWN)
    if not {Source.AUTHORITATIVE, Source.PARENT} & places:
        beyond.add(Diagnosis.DELEGATION_CHANGED)
    return _once(frozenset(beyond))


def beyond_http(http: HttpSettings) -> Collection[Diagnosis]:
    """Return what an http check cannot tell by where it connects, and how."""
    beyond = set[Diagnosis]()
    if http.standby or BY_NAME not in (http.at or (BY_NAME,)):
        beyond |= {Diagnosis.SERVICE_DOWN}
    if not (http.target.secure or http.redirects):
        beyond.add(Diagnosis.CERTIFICATE_INVALID)
    return _once(frozenset(beyond))


@cache
def _once(beyond: frozenset[Diagnosis]) -> Collection[Diagnosis]:
    """Return one set for all that are equal: thousands of checks have the same."""
    return beyond
