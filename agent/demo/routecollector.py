"""Route collectors in miniature: RIS Live's WebSocket and RIPEstat's bgp-state on one port.

Frames have the shape that RIS Live sends in 2026; prefixes and AS numbers are those kept for
documentation (RFC 5737, RFC 5398).
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from typing import Self

from aiohttp import web

from vedette.agent.demo.loopback import Site

PREFIX = "203.0.113.0/24"
ORIGIN = 64500
_TRANSITS = (64496, 64497, 64498)
_FIRST_PEER_ASN = 65536
_COLLECTORS = 3
_EVERY = 1.0
"""Seconds between two announcements: a feed without a frame looks like a dead one."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A router that sends its routes to a collector."""

    collector: int
    address: str
    asn: int

    @property
    def path(self) -> list[int]:
        """The AS path by which it reaches the prefix."""
        return [self.asn, _TRANSITS[self.asn % len(_TRANSITS)], ORIGIN]


PEERS = [Peer(i % _COLLECTORS, f"198.51.100.{i + 1}", _FIRST_PEER_ASN + i % 16) for i in range(24)]
"""Spread over the collectors, with 16 AS numbers among them."""


class RouteCollector(Site):
    """Peers that all hold the prefix; one after the other announces it again."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._listeners: set[web.WebSocketResponse] = set()
        self._life: asyncio.Task[None] | None = None
        application = web.Application()
        application.router.add_get("/v1/ws/", self._websocket)
        application.router.add_get("/data/bgp-state/data.json", self._bgp_state)
        application.on_shutdown.append(self._hang_up)
        super().__init__(application)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._life = asyncio.create_task(self._show_life(), name="demo route collector")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._life is not None
        self._life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._life
        await super().__aexit__()

    @property
    def live_url(self) -> str:
        """Where RIS Live is."""
        return f"ws://127.0.0.1:{self.port}/v1/ws/"

    @property
    def state_url(self) -> str:
        """Where bgp-state is."""
        return f"http://127.0.0.1:{self.port}/data/bgp-state/data.json"

    async def _show_life(self) -> None:
        for peer in cycle(PEERS):
            await asyncio.sleep(_EVERY)
            for listener in [*self._listeners]:
                with contextlib.suppress(ConnectionError):  # its reader notices and forgets it
                    await _send(listener, "ris_message", self._announcement(peer))

    def _announcement(self, peer: Peer) -> dict[str, object]:
        return {
            "timestamp": round(self._now(), 3),
            "peer": peer.address,
            "peer_asn": str(peer.asn),
            "host": f"rrc{peer.collector:02}.ripe.net",
            "type": "UPDATE",
            "path": peer.path,
            "announcements": [{"next_hop": peer.address, "prefixes": [PREFIX]}],
        }

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Answer pings, and acknowledge subscriptions: each is taken for one to all there is."""
        client = web.WebSocketResponse()
        await client.prepare(request)
        try:
            async for message in client:
                asked = message.json()
                if asked["type"] == "ping":
                    await _send(client, "pong", None)
                else:
                    self._listeners.add(client)
                    await _send(client, "ris_subscribe_ok", {"subscription": asked["data"]})
        except ConnectionError:  # it went while we answered
            pass
        finally:
            self._listeners.discard(client)
        return client

    async def _hang_up(self, _: web.Application) -> None:
        for listener in [*self._listeners]:
            await listener.close()

    async def _bgp_state(self, _: web.Request) -> web.Response:
        routes = [
            {
                "target_prefix": PREFIX,
                "source_id": f"{peer.collector:02}-{peer.address}",
                "path": peer.path,
            }
            for peer in PEERS
        ]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._now()))
        data = {"resource": PREFIX, "timestamp": stamp, "bgp_state": routes}
        return web.json_response({"status": "ok", "status_code": 200, "data": data})


async def _send(client: web.WebSocketResponse, kind: str, data: object) -> None:
    await client.send_str(json.dumps({"type": kind, "data": data}))
