"""What servers over QUIC have in common: aioquic's own, with a certificate of the test's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import trustme
from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.servers.process import free_port


class Connection(QuicConnectionProtocol):
    """A connection to a server; *handle* does with each request what a test wants."""

    handle: Callable[..., None]

    def reset(self, stream: int, error: int) -> None:
        """Reset a stream."""
        self._quic.reset_stream(stream, error)
        self.transmit()


@asynccontextmanager
async def quic(
    kind: type[Connection],
    handle: Callable[..., None],
    certificate: trustme.LeafCert,
    protocols: Sequence[str],
) -> AsyncIterator[int]:
    """Serve connections of *kind* until the block ends; *protocols* are offered by ALPN."""

    def connection(*args: Any, **kwargs: Any) -> Connection:
        made = kind(*args, **kwargs)
        made.handle = handle
        return made

    chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in certificate.cert_chain_pems]
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=[*protocols],
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
