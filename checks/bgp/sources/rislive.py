"""RIS Live over a WebSocket, and the feed around it. See https://ris-live.ripe.net/manual/."""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import aiohttp

from vedette.checks.bgp.feed.feed import Feed, SourceLostError
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.feed.times import Times
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.bgp.update import Announce, CollectorDown, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.frames import Alive, FrameError, Pong, Refused, Subscribed, parse
from vedette.checks.bgp.wire.interest import Interest

MOST_LAG = 300.0
"""Seconds that news may take, which comes within one or two."""
MAX_FRAME = 16 * 1024 * 1024
SLICE = 0.003
"""Seconds for which frames are read before others may go on."""


def ris_live_feed(
    watches: Iterable[Watch],
    settings: RisLiveSettings,
    now: Callable[[], float],
    times: Times | None = None,
    connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
) -> Feed:
    """Return a feed of what RIS Live says of *watches*, seeded from RIPEstat."""
    routes, times = Routes(watches), times or Times(lag=MOST_LAG)
    return Feed(
        RisLive(routes.watched, settings.url, now, times, connect),
        routes,
        Intake(now),
        tables=Tables(settings.seed, routes, now, connect),
        stale_after=settings.stale_after,
        times=times,
    )


class RisLive:
    """What RIS Live at *url* says of *prefixes* and all inside them; *now* is epoch seconds.

    Keepalives are asked for too: they tell that a collector is there while routes are at rest.
    *connect* makes the way there for each connection.
    """

    name = "ris-live"

    def __init__(
        self,
        prefixes: Iterable[str],
        url: str,
        now: Callable[[], float],
        times: Times,
        connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
    ) -> None:
        self._prefixes, self._url, self._now, self._times = list(prefixes), url, now, times
        self._connect = connect
        self._interest = Interest(self._prefixes)
        self._connected_at = self._pong_at = 0.0  # on the loop's clock

    async def follow(self, intake: Intake) -> NoReturn:
        """Live through one connection; raise SourceLostError or aiohttp.ClientError."""
        async with aiohttp.ClientSession(
            connector=self._connect(), headers={"User-Agent": "vedette"}
        ) as session:
            try:
                async with asyncio.timeout(self._times.connect):
                    socket = await self._connected(session)
            except TimeoutError:
                waited = self._times.connect
                raise SourceLostError(f"the server did not answer within {waited:g} s") from None
            try:
                self._connected_at = self._pong_at = asyncio.get_running_loop().time()
                for request in _subscriptions(self._prefixes):
                    await socket.send_str(json.dumps(request))
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep_alive(socket, intake))
                    await self._read(socket, intake)
            finally:
                await socket.close()

    async def _connected(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        # aiohttp's own heartbeat pings the proxy in front of RIS Live; ours RIS Live.
        try:
            return await session.ws_connect(
                self._url,
                params={"client": "vedette"},
                heartbeat=None,
                max_msg_size=MAX_FRAME,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
        except aiohttp.WSServerHandshakeError as error:
            raise SourceLostError(f"the server answered HTTP {error.status}") from None

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, intake: Intake) -> NoReturn:
        clock = asyncio.get_running_loop().time
        until = clock() + SLICE
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data, intake)
            elif message.type is aiohttp.WSMsgType.BINARY:
                intake.error("a binary frame came")
            else:
                raise SourceLostError(f"the server closed the connection ({socket.close_code})")
            if clock() > until:  # frames that are there already do not make `receive` wait
                await asyncio.sleep(0)
                until = clock() + SLICE

    def _take(self, text: str, intake: Intake) -> None:
        try:
            events = parse(text, self._interest)
        except FrameError as exc:
            intake.error(str(exc))
            return
        first = events[0] if events else None
        match first:
            case Announce() | Withdraw() | PeerState():
                intake.put(events)  # type: ignore[arg-type]  # they are updates all, or none is
            case Alive(peer, at) if intake.sessions.is_down(peer):
                intake.put(PeerState(peer, True, at))
            case Alive(peer, at):
                intake.heard(peer, at)
            case Pong():
                self._pong_at = asyncio.get_running_loop().time()
            case Subscribed():
                intake.up()
            case Refused(message) if intake.up_at is None:
                raise SourceLostError(f"the subscription was refused: {message}")
            case Refused(message):
                intake.error(message)

    async def _keep_alive(
        self, socket: aiohttp.ClientWebSocketResponse, intake: Intake
    ) -> NoReturn:
        clock = asyncio.get_running_loop().time
        while True:
            await socket.send_str('{"type":"ping","data":null}')
            await asyncio.sleep(self._times.ping)
            if clock() - self._pong_at > self._times.pong:
                raise SourceLostError(f"no pong for {self._times.pong:.0f} s")
            if intake.up_at is None and clock() - self._connected_at > self._times.pong:
                raise SourceLostError("the subscription was not acknowledged")
            self._miss_collectors(intake)

    def _miss_collectors(self, intake: Intake) -> None:
        """Tell of the collectors that are silent while others speak: their routes are unknown."""
        now = self._now()
        at = now - (intake.lag or 0.0)  # by the collectors' clocks
        for name in list(intake.sessions.silent(now, self._times.silent)):
            intake.error(f"collector {name} has been silent for {self._times.silent:.0f} s")
            intake.put(CollectorDown(name, at))


def _subscriptions(prefixes: list[str]) -> list[dict[str, Any]]:
    """Return the requests for routes, for session states and for keepalives.

    They are three, because the latter have no prefix that a filter could match.
    """
    routes: dict[str, Any] = {"type": "UPDATE", "prefix": prefixes, "moreSpecific": True}
    wanted = [routes, {"type": "RIS_PEER_STATE"}, {"type": "KEEPALIVE"}]
    options = {"acknowledge": True}
    return [{"type": "ris_subscribe", "data": data | {"socketOptions": options}} for data in wanted]
