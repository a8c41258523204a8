"""One question to one server: the only module of this kind that opens sockets.

Every error of the operating system becomes a NetworkFailure here and nowhere else.
"""

import asyncio
import errno
import os
import random
import socket
from dataclasses import dataclass
from time import perf_counter

from vedette.checks.dns.message import Match, Question, Reply, Transport, match, parse, truncated
from vedette.checks.dns.reason import Reason
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure

# Exhausted descriptors, ports or buffers, a local firewall, a family that the kernel does not
# have, an address without the interface it needs.
_OURS = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.EPERM,
    errno.EACCES,
    errno.EAFNOSUPPORT,
    errno.EADDRNOTAVAIL,
    errno.EADDRINUSE,
    errno.EINVAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """A question on its way: with its id, its server and the time it has."""

    question: Question
    sent: bytes
    server: Endpoint
    called: str
    deadline: float


async def exchange(
    question: Question,
    server: Endpoint,
    *,
    deadline: float,
    tcp: bool = False,
    called: str = "",
    like: Reply | None = None,
) -> Reply:
    """Ask *server*, an address, until *deadline* on the loop's clock, or raise NetworkFailure.

    A reply that is cut off over UDP is asked for again over TCP (RFC 7766 section 5). The failure's
    detail names the server as *called*. Where the reply equals *like* but for its id, its message
    is reused instead of being read again.
    """
    start = perf_counter()
    query = _Query(
        question=question,
        sent=random.getrandbits(16).to_bytes(2) + question.tail,
        server=server,
        called=called or str(server),
        deadline=deadline,
    )
    wire, transport, dropped = await _wire(query, tcp=tcp)
    same = like is not None and like.wire[2:] == wire[2:]
    message = like.message if like and same else parse(wire)
    if message is None:
        raise _malformed(query)
    return Reply(
        message=message,
        wire=wire,
        seconds=perf_counter() - start,
        transport=transport,
        dropped=dropped,
    )


async def _wire(query: _Query, *, tcp: bool) -> tuple[bytes, Transport, int]:
    """Return the reply's octets, what carried them, and how many strays came before."""
    if not tcp:
        wire, dropped = await _udp(query)
        if not truncated(wire):
            return wire, Transport.UDP, dropped
    try:
        wire, dropped = await _tcp(query)
    except NetworkFailure as failure:
        if tcp or failure.reason is Reason.MALFORMED:
            raise
        detail = f"{query.called} truncates its answer to {query.question}; {failure.detail}"
        raise NetworkFailure(Reason.TRUNCATED, detail) from failure
    if truncated(wire):
        detail = f"{query.called} truncates its answer to {query.question} even over TCP"
        raise NetworkFailure(Reason.TRUNCATED, detail)
    return wire, Transport.TCP, dropped


async def _udp(query: _Query) -> tuple[bytes, int]:
    """Ask from a fresh connected socket: a closed port fails at once, and no path is favoured."""
    dropped = 0
    try:
        with _socket(query.server, socket.SOCK_DGRAM) as sock:
            sock.connect((query.server.host, query.server.port))
            sock.send(query.sent)
            while (wire := await _datagram(sock, query.deadline)) is not None:
                if _ours(wire, query):
                    return wire, dropped
                dropped += 1
    except OSError as error:
        raise _failure(error, query, Transport.UDP) from error
    raise _silent(query, Transport.UDP, dropped)


async def _datagram(sock: socket.socket, deadline: float) -> bytes | None:
    """Return the next datagram, or None at *deadline*."""
    loop = asyncio.get_running_loop()
    while loop.time() < deadline:
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(sock, _wake, ready)
        timer = loop.call_at(deadline, _wake, ready)
        try:
            await ready
        finally:
            timer.cancel()
            loop.remove_reader(sock)
        try:
            return sock.recv(65535)
        except BlockingIOError:
            # The deadline, or a datagram whose checksum was found wrong when it was read.
            continue
    return None


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _tcp(query: _Query) -> tuple[bytes, int]:
    """Ask over a fresh connection (RFC 1035 section 4.2.2: two octets of length come first)."""
    loop, dropped = asyncio.get_running_loop(), 0
    try:
        with _socket(query.server, socket.SOCK_STREAM) as sock:
            async with asyncio.timeout_at(query.deadline):
                await loop.sock_connect(sock, (query.server.host, query.server.port))
                await loop.sock_sendall(sock, len(query.sent).to_bytes(2) + query.sent)
                while not _ours(wire := await _frame(sock, query), query):
                    dropped += 1
        return wire, dropped
    except TimeoutError as error:
        # connect(2) gives up with the same exception; to us both are silence.
        raise _silent(query, Transport.TCP, dropped) from error
    except OSError as error:
        raise _failure(error, query, Transport.TCP) from error


async def _frame(sock: socket.socket, query: _Query) -> bytes:
    head = await _octets(sock, 2, query)
    return await _octets(sock, int.from_bytes(head), query)


async def _octets(sock: socket.socket, count: int, query: _Query) -> bytes:
    loop, parts, left = asyncio.get_running_loop(), list[bytes](), count
    while left:
        part = await loop.sock_recv(sock, left)
        if not part:
            detail = f"{query.called} closes the connection without an answer to {query.question}"
            raise NetworkFailure(Reason.UNREACHABLE, detail)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _ours(wire: bytes, query: _Query) -> bool:
    """Whether *wire* is the reply, rather than a stray; raise where it cannot be read."""
    verdict = match(wire, query.sent, query.question)
    if verdict is Match.GARBAGE:
        raise _malformed(query)
    return verdict is Match.OURS


def _socket(server: Endpoint, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in server.host else socket.AF_INET, kind)
    sock.setblocking(False)
    return sock


def _malformed(query: _Query) -> NetworkFailure:
    detail = f"{query.called} answers {query.question} with octets that are not a DNS message"
    return NetworkFailure(Reason.MALFORMED, detail)


def _silent(query: _Query, transport: Transport, dropped: int) -> NetworkFailure:
    if dropped:
        what = "reply" if dropped == 1 else "replies"
        detail = (
            f"{query.called} answers {query.question} only with {dropped} {what} to other questions"
        )
        return NetworkFailure(Reason.MISMATCHED, detail)
    detail = f"{query.called} does not answer {query.question} over {transport.upper()} in time"
    return NetworkFailure(Reason.TIMEOUT, detail)


def _failure(error: OSError, query: _Query, transport: Transport) -> NetworkFailure:
    why = os.strerror(error.errno) if error.errno else str(error)
    # A host without IPv6 learns that here; over IPv4 the net may be down on the way.
    no_family = error.errno == errno.ENETUNREACH and ":" in query.server.host
    if no_family or error.errno in _OURS:
        detail = f"this host cannot send {query.question} to {query.called}: {why}"
        return CouldNotLook(Reason.UNREACHABLE, detail)
    detail = f"{query.called} cannot be reached over {transport.upper()}: {why}"
    return NetworkFailure(Reason.UNREACHABLE, detail)
