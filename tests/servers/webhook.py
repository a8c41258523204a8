"""A receiver of webhooks that verifies each by the published scheme before it takes it.

Scheme: Standard Webhooks 1.0.0, "Verifying webhook authenticity".
"""

import base64
import hmac
import json
from collections import deque
from collections.abc import Iterable
from typing import Any, Self

from aiohttp import web

from tests.servers.app import serving

TOLERANCE = 300
"""Seconds that a timestamp may be off."""


class WebhookReceiver:
    """The receiver on a loopback port while its block runs; the first calls get *statuses*."""

    def __init__(self, key: bytes, now: float, statuses: Iterable[int] = ()) -> None:
        self.statuses = deque(statuses)
        self.bodies: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self._key = key
        self._now = now

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**22)
        app.router.add_post("/{path:.*}", self._take)
        self._serving = serving(app)
        self._port = await self._serving.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._serving.__aexit__(None, None, None)

    @property
    def url(self) -> str:
        """Where webhooks are posted to."""
        return f"http://127.0.0.1:{self._port}/hook/t0ps3cret"

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.statuses:
            said = f"no: {request.url}: cannot POST {request.path_qs}"
            return web.Response(status=self.statuses.popleft(), text=said)
        id_, timestamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        signed = f"{id_}.{timestamp}.".encode() + body
        right = base64.b64encode(hmac.digest(self._key, signed, "sha256")).decode()
        given = [one.split(",") for one in request.headers["webhook-signature"].split(" ")]
        known = any(v == "v1" and hmac.compare_digest(s, right) for v, s in given)
        if not known or abs(int(timestamp) - self._now) > TOLERANCE:
            return web.Response(status=401, text="not yours")
        self.ids.append(id_)
        self.bodies.append(json.loads(body))
        return web.Response(status=204)
