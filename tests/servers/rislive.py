"""RIS Live and RIPEstat's bgp-state on a loopback port, as strict as the manuals."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from aiohttp import web

from tests.servers.app import serving

SUBSCRIPTION = {
    "host", "type", "require", "peer", "path", "prefix", "moreSpecific", "lessSpecific",
    "socketOptions",
}  # fmt: skip
OPTIONS = {"includeRaw", "acknowledge"}
BGP_STATE = {"resource", "timestamp", "rrcs", "unix_timestamps", "sourceapp"}
TIMESTAMP = r"[0-9]{1,10}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?"
TYPES = {"UPDATE", "OPEN", "NOTIFICATION", "KEEPALIVE", "RIS_PEER_STATE"}


class RisLive:
    """What a test turns: the seeds it serves, and whether it answers pings and acknowledges."""

    def __init__(self) -> None:
        self.url = ""
        self.seed_url = ""
        self.seeds: dict[str, Any] = {}
        self.pasts: dict[str, Any] = {}  # what is served where a time is asked for
        self.past_requests: list[tuple[str, str]] = []
        self.most_at_once = self._at_once = 0  # requests for tables
        self.seed_gate = asyncio.Event()  # seeds wait for it
        self.seed_gate.set()
        self.seed_requests: list[str] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.connections = 0
        self.pings = 0
        self.answers_pings = True
        self.acknowledges = True
        self.accepts = True  # connections
        self._sockets: dict[web.WebSocketResponse, set[str]] = {}  # with the types subscribed to

    def seed(self, prefix: str, rows: Sequence[tuple[str, Sequence[Any]]], at: object) -> None:
        """Serve *rows* of (source_id, path) as the holders of *prefix*."""
        self.seeds[prefix] = answer(prefix, rows, at)

    def past(self, prefix: str, rows: Sequence[tuple[str, Sequence[Any]]], at: object) -> None:
        """Serve *rows* as those who held *prefix* at a past time, whichever is asked for."""
        self.pasts[prefix] = answer(prefix, rows, at)

    async def play(self, *frames: str | dict[str, Any]) -> None:
        """Send *frames* to whoever is connected; a dict is made a ris_message.

        A dict is sent to those who have subscribed to its type, a text to all.
        """
        for frame in frames:
            text, kind = frame, ""
            if isinstance(frame, dict):
                text = json.dumps({"type": "ris_message", "data": frame})
                kind = {"STATE": "RIS_PEER_STATE"}.get(frame["type"], frame["type"])
            for socket, types in list(self._sockets.items()):
                if not kind or kind in types:
                    with suppress(ConnectionError):  # it may be ending
                        await socket.send_str(str(text))

    async def drop(self) -> None:
        """Close every connection."""
        for socket in list(self._sockets):
            await socket.close()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Speak RIS Live's side of the protocol."""
        if not self.accepts:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self._sockets[socket] = set()
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._answer(socket, json.loads(message.data))
        finally:
            del self._sockets[socket]
        return socket

    async def bgp_state(self, request: web.Request) -> web.Response:
        """Answer the bgp-state data call, which takes a moment."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await asyncio.sleep(0.001)
            return await self._state(request)
        finally:
            self._at_once -= 1

    async def _state(self, request: web.Request) -> web.Response:
        prefix, at = request.query["resource"], request.query.get("timestamp")
        self.violations += [f"unknown parameter {n}" for n in request.query.keys() - BGP_STATE]
        if at is not None and not re.fullmatch(TIMESTAMP, at):
            self.violations.append(f"timestamp {at!r} is neither ISO 8601 nor epoch seconds")
            return web.Response(status=400)
        if at is not None:
            self.past_requests.append((prefix, at))
            seed = self.pasts.get(prefix, answer(prefix, [], at))
        else:
            self.seed_requests.append(prefix)
            await self.seed_gate.wait()
            seed = self.seeds.get(prefix)
        if seed is None:
            return web.Response(status=500)
        return web.Response(
            text=seed if isinstance(seed, str) else json.dumps(seed),
            content_type="application/json",
        )

    async def _answer(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        match request.get("type"):
            case "ping":
                self.pings += 1
                if self.answers_pings:
                    await socket.send_str('{"type":"pong","data":null}')
            case "ris_subscribe":
                await self._subscribe(socket, request.get("data") or {})
            case other:
                await self._refuse(socket, f"unknown message type {other}")

    async def _subscribe(self, socket: web.WebSocketResponse, data: dict[str, Any]) -> None:
        wrong = faults(data)
        if wrong:
            await self._refuse(socket, "; ".join(wrong))
            return
        self.subscriptions.append(data)
        self._sockets[socket].add(data.get("type", "UPDATE"))
        if self.acknowledges and data.get("socketOptions", {}).get("acknowledge"):
            reply = {"type": "ris_subscribe_ok", "data": {"subscription": data}}
            await socket.send_str(json.dumps(reply))

    async def _refuse(self, socket: web.WebSocketResponse, reason: str) -> None:
        self.violations.append(reason)
        await socket.send_str(json.dumps({"type": "ris_error", "data": {"message": reason}}))


def answer(prefix: str, rows: Sequence[tuple[str, Sequence[Any]]], at: object) -> dict[str, Any]:
    """Return bgp-state's answer that *rows* of (source_id, path) hold *prefix*."""
    state = [
        {"target_prefix": prefix, "source_id": source, "path": list(path), "community": []}
        for source, path in rows
    ]
    data = {"resource": prefix, "timestamp": at, "bgp_state": state, "nr_routes": len(state)}
    return {"status": "ok", "status_code": 200, "data": data}


def faults(data: dict[str, Any]) -> list[str]:
    """Return what the manual would not let pass in a subscription."""
    options, prefixes = data.get("socketOptions", {}), data.get("prefix", [])
    wrong = [f"unknown field {name}" for name in data.keys() - SUBSCRIPTION]
    wrong += [f"unknown option {name}" for name in options.keys() - OPTIONS]
    if data.get("type", "UPDATE") not in TYPES:
        wrong.append(f"unknown type {data['type']}")
    if not all(isinstance(p, str) for p in ([prefixes] if isinstance(prefixes, str) else prefixes)):
        wrong.append("prefix is neither text nor a list of texts")
    for name in ("moreSpecific", "lessSpecific"):
        if not isinstance(data.get(name, True), bool):
            wrong.append(f"{name} is not true or false")
    return wrong


@asynccontextmanager
async def ris_live() -> AsyncIterator[RisLive]:
    """Serve until the block ends."""
    server = RisLive()
    app = web.Application()
    app.router.add_get("/v1/ws/", server.stream)
    app.router.add_get("/data/bgp-state/data.json", server.bgp_state)
    async with serving(app) as port:
        server.url = f"ws://127.0.0.1:{port}/v1/ws/"
        server.seed_url = f"http://127.0.0.1:{port}/data/bgp-state/data.json"
        try:
            yield server
        finally:
            server.seed_gate.set()
            await server.drop()
