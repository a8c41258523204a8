"""Host names to addresses for the other kinds, with DNS's own reasons where that fails."""

import asyncio
import ipaddress
import math
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from time import monotonic

import dns.flags
import dns.name
import dns.rdatatype

from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.judge import Rules, judge
from vedette.checks.dns.message import Question, Reply, ask, follow
from vedette.checks.dns.names import spoken
from vedette.checks.dns.rcode import is_answer
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import Referral, read
from vedette.checks.dns.server import Channel
from vedette.checks.net import Endpoint, NetworkFailure, is_address

_STEPS = 8
"""How often a CNAME or a referral may lead from one group of servers to another."""
_KEPT = 4096
"""How many last replies are remembered."""
_PATIENCE = 0.2
"""For what part of the time one family's addresses are waited for where the other's are there."""
_FRESH = 5.0
"""Seconds after which resolv.conf is read again."""
_CONF = Path("/etc/resolv.conf")

_Addresses = tuple[str, ...] | NetworkFailure
Servers = Callable[[], Sequence[Endpoint]]
"""Returns the resolvers of a host as they are now."""


class StubResolver:
    """Asks the servers of a stub zone for hosts below it, and *servers* for all others.

    A stub zone's servers are no resolvers: where they refer to others for a zone below, these are
    asked.
    """

    def __init__(
        self,
        servers: Servers,
        stub_zones: Mapping[str, Sequence[Endpoint]] | None = None,
        *,
        seconds: float = 5.0,
    ) -> None:
        self._servers = servers
        self._stubs = {
            dns.name.from_text(zone): tuple(ends) for zone, ends in (stub_zones or {}).items()
        }
        self._seconds = seconds
        self._before: dict[tuple[bytes, Endpoint], Reply] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*, IPv4 first, or raise NetworkFailure."""
        if is_address(host):
            return (host,)
        try:
            name = dns.name.from_text(host.lower())
        except dns.exception.DNSException as error:
            raise NetworkFailure(Reason.NXDOMAIN, f"{host} is not a DNS name") from error
        if spoken(name) == "localhost":
            return ("127.0.0.1", "::1")  # RFC 6761 section 6.3
        deadline = asyncio.get_running_loop().time() + self._seconds
        found = await self._both(
            self._addresses(name, dns.rdatatype.A, deadline),
            self._addresses(name, dns.rdatatype.AAAA, deadline),
        )
        failures = [part for part in found if isinstance(part, NetworkFailure)]
        addresses = [
            text for part in found if not isinstance(part, NetworkFailure) for text in part
        ]
        if addresses:
            return tuple(dict.fromkeys(addresses))
        raise next((f for f in failures if f.reason is not Reason.NODATA), failures[0])

    async def _both(self, *families: Coroutine[None, None, _Addresses]) -> Sequence[_Addresses]:
        """Return what the families have, or one that has addresses where the other is late.

        Some servers never answer for AAAA (RFC 4074): nobody waits for that (RFC 8305 section 3).
        """
        asked = [asyncio.create_task(one) for one in families]
        try:
            done, late = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            is_enough = any(not isinstance(one.result(), NetworkFailure) for one in done)
            if late:
                await asyncio.wait(late, timeout=_PATIENCE * self._seconds if is_enough else None)
            return [one.result() for one in asked if one.done()]
        finally:
            for one in asked:
                one.cancel()

    async def _addresses(
        self,
        name: dns.name.Name,
        rdtype: dns.rdatatype.RdataType,
        deadline: float,
        steps: int = _STEPS,
    ) -> _Addresses:
        """Return addresses, or the failure as a value, so that the other family can still do."""
        zone, servers = self._start(name)
        for left in reversed(range(steps)):
            question = ask(name, rdtype, recursive=zone is None)
            try:
                reply, server = await self._try(question, servers, deadline)
            except NetworkFailure as failure:
                return failure
            answer = follow(reply.message, question)
            if answer.records:
                return tuple(str(ipaddress.ip_address(r.to_text())) for r in answer.records)
            lower = read(reply.message, zone, name) if zone is not None else None
            if isinstance(lower, Referral):
                zone, servers = lower.zone, await self._referred(lower, deadline, left)
                if not servers:
                    says = f"no address can be found for the servers of {spoken(zone)}"
                    return NetworkFailure(Reason.DELEGATION, says)
                continue
            if zone is None or not answer.aliases or answer.loops:
                return _failure(reply, question, server)
            name = answer.aliases[-1]
            zone, servers = self._start(name)
        return NetworkFailure(Reason.CNAME_LOOP, f"{spoken(name)}: more than {_STEPS} CNAMEs")

    def _start(self, name: dns.name.Name) -> tuple[dns.name.Name | None, Sequence[Endpoint]]:
        """Return the stub zone that holds *name*, if one does, and whom to ask for it."""
        zone = max(filter(name.is_subdomain, self._stubs), key=len, default=None)
        return zone, self._servers() if zone is None else self._stubs[zone]

    async def _referred(
        self, referral: Referral, deadline: float, steps: int
    ) -> Sequence[Endpoint]:
        """Return the addresses of the servers that a *referral* names; none where none is found."""
        if referral.glue:
            return [server.endpoint for server in referral.glue]
        for host in referral.names:
            name = dns.name.from_text(host)
            found = await self._addresses(name, dns.rdatatype.A, deadline, steps)
            if not isinstance(found, NetworkFailure):
                return [Endpoint(address, 53) for address in found]
        return ()

    async def _ask(self, question: Question, server: Endpoint, deadline: float) -> Reply:
        """Ask one server; a reply equal to its last one is not read again."""
        key = question.tail, server
        reply = await exchange(
            question, Channel(server), deadline=deadline, like=self._before.get(key)
        )
        if len(self._before) >= _KEPT:
            self._before.clear()
        self._before[key] = reply
        return reply

    async def _try(
        self, question: Question, servers: Sequence[Endpoint], deadline: float
    ) -> tuple[Reply, Endpoint]:
        """Ask one server after the other, each twice, until one answers the question."""
        clock = asyncio.get_running_loop().time
        failure = NetworkFailure(Reason.TIMEOUT, f"no server could be asked for {question} in time")
        turns = [*servers, *servers]
        for turn, server in enumerate(turns):
            now = clock()
            if now >= deadline:
                break
            share = now + (deadline - now) / (len(turns) - turn)
            try:
                reply = await self._ask(question, server, share)
            except NetworkFailure as trouble:
                failure = trouble
                continue
            if is_answer(reply.message):
                return reply, server
            failure = _failure(reply, question, server)
        raise failure


def _failure(reply: Reply, question: Question, server: Endpoint) -> NetworkFailure:
    """Say what a reply without addresses means, in the judge's words."""
    finding = judge(reply, question, Rules(authoritative=False), server=str(server))
    return NetworkFailure(finding.reason or Reason.NODATA, finding.detail)


class SystemServers:
    """The name servers of the host, as its resolv.conf names them by now (Servers).

    A host may begin without any, and get others with its next lease. While the file is written anew
    those of before are the ones.
    """

    def __init__(self, path: Path = _CONF, clock: Callable[[], float] = monotonic) -> None:
        """*clock* tells seconds from anywhere."""
        self._path = path
        self._clock = clock
        self._found: Sequence[Endpoint] = ()
        self._stale_at = -math.inf

    def __call__(self) -> Sequence[Endpoint]:
        """Return them; without any it is the host itself."""
        now = self._clock()
        if now >= self._stale_at:
            self._found = _named(self._path) or self._found
            self._stale_at = now + _FRESH
        return self._found or _ITSELF


def system_servers(path: Path = _CONF) -> Sequence[Endpoint]:
    """Return the name servers of the host; without any it is the host itself (resolv.conf(5))."""
    return _named(path) or _ITSELF


_ITSELF = (Endpoint("127.0.0.1", 53),)


def _named(path: Path) -> Sequence[Endpoint]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    words = [line.split() for line in lines]
    found = [w[1] for w in words if len(w) > 1 and w[0] == "nameserver" and is_address(w[1])]
    return tuple(Endpoint(host, 53) for host in dict.fromkeys(found))
