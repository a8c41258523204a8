"""A TCP connection to the one address that is probed, for the dns and tcp probers."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from vedette.agent.blackbox.client import TlsConfig
from vedette.agent.blackbox.files import tls_settings
from vedette.agent.blackbox.probe import Probe
from vedette.checks.http.connection import Connection
from vedette.checks.http.reason import Reason
from vedette.checks.http.tls import context
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure


@contextlib.asynccontextmanager
async def dial(probe: Probe, peer: Endpoint, source: str) -> AsyncIterator["Stream"]:
    """Connect to *peer* from the address *source* until the block ends.

    Within the block the probe's deadline holds, and all trouble is a NetworkFailure.
    """
    stream: Stream | None = None
    try:
        async with asyncio.timeout_at(probe.deadline):
            with contextlib.closing(Stream(peer, source)) as stream:
                await stream.connect()
                yield stream
    except TimeoutError as error:
        connected = stream is not None and stream.connected
        reason = Reason.TIMEOUT if connected else Reason.CONNECT_TIMEOUT
        why = f"{peer} did not answer within {probe.timeout:g} s"
        raise NetworkFailure(reason, why) from error


class Stream(Connection):
    """A connection that can begin at one of our addresses, and be secured as a module says."""

    def __init__(self, peer: Endpoint, source: str) -> None:
        super().__init__(peer)
        self.connected = False
        if source:
            try:
                self._socket.bind((source, 0))
            except OSError as error:
                self.close()
                why = f"this host cannot send from {source}: {error.strerror}"
                raise CouldNotLook(Reason.UNREACHABLE, why) from error

    async def connect(self) -> None:
        """Connect, once, to the one address."""
        await super().connect()
        self.connected = True

    async def secure_as(self, config: TlsConfig, host: str) -> None:
        """Shake hands and verify that the peer is *host*, unless *config* says otherwise."""
        settings = tls_settings(config)
        name = settings.server_name or host
        try:
            made = context(settings, (), name)
        except (ValueError, ssl.SSLError) as error:
            raise CouldNotLook(Reason.TLS_HANDSHAKE, str(error)) from error
        await self.secure(made, name)
