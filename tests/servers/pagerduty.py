"""A double of PagerDuty's Events API v2 that checks every event and keeps incidents as it does.

Rules: https://developer.pagerduty.com/docs/send-alert-event and openapiv3.json of its api-schema.
"""

import asyncio
import json
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from aiohttp import web

from tests.servers.app import serving

Event = dict[str, Any]
Step = Callable[["PagerDutyServer", web.Request, bytes], Awaitable[web.StreamResponse]]
"""What one call meets instead of the usual treatment."""

_TOP = {"routing_key", "event_action", "dedup_key", "payload"}
_OPTIONAL = {"client", "client_url", "links", "images"}
_PAYLOAD = {"summary", "source", "severity", "timestamp", "component", "group", "class"}


@dataclass
class Incident:
    """An alert with the events it took, the first of which opened it."""

    dedup_key: str
    status: str = "triggered"
    events: list[Event] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What its last trigger says."""
        triggers = [event for event in self.events if event["event_action"] == "trigger"]
        return str(triggers[-1]["payload"]["summary"])


def faults(body: bytes) -> list[str]:
    """Return what the published rules have against *body*, and keys that they do not know."""
    if len(body) > 512_000:
        return ["event exceeds 512 KB"]
    try:
        event = json.loads(body)
    except ValueError:
        return ["body is not JSON"]
    if not isinstance(event, dict):
        return ["body is not an object"]
    found = [f"unknown key {key!r}" for key in event.keys() - _TOP - _OPTIONAL]
    if not isinstance(event.get("routing_key"), str) or len(event["routing_key"]) != 32:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    action, key = event.get("event_action"), event.get("dedup_key")
    if action not in {"trigger", "resolve"}:
        found.append("'event_action' is none of those that we send: trigger, resolve")
    if not isinstance(key, str) or not 0 < len(key) <= 255:
        found.append("'dedup_key' is not a text of 1 to 255 characters")
    if action == "trigger":
        found += _payload_faults(event.get("payload"))
    return found + _link_faults(event)


def _link_faults(event: Event) -> list[str]:
    found, links = [], event.get("links", [])
    if not isinstance(links, list) or not all(map(_is_link, links)):
        found.append("'links' are not a list of href and text")
    if not str(event.get("client_url", "https://")).startswith(("http://", "https://")):
        found.append("'client_url' is not a URL")
    return found


def _is_link(link: object) -> bool:
    if not isinstance(link, dict) or link.keys() - {"href", "text"}:
        return False
    return str(link.get("href")).startswith(("http://", "https://")) and bool(link.get("text", "x"))


def _payload_faults(payload: object) -> list[str]:
    if not isinstance(payload, dict):
        return ["'payload' is missing or blank"]
    found = [
        f"unknown key {key!r} of payload" for key in payload.keys() - _PAYLOAD - {"custom_details"}
    ]
    for name in ("summary", "source"):
        if not isinstance(payload.get(name), str) or not payload[name]:
            found.append(f"'payload.{name}' is missing or blank")
    if len(str(payload.get("summary"))) > 1024:
        found.append("'payload.summary' is longer than 1024 characters")
    if payload.get("severity") not in {"critical", "error", "warning", "info"}:
        found.append("'payload.severity' is invalid")
    for name in ("component", "group", "class"):
        if not isinstance(payload.get(name, ""), str):
            found.append(f"'payload.{name}' is not a text")
    if not isinstance(payload.get("custom_details", {}), dict):
        found.append("'payload.custom_details' is not an object")
    try:
        datetime.fromisoformat(payload.get("timestamp", "2026-01-01T00:00:00Z"))
    except (ValueError, TypeError):
        found.append("'payload.timestamp' is not ISO 8601")
    return found


class PagerDutyServer:
    """The double on a port while its block runs; the first calls meet the steps of *script*."""

    def __init__(
        self, script: Iterable[Step] = (), *, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.script = deque(script)
        self.bodies: list[bytes] = []
        self.requests: list[web.Request] = []
        self.accepted: list[Event] = []
        self.incidents: list[Incident] = []
        self._host, self._port = host, port

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/v2/enqueue", self._enqueue)
        self._serving = serving(app, self._host, self._port)
        self._port = await self._serving.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._serving.__aexit__(None, None, None)

    @property
    def url(self) -> str:
        """Where events are posted to."""
        return f"http://{self._host}:{self._port}/v2/enqueue"

    @property
    def open(self) -> Sequence[Incident]:
        """The incidents that are not resolved."""
        return [incident for incident in self.incidents if incident.status != "resolved"]

    async def take(self, body: bytes) -> web.Response:
        """Treat *body* as PagerDuty does: refuse what breaks a rule, keep and accept the rest."""
        errors = faults(body)
        if errors:
            answer = {"status": "invalid event", "message": "Event object is invalid"}
            return web.json_response(answer | {"errors": errors}, status=400)
        event = json.loads(body)
        key = event["dedup_key"]
        self.accepted.append(event)
        self._keep(event)
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(answer, status=202)

    def _keep(self, event: Event) -> None:
        key, action = event["dedup_key"], event["event_action"]
        same = next((i for i in self.open if i.dedup_key == key), None)
        if same is None:
            if action != "trigger":
                return  # dropped, as PagerDuty does
            same = Incident(key)
            self.incidents.append(same)
        same.events.append(event)
        if action == "resolve":
            same.status = "resolved"

    async def _enqueue(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.bodies.append(body)
        self.requests.append(request)
        step = self.script.popleft() if self.script else None
        return await (step(self, request, body) if step else self.take(body))


def answers(status: int, text: str = "", headers: dict[str, str] | None = None) -> Step:
    """Make the step that answers *status* and takes nothing; *headers* may hold Retry-After."""

    async def step(_: PagerDutyServer, __: web.Request, ___: bytes) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return step


async def echoes(_: PagerDutyServer, __: web.Request, body: bytes) -> web.StreamResponse:
    """Refuse the event and repeat all of it, the routing key too."""
    answer = {"status": "invalid event", "message": "Bad event", "errors": [body.decode()]}
    return web.json_response(answer, status=400)


async def resets(_: PagerDutyServer, request: web.Request, __: bytes) -> web.StreamResponse:
    """Reset the connection (RST) instead of answering."""
    assert request.transport is not None
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()
    return web.Response()


async def garbles(_: PagerDutyServer, request: web.Request, __: bytes) -> web.StreamResponse:
    """Answer bytes that are no HTTP."""
    assert request.transport is not None
    request.transport.write(b"\x16\x03\x01 nothing that you know\r\n\r\n")
    request.transport.close()
    return web.Response()


async def hangs(_: PagerDutyServer, __: web.Request, ___: bytes) -> web.StreamResponse:
    """Answer never, and take nothing."""
    await asyncio.Event().wait()
    raise AssertionError


async def accepts_too_late(
    server: PagerDutyServer, _: web.Request, body: bytes
) -> web.StreamResponse:
    """Take the event when the client has given up; its 202 reaches nobody."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await server.take(body)
        raise
    raise AssertionError
