"""An HTTP/3 server: aioquic's own, which does with each request what a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trustme
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.servers.process import free_port


class Serving(QuicConnectionProtocol):
    """A connection to the server."""

    handle: "Handle"
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

    def reset(self, stream: int, error: int) -> None:
        """Reset a stream."""
        self._quic.reset_stream(stream, error)
        self.transmit()


Handle = Callable[[Serving, int], None]
"""Takes a connection and the number of a stream whose request has come."""


@asynccontextmanager
async def http3(
    handle: Handle, certificate: trustme.LeafCert, *, protocols: list[str] | None = None
) -> AsyncIterator[int]:
    """Have *handle* answer each request until the block ends; *protocols* are offered by ALPN."""

    def connection(*args: object, **kwargs: object) -> Serving:
        made = Serving(*args, **kwargs)
        made.handle = handle
        return made

    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in certificate.cert_chain_pems]
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=protocols or H3_ALPN,
        certificate=chain[0],
        certificate_chain=chain[1:],
        private_key=load_pem_private_key(certificate.private_key_pem.bytes(), None),
    )
    port = free_port()
    server = await serve("127.0.0.1", port, configuration=configuration, create_protocol=connection)
    try:
        yield port
    finally:
        server.close()
        await asyncio.sleep(0)  # the socket closes with the loop's next turn
