"""Server-sent events: tells who listens that something changed, at most once a second.

A listener is told to look again and not what there is to see, so that one that reads slowly has
never more than one short message waiting for it.
Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import Callable, Hashable

from aiohttp import hdrs, web

MOST = 64
"""How many may listen; a reader beyond them asks every few seconds instead."""
EVERY = 1.0
HEARTBEAT = 15.0
"""Seconds after which a comment says that the connection lives."""
PATIENCE = 60.0
"""Seconds for which one message may wait to be read before we hang up."""

_CHANGED = b"event: changed\ndata: look again\n\n"
_ALIVE = b": still here\n\n"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Type": "text/event-stream",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class Ticks:
    """Ticks whenever *pulse*, which is asked once a second, says something new."""

    def __init__(self, pulse: Callable[[], Hashable]) -> None:
        self._pulse = pulse
        self._ending = asyncio.Event()
        self.listening = 0

    async def end(self, _: web.Application) -> None:
        """Let all listeners go: the agent ends."""
        self._ending.set()

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """Tell who asks, until they leave; who asks for the head alone gets no more."""
        if request.method == hdrs.METH_HEAD:
            return web.Response(headers=_HEADERS)
        if self.listening >= MOST:
            return web.Response(
                status=503,
                text=f"{MOST} listen already: ask again\n",
                headers={"Retry-After": "10"},
            )
        self.listening += 1
        try:
            return await self._tell(request)
        finally:
            self.listening -= 1

    async def _tell(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        loop = asyncio.get_running_loop()
        told: Hashable = None
        told_at = loop.time()
        while not self._ending.is_set():
            transport = request.transport
            if transport is None or transport.is_closing():
                break
            if transport.get_write_buffer_size():
                if loop.time() - told_at > PATIENCE:
                    transport.abort()
                    break
            else:
                pulse = self._pulse()
                if pulse != told or loop.time() - told_at >= HEARTBEAT:
                    await response.write(_ALIVE if pulse == told else _CHANGED)
                    told, told_at = pulse, loop.time()
            await self._wait()
        return response

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(EVERY):
                await self._ending.wait()
        except TimeoutError:
            pass
