"""The I/O around the routes: RIS Live over a WebSocket, seeded from RIPEstat."""

import asyncio
import json
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import aiohttp

from vedette.checks.bgp import ripestat
from vedette.checks.bgp.frames import (
    Announce,
    Event,
    FrameError,
    PeerState,
    Pong,
    Refused,
    Subscribed,
    Withdraw,
    parse,
)
from vedette.checks.bgp.health import FeedHealth
from vedette.checks.bgp.prefix import canonical, peer_of
from vedette.checks.bgp.routes import Routes, Visibility
from vedette.checks.bgp.settings import RisLiveSettings

MAX_FRAME = 16 * 1024 * 1024
SEEDS_AT_ONCE = 4  # RIPEstat asks for at most 8 concurrent requests per address


class _FeedLostError(Exception):
    """The connection is of no use any more; the message is a clause."""


@dataclass(frozen=True, slots=True)
class Times:
    """The feed's cadences in seconds; only tests change them."""

    ping: float = 20.0
    pong: float = 60.0  # without an answer for so long, the connection is dead
    connect: float = 30.0
    retry: float = 1.0
    retry_most: float = 30.0
    settled: float = 60.0  # a connection that lasted so long resets the backoff
    reseed: float = 600.0
    reseed_most: float = 3600.0

    def backoff(self, attempt: int) -> float:
        """Return a wait with full jitter, so that a fleet does not come back at once."""
        return random.uniform(0, min(self.retry_most, self.retry * 2.0 ** min(attempt, 20)))


class RisLiveFeed:
    """Keeps the watched prefixes' routes current; *now* is epoch seconds.

    Nothing is judged while disconnected, silent for `stale_after`, or not seeded since the last
    connect: a gap in the feed must never look like a withdrawal, nor hide one.
    """

    source = "ris-live"

    def __init__(
        self,
        watched: Mapping[str, Collection[int]],
        settings: RisLiveSettings,
        now: Callable[[], float],
        times: Times | None = None,
    ) -> None:
        self._routes = Routes({canonical(prefix): origins for prefix, origins in watched.items()})
        self._settings = settings
        self._now = now
        self._times = times or Times()
        self._acknowledged = False
        self._connected_at = 0.0
        self._pong_at = 0.0  # on the loop's clock
        self._last_frame_at: float | None = None
        self._frames = self._errors = self._late = self._reconnects = 0
        self._last_error = ""

    async def run(self) -> NoReturn:
        """Follow the feed for ever, reconnecting with full jitter."""
        loop, attempt = asyncio.get_running_loop(), 0
        async with aiohttp.ClientSession(headers={"User-Agent": "vedette"}) as session:
            while True:
                began = loop.time()
                try:
                    await self._follow(session)
                except* (_FeedLostError, aiohttp.ClientError, OSError) as group:
                    self._note(str(_first(group)) or "the connection was lost")
                finally:
                    self._acknowledged = False
                    self._routes.lapse()
                attempt = 0 if loop.time() - began >= self._times.settled else attempt + 1
                await asyncio.sleep(self._times.backoff(attempt - 1 if attempt else 0))
                self._reconnects += 1

    def visibility(self, prefix: str, origins: Collection[int]) -> Visibility | None:
        """Return how visible *prefix* is by *origins*; None until it is seeded."""
        return self._routes.share(prefix, origins)

    def health(self, now: float) -> FeedHealth:
        """Return what the feed knows about itself as of *now*."""
        return FeedHealth(
            source=self.source,
            connected=self._acknowledged,
            last_frame_at=self._last_frame_at,
            seeded=self._routes.seeded,
            frames=self._frames,
            errors=self._errors,
            late=self._late,
            reconnects=self._reconnects,
            last_error=self._last_error,
            silence=self._silence(now),
        )

    def baseline(self) -> dict[str, Any]:
        """Return the baselines as JSON-able data, so that a restart still knows what was there."""
        now = self._now()
        return {
            prefix: {str(peer): at for peer, at in self._routes.baseline(prefix, now).items()}
            for prefix in self._routes.watched
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Add what `baseline` returned in an earlier life; raise ValueError and change nothing."""
        try:
            baselines = {
                prefix: {peer_of(*peer.split(" ")): float(at) for peer, at in peers.items()}
                for prefix, peers in stored.items()
            }
        except (AttributeError, TypeError, ValueError) as exc:
            raise ValueError(f"the stored baseline cannot be read: {exc}") from None
        for prefix, baseline in baselines.items():
            self._routes.restore(prefix, baseline, self._now())

    def _silence(self, now: float) -> str | None:
        if not self._acknowledged:
            cause = f" ({self._last_error})" if self._last_error else ""
            return f"{self.source} is not connected{cause}"
        quiet = now - (self._last_frame_at or self._connected_at)
        if quiet > self._settings.stale_after:
            return f"{self.source} has been silent for {quiet:.0f} s"
        return None

    async def _follow(self, session: aiohttp.ClientSession) -> None:
        """Live through one connection; end by an exception."""
        async with asyncio.timeout(self._times.connect):
            # aiohttp's own heartbeat pings the proxy in front of RIS Live; ours asks RIS Live.
            socket = await session.ws_connect(
                self._settings.url,
                params={"client": "vedette"},
                heartbeat=None,
                max_msg_size=MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        try:
            self._connected_at = self._now()
            self._pong_at = asyncio.get_running_loop().time()
            for request in _subscriptions(list(self._routes.watched)):
                await socket.send_str(json.dumps(request))
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_alive(socket))
                group.create_task(self._keep_seeded(session))
                group.create_task(self._read(socket))
        finally:
            await socket.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> NoReturn:
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                self._note("a binary frame came")
            else:
                raise _FeedLostError(f"the server closed the connection ({socket.close_code})")

    def _take(self, text: str) -> None:
        self._frames += 1
        try:
            events = parse(text)
        except FrameError as exc:
            self._note(str(exc))
            return
        self._last_frame_at = self._now()
        for event in events:
            self._apply(event)

    def _apply(self, event: Event) -> None:
        match event:
            case Announce(peer, _, prefix, path, at):
                self._late += not self._routes.announce(peer, prefix, path, at)
            case Withdraw(peer, _, prefix, at):
                self._late += not self._routes.withdraw(peer, prefix, at)
            case PeerState(peer, up, at):
                (self._routes.peer_up if up else self._routes.peer_down)(peer, at)
            case Pong():
                self._pong_at = asyncio.get_running_loop().time()
            case Subscribed():
                self._acknowledged = True
            case Refused(message) if not self._acknowledged:
                raise _FeedLostError(f"the subscription was refused: {message}")
            case Refused(message):
                self._note(message)

    async def _keep_alive(self, socket: aiohttp.ClientWebSocketResponse) -> NoReturn:
        clock = asyncio.get_running_loop().time
        while True:
            await socket.send_str('{"type":"ping","data":null}')
            await asyncio.sleep(self._times.ping)
            if clock() - self._pong_at > self._times.pong:
                raise _FeedLostError(f"no pong for {self._times.pong:.0f} s")
            if not self._acknowledged and self._now() - self._connected_at > self._times.pong:
                raise _FeedLostError("the subscription was not acknowledged")

    async def _keep_seeded(self, session: aiohttp.ClientSession) -> NoReturn:
        """Seed every prefix; retry what failed, and renew seeds that are older than the gap."""
        clock = asyncio.get_running_loop().time
        failed, attempt = await self._seed(session, self._routes.watched), 0
        every = self._times.reseed
        renew_at = clock() + every
        while True:
            attempt = attempt + 1 if failed else 0
            wait = 1.0 + self._times.backoff(attempt) if failed else renew_at - clock()
            await asyncio.sleep(max(0.0, wait))
            due = set(failed)
            if clock() >= renew_at:
                due |= self._outdated()
                every = min(2 * every, self._times.reseed_most)
                renew_at = clock() + every
            failed = await self._seed(session, due)

    def _outdated(self) -> set[str]:
        """Return the prefixes whose seed cannot speak for the gap, or whose peers went down."""
        seeded = self._routes.seeded
        return {
            prefix
            for prefix, origins in self._routes.watched.items()
            if seeded.get(prefix, 0.0) < self._connected_at
            or not ((seen := self._routes.share(prefix, origins)) and seen.known)
        }

    async def _seed(self, session: aiohttp.ClientSession, due: Collection[str]) -> set[str]:
        """Seed the *due* prefixes, four at a time, and return those that failed."""
        turn = asyncio.Semaphore(SEEDS_AT_ONCE)

        async def one(prefix: str) -> bool:
            async with turn:
                try:
                    seed = await ripestat.fetch(session, self._settings.seed, prefix)
                except ripestat.SeedError as exc:
                    self._note(str(exc))
                    return False
            routes = seed.routes.get(prefix, {})
            self._routes.seed(prefix, routes, min(seed.at, self._now()))
            return True

        prefixes = list(due)
        done = await asyncio.gather(*(one(prefix) for prefix in prefixes))
        return {prefix for prefix, seeded in zip(prefixes, done, strict=True) if not seeded}

    def _note(self, error: str) -> None:
        self._errors += 1
        self._last_error = error[:300]


def _subscriptions(prefixes: list[str]) -> list[dict[str, Any]]:
    """Return the requests for routes and for session states (https://ris-live.ripe.net/manual/).

    They are two, because a session state has no prefix that a filter could match.
    """
    options = {"acknowledge": True}
    routes = {"type": "UPDATE", "prefix": prefixes, "moreSpecific": True, "socketOptions": options}
    states = {"type": "RIS_PEER_STATE", "socketOptions": options}
    return [{"type": "ris_subscribe", "data": data} for data in (routes, states)]


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
