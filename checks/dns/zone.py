"""The looks at a zone as a whole: its servers held against each other, and against the parent."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar, cast

import dns.message
import dns.name
import dns.rdatatype

from vedette.checks.dns.agreement import (
    Bounded,
    Held,
    Issue,
    compare_answers,
    compare_serials,
    hold,
    remember,
    serial_of,
)
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.delegation import Side, child_side, judge, own_addresses, parent_side
from vedette.checks.dns.message import Question, Reply, ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server, ipv4_first
from vedette.checks.dns.server import Place, Transport
from vedette.checks.dns.settings import Comparison, DnsSettings
from vedette.checks.dns.walk import Walk
from vedette.checks.finding import Finding, Look, Verdict
from vedette.checks.net import CouldNotLook, NetworkFailure

_TRIES = 2
"""How many servers of each side are asked for the delegation in one round."""
_NAMES = 4
"""Of how many name servers the child is asked for the addresses in one round."""

KnownDelegation = Callable[[str], Sequence[str] | None]
"""A zone to the texts of its last-known-good delegation."""
DeclaredServers = Mapping[str, Collection[str]]
"""Zones to the names of all servers that the config allows them."""

_Addresses = Mapping[str, frozenset[str]]
_Said = TypeVar("_Said")


class Round:
    """The findings of one round's authoritative looks, for the look that compares them."""

    def __init__(self, servers: Collection[Server]) -> None:
        self._servers = tuple(servers)
        self._findings: dict[Server, Finding] = {}
        self._complete = asyncio.Event()

    def told(self, server: Server, finding: Finding) -> None:
        """Take in what the look at *server* showed."""
        self._findings[server] = finding
        if self._findings.keys() >= set(self._servers):
            self._complete.set()

    async def all(self, seconds: float) -> Mapping[Server, Finding]:
        """Return one finding of each server, at the latest after *seconds*."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._complete.wait()
        return {server: self._findings.get(server, _LATE) for server in self._servers}


_LATE = Finding(
    verdict=Verdict.UNKNOWN, reason=Reason.TIMEOUT, detail="the look did not end in time"
)


class ZoneLooks:
    """Looks at the zone of a walk, where its settings ask for it and there is what to compare.

    *seconds* is how long each look takes at most. What servers said before is remembered while they
    are the zone's.
    """

    def __init__(
        self,
        walk: Walk,
        settings: DnsSettings,
        *,
        seconds: float,
        now: Callable[[], float],
        authorities: Authorities,
        known_delegation: KnownDelegation,
        declared: DeclaredServers = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._now = now
        self._authorities = authorities
        self._known_delegation = known_delegation
        self._declared = declared
        self._walk = walk
        self._held: Mapping[Server, Held] = {}
        self._issues: Sequence[Issue] = ()
        self._parents: list[Server] = []
        self._children: list[Server] = []
        self._own: _Addresses = {}
        self._sides: dict[tuple[object, Server, Question], tuple[dns.message.Message, Any]] = {}
        self.arrange(walk)

    def arrange(self, walk: Walk) -> None:
        """Take zone and servers from a later walk."""
        if walk.zone != self._walk.zone:
            self._held, self._issues, self._own = {}, (), {}
        self._walk = walk
        self._sides.clear()
        self._soa = _question(dns.name.from_text(walk.zone), dns.rdatatype.SOA)
        self._ns = _question(dns.name.from_text(walk.zone), dns.rdatatype.NS)
        self._held = {server: said for server, said in self._held.items() if server in walk.servers}
        self._parents = _order(walk.parent, self._parents)
        self._children = _order(walk.servers, self._children)

    def looks(self, round_: Round) -> Sequence[Look]:
        """Return the looks of one round, whose authoritative looks tell *round_* what they show."""
        zone, compare, looks = self._walk.zone, self._settings.compare, list[Look]()
        several = len(self._walk.servers) > 1
        if several and Comparison.ANSWERS in compare:
            once = partial(self._answers, round_)
            looks.append(Look(f"answers of {zone} servers compared", Place.AGREEMENT, once))
        if several and Comparison.SERIALS in compare:
            said = f"serials of {zone} servers compared"
            looks.append(Look(said, Place.AGREEMENT, self._serials))
        if self._walk.parent and Comparison.DELEGATION in compare:
            looks.append(Look(f"delegation of {zone}", Place.DELEGATION, self._delegation))
        return looks

    async def _answers(self, round_: Round) -> Finding:
        findings = await round_.all(self._seconds)
        now = self._now()
        self._held = hold(self._held, findings, now)
        return compare_answers(
            self._walk.zone,
            findings,
            self._held,
            now=now,
            settle=self._settings.settle,
            bounded=Bounded(
                addresses=self._settings.networks is not None,
                cnames=self._settings.targets is not None,
            ),
        )

    async def _serials(self) -> Finding:
        zone, servers = self._walk.zone, self._walk.servers
        until = asyncio.get_running_loop().time() + self._seconds
        serials = await asyncio.gather(*(self._serial(one, until) for one in servers))
        told, now = dict(zip(servers, serials, strict=True)), self._now()
        known = [serial for serial in serials if isinstance(serial, int)]
        self._issues = remember(self._issues, known, now=now, settle=self._settings.settle)
        return compare_serials(zone, told, self._issues, now=now, settle=self._settings.settle)

    async def _delegation(self) -> Finding:
        """Ask a server of the parent, then one of the child, and hold them against each other.

        What fails is asked for again over TCP, where no glue is left out for want of room and
        nobody off the path can answer.
        """
        start, walk, parents = asyncio.get_running_loop().time(), self._walk, self._parents
        known, declared = self._known_delegation(walk.zone), self._declared.get(walk.zone, ())
        ask_parent = self._ask_parent
        parent = await _first(parents, ask_parent, start + 0.4 * self._seconds)
        glue = parent.addresses if isinstance(parent, Side) else {}
        ask_child = partial(self._ask_child, glue)
        child = await _first(self._children, ask_child, start + 0.8 * self._seconds)
        finding = judge(walk.zone, parent, child, known, declared)
        if finding.verdict is Verdict.FAILING:
            with suppress(NetworkFailure):
                parent = await ask_parent(parents[0], start + self._seconds, Transport.TCP)
                finding = judge(walk.zone, parent, child, known, declared)
        return finding

    async def _ask_child(self, glue: _Addresses, server: Server, until: float) -> Side:
        """Ask for the names, and for some of the addresses that the parent's *glue* is about."""
        reply = await self._authorities.ask(server, self._ns, until)
        side = self._told(child_side, reply, self._ns, server)
        due = self._due(glue)
        found = await asyncio.gather(*(self._own_addresses(name, server, until) for name in due))
        own = {name: said for name, said in self._own.items() if name in glue and name not in due}
        for name, said in zip(due, found, strict=True):
            if isinstance(said, NetworkFailure):
                raise said
            if said is not None:
                own[name] = said
        self._own = own
        return replace(side, addresses=own)

    def _told(
        self,
        read: Callable[[dns.message.Message, Question, str], _Said],
        reply: Reply,
        question: Question,
        server: Server,
    ) -> _Said:
        """Return what *read* makes of a reply; one like the last is not read again."""
        key = read, server, question
        message, said = self._sides.get(key, (None, None))
        if message is not reply.message:
            said = read(reply.message, question, server.spoken)
            self._sides[key] = reply.message, said
        return cast("_Said", said)

    async def _serial(self, server: Server, until: float) -> int | NetworkFailure:
        try:
            reply = await self._authorities.ask(server, self._soa, until)
            return serial_of(reply.message, self._soa, server.spoken)
        except NetworkFailure as failure:
            return failure

    async def _ask_parent(
        self, server: Server, until: float, transport: Transport = Transport.UDP
    ) -> Side:
        reply = await self._authorities.ask(server, self._ns, until, transport)
        return self._told(parent_side, reply, self._ns, server)

    async def _own_addresses(
        self, name: str, server: Server, until: float
    ) -> frozenset[str] | NetworkFailure | None:
        """Return what a child server says of the addresses of *name*; a failure as a value."""
        found: frozenset[str] = frozenset()
        for rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            question = _question(dns.name.from_text(name), rdtype)
            try:
                reply = await self._authorities.ask(server, question, until)
                said = self._told(own_addresses, reply, question, server)
            except NetworkFailure as failure:
                return failure
            if said is None:
                return None
            found |= said
        return found

    def _due(self, glue: _Addresses) -> Sequence[str]:
        """Return the few to ask about: who seems to differ first, then who has waited longest."""
        equal = [name for name, said in self._own.items() if said == glue.get(name)]
        return [*(name for name in sorted(glue) if name not in equal), *equal][:_NAMES]


async def _first(
    servers: list[Server], ask_one: Callable[[Server, float], Awaitable[Side]], until: float
) -> Side | NetworkFailure:
    """Return what the first server that can tell says; who cannot goes to the end of *servers*."""
    clock, tries = asyncio.get_running_loop().time, min(_TRIES, len(servers))
    failure: NetworkFailure | None = None
    if not servers:
        return NetworkFailure(Reason.UNREACHABLE, "none of them has an address")
    for _ in range(len(servers)):
        now = clock()
        try:
            return await ask_one(servers[0], now + (until - now) / tries)
        except NetworkFailure as trouble:
            servers.append(servers.pop(0))
            if failure is None or isinstance(failure, CouldNotLook):
                failure = trouble
            tries -= not isinstance(trouble, CouldNotLook)
            if not tries:
                break
    assert failure is not None
    return failure


def _question(name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Question:
    return ask(name, rdtype, recursive=False, dnssec_ok=True)


def _order(servers: Sequence[Server], before: Sequence[Server]) -> list[Server]:
    """Return *servers* with those asked *before* in their order, then the new ones, IPv4 first.

    The new ones are shuffled, so that a fleet asks all of them.
    """
    new = [server for server in servers if server not in before]
    shuffled = ipv4_first(random.sample(new, len(new)))
    return [*(server for server in before if server in servers), *shuffled]
