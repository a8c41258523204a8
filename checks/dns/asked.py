"""Whom a DNS check asks: each address of each server, or why there is nobody to ask.

Rule: no I/O.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from vedette.checks.dns.exchange import load
from vedette.checks.dns.judge import rules_of
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import PORTS, Channel, Place, Resolver, Source, short
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.subject import Blocked, Subject, failed
from vedette.checks.dns.walk import Walk
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint, NetworkFailure, is_address

Asked = tuple[Place, str, Subject | Blocked]
"""Where, under which label, and what is asked there."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of the servers that the settings of a check name.

    *walked* is the last good walk; without one *parent* can still be asked for the delegation, and
    *blocked* says why there is none. *hosts* are the addresses of resolvers that have names, and
    *system* the resolvers of this host.
    """

    walked: Walk | None
    parent: Sequence[Server]
    blocked: Finding | None
    hosts: Mapping[str, Sequence[str] | NetworkFailure]
    system: Sequence[Endpoint]


def asked(settings: DnsSettings, found: Found, seconds: float) -> Iterator[Asked]:
    """Yield whom a check asks, in the order of its settings; each has *seconds* to answer."""
    for source in settings.places:
        match source:
            case Source.AUTHORITATIVE:
                yield from _walked(settings, found, Place.AUTHORITATIVE, seconds)
            case Source.PARENT:
                yield from _walked(settings, found, Place.PARENT, seconds)
            case Source.SYSTEM:
                for end in found.system:
                    yield _recursive(settings, Channel(end), f"system {short(end)}", seconds)
            case Resolver():
                yield from _resolvers(settings, source, found.hosts, seconds)


def _walked(settings: DnsSettings, found: Found, place: Place, seconds: float) -> Iterator[Asked]:
    walked = found.walked
    if walked is None and not (found.parent and place is Place.PARENT):
        unwalked = f"The delegation of {settings.name} has not been walked yet"
        yield place, place, Blocked(found.blocked or _unasked(unwalked))
        return
    if place is Place.PARENT:
        servers = found.parent if walked is None else walked.parent
    else:
        servers = walked.servers if walked else ()
    if not servers:
        unfound = f"No server above {settings.name} is known: nobody can be asked"
        yield place, place, Blocked(_unasked(unfound))
    for server in servers:
        yield place, server.label, _authority(settings, server, place, seconds)
    if walked is not None and place is Place.AUTHORITATIVE:
        for name in walked.missing:
            yield place, name, Blocked(_missing(name, walked))


def _resolvers(
    settings: DnsSettings,
    resolver: Resolver,
    hosts: Mapping[str, Sequence[str] | NetworkFailure],
    seconds: float,
) -> Iterator[Asked]:
    end, label = resolver.endpoint, resolver.label
    if is_address(end.host):
        yield _recursive(settings, _channel(settings, resolver, end.host), label, seconds)
        return
    addresses = hosts.get(end.host, ())
    if isinstance(addresses, NetworkFailure):
        yield Place.RECURSIVE, label, Blocked(failed(addresses, "", verdict=Verdict.UNKNOWN))
        return
    if not addresses:
        unknown = _unasked(f"The resolver's name {end.host} has not been resolved yet")
        yield Place.RECURSIVE, label, Blocked(unknown)
    for address in addresses:
        at = f"{_portless(resolver)} {short(Endpoint(address, end.port), resolver.transport)}"
        yield _recursive(settings, _channel(settings, resolver, address), at, seconds)


def _channel(settings: DnsSettings, resolver: Resolver, address: str) -> Channel:
    load(resolver.transport)
    return Channel(
        Endpoint(address, resolver.endpoint.port),
        resolver.transport,
        host=resolver.endpoint.host,
        path=resolver.path,
        ca_file=settings.ca_file,
    )


def _authority(settings: DnsSettings, server: Server, place: Place, seconds: float) -> Subject:
    return Subject(
        question=ask(settings.name, settings.type, recursive=False, dnssec_ok=True),
        channel=Channel(server.endpoint),
        rules=rules_of(settings, place),
        seconds=seconds,
        name=server.spoken,
    )


def _recursive(settings: DnsSettings, channel: Channel, label: str, seconds: float) -> Asked:
    subject = Subject(
        question=ask(settings.name, settings.type, recursive=True),
        channel=channel,
        rules=rules_of(settings, Place.RECURSIVE),
        seconds=seconds,
        name=label,
        validates=True,
    )
    return Place.RECURSIVE, label, subject


def _portless(resolver: Resolver) -> str:
    end = Endpoint(resolver.endpoint.host, PORTS[resolver.transport])
    return replace(resolver, endpoint=end).label


def _unasked(detail: str) -> Finding:
    return Finding(verdict=Verdict.UNKNOWN, reason=Reason.DELEGATION, detail=detail)


def _missing(name: str, walk: Walk) -> Finding:
    says = f"{walk.parent_zone} delegates {walk.zone} to {name}, which has no address"
    return Finding(
        verdict=Verdict.FAILING, reason=Reason.UNREACHABLE, detail=says, facts={"server": name}
    )
