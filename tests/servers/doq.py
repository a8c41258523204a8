"""A DNS-over-QUIC server: aioquic's own, which does with each question what a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trustme
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent, StreamDataReceived
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.servers.process import free_port
from vedette.checks.net import Endpoint


class Doq(QuicConnectionProtocol):
    """A connection to the server."""

    handle: "Handle"
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

    def reset(self, stream: int, error: int) -> None:
        """Reset a stream."""
        self._quic.reset_stream(stream, error)
        self.transmit()


Handle = Callable[[Doq, int, bytes], None]
"""Takes a connection, a stream's number and what the client said on it, with its frame."""


@asynccontextmanager
async def doq(
    handle: Handle, certificate: trustme.LeafCert, *, protocol: str = "doq", host: str = "127.0.0.1"
) -> AsyncIterator[Endpoint]:
    """Have *handle* answer each stream until the block ends; *protocol* is offered by ALPN."""

    def connection(*args: object, **kwargs: object) -> Doq:
        made = Doq(*args, **kwargs)
        made.handle = handle
        return made

    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in certificate.cert_chain_pems]
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=[protocol],
        certificate=chain[0],
        certificate_chain=chain[1:],
        private_key=load_pem_private_key(certificate.private_key_pem.bytes(), None),
    )
    port = free_port(host=host)
    server = await serve(host, port, configuration=configuration, create_protocol=connection)
    try:
        yield Endpoint(host, port)
    finally:
        server.close()
        await asyncio.sleep(0)  # the socket closes with the loop's next turn
