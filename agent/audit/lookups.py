"""What the DNS says of a name: addresses, the chain of its owners, its zone and its TTLs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import dns.resolver

from vedette.checks.net import Endpoint, is_address

AT_ONCE = 20
"""How many questions may be in flight."""


class LookupFailedError(Exception):
    """Nobody answered; the message says what was asked for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Records as text, and the names of the chain that led to them, the asked one first."""

    records: Sequence[str]
    chain: Sequence[str]


@dataclass(slots=True)
class Resolvers:
    """Asks resolvers; TTLs come from the zone's own servers, where they do not age.

    For names in one of the zones *stubs* the servers given there are asked, as checks do. Every
    method raises LookupFailedError where nobody answers.
    """

    endpoints: Sequence[Endpoint]
    port: int = 53
    stubs: Mapping[str, Sequence[Endpoint]] = field(default_factory=dict)
    seconds: float = 5.0
    _turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _known: dict[tuple[str, str], Answer] = field(default_factory=dict)

    async def answer(self, name: str, type_: str) -> Answer:
        """Return the records of *name*, none where there are none."""
        if is_address(name):
            return Answer([name] if (":" in name) == (type_ == "AAAA") else [], [])
        known = self._known.get((name, type_))
        if known is None:
            known = self._known[name, type_] = await self._ask(name, type_)
        return known

    async def _ask(self, name: str, type_: str) -> Answer:
        try:
            async with self._turn:
                found = await self._resolver(name).resolve(
                    name, type_, raise_on_no_answer=False, search=False, lifetime=self.seconds
                )
        except dns.resolver.NXDOMAIN:
            return Answer([], [name])
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailedError(
                f"{type_} of {name} could not be looked up: {_why(error)}"
            ) from None
        chain = [str(rrset.name).rstrip(".") for rrset in found.response.answer]
        records = [item.to_text() for item in found.rrset] if found.rrset is not None else []
        return Answer(records, list(dict.fromkeys([name.rstrip("."), *chain])))

    async def zone(self, name: str) -> tuple[str, Sequence[str]]:
        """Return the apex of the zone that *name* is in, and the names of its servers."""
        try:
            async with self._turn:
                apex = await dns.asyncresolver.zone_for_name(
                    dns.name.from_text(name), resolver=self._resolver(name), lifetime=self.seconds
                )
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailedError(
                f"the zone of {name} could not be found: {_why(error)}"
            ) from None
        servers = await self.answer(str(apex), "NS")
        return str(apex).rstrip(".") or ".", [one.rstrip(".") for one in servers.records]

    async def ttl(self, name: str, type_: str, server: str) -> int | None:
        """Return the TTL in seconds that *server*, an address, gives; None where it has none."""
        question = dns.message.make_query(name, type_, flags=0)
        asked = next(iter(self._stub(name)), Endpoint(server, self.port))
        try:
            async with self._turn:
                reply, _ = await dns.asyncquery.udp_with_fallback(
                    question, asked.host, timeout=self.seconds, port=asked.port
                )
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailedError(
                f"{server} was asked for the TTL of {name}: {_said(error)}"
            ) from None
        wanted = dns.name.from_text(name)
        sets = [*reply.answer, *reply.authority]
        return next((s.ttl for s in sets if s.name == wanted and s.rdtype.name == type_), None)

    def _resolver(self, name: str) -> dns.asyncresolver.Resolver:
        """Return what asks whom there is to be asked for *name*."""
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(one.host, one.port)
            for one in self._stub(name) or self.endpoints
        ]
        return resolver

    def _stub(self, name: str) -> Sequence[Endpoint]:
        """Return the servers of the innermost stub zone that holds *name*; none where none does."""
        wanted = dns.name.from_text(name)
        zones = {dns.name.from_text(zone): servers for zone, servers in self.stubs.items()}
        holding = max(filter(wanted.is_subdomain, zones), key=len, default=None)
        return () if holding is None else zones[holding]


def _why(error: Exception) -> str:
    """Return in words what each server that was asked made of it, the last time that it was."""
    tried = getattr(error, "kwargs", {}).get("errors")
    if tried is None:
        return _said(error)
    said = {
        Endpoint(str(server).removeprefix("Do53:").rpartition("@")[0], port): _said(what)
        for server, _tcp, port, what, _reply in tried
    }
    return "; ".join(f"{server}: {what}" for server, what in said.items()) or "nobody to ask"


def _said(what: object) -> str:
    match what:
        case dns.exception.Timeout():
            return "no answer in time"
        case OSError(strerror=str(words)):
            return words.lower()
    return str(what)
