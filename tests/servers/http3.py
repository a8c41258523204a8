"""An HTTP/3 server: aioquic's own, which does with each request what a test wants."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trustme
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.events import ProtocolNegotiated, QuicEvent

from tests.servers.quic import Connection, quic


class Serving(Connection):
    """A connection to the server."""

    http: H3Connection | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.asked: dict[int, list[tuple[bytes, bytes]]] = {}
        self.bodies: dict[int, bytes] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, ProtocolNegotiated):
            self.http = H3Connection(self._quic)
        if self.http is None:
            return
        for part in self.http.handle_event(event):
            stream = part.stream_id
            if isinstance(part, HeadersReceived):
                self.asked[stream] = part.headers
            elif isinstance(part, DataReceived):
                self.bodies[stream] = self.bodies.get(stream, b"") + part.data
            if part.stream_ended:
                self.handle(self, stream)

    def answer(
        self,
        stream: int,
        *,
        body: bytes = b"",
        last: bool = True,
        status: int = 200,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        """Answer what was asked on *stream*."""
        assert self.http is not None
        self.http.send_headers(stream, [(b":status", str(status).encode()), *headers])
        self.http.send_data(stream, body, end_stream=last)
        self.transmit()


Handle = Callable[[Serving, int], None]
"""Takes a connection and the number of a stream whose request has come."""


@asynccontextmanager
async def http3(
    handle: Handle, certificate: trustme.LeafCert, *, protocols: list[str] | None = None
) -> AsyncIterator[int]:
    """Have *handle* answer each request until the block ends; *protocols* are offered by ALPN."""
    async with quic(Serving, handle, certificate, protocols or H3_ALPN) as port:
        yield port
