"""The pages of a scenario as one agent meets them: HTTP/1.1 over connections without a network.

TLS is there by its outcome only: no handshake is made, and a certificate is refused as a whole.
"""

import asyncio
import math
import ssl
from collections.abc import Callable

from vedette.agent.replay.pages import Hosts, Pages, PageState, Via
from vedette.agent.replay.states import Turns
from vedette.checks.finding import Fact
from vedette.checks.http.connection import Connection
from vedette.checks.http.reason import Reason
from vedette.checks.http.target import Target
from vedette.checks.net import Endpoint, NetworkFailure

REFUSED = 0.1
"""Seconds until an error shows."""
_ONE_PROBE = 1.0
"""Seconds within which a resolver may be asked again for one probe."""

Now = Callable[[], float]


class WebService:
    """Serves one agent; *position* is its place in the scenario's list.

    Its resolver gives each host an address of its own, so that who comes by name is told from who
    was given an address.
    """

    def __init__(
        self,
        agent: str,
        position: int,
        pages: Pages,
        hosts: Hosts,
        now: Now,
        up: Callable[[], bool],
    ) -> None:
        self._agent = agent
        self._position = position
        self._pages = pages
        self._hosts = hosts
        self._now = now
        self._up = up
        self._addresses = {host: f"100.65.0.{i}" for i, host in enumerate(pages.by_host, 1)}
        self._by_name = frozenset(self._addresses.values())
        self._turns: dict[tuple[str, Via], Turns] = {}
        self._refused: dict[str, tuple[float, str]] = {}

    def host(self, name: str, at: float) -> tuple[str, str]:
        """Return what the agent's resolver says of a host: a code, and its address."""
        urls = self._pages.by_host.get(name)
        if urls is None:
            return "NXDOMAIN", ""
        known_at, rcode = self._refused.get(name, (-math.inf, ""))
        if at - known_at >= _ONE_PROBE:
            rcode = self._rcode(name, urls, at)
            self._refused[name] = at, rcode
        return rcode, self._addresses[name]

    def _rcode(self, name: str, urls: list[str], at: float) -> str:
        states = [self._pages.history(self._agent, url, "name").at(at) for url in urls]
        for url, state in zip(urls, states, strict=True):
            if state.error == "dns" and self._fails(url, "name", at):
                return "SERVFAIL"
        if not any(state.dns_dependent for state in states):
            return "NOERROR"
        return self._hosts.rcode(self._agent, name, at)

    def connection(self, peer: Endpoint, target: Target) -> Connection:
        """Return a connection to *peer*, who is asked for *target*."""
        if not self._up():
            return SimulatedConnection(PageState("timeout"), peer)
        via: Via = "name" if peer.host in self._by_name else "address"
        if target.url not in self._pages:
            return SimulatedConnection(PageState("connect"), peer)
        at = self._now()
        history = self._pages.history(self._agent, target.url, via)
        state = history.at(at)
        if state.error == "dns" or not self._fails(target.url, via, at):
            state = history.healthy
        return SimulatedConnection(state, peer)

    def _fails(self, url: str, via: Via, at: float) -> bool:
        """Count one more probe, and return whether it meets the state rather than health."""
        history = self._pages.history(self._agent, url, via)
        number = history.number(at)
        turns = self._turns.setdefault((url, via), Turns(self._position))
        return turns.fails(number, history[number].fail_share)


class SimulatedConnection(Connection):
    """A connection on which all goes as *state* says."""

    def __init__(self, state: PageState, peer: Endpoint) -> None:
        self._state = state
        self._peer = peer
        self._answered = False

    async def connect(self) -> None:
        """Connect, unless it is refused."""
        if self._state.error == "connect":
            await asyncio.sleep(REFUSED)
            raise NetworkFailure(Reason.CONNECT_REFUSED, f"{self._peer} refused the connection")

    async def secure(self, context: ssl.SSLContext, server_name: str) -> None:  # noqa: ARG002
        """Shake no hands, but fail where that would."""
        if self._state.error == "tls":
            await asyncio.sleep(REFUSED)
            raise NetworkFailure(Reason.TLS_UNTRUSTED, "the certificate is not trusted")

    @property
    def protocol(self) -> str | None:
        """HTTP/1.1, whatever was offered."""
        return "http/1.1"

    def facts(self) -> dict[str, Fact]:
        """Return nothing: there is no certificate."""
        return {}

    async def send(self, data: bytes) -> None:
        """Take the request."""

    async def receive(self) -> bytes:
        """Return the answer, once it is due."""
        if self._state.error != "none":
            await asyncio.get_running_loop().create_future()
        if self._answered:
            return b""
        self._answered = True
        await asyncio.sleep(self._state.seconds)
        return b"HTTP/1.1 %d Replayed\r\nContent-Length: 0\r\n\r\n" % self._state.status

    def close(self) -> None:
        """Hang up."""
