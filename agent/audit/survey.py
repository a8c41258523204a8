"""From a config and lookups to the graph: each part of the fleet with what it needs."""

import asyncio
import re
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit

from vedette.agent.alarms.agreement import Distinct
from vedette.agent.audit.lookups import LookupFailedError, Resolvers
from vedette.agent.audit.networks import Networks
from vedette.agent.audit.part import FailureDomain, Kind, Need, Part, Role, Way
from vedette.agent.audit.posture import Posture, Zone
from vedette.agent.config import Config, Service
from vedette.agent.config.vantage import Domain
from vedette.checks.net import is_address

Told = TypeVar("Told")
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"})


@dataclass(frozen=True, slots=True)
class Survey:
    """The graph, the posture of the watched names, and in words what could not be looked up."""

    parts: Sequence[Part]
    postures: Sequence[Posture]
    unknown: Sequence[str]


@dataclass(slots=True)
class Surveyor:
    """Looks up what *config* hangs on; *hosts* are those of pagers and heartbeats, by name.

    *resolvers* are the addresses of this host's own resolvers.
    """

    config: Config
    lookups: Resolvers
    networks: Networks
    resolvers: Sequence[str]
    _unknown: set[str] = field(default_factory=set)
    _zones: dict[str, Zone | None] = field(default_factory=dict)

    async def survey(
        self, pagers: Iterable[tuple[str, Sequence[str]]], heartbeats: Iterable[tuple[str, str]]
    ) -> Survey:
        """Return all that the fleet and its targets hang on.

        *pagers* are names with the hosts of each, of which one is enough; *heartbeats* names with
        the host of each.
        """
        parts = self._vantages()
        parts += [await self._reached(Role.PAGER, name, hosts) for name, hosts in pagers]
        parts += [await self._reached(Role.HEARTBEAT, name, [host]) for name, host in heartbeats]
        services = await asyncio.gather(*map(self._service, self.config.services))
        names = sorted({name for one in self.config.services for name in _names(one)})
        postures = await asyncio.gather(*map(self._posture, names))
        return Survey([*parts, *services], postures, sorted(self._unknown))

    def _vantages(self) -> list[Part]:
        agent = self.config.agent
        own = Need("its resolvers", [Way(a, self.networks.owners(a)) for a in self.resolvers])
        parts = [self._vantage(agent.name, agent.domain, own)]
        return parts + [self._vantage(peer.name, peer.domain) for peer in self.config.peers]

    def _vantage(self, name: str, domain: Domain, *needs: Need) -> Part:
        distinct = self.config.quorum.distinct or Distinct.PROVIDER
        voice = name if distinct is Distinct.VANTAGE else getattr(domain, distinct)
        host = Need("where it runs", [Way(name, declared(domain))])
        return Part(Role.VANTAGE, name, [host, *needs], str(voice))

    async def _reached(self, role: Role, name: str, hosts: Sequence[str]) -> Part:
        """Return a part that is reached at one of *hosts*.

        The names of its name servers are no need: pages also go to addresses kept from before.
        """
        ways = [way for host in hosts for way in await self._addresses(host)]
        return Part(role, name, [Need("its addresses", ways)])

    async def _service(self, service: Service) -> Part:
        needs = []
        if service.domain is not None:
            needs.append(Need("as declared", [Way(service.name, declared(service.domain))]))
        for name in _names(service):
            needs.append(Need(f"the addresses of {name}", await self._addresses(name)))
            for link in await self._chain(name):
                zone = await self._zone(link)
                if zone is not None:
                    needs.append(_served(zone))
        for check in service.bgp:
            origins = [_origin(number) for number in check.origins]
            needs.append(Need(f"the origins of {check.prefix}", origins))
        return Part(Role.SERVICE, service.name, needs)

    async def _addresses(self, host: str) -> Sequence[Way]:
        both = await asyncio.gather(*(self._records(host, type_) for type_ in ("A", "AAAA")))
        return [Way(address, self.networks.owners(address)) for one in both for address in one]

    async def _records(self, name: str, type_: str) -> Sequence[str]:
        answer = await self._ask(self.lookups.answer(name, type_))
        return answer.records if answer else ()

    async def _chain(self, name: str) -> Sequence[str]:
        answer = await self._ask(self.lookups.answer(name, "A"))
        return (answer.chain or [name]) if answer else [name]

    async def _zone(self, name: str) -> Zone | None:
        if is_address(name):
            return None
        found = await self._ask(self.lookups.zone(name))
        if found is None:
            return None
        apex, servers = found
        if apex not in self._zones:
            self._zones[apex] = await self._described(apex, servers)
        return self._zones[apex]

    async def _described(self, apex: str, servers: Sequence[str]) -> Zone:
        ways = {server: await self._addresses(server) for server in servers}
        domains = {
            server: frozenset().union(*(way.domains for way in found)) | _operated(server)
            for server, found in ways.items()
        }
        address = next((way.name for found in ways.values() for way in found), None)
        ttl = await self._ask(self.lookups.ttl(apex, "NS", address)) if address else None
        operators = frozenset(d.name for all_ in domains.values() for d in all_ if _runs(d))
        return Zone(apex, domains, operators, ttl)

    async def _posture(self, name: str) -> Posture:
        chain = await self._chain(name)
        zone = await self._zone(chain[-1])
        server = await self._server(zone) if zone else None
        ttl = await self._ask(self.lookups.ttl(chain[-1], "A", server)) if server else None
        return Posture(name, await self._zone(name), ttl)

    async def _server(self, zone: Zone) -> str | None:
        for server in sorted(zone.servers):
            for way in await self._addresses(server):
                return way.name
        return None

    async def _ask(self, question: Awaitable[Told]) -> Told | None:
        try:
            return await question
        except LookupFailedError as error:
            self._unknown.add(str(error))
            return None


def declared(domain: Domain) -> frozenset[FailureDomain]:
    """Return the failure domains that a config names; providers are compared in lower case."""
    provider = domain.provider.lower()
    found = {FailureDomain(Kind.PROVIDER, provider)}
    if domain.region is not None:
        found.add(FailureDomain(Kind.REGION, f"{provider}/{domain.region.lower()}"))
    if domain.account is not None:
        found.add(FailureDomain(Kind.ACCOUNT, f"{provider}/{domain.account}"))
    if domain.cluster is not None:
        found.add(FailureDomain(Kind.CLUSTER, domain.cluster))
    if domain.asn is not None:
        found.add(FailureDomain(Kind.ASN, str(domain.asn)))
    return frozenset(found)


def _names(service: Service) -> Sequence[str]:
    """Return the host names that a service's checks look at."""
    hosts = [urlsplit(http.url).hostname for http in service.http]
    return list(
        dict.fromkeys([*(dns.name.rstrip(".") for dns in service.dns), *filter(None, hosts)])
    )


def _origin(asn: int) -> Way:
    return Way(f"AS{asn}", frozenset({FailureDomain(Kind.ASN, str(asn))}))


def _served(zone: Zone) -> Need:
    ways = [Way(server, domains) for server, domains in zone.servers.items()]
    return Need(f"the name servers of {zone.apex}", ways)


def _operated(server: str) -> frozenset[FailureDomain]:
    """Return who runs a name server: the label under the registry, without a number at its end.

    So ns-1.awsdns-01.com and ns-2.awsdns-22.net are of one operator. No list of public suffixes is
    kept for it: below a country the usual second-level labels are skipped.
    """
    labels = server.lower().rstrip(".").split(".")
    at = 2 if len(labels[-1]) > 2 or len(labels) < 3 or labels[-2] not in _SECOND_LEVEL else 3
    label = labels[-at] if len(labels) >= at else labels[0]
    return frozenset({FailureDomain(Kind.DNS, re.sub(r"-?\d+$", "", label) or label)})


def _runs(domain: FailureDomain) -> bool:
    return domain.kind is Kind.DNS
