"""How many connections the listener has at a time: what strangers take, probes and pages lack."""

import asyncio
import logging
import resource

from aiohttp import web

log = logging.getLogger(__name__)

MOST = 256
"""More than a fleet, its readers and a Prometheus need."""
_SHARE = 4
"""Of the files that a process may open, it has one of so many at most."""
HANDSHAKE = 10.0
"""Seconds that TLS may take to begin; only what it has begun for is counted."""


class Door:
    """Makes what each connection to *server* talks to, of which there are so many.

    Who comes beyond them takes the place of the stranger that was there first: one over whose
    connection nobody was *admitted* yet. So strangers keep out neither a peer nor a health probe.
    """

    def __init__(self, server: web.Server, admitted: set[asyncio.BaseProtocol]) -> None:
        self._server, self._admitted = server, admitted
        self._is_full, self._most = False, _most()

    def __call__(self) -> asyncio.Protocol:
        """Return what the next connection talks to."""
        connections = self._server.connections
        self._admitted.intersection_update(connections)
        was_full, self._is_full = self._is_full, len(connections) >= self._most
        if not self._is_full:
            return self._server()
        if not was_full:
            log.warning(
                "the listener has %d connections: for each one more it closes the oldest that has "
                "shown no credential",
                self._most,
            )
        return self._server() if self._has_made_room() else _Closed()

    def _has_made_room(self) -> bool:
        """Close the oldest connection of a stranger, if there is one that is not closing yet."""
        for one in self._server.connections:
            transport = one.transport
            if one in self._admitted or transport is None or transport.is_closing():
                continue
            transport.abort()
            return True
        return False


def _most() -> int:
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if allowed == resource.RLIM_INFINITY else min(MOST, allowed // _SHARE)


class _Closed(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close what was just opened."""
        transport.close()
