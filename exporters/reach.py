"""The way to the host of a receiver, or of another agent, when DNS may be what broke.

Rule: where a host is, is asked of several; who is there, TLS alone proves.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

import aiohappyeyeballs
from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from vedette.checks.aside import aside
from vedette.checks.dns.resolver import StubResolver
from vedette.checks.net import Endpoint, NetworkFailure, family, is_address

log = logging.getLogger(__name__)

SILENCE = 1.0
"""Seconds for which the system's resolver may be silent before others are asked."""
PATIENCE = 4.0
"""Seconds for which any resolver is waited for; where addresses are known, half of it."""
ROUND = 3600.0
"""Seconds after which all hosts are looked up again, so that what is known is not old."""
KEPT = 16
"""Addresses that are remembered of a host, those of its newest answer first."""
_STAGGER = 0.25  # RFC 8305 section 5: the delay between attempts to connect

Keep = Callable[[str, Sequence[str]], None]
System = Callable[[str], Awaitable[Sequence[str]]]


class Reach:
    """Finds the addresses of hosts: asks the system, then *resolvers*, then remembers.

    The system's resolver is asked first, as it knows the hosts file and names of one's own. Where
    it fails, is silent, or has led nowhere, *resolvers* are asked as well, all at once. Addresses
    that were answered before (*known*, by host; what is new goes to *keep*) come after those that
    are answered now, or in their stead. No proxy of the environment is ever used.
    """

    def __init__(
        self,
        resolvers: Sequence[Endpoint] = (),
        known: Mapping[str, Sequence[str]] | None = None,
        *,
        keep: Keep = lambda _host, _addresses: None,
        system: System | None = None,
    ) -> None:
        self._others = [StubResolver(partial(tuple, [one]), seconds=PATIENCE) for one in resolvers]
        self._known = {host: tuple(addresses) for host, addresses in (known or {}).items()}
        self._keep = keep
        self._system = system or SystemLookup().addresses
        self._doubts: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        self._hosts: set[str] = set()
        self._unanswered: set[str] = set()

    def add(self, host: str) -> None:
        """Look *host* up from time to time, so that its addresses are known when DNS breaks."""
        if not is_address(host):
            self._hosts.add(host)

    async def run(self) -> None:
        """Keep what is known of the hosts fresh, for ever."""
        while True:
            for host in sorted(self._hosts):
                try:
                    await self.addresses(host)
                except OSError as error:
                    log.warning("an address is not known: %s", error)
            await asyncio.sleep(ROUND)

    def doubt(self, host: str) -> None:
        """Take note that no address of *host* led to it: the next time more are asked."""
        self._doubts[host] = self._doubts.get(host, 0) + 1

    def turn(self, host: str) -> None:
        """Take note that *host* has answered, and is of no use at that address of it for now."""
        self._doubts.pop(host, None)
        self._turns[host] = self._turns.get(host, 0) + 1

    def trust(self, host: str) -> None:
        """Take note that *host* has answered as it should: the next attempt begins there, too."""
        self._doubts.pop(host, None)

    async def addresses(self, host: str) -> Sequence[str]:
        """Return all addresses to try, the likeliest first; raise OSError where none is known.

        After an attempt that led nowhere the next one begins with another address.
        """
        if is_address(host):
            return (host,)
        known = self._known.get(host, ())
        doubts = self._doubts.get(host, 0)
        answered = await self._answered(host, PATIENCE / 2 if known else PATIENCE, all_=doubts > 0)
        # Of those that were only remembered, another may have answered: they have no turn for that.
        answered = _from(answered, self._turns.get(host, 0))
        found = tuple(dict.fromkeys([*answered, *known]))[:KEPT]
        if not found:
            raise OSError(f"no resolver knows {host}, and no address of it was ever known")
        self._tell(host, is_answered=bool(answered))
        self._known[host] = found
        if set(found) != set(known):
            self._keep(host, found)
        return _from(found, doubts)

    def _tell(self, host: str, *, is_answered: bool) -> None:
        """Log where no resolver answers any more: a peer is asked for again and again."""
        if is_answered:
            self._unanswered.discard(host)
        elif host not in self._unanswered:
            self._unanswered.add(host)
            log.warning("no resolver answers for %s: trying the addresses it had", host)

    async def _answered(self, host: str, patience: float, *, all_: bool) -> Sequence[str]:
        """Return what the first to answer says, or with *all_* what everybody says in time."""
        system = asyncio.ensure_future(self._system(host))
        asked: set[asyncio.Future[Sequence[str]]] = {system}
        clock = asyncio.get_running_loop().time
        until = clock() + patience
        try:
            if not all_:
                await asyncio.wait(asked, timeout=min(SILENCE, patience))
                if _said(asked):
                    return _said(asked)
            asked |= {asyncio.ensure_future(one.resolve(host)) for one in self._others}
            when = asyncio.ALL_COMPLETED if all_ else asyncio.FIRST_COMPLETED
            while (left := {one for one in asked if not one.done()}) and clock() < until:
                await asyncio.wait(left, timeout=until - clock(), return_when=when)
                if _said(asked) and not all_:
                    break
            return _said(asked)
        finally:
            for one in asked:
                one.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return a socket that is connected to *host*; raise OSError."""
        found = [_info(address, port) for address in await self.addresses(host)]
        return await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_STAGGER, interleave=1
        )

    def connector(self, *, is_kept: bool = False) -> TCPConnector:
        """Return a connector for HTTP that goes this way; its connections are used anew if kept.

        Pages are rare: a connection kept since the last one is more often dead than fast.
        """
        return TCPConnector(
            force_close=not is_kept,
            resolver=_ForHttp(self),
            use_dns_cache=False,
            happy_eyeballs_delay=_STAGGER,
        )


def host_of(url: str) -> str:
    """Return the host of *url* as it is looked up; empty where it has none."""
    return urlsplit(url).hostname or ""


def _from(addresses: Sequence[str], number: int) -> Sequence[str]:
    """Return *addresses*, beginning with the one of this *number*; behind the last is the first."""
    turn = number % (len(addresses) or 1)
    return (*addresses[turn:], *addresses[:turn])


def _said(asked: Collection["asyncio.Future[Sequence[str]]"]) -> Sequence[str]:
    """Return what those who have answered say; a failure is no answer."""
    done = [one for one in asked if one.done() and not one.cancelled()]
    for one in done:
        error = one.exception()
        assert error is None or isinstance(error, OSError | NetworkFailure), error
    return [text for one in done if one.exception() is None for text in one.result()]


def _info(address: str, port: int) -> aiohappyeyeballs.AddrInfoType:
    of = family(address)
    place = (address, port, 0, 0) if of is socket.AF_INET6 else (address, port)
    return (of, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)


class _ForHttp(AbstractResolver):
    def __init__(self, reach: Reach) -> None:
        self._reach = reach

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - both are tried
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=_info(address, port)[0],
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in await self._reach.addresses(host)
        ]

    async def close(self) -> None:
        """Hold nothing."""


class SystemLookup:
    """The host's own way from names to addresses: hosts file, search list, resolvers.

    It blocks for as long as the host is configured to wait. So each lookup has a thread, which
    neither holds up others nor the end of the agent; of a name there is only one at a time.
    """

    def __init__(self) -> None:
        self._underway: dict[str, asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*; raise OSError."""
        underway = self._underway.get(host)
        if underway is None or underway.done():
            underway = self._underway[host] = aside(partial(_looked_up, host))
            underway.add_done_callback(lambda _: self._underway.pop(host, None))
        try:
            return await asyncio.shield(underway)
        except RuntimeError as error:  # this host has no thread to spare now
            raise OSError(f"cannot look {host} up: {error}") from None


def _looked_up(host: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except ValueError:
        raise OSError(f"{host} is no host name") from None
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))
