"""What the agent shows: metrics, health and the status page, on its own listener."""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager

from aiohttp import web, web_app
from isal import isal_zlib
from prometheus_client.exposition import gzip_accepted

from vedette.agent.daemon import VERSION, Agent
from vedette.agent.peers import routes
from vedette.agent.peers.telemetry import peers
from vedette.agent.routes import telemetry as routetelemetry
from vedette.agent.secrets import SecretError, token_of
from vedette.agent.serving import faults, telemetry
from vedette.agent.serving import votes as votetelemetry
from vedette.agent.serving.access import BODY, Access, Admitted
from vedette.agent.serving.certificate import served
from vedette.agent.serving.door import HANDSHAKE, Door
from vedette.agent.serving.probes import Probes, Seen
from vedette.agent.status import routes as status
from vedette.checks.net import Endpoint
from vedette.exporters.metrics import CONTENT_TYPE, process_text, render, slices

HEADERS = 64
"""How many a request may have, each of at most 8190 octets, as its first line."""

IDLE = 75.0
"""Seconds for which a connection may wait for its first request, or for another one."""


class ListenError(Exception):
    """The listener cannot be opened; the message names the address and the remedy."""

    @property
    def is_taken(self) -> bool:
        """Whether somebody listens there already."""
        return isinstance(self.__cause__, OSError) and self.__cause__.errno == errno.EADDRINUSE


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[None]:
    """Serve *agent* at its `listen` address until the block ends; raise ListenError."""
    endpoint, tls = agent.config.agent.endpoint, _tls(agent)
    admitted: set[asyncio.BaseProtocol] = set()
    runner = web.AppRunner(
        application(agent, admitted.add),
        access_log=None,
        logger=faults.log,
        shutdown_timeout=1,
        max_headers=HEADERS,
        keepalive_timeout=IDLE,
    )
    await runner.setup()
    assert runner.server is not None
    try:
        async with _listening(endpoint, Door(runner.server, admitted), tls):
            yield
    finally:
        await runner.cleanup()
        _let_go()


async def try_to_listen(endpoint: Endpoint) -> None:
    """Raise ListenError where nothing can listen at *endpoint* now."""
    async with _listening(endpoint, asyncio.Protocol, None):
        pass


@asynccontextmanager
async def _listening(
    endpoint: Endpoint, protocol: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    try:
        listener = await asyncio.get_running_loop().create_server(
            protocol,
            endpoint.host,
            endpoint.port,
            ssl=tls,
            ssl_handshake_timeout=HANDSHAKE if tls else None,
        )
    except OSError as error:
        raise ListenError(
            f"cannot listen at {endpoint} ({error.strerror or error}): "
            "free the port or change agent.listen"
        ) from error
    try:
        yield
    finally:
        listener.close()


def _let_go() -> None:
    """Have aiohttp forget the handlers of a listener that is closed, and the agent behind them.

    It keeps the last thousand that were called with a middleware, for as long as the process lives:
    after a day of reloads those were gigabytes.
    """
    web_app._cached_build_middleware.cache_clear()  # noqa: SLF001 - there is no other way


def _tls(agent: Agent) -> ssl.SSLContext | None:
    tls = agent.config.agent.tls
    try:
        return None if tls is None else served(*tls.paths(agent.folder))
    except ValueError as error:
        raise ListenError(f"agent.tls: {error}") from error


def _access(agent: Agent, admitted: Admitted) -> Access:
    try:
        shared = {peer.name: token_of(peer, agent.folder) for peer in agent.config.peers}
        own = token_of(agent.config.agent, agent.folder)
    except SecretError as error:
        raise ListenError(str(error)) from error
    return Access(agent.config.agent, own, shared, agent.now, admitted)


def application(agent: Agent, admitted: Admitted = lambda _: None) -> web.Application:
    """Return all that *agent* serves; every route has a name, by which its policy is found.

    *admitted* is told the connections of those who have shown a credential, where one is needed.
    """
    shown = Metrics(agent)
    if agent.remote:
        agent.remote.lines = shown.lines

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

    app = web.Application(client_max_size=BODY, middlewares=[_access(agent, admitted).guard])
    status.add(app, agent)
    app.router.add_get("/metrics", metrics, name="metrics")
    app.router.add_get("/-/healthy", healthy, name="healthy")
    app.router.add_get("/-/ready", ready, name="ready")
    if agent.config.agent.probe is not None:
        from vedette.agent.serving.prober import prober  # noqa: PLC0415 - 2 MB that few need

        app.router.add_get("/probe", prober(agent, agent.config.agent.probe).probe, name="probe")
    if agent.config.peers:
        routes.add(app, agent.config.agent, agent.exchange)
    return app


class Metrics:
    """What `/metrics` says of *agent*; any number of readers may be at it at the same time."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._probes = Probes(agent.ledger, [p.key for p in agent.plan.checks])
        self._alarms = telemetry.Alarms(agent.engine)
        self._votes = votetelemetry.Votes(
            agent.plan, agent.config.agent.deployment, agent.config.agent.status_url
        )
        self._rpki = routetelemetry.Rpki(agent.roas)

    def lines(self) -> Iterator[str]:
        """Return the text in whole lines, a step at a time; between two the agent may go on."""
        agent, now = self._agent, self._agent.now()
        vrps = agent.plan.vrps
        seen = Seen()
        yield from self._probes.gather(seen, now)
        yield from self._votes.judged(agent.ledger, now)
        yield from render(
            [
                *seen.families(),
                *telemetry.last_known_good(agent.good),
                *self._alarms.families(now),
                *self._votes.families(),
                *telemetry.pages(agent.outbox, agent.journal, now),
                *peers(agent.exchange.standings, now),
                *agent.drills.families(),
                *agent.heart.families(),
                *agent.remedies.families(),
                *(agent.remote.families() if agent.remote else ()),
                *routetelemetry.routes(seen.probes),
                *routetelemetry.feeds([feed.health(now) for feed in agent.plan.feeds], now),
                *self._rpki.families(vrps.health(now) if vrps else None, now),
                *telemetry.work(agent.counts, VERSION, agent.clock.lag()),
            ]
        )
        yield process_text()


def _gzipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Compress piece by piece, in a fifth of the time that zlib takes."""
    packer = isal_zlib.compressobj(level=1, wbits=isal_zlib.MAX_WBITS | 16)
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
