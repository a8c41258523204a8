"""What the agent shows: metrics, health and the status page, on its own listener."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client.exposition import gzip_accepted

from vedette.agent import routetelemetry, telemetry
from vedette.agent.blackbox.handlers import Prober
from vedette.agent.blackbox.limits import strict
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.lookup import SystemResolver
from vedette.agent.config import ProbeSettings
from vedette.agent.daemon import VERSION, Agent
from vedette.agent.statuspage import render as render_page
from vedette.checks.net import parse_endpoint
from vedette.exporters.metrics import CONTENT_TYPE, process_text, render, slices


class ListenError(Exception):
    """The listener cannot be opened; the message names the address and the remedy."""


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[None]:
    """Serve *agent* at its `listen` address until the block ends; raise ListenError."""
    endpoint = parse_endpoint(agent.config.agent.listen, 9469)
    runner = web.AppRunner(_app(agent), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, endpoint.host, endpoint.port).start()
    except OSError as error:
        await runner.cleanup()
        raise ListenError(
            f"cannot listen at {endpoint} ({error.strerror or error}): "
            "free the port or change agent.listen"
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()


def _app(agent: Agent) -> web.Application:
    shown = Metrics(agent)

    async def metrics(request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE, "Vary": "Accept-Encoding"}
        pieces = slices(shown.lines())
        if gzip_accepted(request.headers.get("Accept-Encoding", "")):
            headers["Content-Encoding"] = "gzip"
            pieces = _gzipped(pieces)
        return web.Response(body=_in_turns(pieces), headers=headers)

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="Healthy\n")

    async def ready(_: web.Request) -> web.Response:
        if agent.ready:
            return web.Response(text="Ready\n")
        return web.Response(status=503, text="Not ready: no alarm has been judged yet\n")

    async def status(_: web.Request) -> web.Response:
        return web.Response(
            text=render_page(agent),
            content_type="text/html",
            headers={
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
            },
        )

    app = web.Application(client_max_size=65536)
    app.router.add_get("/", status)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/-/healthy", healthy)
    app.router.add_get("/-/ready", ready)
    if agent.config.agent.probe is not None:
        app.router.add_get("/probe", _prober(agent, agent.config.agent.probe).probe)
    return app


def _prober(agent: Agent, settings: ProbeSettings) -> Prober:
    return Prober(
        Loaded(agent.folder / settings.modules, agent.now),
        resolve=SystemResolver().resolve,
        permit=strict(settings.allow, settings.deny),
        now=agent.now,
    )


class Metrics:
    """What `/metrics` says of *agent*; any number of readers may be at it at the same time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._probes = telemetry.Probes(agent.ledger, [p.key for p in agent.plan.checks])
        self._alarms = telemetry.Alarms(agent.engine)
        self._rpki = routetelemetry.Rpki(agent.roas)

    def lines(self) -> Iterator[str]:
        """Return the text a line at a time; between two lines the agent may go on."""
        agent, now = self._agent, self._agent.now()
        vrps = agent.plan.vrps
        seen: list[telemetry.Probe] = []
        yield from self._probes.gather(seen)
        yield from render(
            [
                *telemetry.probes(seen, now),
                *telemetry.last_known_good(agent.good),
                *self._alarms.families(now),
                *telemetry.pages(agent.outbox, agent.journal, now),
                *routetelemetry.routes(seen),
                *routetelemetry.feeds([feed.health(now) for feed in agent.plan.feeds], now),
                *self._rpki.families(vrps.health(now) if vrps else None, now),
                *telemetry.work(agent.counts, VERSION),
            ]
        )
        yield process_text()


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress piece by piece, at the level at which that takes less time than making them."""
    packer = zlib.compressobj(level=1, wbits=zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


async def _in_turns(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Return *pieces*, and let everybody else do something before each next one is made."""
    for piece in pieces:
        if piece:
            yield piece
        await asyncio.sleep(0)


async def run(agent: Agent, stop: asyncio.Event) -> None:
    """Run *agent* with its listener until *stop* is set."""
    async with serving(agent):
        await agent.run(stop)
