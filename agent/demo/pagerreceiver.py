"""A receiver of PagerDuty's Events API v2 that keeps what it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from vedette.agent.demo.loopback import Site


@dataclass(frozen=True, slots=True)
class PagerEvent:
    """One event: when it came, in epoch seconds, and its body."""

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


class PagerReceiver(Site):
    """Answers `POST /v2/enqueue` as PagerDuty does; *events* are those that came, in order."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.events: list[PagerEvent] = []
        self._now = now
        application = web.Application()
        application.router.add_post("/v2/enqueue", self._enqueue)
        super().__init__(application)

    @property
    def url(self) -> str:
        """Where events go."""
        return f"http://127.0.0.1:{self.port}/v2/enqueue"

    async def _enqueue(self, request: web.Request) -> web.Response:
        event = PagerEvent(self._now(), await request.json())
        self.events.append(event)
        answer = {"status": "success", "message": "Event processed", "dedup_key": event.key}
        return web.json_response(answer, status=202)
