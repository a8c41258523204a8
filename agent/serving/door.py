"""How many connections the listener has at a time: what strangers take, probes and pages lack."""

import asyncio
import logging

from aiohttp import web

log = logging.getLogger(__name__)

MOST = 256
"""More than a fleet, its readers and a Prometheus need, and few of the files a process may open."""
HANDSHAKE = 10.0
"""Seconds that TLS may take to begin; only what it has begun for is counted."""


class Door:
    """Makes what each connection to *server* talks to; beyond MOST they are closed at once."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._is_full = False

    def __call__(self) -> asyncio.Protocol:
        """Return what the next connection talks to."""
        was_full, self._is_full = self._is_full, len(self._server.connections) >= MOST
        if not self._is_full:
            return self._server()
        if not was_full:
            log.warning("the listener has %d connections: it closes what comes beyond them", MOST)
        return _Closed()


class _Closed(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close what was just opened."""
        transport.close()
