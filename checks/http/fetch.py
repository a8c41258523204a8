"""One request and its answer, over redirects, within a deadline.

Each hop has a connection of its own to one address: nothing is reused, nothing is tried twice, and
no second address hides that the first one is dead. Of two families it is one that this host has.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

from vedette.checks.finding import Fact
from vedette.checks.http import tls
from vedette.checks.http.body import Body
from vedette.checks.http.connection import CONNECTIONS, Connection
from vedette.checks.http.hop import Hop
from vedette.checks.http.http1 import Http1, tunnel
from vedette.checks.http.http2 import Http2
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.reason import Reason
from vedette.checks.http.redirect import Redirects, location
from vedette.checks.http.request import Request
from vedette.checks.http.response import Response
from vedette.checks.http.target import Target
from vedette.checks.net import (
    CouldNotLook,
    Endpoint,
    NetworkFailure,
    Resolve,
    family,
    has_route,
    is_address,
)
from vedette.checks.policy import Forbidden

Permit = Callable[[str], None]
"""Raises NetworkFailure for an address that must not be connected to."""

# The same few hosts again and again.
_is_address = lru_cache(maxsize=4096)(is_address)
_endpoint = lru_cache(maxsize=4096)(Endpoint)

_LATE = {
    "connect": "did not accept a TCP connection",
    "tls": "did not finish the TLS handshake",
    "processing": "accepted the request but did not begin to answer",
    "transfer": "began to answer but did not finish",
}


def anywhere(_address: str) -> None:
    """Permit every address."""


def _first(addresses: Sequence[str], port: int) -> str:
    """Return the first of *addresses*, of a family that this host has a route for if any is."""
    if len(set(map(family, addresses))) > 1:
        return next((at for at in addresses if has_route(_endpoint(at, port))), addresses[0])
    return addresses[0]


class Conversation(Protocol):
    """A request and its answer, in some version of HTTP."""

    async def ask(self, request: Request) -> None:
        """Send *request*, and fill the hop by the head of the answer."""

    async def read(self, body: Body) -> None:
        """Read the rest of the answer into *body*, as far as it wants it."""


class Fetch:
    """One request, followed to its answer; *hops* and *facts* stay readable after a failure."""

    def __init__(
        self,
        request: Request,
        *,
        resolve: Resolve,
        permit: Permit = anywhere,
        address: str | None = None,
        until: float,
        timeout: float,
    ) -> None:
        """*until* is the deadline on the loop's clock; *timeout* is what a person calls it.

        *address* is where the host of the URL is taken to be, on each hop to that host; Host, SNI
        and verification stay the URL's. *permit* is asked with each address before it is connected
        to, and with addresses that a proxy is to connect to.
        """
        self.hops: list[Hop] = []
        self._request = request
        self._resolve = resolve
        self._permit = permit
        self._address = address
        self._until = until
        self._timeout = timeout
        self._peer = _endpoint(request.target.host, request.target.port)
        self._dns_reason = ""
        self._proxy: Proxy | None = None  # until it has heard of the target
        self._behind = ""  # what the proxy is about to connect us to
        self._body: Body | None = None
        self._response: Response | None = None

    @property
    def phase(self) -> str:
        """The phase of the newest hop: where it is, or where it failed."""
        return self.hops[-1].phase if self.hops else ""

    @property
    def facts(self) -> dict[str, Fact]:
        """What is known of the newest hop, and the seconds of each phase over all hops."""
        if not self.hops:
            return {}
        hop = self.hops[-1]
        facts: dict[str, Fact] = {}
        if self._dns_reason:
            facts["dns_reason"] = self._dns_reason
        if hop.address:
            facts["address"] = hop.address
        if hop.status is not None:
            facts["status"] = hop.status
        if self._body is not None:
            facts["bytes"] = self._body.size
        return {**facts, **hop.tls, **self._seconds()}

    @property
    def received(self) -> int | None:
        """The octets that have come of the answer's body, inflated; None before its head."""
        return None if self._body is None else self._body.inflated_size

    def _seconds(self) -> dict[str, float]:
        sums: dict[str, float] = {}
        for hop in self.hops:
            for phase, seconds in hop.phases.items():
                sums[f"{phase}_seconds"] = sums.get(f"{phase}_seconds", 0.0) + seconds
        return sums

    async def run(self) -> Response:
        """Ask and return the answer; raise NetworkFailure when there is none by the deadline."""
        try:
            async with asyncio.timeout_at(self._until):
                return await self._follow()
        except TimeoutError as error:  # ours, or the kernel's own ETIMEDOUT
            late = self._late()
            # Who is silent after CONNECT may be the server.
            raise (late if self._behind else self._meant(late)) from error
        except NetworkFailure as failure:
            raise self._meant(failure) from failure.__cause__

    def _meant(self, failure: NetworkFailure) -> NetworkFailure:
        """Return what *failure* says of the target: nothing while the proxy has not heard of it."""
        if self._proxy is None or isinstance(failure, CouldNotLook):
            return failure
        words = f"the proxy {self._proxy.endpoint} cannot be used: {failure.detail}"
        return CouldNotLook(Reason.PROXY, words)

    async def _follow(self) -> Response:
        request, redirects = self._request, Redirects(self._request)
        while True:
            hop = Hop(url=request.target.url)
            self.hops.append(hop)
            answer = await self._visit(hop, request, redirects)
            if isinstance(answer, Response):
                return answer
            request = answer

    async def _visit(self, hop: Hop, request: Request, redirects: Redirects) -> Response | Request:
        """Make one hop; return the next request where it ends in a redirect to follow."""
        place = self._place(request.target)
        server, asked = _endpoint(place, request.target.port), request
        self._proxy = request.proxy
        if request.proxy is not None:
            if place != request.target.host and not request.target.secure:
                words = "a proxy makes Host of an address that it is led to: only https can be so"
                raise CouldNotLook(Reason.UNREACHABLE, words)
            if _is_address(place):
                self._permitted(place)
            server, asked = request.proxy.endpoint, request.at(place)
        self._peer = _endpoint(await self._find(hop, server), server.port)
        if request.protocols == ("h3",):
            await self._ask_over_quic(hop, asked, redirects)
        else:
            await self._ask_over_tcp(hop, asked, redirects)
        assert hop.status is not None
        if self._response is not None:
            return self._response
        return redirects.following(request, hop.status, hop.headers)

    async def _ask_over_tcp(self, hop: Hop, request: Request, redirects: Redirects) -> None:
        connection = CONNECTIONS.get()(self._peer, request.target)
        try:
            hop.begin("connect")
            await connection.connect()
            if request.proxy is not None and request.target.secure:
                await self._tunnel(connection, request.proxy, request.target)
            self._proxy = None
            if request.target.secure:
                await self._secure(connection, hop, request)
            made = Http2 if connection.protocol == "h2" else Http1
            await self._converse(made(connection, self._peer, hop), hop, request, redirects)
        finally:
            connection.close()

    async def _tunnel(self, connection: Connection, proxy: Proxy, target: Target) -> None:
        """Have the *proxy* connect us to *target*: only what it says of that is the target's."""
        self._behind = target.authority
        status = await tunnel(connection, self._peer, proxy, target)
        if 400 <= status < 500:  # it is us whom it refuses (RFC 9110 section 15.5)
            words = f"it answered {status} when asked for {target.authority}"
            raise NetworkFailure(Reason.PROXY, words)
        self._proxy = None
        if status >= 300:
            words = f"the proxy {self._peer} answered {status} when asked for {target.authority}"
            raise NetworkFailure(Reason.UNREACHABLE, words)
        self._behind = ""

    async def _ask_over_quic(self, hop: Hop, request: Request, redirects: Redirects) -> None:
        if not request.target.secure or request.proxy is not None:
            raise NetworkFailure(Reason.PROTOCOL, "HTTP/3 is for https URLs without a proxy")
        try:
            from vedette.checks.http.http3 import conversation  # noqa: PLC0415 - an extra
        except ImportError as error:
            words = "HTTP/3 needs aioquic: install vedette[quic]"
            raise CouldNotLook(Reason.PROTOCOL, words) from error
        with conversation(request, self._peer, hop) as made:
            await self._converse(made, hop, request, redirects)

    def _place(self, target: Target) -> str:
        """Return where *target* is: its host, or the pinned address of the first one."""
        pinned = self._address is not None and target.host == self._request.target.host
        return self._address if pinned and self._address else target.host

    async def _find(self, hop: Hop, server: Endpoint) -> str:
        """Return the one address of *server* to connect to, which is permitted."""
        address = server.host
        if not _is_address(address):
            hop.begin("resolve")
            address = _first(await self._resolved(address.rstrip(".")), server.port)
        hop.address = address
        self._permitted(address)
        return address

    async def _resolved(self, host: str) -> Sequence[str]:
        try:
            addresses = await self._resolve(host)
        except NetworkFailure as failure:
            ours = isinstance(failure, CouldNotLook)
            raise self._unresolved(str(failure.reason), failure.detail, ours=ours) from failure
        if not addresses:
            raise self._unresolved("nodata", "the resolver returned no address")
        return addresses

    def _unresolved(self, reason: str, detail: str, *, ours: bool = False) -> NetworkFailure:
        self._dns_reason = reason
        kind = CouldNotLook if ours else NetworkFailure
        return kind(Reason.DNS, f"dns: {reason}: {detail}")

    def _permitted(self, address: str) -> None:
        try:
            self._permit(address)
        except NetworkFailure as failure:
            kind = Forbidden if isinstance(failure, Forbidden) else CouldNotLook
            raise kind(Reason.UNREACHABLE, failure.detail) from failure

    async def _secure(self, connection: Connection, hop: Hop, request: Request) -> None:
        settings = request.tls
        name = settings.server_name or request.target.server_name
        hop.begin("tls")
        try:
            context = tls.context(settings, request.protocols, name)
        except ValueError as error:
            raise CouldNotLook(Reason.TLS_HANDSHAKE, str(error)) from error
        try:
            await connection.secure(context, name)
        finally:
            hop.tls = connection.facts()
        if connection.protocol != "h2" and "http/1.1" not in request.protocols:
            raise NetworkFailure(Reason.PROTOCOL, f"{self._peer} does not offer HTTP/2")

    async def _converse(
        self, conversation: Conversation, hop: Hop, request: Request, redirects: Redirects
    ) -> None:
        """Ask, and read the answer unless it is a redirect to follow."""
        await conversation.ask(request)
        status = hop.status
        assert status is not None
        redirected = location(status, hop.headers) is not None
        if redirected and redirects.followed < request.max_redirects:
            return
        body = self._body = Body(request, hop.headers)
        await conversation.read(body)
        hop.end()
        self._response = Response(
            status=status,
            headers=hop.headers,
            body=body.kept,
            size=body.size,
            inflated_size=body.inflated_size,
            complete=body.complete,
            version=hop.version,
            redirects=redirects.followed,
            unfollowed=redirected,
        )

    def _late(self) -> NetworkFailure:
        if self.phase == "resolve":
            return self._unresolved("timeout", f"no answer within {self._timeout:g} s")
        reason = Reason.CONNECT_TIMEOUT if self.phase == "connect" else Reason.TIMEOUT
        who = f"{self._peer} {_LATE[self.phase]}"
        if self._behind:
            who = f"the proxy {self._peer} did not connect to {self._behind}"
        return NetworkFailure(reason, f"{who} within {self._timeout:g} s")
