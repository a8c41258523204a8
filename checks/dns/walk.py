"""The delegation walk: from the root, or a stub zone, down to the servers of a name.

Rule: no recursion is asked of anybody, and the parent's NS set is the delegation.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.message import Question, Reply, ask, follow
from vedette.checks.dns.names import spoken
from vedette.checks.dns.rcode import is_answer
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import (
    NOT_ASKED,
    Asked,
    Authority,
    Reading,
    Referral,
    Step,
    cut,
    outcome_of,
    read,
    step,
)
from vedette.checks.dns.roots import ROOT_SERVERS, Server, ipv4_first
from vedette.checks.dns.server import Channel
from vedette.checks.dns.zonecut import (
    Found,
    NoAddress,
    Outcome,
    ZoneCut,
    cut_below,
    ended,
    refuse_top,
    servers_of,
    unreachable,
)
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure, is_address

_TOGETHER = 3
"""How many servers of a zone are asked at the same time."""
_TRIES = 12
"""How many servers of a zone are asked at most."""
_BUDGET = 200
"""How many questions one walk may ask, those for the addresses of name servers included."""
_LARGE = 4096
"""How many octets of a reply count for another question: to read one of 65535 takes long."""
_DEPTH = 4
"""How many walks for addresses of name servers may nest."""
_NAMES = 13
"""How many names of servers without an address are resolved of a zone; the root has as many."""
_NESTED = 5
"""The same on the way to such a name: a reply may hold thousands of them (CVE-2020-12662)."""
_ROOT_TTL = 3600.0
"""How long, at most, what the root says of a top-level zone spares the root further questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The zone that holds a name, every server of it at every address, and how it was found."""

    zone: str
    servers: tuple[Server, ...] = ()
    steps: tuple[Step, ...] = ()
    outcome: Outcome
    parent_zone: str = ""
    """The zone above as the walk met it; empty for the root and for stub zones.

    A zone between the two is not met where one server has it and the zone above."""
    parent: tuple[Server, ...] = ()
    """The servers of the zone above that are known by address, in a fixed order."""
    missing: tuple[str, ...] = ()
    """Servers that the zone above names and that have no address, as their own zones say."""
    unresolved: tuple[str, ...] = ()
    """Servers whose addresses nobody could tell this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """Where a walk ended, before the addresses of all servers are known."""

    cut: ZoneCut
    steps: tuple[Step, ...]
    outcome: Outcome


class Delegations:
    """Walks from the root servers, or from the deepest stub zone that holds the name."""

    def __init__(
        self,
        roots: Sequence[Server] = ROOT_SERVERS,
        stub_zones: Mapping[str, Sequence[Endpoint]] | None = None,
        *,
        patience: float = 2.0,
        deadline: float = 30.0,
    ) -> None:
        for endpoint in (e for servers in (stub_zones or {}).values() for e in servers):
            if not is_address(endpoint.host):
                raise ValueError(f"stub_zones: {endpoint} is not an address with a port")
        self.patience = patience
        self.deadline = deadline
        self._starts = {dns.name.root: ZoneCut(zone=dns.name.root, servers=tuple(roots))}
        for text, servers in (stub_zones or {}).items():
            zone = dns.name.from_text(text.lower())
            known = tuple(Server("", endpoint) for endpoint in servers)
            self._starts[zone] = ZoneCut(zone=zone, servers=known, stub=True)
        self._top: dict[dns.name.Name, tuple[float, ZoneCut]] = {}

    async def walk(self, name: str) -> Walk:
        """Return the servers of *name*'s zone, or raise NetworkFailure where the way is blocked."""
        return await _Errand(self).walk(dns.name.from_text(name.lower()))

    def start(self, name: dns.name.Name, now: float) -> ZoneCut:
        """Return the deepest zone above *name* that needs no question."""
        known = [zone for zone in self._starts if name.is_subdomain(zone)]
        deepest = max(known, key=len)
        if deepest == dns.name.root:
            for zone, (until, found) in self._top.items():
                # The name's own cut is always asked for: it is what must be fresh.
                if until > now and name != zone and name.is_subdomain(zone):
                    return found
        return self._starts[deepest]

    def remember(self, found: ZoneCut, ttl: float, now: float) -> None:
        """Keep what the root said of a top-level zone."""
        self._top[found.zone] = (now + min(ttl, _ROOT_TTL), found)

    def forget(self, zone: dns.name.Name) -> None:
        """Drop a top-level zone whose servers cannot be asked."""
        self._top.pop(zone, None)


class _Errand:
    """One walk with its budget of questions and time."""

    def __init__(self, delegations: Delegations) -> None:
        self._delegations = delegations
        self._budget = _BUDGET
        self._until = asyncio.get_running_loop().time() + delegations.deadline

    async def walk(self, name: dns.name.Name) -> Walk:
        end = await self._descend(name, ())
        found = await self._resolve(end.cut.nameless, ())
        servers = {*end.cut.servers, *servers_of(found)}
        if not servers:
            raise unreachable(end.cut, found)
        parent = end.cut.parent
        return Walk(
            zone=spoken(end.cut.zone),
            servers=tuple(sorted(servers)),
            steps=end.steps,
            outcome=end.outcome,
            parent_zone=spoken(parent.zone) if parent else "",
            parent=tuple(sorted(set(parent.servers))) if parent else (),
            missing=tuple(host for host, at in found.items() if at == ()),
            unresolved=tuple(host for host, at in found.items() if at is None),
        )

    async def _descend(self, name: dns.name.Name, path: tuple[str, ...]) -> _End:
        """Go down from the deepest start to the servers that answer for *name*."""
        loop, steps = asyncio.get_running_loop(), list[Step]()
        at = self._delegations.start(name, loop.time())
        while True:
            at, asked, reading, server = await self._level(at, name, path)
            steps.append(step(at.zone, asked, reading, server))
            if isinstance(reading, Referral):
                lower = cut_below(reading, at)
                if at.zone == dns.name.root and not at.stub:
                    self._delegations.remember(lower, reading.ttl, loop.time())
                at = lower
                continue
            if isinstance(reading, Authority):
                apex = await self._apex(at, reading, server, name)
                if apex.zone != at.zone:
                    steps[-1] = replace(steps[-1], child=spoken(apex.zone))
                at = apex
            else:
                self._delegations.forget(at.zone)
            outcome = ended(reading)
            refuse_top(at, outcome, name, asked)
            return _End(cut=at, steps=tuple(steps), outcome=outcome)

    async def _apex(
        self, at: ZoneCut, reading: Authority, server: Server | None, name: dns.name.Name
    ) -> ZoneCut:
        """Return the cut of the zone that answered, which may lie below the one that was asked.

        A server of parent and child answers out of the child, so the cut is never seen.
        """
        zone = reading.zone
        if zone is None and server is not None:
            zone = await self._holder(at, server, name)
        if zone is None or server is None or zone == at.zone or not zone.is_subdomain(at.zone):
            return at
        if at.stub:
            return ZoneCut(zone=zone, servers=at.servers, stub=True)
        question = ask(zone, dns.rdatatype.NS, recursive=False)
        try:
            reply = await self._exchange(question, server)
        except NetworkFailure:
            return at
        for rrset in reply.message.answer:
            if rrset.rdtype == dns.rdatatype.NS and rrset.name == zone:
                return cut_below(cut(reply.message, rrset, at.zone), at)
        return at

    async def _holder(
        self, at: ZoneCut, server: Server, name: dns.name.Name
    ) -> dns.name.Name | None:
        """Return the zone of *name* where *server* did not say it, as it does not of an alias.

        None where the name lies just below the zone *at*, and where nobody tells.
        """
        for size in range(len(name) - 1, len(at.zone), -1):
            above = name.split(size)[1]
            try:
                reply = await self._exchange(ask(above, dns.rdatatype.SOA, recursive=False), server)
            except NetworkFailure:
                return None
            reading = read(reply.message, at.zone, above)
            if not isinstance(reading, Authority):
                return None
            if reading.zone is not None:
                return reading.zone
        return None

    async def _level(
        self, at: ZoneCut, name: dns.name.Name, path: tuple[str, ...]
    ) -> tuple[ZoneCut, tuple[Asked, ...], Reading | None, Server | None]:
        """Ask the servers that came with addresses, and only if they fail look for the others.

        Returns the cut with those that were found, too.
        """
        asked, reading, server = await self._ask(at.zone, at.servers, name)
        if reading is None and (at.nameless or not asked):
            found = await self._resolve(at.nameless, path)
            late = servers_of(found)
            if not asked and not late:
                raise unreachable(at, found)
            more, reading, server = await self._ask(at.zone, late, name)
            asked += more
            at = replace(at, servers=(*at.servers, *late))
        return at, asked, reading, server

    async def _ask(
        self, zone: dns.name.Name, servers: Sequence[Server], name: dns.name.Name
    ) -> tuple[tuple[Asked, ...], Reading | None, Server | None]:
        """Ask a few servers at a time until one of them leads further."""
        question = ask(name, dns.rdatatype.SOA, recursive=False)
        asked: list[Asked] = []
        waiting = _order(servers)
        while waiting and len([a for a in asked if a.outcome != NOT_ASKED]) < _TRIES:
            batch, waiting = waiting[:_TOGETHER], waiting[_TOGETHER:]
            tasks = [asyncio.create_task(self._one(question, s, zone, name)) for s in batch]
            try:
                for done in asyncio.as_completed(tasks):
                    told, reading = await done
                    asked.append(told)
                    if isinstance(reading, Referral | Authority):
                        return tuple(asked), reading, told.server
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return tuple(asked), None, None

    async def _one(
        self, question: Question, server: Server, zone: dns.name.Name, name: dns.name.Name
    ) -> tuple[Asked, Reading | None]:
        clock = asyncio.get_running_loop().time
        start = clock()
        try:
            reply = await self._exchange(question, server)
        except CouldNotLook as failure:
            outcome, detail = NOT_ASKED, failure.detail
            return Asked(server=server, seconds=0.0, outcome=outcome, detail=detail), None
        except NetworkFailure as failure:
            outcome, detail = str(failure.reason), failure.detail
            seconds = clock() - start
            return Asked(server=server, seconds=seconds, outcome=outcome, detail=detail), None
        reading = read(reply.message, zone, name)
        told = Asked(
            server=server,
            seconds=reply.seconds,
            outcome=outcome_of(reading),
            flags=dns.flags.to_text(reply.message.flags),
        )
        return told, reading

    async def _exchange(self, question: Question, server: Server) -> Reply:
        if self._budget <= 0:
            raise NetworkFailure(
                Reason.DELEGATION, f"the delegation takes more than {_BUDGET} questions to follow"
            )
        self._budget -= 1
        now = asyncio.get_running_loop().time()
        deadline = min(now + self._delegations.patience, self._until)
        reply = await exchange(
            question, Channel(server.endpoint), deadline=deadline, called=server.spoken
        )
        self._budget -= len(reply.wire) // _LARGE
        return reply

    async def _resolve(self, hosts: Sequence[str], path: tuple[str, ...]) -> Found:
        """Return the addresses of name servers that came without glue, all asked together.

        Of too many, those that are not sought are among the ones that nobody can tell.
        """
        asked = [host for host in hosts if host not in path] if len(path) < _DEPTH else []
        most = min(_NESTED if path else _NAMES, max(0, self._budget))
        left = dict.fromkeys(asked[most:])
        found = await asyncio.gather(*(self._addresses(host, path) for host in asked[:most]))
        return dict(zip(asked, found, strict=False)) | left

    async def _addresses(self, host: str, path: tuple[str, ...]) -> tuple[Server, ...] | None:
        """Return one name server at its addresses; None where they cannot be found."""
        name = dns.name.from_text(host)
        try:
            end = await self._descend(name, (*path, host))
        except NetworkFailure as failure:
            none = isinstance(failure, NoAddress) or failure.reason is Reason.NXDOMAIN
            return () if none else None
        authorities = end.cut.servers or servers_of(
            await self._resolve(end.cut.nameless, (*path, host))
        )
        found = await asyncio.gather(
            self._records(name, dns.rdatatype.A, authorities),
            self._records(name, dns.rdatatype.AAAA, authorities),
        )
        servers = tuple(Server(host, Endpoint(text, 53)) for texts in found for text in texts or ())
        return servers if servers or None not in found else None

    async def _records(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, servers: Sequence[Server]
    ) -> tuple[str, ...] | None:
        """Return the texts of a name's records; None where no server can tell them."""
        question = ask(name, rdtype, recursive=False)
        for server in _order(servers)[:_TOGETHER]:
            try:
                reply = await self._exchange(question, server)
            except NetworkFailure:
                continue
            records = follow(reply.message, question).records
            # A server that fails, refuses or refers does not say that there are none.
            if records or _denies(reply.message):
                return tuple(record.to_text() for record in records)
        return None


def _denies(message: dns.message.Message) -> bool:
    """Whether an authority says that there are no records; an alias may lead to some."""
    return is_answer(message) and bool(message.flags & dns.flags.AA) and not message.answer


def _order(servers: Sequence[Server]) -> list[Server]:
    """Return the servers in random order, IPv4 first."""
    return ipv4_first(random.sample(servers, len(servers)))
