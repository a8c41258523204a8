"""A receiver of PagerDuty's Events API v2 that keeps what it accepts."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from vedette.agent.demo.loopback import Site

_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "error", "warning", "info")


@dataclass(frozen=True, slots=True)
class PagerEvent:
    """One accepted event: when it came, in epoch seconds, and its body with its dedup key."""

    at: float
    body: Mapping[str, object]

    @property
    def action(self) -> str:
        """What it does to the incident: trigger, acknowledge or resolve."""
        return str(self.body["event_action"])

    @property
    def key(self) -> str:
        """Which incident it is about."""
        return str(self.body["dedup_key"])

    @property
    def payload(self) -> Mapping[str, object]:
        """The payload, empty where the event has none (a resolve needs none)."""
        payload = self.body.get("payload")
        return payload if isinstance(payload, Mapping) else {}


def faults(body: object, routing_key: str | None = None) -> list[str]:
    """Return what PagerDuty would refuse in *body*; nothing when it would accept it."""
    if not isinstance(body, Mapping):
        return ["the body is not a JSON object"]
    key, action, dedup = (body.get(name) for name in ("routing_key", "event_action", "dedup_key"))
    found = []
    if not isinstance(key, str) or len(key) != 32:
        found.append("Length of 'routing_key' is incorrect (should be 32 characters)")
    elif routing_key not in (None, key):
        found.append("'routing_key' is not known here")
    if action not in _ACTIONS:
        found.append("'event_action' is none of trigger, acknowledge, resolve")
    if dedup is None and action in ("acknowledge", "resolve"):
        found.append("'dedup_key' is missing or blank")
    if dedup is not None and not (isinstance(dedup, str) and 1 <= len(dedup) <= 255):
        found.append("'dedup_key' is not a text of 1 to 255 characters")
    if action == "trigger":
        found += _payload_faults(body.get("payload"))
    return found


def _payload_faults(payload: object) -> list[str]:
    if not isinstance(payload, Mapping):
        return ["'payload' is missing or blank"]
    found = [
        f"'payload.{name}' is missing or blank"
        for name in ("summary", "source", "severity")
        if not (isinstance(payload.get(name), str) and payload[name])
    ]
    if len(str(payload.get("summary", ""))) > 1024:
        found.append("'payload.summary' is longer than 1024 characters")
    if payload.get("severity") not in (None, "", *_SEVERITIES):
        found.append("'payload.severity' is none of critical, error, warning, info")
    return found


class PagerReceiver(Site):
    """Answers `POST /v2/enqueue` as PagerDuty does; *events* are those it accepted, in order."""

    def __init__(self, now: Callable[[], float], routing_key: str | None = None) -> None:
        self._now = now
        self._routing_key = routing_key
        self._events: list[PagerEvent] = []
        self._arrival = asyncio.Condition()
        application = web.Application(client_max_size=512 * 1024)
        application.router.add_post("/v2/enqueue", self._enqueue)
        super().__init__(application)

    @property
    def url(self) -> str:
        """Where events go."""
        return f"http://127.0.0.1:{self.port}/v2/enqueue"

    @property
    def events(self) -> Sequence[PagerEvent]:
        """The events accepted so far."""
        return tuple(self._events)

    def first(self, action: str) -> PagerEvent | None:
        """Return the first event of *action*, None while there is none."""
        return next((event for event in self._events if event.action == action), None)

    async def wait_for(self, action: str) -> PagerEvent:
        """Return the first event of *action*, waiting for it; the caller owns the deadline."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: self.first(action) is not None)
        event = self.first(action)
        assert event is not None
        return event

    async def _enqueue(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            return _refusal(["the body is not JSON"])
        found = faults(body, self._routing_key)
        if found:
            return _refusal(found)
        key = body.setdefault("dedup_key", uuid.uuid4().hex)
        async with self._arrival:
            self._events.append(PagerEvent(self._now(), body))
            self._arrival.notify_all()
        answer = {"status": "success", "message": "Event processed", "dedup_key": key}
        return web.json_response(answer, status=202)


def _refusal(errors: Sequence[str]) -> web.Response:
    answer = {
        "status": "invalid event",
        "message": "Event object is invalid",
        "errors": list(errors),
    }
    return web.json_response(answer, status=400)
