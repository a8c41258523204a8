"""One question to one server, over whatever carries it, and the reply read."""

import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from importlib import import_module
from time import perf_counter

import dns.rcode

from vedette.checks.dns.message import Question, Reply, parse, rcode, truncated
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.dns.transport.query import Query
from vedette.checks.dns.transport.stream import ask_tcp, ask_tls
from vedette.checks.dns.transport.udp import ask_udp
from vedette.checks.net import CouldNotLook, NetworkFailure


async def exchange(
    question: Question,
    channel: Channel,
    *,
    deadline: float,
    called: str = "",
    like: Reply | None = None,
) -> Reply:
    """Ask through *channel* until *deadline* on the loop's clock, or raise NetworkFailure.

    A reply that is cut off over UDP is asked for again over TCP (RFC 7766 section 5). The failure's
    detail names the server as *called*. Where the reply equals *like* but for its id, its message
    is reused instead of being read again.
    """
    start = perf_counter()
    query = Query(
        question=question,
        sent=random.getrandbits(16).to_bytes(2) + question.tail,
        channel=channel,
        called=called or str(channel.endpoint),
        deadline=deadline,
    )
    wire, transport, dropped = await carry(query)
    same = like is not None and like.wire[2:] == wire[2:]
    message = like.message if like and same else parse(wire)
    if message is None:
        raise query.malformed()
    return Reply(
        message=message,
        wire=wire,
        seconds=perf_counter() - start,
        transport=transport,
        dropped=dropped,
    )


async def carry(query: Query) -> tuple[bytes, Transport, int]:
    """Return the reply's octets, what carried them, and how many strays came before.

    Who does not know EDNS is asked again without it, as resolvers do (RFC 6891 section 7).
    """
    carried = await _carry(query)
    if rcode(carried[0]) == dns.rcode.FORMERR and _knows_no_edns(carried[0]):
        with suppress(NetworkFailure):
            return await _carry(query.without_edns())
    return carried


def _knows_no_edns(wire: bytes) -> bool:
    """Whether a FORMERR comes without EDNS; with it something else is wrong."""
    message = parse(wire)
    return message is not None and message.edns < 0


async def _carry(query: Query) -> tuple[bytes, Transport, int]:
    transport = query.channel.transport
    wire, dropped = await _CARRIERS[transport](query)
    if not truncated(wire):
        return wire, transport, dropped
    if transport is not Transport.UDP:
        raise query.truncated(f" even over {transport.upper()}")
    return await _again(query)


async def _again(query: Query) -> tuple[bytes, Transport, int]:
    """Ask over TCP what was cut off over UDP."""
    try:
        wire, dropped = await ask_tcp(query)
    except NetworkFailure as failure:
        if failure.reason is Reason.MALFORMED or isinstance(failure, CouldNotLook):
            raise
        raise query.truncated(f"; {failure.detail}") from failure
    if truncated(wire):
        raise query.truncated(" even over TCP")
    return wire, Transport.TCP, dropped


def load(transport: Transport) -> None:
    """Load what *transport* needs, so that no question waits for that."""
    if transport in _HEAVY:
        import_module(f"vedette.checks.dns.transport.{_HEAVY[transport]}")


async def _ask_https(query: Query) -> tuple[bytes, int]:
    from vedette.checks.dns.transport.https import ask_https  # noqa: PLC0415 - HTTP/2 takes 2 MB

    return await ask_https(query)


async def _ask_quic(query: Query) -> tuple[bytes, int]:
    from vedette.checks.dns.transport.quic import ask_quic  # noqa: PLC0415 - an extra

    return await ask_quic(query)


_HEAVY = {Transport.HTTPS: "https", Transport.QUIC: "quic"}
"""The modules of what few ask over: each has a protocol of its own to load, and one is an extra."""

_CARRIERS: Mapping[Transport, Callable[[Query], Awaitable[tuple[bytes, int]]]] = {
    Transport.UDP: ask_udp,
    Transport.TCP: ask_tcp,
    Transport.TLS: ask_tls,
    Transport.HTTPS: _ask_https,
    Transport.QUIC: _ask_quic,
}
