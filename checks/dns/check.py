"""The DNS check: one question to every server of a name, each judged apart."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vedette.checks.dns.asked import Found, asked
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.resolver import Servers
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import Place, Resolver, Source
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.subject import Blocked, Subject, failed
from vedette.checks.dns.walk import Delegations, Walk
from vedette.checks.dns.zone import DeclaredServers, KnownDelegation, Round, ZoneLooks
from vedette.checks.dns.zonecut import NoAddress, Outcome
from vedette.checks.finding import Finding, Kind, Look, Verdict
from vedette.checks.net import (
    Endpoint,
    NetworkFailure,
    Resolve,
    has_route,
    is_address,
    is_ipv6_only,
)

if TYPE_CHECKING:
    from vedette.checks.dns.dnssec.chain import Trust
    from vedette.checks.dns.validation import Validation

_FRESH = 300.0
"""Seconds until the delegation is walked again after it went well."""
_DOUBTFUL = 30.0
"""The same where the name does not exist or its servers are silent: either may be a cut's doing."""
_FAILED = 5.0
"""The same where it could not be walked."""
_LEAST = 10.0
"""The least seconds between two walks where a look asks for the second."""
_MOVED = (
    Reason.LAME,
    Reason.REFUSED,
    Reason.TIMEOUT,
    Reason.UNREACHABLE,
    Reason.BOGUS,
    Reason.DELEGATION,
)
"""What a zone that was moved, or cut above the name, shows to who asks the servers of old."""

_NONE: Mapping[str, Any] = MappingProxyType({})
"""What most checks have of what only those need that walk or ask a resolver by its name."""


def _nothing_known(_zone: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all DNS checks of an agent look with; without *trust* no signature is judged."""

    delegations: Delegations
    system: Servers
    resolve: Resolve
    now: Callable[[], float]
    """Epoch seconds."""
    wall: Callable[[], float] | None = None
    """The same by the host's clock, where *now* is by one that was right at the start at best."""
    authorities: Authorities = field(default_factory=Authorities)
    trust: "Trust | None" = None
    known_delegation: KnownDelegation = _nothing_known
    declared: DeclaredServers = field(default_factory=dict)


class DnsCheck:
    """Looks at one name and type at the servers its settings name (Check and Refreshing).

    *seconds* is how long one server has to answer. Whoever runs it calls refresh() before the first
    look and then whenever refresh() says: the delegation and host names of resolvers come from it.
    """

    kind = Kind.DNS

    def __init__(self, settings: DnsSettings, means: Means, *, seconds: float) -> None:
        self.settings = settings
        self.name = f"{settings.name} {settings.type}"
        self.walked: Walk | None = None
        """The last good walk."""
        self._parent: tuple[Server, ...] = ()
        """Who can still be asked for the delegation where it leads to nobody."""
        self._means = means
        self._seconds = seconds
        self._zone: ZoneLooks | None = None
        self._validation = _validation(settings, means, seconds)
        self._blocked: Finding | None = None
        """Why it could not be walked; None before the first walk has ended."""
        self._servers: Mapping[str, Server] = _NONE
        self._hosts: Mapping[str, Sequence[str] | NetworkFailure] = _NONE
        self._subjects: dict[tuple[Place, str], Subject | Blocked] = {}
        self._system: Sequence[Endpoint] = ()
        self._looks: tuple[Look, ...] = ()
        self._walked_at = -math.inf
        self._walking: asyncio.Task[float] | None = None
        self._doubted: frozenset[tuple[str, str]] = frozenset()
        """The looks for which the way has been walked again, until they are well."""
        self._arrange()

    def looks(self) -> Sequence[Look]:
        """Return one look for every address of every server, and those at the zone as a whole."""
        if self._system != self._system_now():
            self._arrange()
        if self._zone is None:
            return self._looks
        round_ = Round(self.walked.servers if self.walked else ())
        looks = [self._telling(look, round_) for look in self._looks]
        whole = [*self._zone.looks(round_)]
        if self._validation is not None and self.walked is not None:
            whole += self._validation.looks(round_, self._authorities())
        return looks + [replace(look, once=partial(self._doubting, look)) for look in whole]

    def _telling(self, look: Look, round_: Round) -> Look:
        """Return *look*; one at an authority tells the round what it showed."""
        server = self._servers.get(look.subject)
        if look.place is not Place.AUTHORITATIVE or server is None:
            return look
        return replace(look, once=partial(self._tell, round_, server, look))

    async def _tell(self, round_: Round, server: Server, look: Look) -> Finding:
        """Look, and tell the round what was seen."""
        finding = await self._doubting(look)
        round_.told(server, finding)
        return finding

    async def _doubting(self, look: Look) -> Finding:
        """Look; what may be the doing of a zone that moved has the way walked again, once."""
        finding, key = await look.once(), (look.place, look.subject)
        moved = finding.verdict is Verdict.FAILING and finding.reason in _MOVED
        if finding.verdict is Verdict.OK:
            self._doubted -= {key}
        elif moved and key not in self._doubted and self._walk_again():
            self._doubted |= {key}
        return finding

    def _walk_again(self) -> bool:
        """Walk in the background, unless that is under way; whether it will be done."""
        if self._walking is None or self._walking.done():
            if asyncio.get_running_loop().time() < self._walked_at + _LEAST:
                return False
            self._walking = asyncio.create_task(self._walk())
        return True

    def _authorities(self) -> Mapping[Server, Subject]:
        named = {
            server: self._subjects.get((Place.AUTHORITATIVE, label))
            for label, server in self._servers.items()
        }
        return {server: s for server, s in named.items() if isinstance(s, Subject)}

    async def refresh(self) -> float:
        """Walk the delegation and resolve the resolvers' names; return when to do so again."""
        hosts = {
            place.endpoint.host
            for place in self.settings.places
            if isinstance(place, Resolver) and not is_address(place.endpoint.host)
        }
        work: list[Awaitable[float]] = [self._find(host) for host in sorted(hosts)]
        if {Source.AUTHORITATIVE, Source.PARENT} & set(self.settings.places):
            work.append(self._walk())
        if not work:
            return math.inf
        waits = await asyncio.gather(*work)
        self._arrange()
        return min(waits)

    async def _walk(self) -> float:
        self._walked_at = asyncio.get_running_loop().time()
        try:
            walk = await self._means.delegations.walk(_holder(self.settings))
        except NetworkFailure as failure:
            self._blocked = _blocked(failure)
            if isinstance(failure, NoAddress):
                # The servers of old may still answer, but nobody finds them any more.
                self.walked = None
                here = failure.zone == self.settings.name
                self._parent = failure.parent if here else ()
                unserved = Walk(zone=failure.zone, parent=failure.parent, outcome=Outcome.SILENT)
                self._arrange_zone(unserved)
                self._arrange()
            return _FAILED
        if self._shortened(walk):
            return _FAILED
        found = self._with_former(walk)
        seen = _visible(server.endpoint.host for server in found)
        servers = tuple(server for server in found if server.endpoint.host in seen)
        self.walked = walk = replace(walk, servers=servers)
        labelled = {server.label: server for server in servers}
        if labelled != self._servers:
            self._servers, self._doubted = labelled, frozenset()
        self._arrange_zone(walk)
        if self._validation is not None:
            self._validation.arrange(walk)
        # At once: a look must never meet the servers of this walk and the subjects of another.
        self._arrange()
        whole = walk.outcome is Outcome.ANSWERED and not (walk.missing or walk.unresolved)
        return _FRESH if whole else _DOUBTFUL

    def _arrange_zone(self, walk: Walk) -> None:
        if self._zone is not None:
            self._zone.arrange(walk)
        elif Source.AUTHORITATIVE in self.settings.places:
            self._zone = ZoneLooks(
                walk,
                self.settings,
                seconds=self._seconds,
                now=self._means.now,
                authorities=self._means.authorities,
                known_delegation=self._means.known_delegation,
                declared=self._means.declared,
            )

    def _with_former(self, walk: Walk) -> Sequence[Server]:
        """Return the servers, those that nobody could find this time at their former addresses."""
        if self.walked is None or self.walked.zone != walk.zone:
            return walk.servers
        former = [server for server in self.walked.servers if server.name in walk.unresolved]
        return sorted({*walk.servers, *former})

    def _shortened(self, walk: Walk) -> bool:
        """Whether *walk* ended at a parent of the zone that an earlier walk has found.

        A parent that answers may have taken the zone over, but no top-level zone does: it has a
        wildcard.
        """
        is_top = "." not in walk.zone.strip(".")
        if self.walked is None or (walk.outcome is Outcome.ANSWERED and not is_top):
            return False
        return walk.zone != self.walked.zone and (
            walk.zone == "." or self.walked.zone.endswith(f".{walk.zone}")
        )

    async def _find(self, host: str) -> float:
        try:
            found = await self._means.resolve(host)
        except NetworkFailure as failure:
            if not isinstance(self._hosts.get(host), Sequence):
                self._hosts = {**self._hosts, host: failure}
            return _FAILED
        self._hosts = {**self._hosts, host: _visible(found)}
        return _FRESH

    def _arrange(self) -> None:
        """Say anew who is asked, keeping each subject that is still the same server."""
        before, self._subjects = self._subjects, {}
        self._system = self._system_now()
        found = Found(self.walked, self._parent, self._blocked, self._hosts, self._system)
        for place, label, subject in asked(self.settings, found, self._seconds):
            key = place, label
            self._subjects.setdefault(key, _same(before.get(key), subject))
        self._looks = tuple(
            Look(label, place, subject.look) for (place, label), subject in self._subjects.items()
        )

    def _system_now(self) -> Sequence[Endpoint]:
        return self._means.system() if Source.SYSTEM in self.settings.places else ()


def _holder(settings: DnsSettings) -> str:
    """Return a name in the zone that has the record: above for a DS (RFC 4035 section 2.4)."""
    if settings.type != "DS":
        return settings.name
    return settings.name.partition(".")[2] or "."


def _validation(settings: DnsSettings, means: Means, seconds: float) -> "Validation | None":
    """Return the look at DNSSEC of a check that looks at the zone as a whole."""
    if means.trust is None or Source.AUTHORITATIVE not in settings.places:
        return None
    from vedette.checks.dns.validation import Validation  # noqa: PLC0415 - 10 MB that not all need

    clocks = [means.now, *([means.wall] if means.wall else [])]
    return Validation(means.trust, settings, seconds=seconds, clocks=clocks)


def _visible(addresses: Iterable[str]) -> Sequence[str]:
    """Leave out addresses of a family that this host has not, which would stay unknown for ever.

    They would also count as servers that have yet to say whether they agree.
    """
    found, has_ipv4 = tuple(addresses), not is_ipv6_only()
    seen = [at for at in found if (has_route(Endpoint(at, 53)) if ":" in at else has_ipv4)]
    return seen or found


def _same(known: Subject | Blocked | None, subject: Subject | Blocked) -> Subject | Blocked:
    """Return the *known* subject, which remembers, where it is the same server as *subject*."""
    if isinstance(known, Subject) and isinstance(subject, Subject):
        return known if known.channel == subject.channel else subject
    return subject


def _blocked(failure: NetworkFailure) -> Finding:
    """Return a blocked walk as a finding: only what an authority denies is evidence."""
    gone = failure.reason is Reason.NXDOMAIN or isinstance(failure, NoAddress)
    return failed(failure, "", verdict=Verdict.FAILING if gone else Verdict.UNKNOWN)
