"""Route collectors in miniature: RIS Live's WebSocket and RIPEstat's bgp-state on one port.

Frames have the shape that RIS Live sends in 2026; prefixes and AS numbers are those kept for
documentation (RFC 5737, RFC 5398).
"""

import asyncio
import contextlib
import ipaddress
import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from aiohttp import WSMsgType, web

from vedette.agent.demo.loopback import Site

PREFIX = "203.0.113.0/24"
ORIGIN = 64500
_TRANSITS = (64496, 64497, 64498)
_FIRST_PEER_ASN = 65536
_COLLECTORS = 3

Subscription = Mapping[str, object]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Peer:
    """A router that sends its routes to a collector."""

    collector: int
    address: str
    asn: int

    @property
    def host(self) -> str:
        """The collector's name in frames."""
        return f"rrc{self.collector:02}.ripe.net"

    @property
    def source_id(self) -> str:
        """What bgp-state calls the peer."""
        return f"{self.collector:02}-{self.address}"

    @property
    def path(self) -> list[int]:
        """The AS path by which it reaches the prefix."""
        return [self.asn, _TRANSITS[self.asn % len(_TRANSITS)], ORIGIN]


def make_peers(number: int) -> tuple[Peer, ...]:
    """Return *number* peers, spread over the collectors, with 16 AS numbers among them."""
    return tuple(
        Peer(i % _COLLECTORS, f"198.51.100.{i + 1}", _FIRST_PEER_ASN + i % 16)
        for i in range(number)
    )


def wants(subscription: Subscription, data: Mapping[str, object], prefix: str) -> bool:
    """Whether a `ris_subscribe` asks for the frame *data*, which is about *prefix*."""
    kind, host, peer = (subscription.get(name) for name in ("type", "host", "peer"))
    if kind not in (None, data["type"]) or peer not in (None, data["peer"]):
        return False
    if host is not None and str(host).removesuffix(".ripe.net") != str(data["host"]).split(".")[0]:
        return False
    watched = _networks(subscription)
    route = ipaddress.ip_network(prefix)
    return not watched or any(_covers(subscription, one, route) for one in watched)


def _networks(subscription: Subscription) -> list[Network]:
    """Return the prefixes asked for, none for all; raise ValueError where one is no prefix."""
    asked = subscription.get("prefix")
    prefixes = asked if isinstance(asked, list) else [] if asked is None else [asked]
    return [ipaddress.ip_network(str(prefix)) for prefix in prefixes]


def _covers(subscription: Subscription, watched: Network, route: Network) -> bool:
    if watched == route:
        return True
    longer = subscription.get("moreSpecific", True) and _inside(route, watched)
    shorter = subscription.get("lessSpecific", False) and _inside(watched, route)
    return bool(longer or shorter)


def _inside(inner: Network, outer: Network) -> bool:
    if inner.version != outer.version or inner.prefixlen < outer.prefixlen:
        return False
    return inner.network_address in outer


class RouteCollector(Site):
    """Peers that hold one prefix; `withdraw` and `announce` change that and send the frames."""

    def __init__(
        self, now: Callable[[], float], peers: int = 24, prefix: str = PREFIX, every: float = 1.0
    ) -> None:
        self.peers = make_peers(peers)
        self.prefix = prefix
        self._now = now
        self._every = every
        self._holding = list(self.peers)
        self._number = itertools.count(1)
        self._clients: dict[web.WebSocketResponse, list[Subscription]] = {}
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

    @property
    def holding(self) -> Sequence[Peer]:
        """The peers that reach the prefix now."""
        return tuple(self._holding)

    async def withdraw(self, share: float = 1.0) -> None:
        """Let *share* of all peers, or those that are left, lose the prefix."""
        number = math.ceil(share * len(self.peers))
        lost, self._holding = self._holding[:number], self._holding[number:]
        for peer in lost:
            await self._publish(self._update(peer, withdrawals=[self.prefix]))

    async def announce(self) -> None:
        """Let every peer that lost the prefix reach it again."""
        found = [peer for peer in self.peers if peer not in self._holding]
        self._holding = list(self.peers)
        for peer in found:
            await self._publish(self._update(peer))

    async def _show_life(self) -> None:
        """Re-announce by one peer after the other: a feed without a frame looks like a dead one."""
        for turn in itertools.count():
            await asyncio.sleep(self._every)
            if self._holding:
                await self._publish(self._update(self._holding[turn % len(self._holding)]))

    def _update(self, peer: Peer, withdrawals: Sequence[str] = ()) -> dict[str, object]:
        data: dict[str, object] = {
            "timestamp": round(self._now(), 3),
            "peer": peer.address,
            "peer_asn": str(peer.asn),
            "id": f"{peer.address}-{next(self._number):016x}",
            "host": peer.host,
            "type": "UPDATE",
            "announcements": [],
            "withdrawals": list(withdrawals),
        }
        if not withdrawals:
            announced = {"next_hop": peer.address, "prefixes": [self.prefix]}
            data |= {"path": peer.path, "community": [], "origin": "IGP"}
            data["announcements"] = [announced]
        return data

    async def _publish(self, data: Mapping[str, object]) -> None:
        for client, subscriptions in list(self._clients.items()):
            if any(wants(one, data, self.prefix) for one in subscriptions):
                with contextlib.suppress(ConnectionError):  # its reader notices and forgets it
                    await _send(client, "ris_message", data)

    async def _websocket(self, request: web.Request) -> web.WebSocketResponse:
        client = web.WebSocketResponse(heartbeat=30)
        await client.prepare(request)
        self._clients[client] = []
        try:
            with contextlib.suppress(ConnectionError):  # it went while we answered
                async for message in client:
                    if message.type is WSMsgType.TEXT:
                        await self._obey(client, message.data)
        finally:
            del self._clients[client]
        return client

    async def _obey(self, client: web.WebSocketResponse, text: str) -> None:
        try:
            request = json.loads(text)
            kind, data = request["type"], request.get("data") or {}
            if kind == "ris_subscribe":
                _networks(data)  # a bad prefix is refused now, not when a frame comes
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            await _send(client, "ris_error", {"message": f"not understood: {error!r}"})
            return
        match kind:
            case "ris_subscribe":
                await self._subscribe(client, data)
            case "ris_unsubscribe":
                self._clients[client] = [one for one in self._clients[client] if one != data]
            case "ping":
                await _send(client, "pong", None)
            case "request_rrc_list":
                await _send(client, "ris_rrc_list", sorted({peer.host for peer in self.peers}))
            case _:
                await _send(client, "ris_error", {"message": f"unknown type {kind!r}"})

    async def _subscribe(self, client: web.WebSocketResponse, data: Mapping[str, object]) -> None:
        options = data.get("socketOptions")
        subscription = {key: value for key, value in data.items() if key != "socketOptions"}
        self._clients[client].append(subscription)
        if isinstance(options, Mapping) and options.get("acknowledge"):
            echo = {"subscription": subscription, "socketOptions": options}
            await _send(client, "ris_subscribe_ok", echo)

    async def _hang_up(self, _: web.Application) -> None:
        for client in list(self._clients):
            await client.close()

    async def _bgp_state(self, request: web.Request) -> web.Response:
        resource = request.query.get("resource", "")
        try:
            asked = ipaddress.ip_network(resource)
        except ValueError:
            return web.json_response(_envelope({}, 400), status=400)
        known = asked == ipaddress.ip_network(self.prefix)
        routes = [
            {
                "target_prefix": self.prefix,
                "source_id": peer.source_id,
                "path": peer.path,
                "community": [],
            }
            for peer in (self._holding if known else ())
        ]
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self._now()))
        data = {"resource": resource, "timestamp": stamp, "bgp_state": routes}
        return web.json_response(_envelope(data | {"nr_routes": len(routes)}, 200))


def _envelope(data: Mapping[str, object], code: int) -> Mapping[str, object]:
    return {
        "messages": [],
        "version": "1.2",
        "data_call_name": "bgp-state",
        "data_call_status": "supported",
        "cached": False,
        "status": "ok" if code == 200 else "error",
        "status_code": code,
        "data": data,
    }


async def _send(client: web.WebSocketResponse, kind: str, data: object) -> None:
    await client.send_str(json.dumps({"type": kind, "data": data}))
