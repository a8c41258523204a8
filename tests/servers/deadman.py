"""A double of a dead man's switch: takes any call, and remembers it.

API: https://healthchecks.io/docs/http_api/
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.servers.app import serving


@asynccontextmanager
async def receiver(status: int = 200) -> AsyncIterator[tuple[str, list[tuple[str, str, str]]]]:
    """Serve a switch, and remember method, path with query, and body of each call."""
    calls: list[tuple[str, str, str]] = []

    async def take(request: web.Request) -> web.Response:
        calls.append((request.method, request.path_qs, await request.text()))
        return web.Response(status=status, text=f"{request.path_qs} is what you asked for")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", take)
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}", calls
