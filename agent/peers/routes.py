"""What peers ask of each other, and `vedette peers` of all, over HTTP."""

import math

import msgspec
from aiohttp import web
from msgspec import Struct

from vedette.agent.config import AgentSettings
from vedette.agent.peers.asking import OBSERVATIONS, PEERS
from vedette.agent.peers.exchange import Exchange
from vedette.agent.peers.standing import Standing
from vedette.agent.peers.wire import VERSION, Told, told
from vedette.agent.serving.access import CALLER

LONGEST_WAIT = 30.0
WAITING = 64
"""Questions that are kept at one time; more than any fleet asks."""


class Sight(Struct, frozen=True):
    """How one agent stands with a peer; durations in seconds, None where nothing is known."""

    name: str
    up: bool
    error: str
    notes: tuple[str, ...]
    heard_ago: float | None
    asked_ago: float | None
    clock_offset: float | None


class Sights(Struct, frozen=True):
    """Whom an agent sees."""

    agent: str
    deployment: str
    domain: Told
    peers: tuple[Sight, ...]
    version: int = VERSION


def sights(agent: AgentSettings, exchange: Exchange, now: float) -> Sights:
    """Return whom *agent* sees at *now*."""
    return Sights(
        agent.name,
        agent.deployment,
        told(agent.domain),
        tuple(_sight(standing, now) for standing in exchange.standings),
    )


def _sight(standing: Standing, now: float) -> Sight:
    return Sight(
        name=standing.peer.name,
        up=standing.is_up,
        error=standing.error,
        notes=tuple(standing.notes),
        heard_ago=None if standing.heard_at is None else now - standing.heard_at,
        asked_ago=None if standing.asked_at is None else now - standing.asked_at,
        clock_offset=standing.offset,
    )


class Answers:
    """Answers the questions of peers."""

    def __init__(self, agent: AgentSettings, exchange: Exchange) -> None:
        self._agent, self._exchange = agent, exchange
        self._waiting = 0

    async def observations(self, request: web.Request) -> web.Response:
        """Answer what is newer than the cursor `after`, within `wait` seconds."""
        after, wait = request.query.get("after", ""), _wait(request.query.get("wait", "0"))
        if request[CALLER].peer is not None:
            self._exchange.asked(request[CALLER].peer or "")
        if self._waiting >= WAITING:
            raise web.HTTPServiceUnavailable(text=f"{WAITING} questions are kept already.\n")
        self._waiting += 1
        try:
            body = await self._exchange.offer.answer(after, wait)
        finally:
            self._waiting -= 1
        return _json(body)

    async def end(self, _: web.Application) -> None:
        """Answer what was kept, so that nobody waits for the listener to close."""
        self._exchange.offer.end()

    async def peers(self, _: web.Request) -> web.Response:
        """Answer whom this agent sees."""
        now = self._exchange.now()
        return _json(msgspec.json.encode(sights(self._agent, self._exchange, now)))


def _wait(text: str) -> float:
    try:
        wait = float(text)
    except ValueError:
        wait = math.nan
    if not 0 <= wait <= LONGEST_WAIT:
        raise web.HTTPBadRequest(text=f"wait should be from 0 to {LONGEST_WAIT:g} seconds.\n")
    return wait


def _json(body: bytes) -> web.Response:
    response = web.Response(
        body=body, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
    response.enable_compression()
    return response


def add(app: web.Application, agent: AgentSettings, exchange: Exchange) -> None:
    """Serve the API of peers."""
    answers = Answers(agent, exchange)
    app.router.add_get(OBSERVATIONS, answers.observations, name="observations")
    app.router.add_get(PEERS, answers.peers, name="peers")
    app.on_shutdown.append(answers.end)
