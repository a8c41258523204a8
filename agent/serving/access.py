"""Who may read what the agent serves: every route has a policy by its name, or is closed.

Rule: nothing here logs, returns or keeps what was presented.
"""

import asyncio
import hmac
import logging
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

from aiohttp import hdrs, web

from vedette.agent.config import AgentSettings

log = logging.getLogger(__name__)

Admitted = Callable[[asyncio.BaseProtocol], None]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY = 64 << 10
"""Octets of the largest body of a request."""


class Policy(StrEnum):
    """Who may read a route."""

    ANYBODY = "anybody"
    METRICS = "metrics"  # readers, and anybody where agent.open_metrics says so
    READERS = "readers"  # who has the agent's token; anybody where only this machine can ask
    PEERS = "peers"  # configured peers, and who has the agent's token, also on loopback


POLICIES: Mapping[str, Policy] = {
    "healthy": Policy.ANYBODY,
    "ready": Policy.ANYBODY,
    "metrics": Policy.METRICS,
    "status": Policy.READERS,
    "probe": Policy.READERS,
    "observations": Policy.PEERS,
    "peers": Policy.PEERS,
}
"""By the name of a route, or what of it is before the first dash."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the *peer* of that name, or else somebody who *reads* or nobody that we know."""

    reads: bool = False
    peer: str | None = None


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


class Attempts:
    """Counts what was refused to each address; one that goes on gets no more answers for a while.

    A wrong credential weighs as much as ten requests without one. Behind a proxy or a load balancer
    strangers have the address of peers: who was admitted from an address is not shut out with it.
    """

    LIMIT, WRONG, MISSING = 100, 10, 1
    WINDOW = 60.0
    _KEPT = 1024

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._spent: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._admitted: OrderedDict[tuple[str, Caller], None] = OrderedDict()

    def wait(self, address: str) -> float:
        """Return for how many more seconds *address* gets no answer; 0 if it does."""
        since, spent = self._spent.get(_network(address), (0.0, 0))
        left = since + self.WINDOW - self._now()
        return max(0.0, left) if spent >= self.LIMIT else 0.0

    def refused(self, address: str, weight: int) -> None:
        """Count a request of *address* that was refused."""
        network, now = _network(address), self._now()
        since, spent = self._spent.pop(network, (now, 0))
        if now >= since + self.WINDOW:
            since, spent = now, 0
        self._spent[network] = since, spent + weight
        if spent < self.LIMIT <= spent + weight:
            log.warning("%s was refused too often: it gets no answer for a minute", network)
        while len(self._spent) > self._KEPT:
            self._spent.popitem(last=False)

    def admitted(self, address: str, caller: Caller) -> None:
        """Remember that *caller* has shown the right credential at *address*."""
        self._admitted[_network(address), caller] = None
        self._admitted.move_to_end((_network(address), caller))
        while len(self._admitted) > self._KEPT:
            self._admitted.popitem(last=False)

    def knows(self, address: str, caller: Caller | None) -> bool:
        """Whether *caller* was admitted from *address* before."""
        return caller is not None and (_network(address), caller) in self._admitted


def _network(address: str) -> str:
    """Return what one stranger has for himself: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if ip.version == 6 and ip.ipv4_mapped is None:
        return f"{ip_address(int(ip) >> 64 << 64)}/64"
    return str(ip)


class Access:
    """Tells who asks, by the agent's own *token* and the tokens of its *peers*, and what they may.

    A client certificate, which TLS has verified, is as good as the token of whom it names.
    """

    def __init__(
        self,
        settings: AgentSettings,
        token: str | None,
        peers: Mapping[str, str | None],
        now: Callable[[], float],
        admitted: Admitted = lambda _: None,
    ) -> None:
        self._settings, self._peers, self._tell = settings, frozenset(peers), admitted
        self._known = [(_digest(token), Caller(reads=True))] if token is not None else []
        self._known += [
            (_digest(shared), Caller(peer=name))
            for name, shared in peers.items()
            if shared is not None
        ]
        self._attempts = Attempts(now)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let nobody by whom the route's policy does not admit."""
        policy = _policy(request)
        if policy is None:
            log.error("%s has no policy: this is a bug, please report it", request.match_info.route)
            raise web.HTTPForbidden(text="This route has no policy, so nobody may read it.\n")
        if policy is not Policy.ANYBODY:
            request[CALLER] = caller = self._admitted(request, policy)
            if caller != Caller() or not self._settings.is_guarded:
                self._tell(request.protocol)
        _bound(request)
        return await handler(request)

    def _admitted(self, request: web.Request, policy: Policy) -> Caller:
        if self._permits(policy, Caller()):
            return Caller()
        address = request.remote or ""
        caller = self._certified(request) or self._shown(request, address)
        if caller is not None and self._permits(policy, caller):
            self._attempts.admitted(address, caller)
            return caller
        self._attempts.refused(address, Attempts.MISSING)
        if caller is None:
            raise _unauthorized(
                "This needs the token of agent.token_file: as `Authorization: Bearer TOKEN`, or as "
                "the password of any user.\n"
            )
        raise web.HTTPForbidden(text="A peer may read /api/v1/observations and peers alone.\n")

    def _shown(self, request: web.Request, address: str) -> Caller | None:
        """Return whose token is shown; raise the refusal of a wrong one, or of the address."""
        presented = _presented(request)
        caller = None if presented is None else self._recognised(presented)
        wait = self._attempts.wait(address)
        if wait and not self._attempts.knows(address, caller):
            raise web.HTTPTooManyRequests(
                text="Too many requests without the right credential.\n",
                headers={hdrs.RETRY_AFTER: f"{wait:.0f}"},
            )
        if presented is not None and caller is None:
            self._attempts.refused(address, Attempts.WRONG)
            raise _unauthorized("This credential is none that this agent knows.\n")
        return caller

    def _permits(self, policy: Policy, caller: Caller) -> bool:
        if caller.reads:
            return True
        if policy is Policy.PEERS:
            return caller.peer is not None
        is_open = policy is Policy.METRICS and self._settings.open_metrics
        return is_open or not self._settings.is_guarded

    def _recognised(self, presented: str) -> Caller | None:
        """Return whose *presented* is; it takes the same time whoever's it is, and if nobody's."""
        digest, found = _digest(presented), None
        for known, caller in self._known:
            if hmac.compare_digest(known, digest) and found is None:
                found = caller
        return found

    def _certified(self, request: web.Request) -> Caller | None:
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport is not None else None
        for name in _names(certificate or {}):
            if name == self._settings.name:
                return Caller(reads=True)
            if name in self._peers:
                return Caller(peer=name)
        return None


def _policy(request: web.Request) -> Policy | None:
    """Return the policy of what is asked for; what does not exist is no news for strangers."""
    match = request.match_info
    if match.http_exception is not None:
        return Policy.READERS
    return POLICIES.get((match.route.name or "").partition("-")[0])


def _bound(request: web.Request) -> None:
    """Refuse a body that is long, or of unknown length."""
    if not request.can_read_body:
        return
    length = request.content_length
    if length is None:
        raise web.HTTPLengthRequired(text="Say how long the body is.\n")
    if length > BODY:
        raise web.HTTPRequestEntityTooLarge(max_size=BODY, actual_size=length)


def _presented(request: web.Request) -> str | None:
    """Return the token of an Authorization header, Bearer (RFC 6750) or Basic (RFC 7617)."""
    scheme, _, rest = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    match scheme.lower():
        case "":
            return None
        case "bearer":
            return rest.strip()
        case "basic":
            try:
                return b64decode(rest.strip(), validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
    return ""


def _digest(secret: str) -> bytes:
    """Return octets of one length, so that comparing them tells nothing of it."""
    return sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _names(certificate: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of a verified certificate, as Python's ssl gives it."""
    for _kind, name in certificate.get("subjectAltName", ()):
        yield str(name)
    for relative in certificate.get("subject", ()):
        yield from (str(value) for key, value in relative if key == "commonName")


def _unauthorized(text: str) -> web.HTTPUnauthorized:
    error = web.HTTPUnauthorized(text=text)
    error.headers.add(hdrs.WWW_AUTHENTICATE, 'Bearer realm="vedette"')
    error.headers.add(hdrs.WWW_AUTHENTICATE, 'Basic realm="vedette", charset="UTF-8"')
    return error
