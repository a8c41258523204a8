"""Where the status page is served: its documents, its style and script, and its events."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from pathlib import Path

from aiohttp import web
from aiohttp.helpers import ETag

from vedette.agent.daemon import VERSION, Agent
from vedette.agent.memory.store import StoreError
from vedette.agent.status.contents import Contents
from vedette.agent.status.overview import Gathering, fleet_of, overview
from vedette.agent.status.rendering import Rendering
from vedette.agent.status.services import subjects
from vedette.agent.status.shares import History
from vedette.agent.status.ticks import Ticks
from vedette.agent.status.trouble import Troubles
from vedette.checks.finding import Verdict

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LISTED = 100
"""How many services, subjects or incidents one page of a list has."""

_STATIC = Path(__file__).parent / "static"
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


_HERE = {"overview.html": "Now", "services.html": "Services", "incidents.html": "Incidents"}
"""Which page of the menu a document is."""


def add(app: web.Application, agent: Agent) -> None:
    """Add the status page of *agent* to *app*: every route has a name that begins with `status`."""
    pages, ticks = _Pages(agent), Ticks(lambda: pulse(agent))
    for path, name, handler in (
        ("/", "status", pages.first),
        ("/services", "status-services", pages.services),
        ("/services/{name:[^/]+}", "status-service", pages.service),
        ("/incidents", "status-incidents", pages.incidents),
        ("/incidents/{id:[^/]+}", "status-incident", pages.incident),
        ("/events", "status-events", ticks.listen),
        ("/status.css", "status-style", _file("status.css", "text/css")),
        ("/status.js", "status-script", _file("status.js", "text/javascript")),
        ("/favicon.svg", "status-icon", _file("favicon.svg", "image/svg+xml")),
    ):
        app.router.add_get(path, handler, name=name)
    app.cleanup_ctx.append(pages.remembering)
    app.on_shutdown.append(ticks.end)


def pulse(agent: Agent) -> Hashable:
    """Return what differs once there is something new to see."""
    return (
        tuple(ledger.newest_at for ledger in agent.ledgers.values()),
        tuple((one.key, one.headline, len(one.members)) for one in agent.engine.open.values()),
        tuple((one.row.id, one.attempts) for one in agent.outbox.waiting[:100]),
        agent.outbox.ended[-1].row.id if agent.outbox.ended else None,
        agent.journal.failing,
    )


class _Pages:
    """The documents of *agent*."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._rendering = Rendering()
        self._contents = Contents(agent)
        self._gathering = Gathering(agent, self._contents)
        self._history = History(lambda: self._contents.checks, agent.ledger)

    @property
    def _troubles(self) -> Troubles:
        return Troubles(self._agent, self._contents.rules)

    async def remembering(self, _: web.Application) -> AsyncIterator[None]:
        """Remember shares while the application runs."""
        keeping = asyncio.create_task(self._history.keep(), name="shares of prefixes")
        yield
        keeping.cancel()
        await asyncio.wait([keeping])

    async def first(self, request: web.Request) -> web.Response:
        said = await overview(
            self._agent,
            self._contents,
            self._gathering,
            self._troubles,
            self._history,
        )
        return await self._document(request, "overview.html", said=said)

    async def services(self, request: web.Request) -> web.Response:
        """List all services, those that are not well first."""
        found = await self._gathering.standings()
        number, pages = _number(request, len(found))
        return await self._document(
            request,
            "services.html",
            standings=found[(number - 1) * LISTED : number * LISTED],
            unwell=sum(one.verdict is not Verdict.OK for one in found),
            total=len(found),
            number=number,
            pages=pages,
        )

    async def service(self, request: web.Request) -> web.Response:
        """Show the checks and alarms of one service."""
        name = request.match_info["name"]
        keys = self._contents.checks.get(name)
        if keys is None:
            return await self._missing(request, f"There is no service {name} here.")
        now = self._agent.now()
        listed = await subjects(keys, self._agent.ledger, now, _asked(request), LISTED)
        open_ = [one for one in self._troubles.open() if one.service == name]
        return await self._document(
            request,
            "service.html",
            name=name,
            checks=len(keys),
            listed=listed,
            alarms=await self._troubles.alarms(name),
            heads=[self._troubles.head(one) for one in open_[:LISTED]],
        )

    async def incidents(self, request: web.Request) -> web.Response:
        """List the open incidents and the newest of those that ended."""
        troubles = self._troubles
        open_ = troubles.open()
        try:
            known = self._agent.store.incidents(most=LISTED + len(open_))
        except StoreError as error:
            return await self._unreadable(request, error)
        over = [one for one in known if one.resolved_at is not None]
        ended = [troubles.head(one) for one in over[:LISTED]]
        heads = [troubles.head(one) for one in open_[:LISTED]]
        return await self._document(request, "incidents.html", open=heads, ended=ended)

    async def incident(self, request: web.Request) -> web.Response:
        """Show one incident, open or ended."""
        id_, troubles = request.match_info["id"], self._troubles
        try:
            found = troubles.find(id_)
            if found is None:
                return await self._missing(
                    request,
                    f"There is no incident {id_} here: "
                    "another agent may know it, or it ended more than 40 days ago.",
                )
            shown = await troubles.whole(found, fleet_of(self._agent))
        except StoreError as error:
            return await self._unreadable(request, error)
        return await self._document(request, "incident.html", trouble=shown)

    async def _missing(self, request: web.Request, why: str) -> web.Response:
        return await self._document(request, "missing.html", status=404, title="Not here", why=why)

    async def _unreadable(self, request: web.Request, error: StoreError) -> web.Response:
        why = f"{error}."
        return await self._document(
            request, "missing.html", status=500, title="Unreadable", why=why
        )

    async def _document(
        self, request: web.Request, template: str, status: int = 200, **said: object
    ) -> web.Response:
        agent, fleet = self._agent.config.agent, fleet_of(self._agent)
        body = await self._rendering.document(
            template,
            **said,
            agent=agent,
            version=VERSION,
            asked_at=fleet.now,
            blind=fleet.sights[fleet.own].blind.holds,
            # Relative, so that the page works behind a proxy that serves it below a path.
            root="../" * (request.rel_url.raw_path.count("/") - 1) or "./",
            here=_HERE.get(template),
        )
        response = web.Response(
            body=body, status=status, content_type="text/html", charset="utf-8", headers=_HEADERS
        )
        response.enable_compression()
        return response


def _asked(request: web.Request) -> int:
    text = request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _number(request: web.Request, total: int) -> tuple[int, int]:
    """Return the number of the page that is asked for, and how many there are."""
    pages = max(1, -(-total // LISTED))
    return min(max(1, _asked(request)), pages), pages


def _file(name: str, content_type: str) -> Handler:
    """Return what serves one of our own files, which a browser may keep and must ask about."""
    body = (_STATIC / name).read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:16]

    async def serve(request: web.Request) -> web.StreamResponse:
        headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
        known = request.if_none_match or ()
        is_known = ETag(value=tag) in known
        response = (
            web.Response(status=304, headers=headers)
            if is_known
            else web.Response(
                body=body, content_type=content_type, charset="utf-8", headers=headers
            )
        )
        response.etag = tag
        return response

    return serve
