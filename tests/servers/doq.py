"""A DNS-over-QUIC server: aioquic's own, which does with each question what a test wants."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trustme
from aioquic.quic.events import QuicEvent, StreamDataReceived

from tests.servers.quic import Connection, quic
from vedette.checks.net import Endpoint


class Doq(Connection):
    """A connection to the server."""

    asked: bytes = b""

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self.asked += event.data
            if event.end_stream:
                self.handle(self, event.stream_id, self.asked)

    def write(self, stream: int, data: bytes, *, last: bool = False) -> None:
        """Send *data*."""
        self._quic.send_stream_data(stream, data, end_stream=last)
        self.transmit()


Handle = Callable[[Doq, int, bytes], None]
"""Takes a connection, a stream's number and what the client said on it, with its frame."""


@asynccontextmanager
async def doq(
    handle: Handle, certificate: trustme.LeafCert, *, protocol: str = "doq"
) -> AsyncIterator[Endpoint]:
    """Have *handle* answer each stream until the block ends; *protocol* is offered by ALPN."""
    async with quic(Doq, handle, certificate, [protocol]) as port:
        yield Endpoint("127.0.0.1", port)
