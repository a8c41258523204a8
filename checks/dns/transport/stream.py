"""DNS over TCP and over TLS: a fresh connection per question, messages in frames.

A frame is two octets of length and a message (RFC 1035 section 4.2.2).
"""

from vedette.checks.dns.server import Transport
from vedette.checks.dns.transport.connection import Connection, connected
from vedette.checks.dns.transport.query import Query


async def ask_tcp(query: Query) -> tuple[bytes, int]:
    """Return the reply's octets and how many strays came before it, or raise NetworkFailure."""
    return await _ask(query, Transport.TCP)


async def ask_tls(query: Query) -> tuple[bytes, int]:
    """Return the same over TLS (RFC 7858)."""
    return await _ask(query, Transport.TLS)


def framed(message: bytes) -> bytes:
    """Return *message* as it goes over a stream."""
    return len(message).to_bytes(2) + message


def unframed(buffer: bytearray) -> bytes | None:
    """Take the first message off *buffer*, or return None where it is not all there yet."""
    end = 2 + int.from_bytes(buffer[:2])
    if len(buffer) < max(end, 2):
        return None
    message = bytes(buffer[2:end])
    del buffer[:end]
    return message


async def _ask(query: Query, transport: Transport) -> tuple[bytes, int]:
    async with connected(query, transport) as link:
        await link.send(framed(query.sent))
        buffer = bytearray()
        while not query.is_answered_by(wire := await _message(link, buffer, query)):
            link.dropped += 1
    return wire, link.dropped


async def _message(link: Connection, buffer: bytearray, query: Query) -> bytes:
    while (message := unframed(buffer)) is None:
        data = await link.receive()
        if not data:
            raise query.hung_up(link.dropped)
        buffer += data
    return message
