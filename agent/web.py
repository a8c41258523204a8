"""What the agent shows: metrics, health and the status page, on its own listener."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from vedette.agent import telemetry
from vedette.agent.daemon import VERSION, Agent
from vedette.agent.statuspage import render as render_page
from vedette.checks.net import parse_endpoint
from vedette.exporters.metrics import CONTENT_TYPE, Family, process_text, render


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
    async def metrics(_: web.Request) -> web.Response:
        text = render(_families(agent)) + process_text()
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

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
    return app


def _families(agent: Agent) -> list[Family]:
    now = agent.now()
    return [
        *telemetry.probes(agent.ledger, now),
        *telemetry.last_known_good(agent.good),
        *telemetry.alarms(agent.engine),
        *telemetry.pages(agent.outbox, agent.journal, now),
        *telemetry.feeds([feed.health(now) for feed in agent.plan.feeds], now),
        *telemetry.work(agent.counts, VERSION),
    ]


async def run(agent: Agent, stop: asyncio.Event) -> None:
    """Run *agent* with its listener until *stop* is set."""
    async with serving(agent):
        await agent.run(stop)
