"""The chain of trust: from an anchor down to a zone, over the servers that a walk has found.

Rule: what a zone says of itself counts only under the keys that its parent's signed DS names.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import dns.name
from dns.rdatatype import DNSKEY, DS, SOA
from dns.rrset import RRset

from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.dnssec.anchors import ROOT_ANCHORS, Anchors
from vedette.checks.dns.dnssec.delegation import (
    Entered,
    Signed,
    read_delegation,
    read_keys,
    supported,
)
from vedette.checks.dns.dnssec.denial import Denial
from vedette.checks.dns.dnssec.link import (
    Link,
    Security,
    bogus,
    denied,
    faulty,
    indeterminate,
    lacking,
    read_signers,
    secure,
    unsigned,
    unsupported,
)
from vedette.checks.dns.dnssec.replies import Asker, Replies, Told, about
from vedette.checks.dns.dnssec.signatures import Fault, Verified, ancestors
from vedette.checks.dns.roots import ROOT_SERVERS, Server, ipv4_first
from vedette.checks.dns.walk import Walk
from vedette.checks.net import NetworkFailure

_FRESH = 300.0
"""Seconds for which, at most, a zone above the one looked at is not asked again."""
_DOUBT = 10.0
"""The same for one that is broken, or above one that is."""
_FAILED = 5.0
"""The same where nobody answered."""

Route = Mapping[dns.name.Name, tuple[Server, ...]]
"""The zones from the top down to the one looked at, with the servers to ask, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What was found of a name; it serves from epoch second *since* to *until*."""

    outcome: Link | NetworkFailure
    since: float
    until: float

    def serves(self, now: float, age: float) -> bool:
        """Whether it can be used at *now*, when it may be *age* seconds old."""
        return now < self.until and abs(now - self.since) <= age


class Trust:
    """Judges zones by the chain from *anchors*; all checks share one.

    Where a walk began below the root, *roots* are asked for what lies above. What is found of the
    zones above is kept for as long as TTLs and signatures allow, 300 s at most. A server is waited
    for *patience* seconds.
    """

    def __init__(
        self,
        anchors: Anchors = ROOT_ANCHORS,
        roots: Sequence[Server] = ROOT_SERVERS,
        *,
        patience: float = 2.0,
        authorities: Authorities | None = None,
    ) -> None:
        self.anchors = anchors
        self._roots = tuple(ipv4_first(roots))
        self._patience = patience
        self._authorities = authorities or Authorities()
        self._glue: dict[str, Sequence[Server]] = {}
        self._replies = Replies()
        self._known: dict[dns.name.Name, _Known] = {}
        self._locks: dict[dns.name.Name, asyncio.Lock] = {}

    async def look(self, walk: Walk, now: float, *, deadline: float) -> Link:
        """Ask for the DS records of *walk*'s zone, and every server of it for its keys, and judge.

        *now* is in epoch seconds, *deadline* on the loop's clock. Raises NetworkFailure where a
        zone on the way has no server that answers.
        """
        zone, route = dns.name.from_text(walk.zone), self._route(walk)
        anchor = self._anchor(zone, route)
        if anchor is None:
            return indeterminate(zone)
        asker = Asker(
            authorities=self._authorities,
            replies=self._replies,
            patience=self._patience,
            now=now,
            deadline=deadline,
        )
        return await _Descent(self, anchor, route, asker).look(zone, walk.servers)

    def covers(self, walk: Walk) -> bool:
        """Whether an anchor leads to *walk*'s zone; nothing can be said of one that has none."""
        return self._anchor(dns.name.from_text(walk.zone), self._route(walk)) is not None

    def _anchor(self, zone: dns.name.Name, route: Route) -> dns.name.Name | None:
        anchor = max(filter(zone.is_subdomain, self.anchors), key=len, default=None)
        if anchor is None or not any(map(anchor.is_subdomain, route)):
            return None
        return anchor

    async def remembered(
        self, name: dns.name.Name, fetch: Callable[[], Awaitable[Link]], now: float, age: float
    ) -> Link:
        """Return what is known of *name*, or *fetch* it: once for all who miss it together."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            known = self._known.get(name)
            if known is None or not known.serves(now, age):
                known = self._known[name] = await _fetched(fetch, now)
        if isinstance(known.outcome, NetworkFailure):
            raise type(known.outcome)(known.outcome.reason, known.outcome.detail)
        return known.outcome

    def _route(self, walk: Walk) -> Route:
        route: dict[dns.name.Name, tuple[Server, ...]] = {}
        if any(asked.server.name for step in walk.steps[:1] for asked in step.asked):
            # The servers of a stub zone have no names, and nobody is known above it.
            route[dns.name.root] = self._roots
        for step in walk.steps:
            answered = (step.answered,) if step.answered else ()
            # A walk that spares the root does not tell all servers of the top-level zone.
            given = self._glue.get(step.zone, ())
            others = ipv4_first([*given, *(asked.server for asked in step.asked)])
            route[dns.name.from_text(step.zone)] = tuple(dict.fromkeys([*answered, *others]))
            if step.child and step.glue:
                self._glue[step.child] = step.glue
        route[dns.name.from_text(walk.zone)] = walk.servers
        return route


class _Descent:
    """One way down from an anchor."""

    def __init__(self, trust: Trust, anchor: dns.name.Name, route: Route, asker: Asker) -> None:
        self._trust = trust
        self._anchor = anchor
        self._route = route
        self._asker = asker
        self._age = _FRESH

    async def look(self, zone: dns.name.Name, servers: Sequence[Server]) -> Link:
        """Judge *zone* by the word of its parent and of all its *servers*, asked now."""
        if zone == self._anchor:
            return await self._everywhere(zone, self._trust.anchors[zone], None, servers)
        told = await self._delegation(await self._to(zone.parent()), zone)
        if isinstance(told, Link):
            return replace(told, zone=zone)
        signed = told.judged
        return await self._everywhere(zone, signed.ds, signed.signature, servers)

    async def _to(self, target: dns.name.Name) -> Link:
        """Return the zone that holds *target*, or the one above it at which trust ends."""
        enter = partial(self._enter, self._anchor, self._trust.anchors[self._anchor])
        link = await self._remembered(self._anchor, enter)
        for name in [target, *ancestors(target, self._anchor)][-2::-1]:
            if link.security is not Security.SECURE:
                break
            link = await self._remembered(name, partial(self._below, link, name))
        return link

    async def _remembered(self, name: dns.name.Name, fetch: Callable[[], Awaitable[Link]]) -> Link:
        return await self._trust.remembered(name, fetch, self._asker.now, self._age)

    async def _below(self, above: Link, name: dns.name.Name) -> Link:
        """Return the zone that holds *name*, one label below what the zone *above* holds."""
        told = await self._delegation(above, name)
        if isinstance(told, Link):
            return told
        signed = told.judged
        link = await self._enter(name, signed.ds, signed.signature)
        return replace(link, until=min(link.until, told.until))

    async def _delegation(self, above: Link, name: dns.name.Name) -> Told[Signed] | Link:
        """Return the DS records that lead to *name*, or the link that needs none."""
        if above.keys is None:
            return above
        told = await self._asker.first(
            about(name, DS), self._servers(name.parent()), read_delegation, above.keys
        )
        judged = told.judged
        if isinstance(judged, Fault) and self._age > _DOUBT:
            # The zone above may have changed its keys since they were asked for.
            self._age = _DOUBT
            fresh = await self._to(name.parent())
            if fresh is not above:
                return await self._delegation(fresh, name)
        if isinstance(judged, Fault):
            return bogus(above.zone, judged)
        if isinstance(judged, Signed):
            known = supported(judged.ds)
            return Told(judged, told.until) if known else unsupported(judged, told.until)
        if judged is Denial.UNSIGNED:
            return unsigned(above.zone, name, told.until)
        # Where there is no cut the zone above goes on, but the walk has seen one at its zones.
        return denied(above.zone, name, judged) if name in self._route else above

    async def _enter(
        self, zone: dns.name.Name, ds: RRset, signature: Verified | None = None
    ) -> Link:
        """Return *zone* by the keys that one of its servers gives."""
        told = await self._asker.first(about(zone, DNSKEY), self._servers(zone), read_keys, ds)
        if isinstance(told.judged, Fault):
            return bogus(zone, told.judged, ds)
        return replace(secure(zone, ds, [told.judged], signature), until=told.until)

    async def _everywhere(
        self,
        zone: dns.name.Name,
        ds: RRset,
        signature: Verified | None,
        servers: Sequence[Server],
    ) -> Link:
        """Return *zone* by the keys that all its servers give; one that is silent is not judged."""
        told = await self._asker.each(about(zone, DNSKEY), servers, read_keys, ds)
        entered = {server: e for server, e in told.items() if isinstance(e, Entered)}
        fault = faulty(told)
        if fault is None and len({e.keys.records for e in entered.values()}) > 1:
            signers = await self._asker.each(about(zone, SOA), [*entered], read_signers, None)
            fault = lacking(entered, signers)
        if fault is not None:
            return bogus(zone, fault, ds)
        return secure(zone, ds, [*entered.values()], signature)

    def _servers(self, name: dns.name.Name) -> Sequence[Server]:
        """Return the servers of the lowest zone on the way that holds *name*."""
        return self._route[max(filter(name.is_subdomain, self._route), key=len)]


async def _fetched(fetch: Callable[[], Awaitable[Link]], now: float) -> _Known:
    try:
        link = await fetch()
    except NetworkFailure as failure:
        return _Known(outcome=failure, since=now, until=now + _FAILED)
    until = now + _DOUBT if link.security is Security.BOGUS else link.until
    return _Known(outcome=link, since=now, until=until)
