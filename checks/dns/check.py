"""The DNS check: one question to every server of a name, each judged apart."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.judge import Rules, judge, rules_of
from vedette.checks.dns.message import Question, Reply, ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.settings import DnsSettings, Resolver, Source, short
from vedette.checks.dns.walk import Delegations, Outcome, Walk
from vedette.checks.finding import Fact, Finding, Kind, Look, Verdict
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure, Resolve, is_address

AUTHORITATIVE = "authoritative"
RECURSIVE = "recursive"

_FRESH = 300.0
"""Seconds until the delegation is walked again after it went well."""
_DOUBTFUL = 30.0
"""The same where the name does not exist or its servers are silent: either may be a cut's doing."""
_FAILED = 5.0
"""The same where it could not be walked."""


@dataclass(slots=True, kw_only=True)
class _Subject:
    """One server, asked one question; remembers its last reply, for most replies are the same."""

    question: Question
    endpoint: Endpoint
    rules: Rules
    seconds: float
    tcp: bool = False
    name: str
    """The server in a sentence."""
    _last: tuple[Reply, Finding] | None = field(default=None, init=False)

    async def look(self) -> Finding:
        """Ask once and judge."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        before = self._last[0] if self._last else None
        try:
            reply = await exchange(
                self.question,
                self.endpoint,
                deadline=deadline,
                tcp=self.tcp,
                called=self.name,
                like=before,
            )
        except NetworkFailure as failure:
            return _failed(failure, self.name)
        if self._last and reply.same_as(before):
            return self._last[1]
        finding = judge(reply, self.question, self.rules, server=self.name)
        self._last = (reply, finding)
        return finding


class DnsCheck:
    """Looks at one name and type at the servers its settings name (Check and Refreshing).

    *seconds* is how long one server has to answer. Whoever runs it calls refresh() before the first
    look and then whenever refresh() says: the delegation and host names of resolvers come from it.
    """

    def __init__(
        self,
        settings: DnsSettings,
        *,
        seconds: float,
        delegations: Delegations,
        system: Sequence[Endpoint],
        resolve: Resolve,
    ) -> None:
        self.settings = settings
        self.walked: Walk | None = None
        """The last good walk."""
        self._seconds = seconds
        self._delegations = delegations
        self._system = tuple(system)
        self._resolve = resolve
        self._blocked = Finding(
            verdict=Verdict.UNKNOWN,
            reason=Reason.DELEGATION,
            detail=f"The delegation of {settings.name} has not been walked yet",
        )
        self._hosts: dict[str, Sequence[str] | NetworkFailure] = {}
        self._looks: dict[str, tuple[Endpoint, Look]] = {}
        self._arrange()

    @property
    def name(self) -> str:
        """Return `NAME TYPE`."""
        return f"{self.settings.name} {self.settings.type}"

    @property
    def kind(self) -> Kind:
        """Return DNS."""
        return Kind.DNS

    def looks(self) -> Sequence[Look]:
        """Return one look for every address of every server."""
        return tuple(look for _, look in self._looks.values())

    async def refresh(self) -> float:
        """Walk the delegation and resolve the resolvers' names; return when to do so again."""
        hosts = {
            place.endpoint.host
            for place in self.settings.places
            if isinstance(place, Resolver) and not is_address(place.endpoint.host)
        }
        work: list[Awaitable[float]] = [self._find(host) for host in sorted(hosts)]
        if Source.AUTHORITATIVE in self.settings.places:
            work.append(self._walk())
        waits = await asyncio.gather(*work)
        self._arrange()
        return min(waits, default=_FRESH)

    async def _walk(self) -> float:
        try:
            walk = await self._delegations.walk(self.settings.name)
        except NetworkFailure as failure:
            self._blocked = _blocked(failure)
            return _FAILED
        if self._shortened(walk):
            return _FAILED
        self.walked = walk
        return _FRESH if walk.outcome is Outcome.ANSWERED else _DOUBTFUL

    def _shortened(self, walk: Walk) -> bool:
        """Whether *walk* ended at a parent of the zone that an earlier walk has found."""
        if self.walked is None or walk.outcome is Outcome.ANSWERED:
            return False
        return walk.zone != self.walked.zone and (
            walk.zone == "." or self.walked.zone.endswith(f".{walk.zone}")
        )

    async def _find(self, host: str) -> float:
        try:
            self._hosts[host] = await self._resolve(host)
        except NetworkFailure as failure:
            if not isinstance(self._hosts.get(host), Sequence):
                self._hosts[host] = failure
            return _FAILED
        return _FRESH

    def _arrange(self) -> None:
        """Make the looks anew, keeping each that is still for the same server."""
        before, self._looks = self._looks, {}
        for place in self.settings.places:
            if place is Source.AUTHORITATIVE:
                self._arrange_authorities(before)
            elif isinstance(place, Resolver):
                self._arrange_resolver(place, before)
            else:
                for end in self._system:
                    self._add(f"system {short(end)}", RECURSIVE, end, before)

    def _arrange_authorities(self, before: dict[str, tuple[Endpoint, Look]]) -> None:
        if self.walked is None:
            self._add_unknown(AUTHORITATIVE, AUTHORITATIVE, self._blocked)
            return
        for server in self.walked.servers:
            self._add(server.label, AUTHORITATIVE, server.endpoint, before, spoken=server.spoken)

    def _arrange_resolver(self, place: Resolver, before: dict[str, tuple[Endpoint, Look]]) -> None:
        end = place.endpoint
        if is_address(end.host):
            self._add(place.label, RECURSIVE, end, before, tcp=place.tcp)
            return
        found = self._hosts.get(end.host, ())
        if isinstance(found, NetworkFailure):
            self._add_unknown(place.label, RECURSIVE, _failed(found, "", verdict=Verdict.UNKNOWN))
        elif not found:
            detail = f"The resolver's name {end.host} has not been resolved yet"
            unknown = Finding(verdict=Verdict.UNKNOWN, reason=Reason.DELEGATION, detail=detail)
            self._add_unknown(place.label, RECURSIVE, unknown)
        else:
            for address in found:
                at = Endpoint(address, end.port)
                subject = f"{place.label.removesuffix(f':{end.port}')} {short(at)}"
                self._add(subject, RECURSIVE, at, before, tcp=place.tcp)

    def _add_unknown(self, subject: str, place: str, finding: Finding) -> None:
        async def once() -> Finding:
            return finding

        self._looks[subject] = (Endpoint("", 0), Look(subject, place, once))

    def _add(
        self,
        subject: str,
        place: str,
        endpoint: Endpoint,
        before: dict[str, tuple[Endpoint, Look]],
        *,
        tcp: bool = False,
        spoken: str = "",
    ) -> None:
        if subject in self._looks:
            # A stub zone's server that is asked as a resolver too: each series needs its own name.
            subject = f"{place} {subject}"
        known = before.get(subject)
        if known and known[0] == endpoint and known[1].place == place:
            self._looks[subject] = known
            return
        authoritative = place == AUTHORITATIVE
        server = _Subject(
            question=ask(self.settings.name, self.settings.type, recursive=not authoritative),
            endpoint=endpoint,
            rules=rules_of(self.settings, authoritative=authoritative),
            seconds=self._seconds,
            tcp=tcp,
            name=spoken or subject,
        )
        self._looks[subject] = (endpoint, Look(subject, place, server.look))


def _failed(failure: NetworkFailure, server: str, *, verdict: Verdict | None = None) -> Finding:
    """Return trouble as a finding: the server's fault, unless our host could not even ask."""
    fault = Verdict.UNKNOWN if isinstance(failure, CouldNotLook) else Verdict.FAILING
    facts: dict[str, Fact] = {"server": server} if server else {}
    return Finding(
        verdict=verdict or fault, reason=failure.reason, detail=failure.detail, facts=facts
    )


def _blocked(failure: NetworkFailure) -> Finding:
    """Return a blocked walk as a finding: only a parent's NXDOMAIN is evidence about the name."""
    gone = failure.reason is Reason.NXDOMAIN
    return _failed(failure, "", verdict=Verdict.FAILING if gone else Verdict.UNKNOWN)
