"""The exchange: what a socket can do to a question, each turned into a reply or a reason."""

import asyncio
import errno
import os
import socket
from collections.abc import Sequence

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.checks.dns.messages import API, reply_to
from tests.servers.process import free_port
from tests.servers.responder import Respond, responder
from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.message import Match, Reply, ask, follow, match
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.dns.transport.query import Query
from vedette.checks.net import SOCKETS, CouldNotLook, Endpoint, NetworkFailure

ONE = "api.example.com. 60 IN A 192.0.2.1"
OTHER = ask("other.example.com", "A", recursive=False)


async def asked(server: Endpoint, *, seconds: float = 2.0, tcp: bool = False) -> Reply:
    """Ask *server* for api.example.com."""
    deadline = asyncio.get_running_loop().time() + seconds
    channel = Channel(server, Transport.TCP if tcp else Transport.UDP)
    return await exchange(API, channel, deadline=deadline)


async def fails(server: Endpoint, *, seconds: float = 2.0, tcp: bool = False) -> NetworkFailure:
    """Ask *server* and return the failure."""
    with pytest.raises(NetworkFailure) as caught:
        await asked(server, seconds=seconds, tcp=tcp)
    return caught.value


def good(wire: bytes) -> Sequence[bytes]:
    return [reply_to(wire, (ONE,))]


def silent(wire: bytes) -> Sequence[bytes]:
    return []


def cut_off(wire: bytes) -> Sequence[bytes]:
    message = dns.message.from_wire(reply_to(wire))
    message.flags |= dns.flags.TC
    return [message.to_wire()]


def wrong_id(wire: bytes) -> bytes:
    return bytes([wire[0] ^ 1]) + reply_to(wire, (ONE,))[1:]


def wrong_question(wire: bytes) -> bytes:
    return reply_to(wire[:2] + OTHER.tail)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_answer(tcp: bool) -> None:
    """A good answer comes back parsed, with its transport and nothing dropped."""
    async with responder(udp=good, tcp=good) as server:
        reply = await asked(server, tcp=tcp)
    assert reply.message.answer[0].to_text() == ONE
    assert reply.transport is (Transport.TCP if tcp else Transport.UDP)
    assert (reply.dropped, reply.seconds > 0) == (0, True)


@pytest.mark.parametrize(
    "stray",
    [wrong_id, wrong_question, lambda wire: bytes([wire[0] ^ 1]) + b"\xff" * 9],
    ids=["wrong id", "wrong question", "garbage of another id"],
)
async def test_strays_are_dropped(stray: Respond) -> None:
    """A reply to another question is counted, and the right one that follows is taken."""
    async with responder(udp=lambda wire: [stray(wire), *good(wire)]) as server:
        reply = await asked(server)
    assert (reply.dropped, len(reply.message.answer)) == (1, 1)


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_question_in_another_case(tcp: bool) -> None:
    """A server that repeats the name in capitals has answered the question (RFC 4343)."""

    def loud(wire: bytes) -> Sequence[bytes]:
        (whole,) = good(wire)
        return [whole.replace(b"\x03api\x07example", b"\x03API\x07Example")]

    async with responder(udp=loud, tcp=loud) as server:
        reply = await asked(server, tcp=tcp)
    assert reply.dropped == 0
    assert [str(r) for r in follow(reply.message, API).records] == ["192.0.2.1"]


def test_types_have_no_case() -> None:
    """An answer for another type is none, also where the types differ as letters do in case."""
    https = ask("api.example.com", "HTTPS", recursive=False)
    other = bytearray(b"\x12\x34" + https.tail)
    other[2] |= 0x80
    assert match(bytes(other), b"\x12\x34" + https.tail, https) is Match.OURS
    other[12 + https.length - 3] = 97
    assert match(bytes(other), b"\x12\x34" + https.tail, https) is Match.STRAY


async def test_mismatched() -> None:
    """Where only strays came by the deadline the reason is not silence."""
    async with responder(udp=lambda wire: [wrong_id(wire), wrong_question(wire)]) as server:
        failure = await fails(server, seconds=0.1)
    assert failure.reason is Reason.MISMATCHED
    assert "2 replies to other questions" in failure.detail


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_silence(tcp: bool) -> None:
    """A server that never answers is a timeout, at the deadline."""
    clock = asyncio.get_running_loop().time
    start = clock()
    async with responder(udp=silent, tcp=silent) as server:
        failure = await fails(server, seconds=0.1, tcp=tcp)
    assert failure.reason is Reason.TIMEOUT
    assert 0.09 <= clock() - start < 1


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_closed_port(tcp: bool) -> None:
    """A closed port fails at once as unreachable, over UDP too."""
    failure = await fails(Endpoint("127.0.0.1", free_port()), seconds=5, tcp=tcp)
    assert failure.reason is Reason.UNREACHABLE
    assert not isinstance(failure, CouldNotLook)


async def test_not_asked() -> None:
    """A server that this host has no way to is not asked, which is no evidence about it."""
    # An unscoped link-local address names no interface: nothing can be sent.
    with pytest.raises(NetworkFailure) as caught:
        await asked(Endpoint("ff02::1:3", 53), seconds=0.05)
    assert isinstance(caught.value, CouldNotLook)
    assert "this host cannot send" in caught.value.detail


@pytest.mark.parametrize(
    "garbage", [b"", b"\x80", b"\x00" * 10, b"\xff" * 40, b"\x84\x00" + b"\x00\x01" * 4 + b"\xc0"]
)
@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_garbage(garbage: bytes, tcp: bool) -> None:
    """Octets under our id that are no message are malformed, at once."""

    def respond(wire: bytes) -> Sequence[bytes]:
        return [wire[:2] + garbage]

    async with responder(udp=respond, tcp=respond) as server:
        failure = await fails(server, seconds=5, tcp=tcp)
    assert failure.reason is Reason.MALFORMED


async def test_cut_in_the_middle() -> None:
    """A message that ends inside a record, without TC, is malformed."""
    async with responder(udp=lambda wire: [good(wire)[0][:-20]]) as server:
        assert (await fails(server)).reason is Reason.MALFORMED


async def test_error_without_question() -> None:
    """A server that could not read the query may leave the question out of its FORMERR."""

    def respond(wire: bytes) -> Sequence[bytes]:
        return [wire[:2] + b"\x80\x01" + b"\x00" * 8]

    async with responder(udp=respond) as server:
        assert (await asked(server)).message.rcode() == dns.rcode.FORMERR


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_server_without_edns(tcp: bool) -> None:
    """Who refuses EDNS as one should who does not know it is asked without, over TCP too."""

    def ignorant(wire: bytes) -> Sequence[bytes]:
        if dns.message.from_wire(wire).edns < 0:
            return good(wire)
        return [wire[:2] + b"\x80\x01" + b"\x00" * 8]

    def small(wire: bytes) -> Sequence[bytes]:
        return ignorant(wire) if dns.message.from_wire(wire).edns >= 0 else cut_off(wire)

    async with responder(udp=small if tcp else ignorant, tcp=ignorant) as server:
        reply = await asked(server)
    assert reply.message.answer[0].to_text() == ONE
    assert reply.transport is (Transport.TCP if tcp else Transport.UDP)


@pytest.mark.parametrize(
    ("rcode", "edns"), [(dns.rcode.FORMERR, 0), (dns.rcode.NOTIMP, -1)], ids=["EDNS", "NOTIMP"]
)
async def test_server_that_should_know_edns(rcode: dns.rcode.Rcode, edns: int) -> None:
    """An error that BIND does not ask again after stands, whatever comes without EDNS."""

    def refusing(wire: bytes) -> Sequence[bytes]:
        query = dns.message.from_wire(wire)
        if query.edns < 0:
            return good(wire)
        message = dns.message.make_response(query)
        message.use_edns(edns)
        message.set_rcode(rcode)
        return [message.to_wire()]

    async with responder(udp=refusing) as server:
        assert (await asked(server)).message.rcode() == rcode


async def test_error_that_stands() -> None:
    """An error that was given stands where the question without EDNS is not answered at all."""

    def silent_without(wire: bytes) -> Sequence[bytes]:
        has_edns = dns.message.from_wire(wire).edns >= 0
        return [wire[:2] + b"\x80\x01" + b"\x00" * 8] if has_edns else []

    async with responder(udp=silent_without) as server:
        assert (await asked(server, seconds=0.2)).message.rcode() == dns.rcode.FORMERR


async def test_truncated_goes_on_over_tcp() -> None:
    """A truncated answer is asked for again over TCP, also when it comes one octet at a time."""

    def trickle(wire: bytes) -> Sequence[bytes]:
        whole = good(wire)[0]
        return [len(whole).to_bytes(2) + whole]

    async with responder(udp=cut_off, tcp=trickle, raw=True) as server:
        reply = await asked(server)
    assert (reply.transport, len(reply.message.answer)) == (Transport.TCP, 1)


@pytest.mark.parametrize("tcp", [None, silent, cut_off], ids=["closed", "silent", "truncated"])
async def test_truncated_for_good(tcp: Respond | None) -> None:
    """Where TCP does not help, the reason is the truncation."""
    async with responder(udp=cut_off, tcp=tcp) as server:
        assert (await fails(server, seconds=0.3)).reason is Reason.TRUNCATED


async def test_truncated_where_this_host_cannot_ask_again() -> None:
    """A truncated answer that our own host cannot ask for over TCP is no evidence of anything."""

    def without_tcp(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
        if kind is socket.SOCK_STREAM:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return socket.socket(family, kind)

    async with responder(udp=cut_off, tcp=good) as server:
        token = SOCKETS.set(without_tcp)
        failure = await fails(server)
        SOCKETS.reset(token)
    assert isinstance(failure, CouldNotLook)
    assert "Too many open files" in failure.detail


async def test_tcp_closes_early() -> None:
    """A connection that ends inside the answer is unreachable, with a sentence that says so."""

    def half(wire: bytes) -> Sequence[bytes]:
        return [b"\x01\x00" + wire[:10]]

    async with responder(tcp=half, raw=True) as server:
        failure = await fails(server, tcp=True)
    assert failure.reason is Reason.UNREACHABLE
    assert "closes the connection" in failure.detail


async def test_tcp_closes_after_strays() -> None:
    """Where only strays came before the end, they are the reason rather than the end."""
    async with responder(tcp=lambda wire: [wrong_id(wire), wrong_question(wire)]) as server:
        failure = await fails(server, tcp=True)
    assert failure.reason is Reason.MISMATCHED
    assert "2 replies to other questions" in failure.detail


async def test_same_octets_are_read_once() -> None:
    """A reply that equals the one before but for its id shares its message."""
    async with responder(udp=good) as server:
        deadline = asyncio.get_running_loop().time() + 2
        first = await exchange(API, Channel(server), deadline=deadline)
        second = await exchange(API, Channel(server), deadline=deadline, like=first)
    assert second.message is first.message
    assert second.wire[2:] == first.wire[2:]


async def test_question_on_the_wire() -> None:
    """Ids differ from query to query, RD follows the question, and EDNS offers 1232 octets."""
    seen: list[bytes] = []

    def respond(wire: bytes) -> Sequence[bytes]:
        seen.append(wire)
        return good(wire)

    async with responder(udp=respond) as server:
        for _ in range(8):
            await asked(server)
    queries = [dns.message.from_wire(wire) for wire in seen]
    assert len({query.id for query in queries}) > 1
    assert {(query.payload, query.flags & dns.flags.RD) for query in queries} == {(1232, 0)}
    assert ask("a.example", "A", recursive=True).tail[0] & 1


async def test_cancelled_exchange_leaves_nothing() -> None:
    """A cancelled exchange closes its socket and leaves no reader behind."""
    async with responder(udp=silent) as server:
        task = asyncio.create_task(asked(server, seconds=30))
        await asyncio.wait([task], timeout=0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_uvloop() -> None:
    """The same sockets work on uvloop, over UDP and TCP."""
    uvloop = pytest.importorskip("uvloop")

    async def both() -> list[Reply]:
        async with responder(udp=good, tcp=good) as server:
            return [await asked(server), await asked(server, tcp=True)]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        replies = runner.run(both())
    assert [reply.transport for reply in replies] == [Transport.UDP, Transport.TCP]


@pytest.mark.parametrize("routed", [True, False])
def test_who_bars_the_way(routed: bool) -> None:
    """A filter on the server's side fails it (over IPv6 as EACCES); one of our own says nothing."""

    def without_a_route(_family: socket.AddressFamily, _kind: socket.SocketKind) -> socket.socket:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    there = Channel(Endpoint("127.0.0.1", 53))
    query = Query(question=API, sent=b"", channel=there, called="ns.test", deadline=0.0)
    token = SOCKETS.set(socket.socket if routed else without_a_route)
    failure = query.failed(OSError(errno.EACCES, "words"), Transport.UDP)
    SOCKETS.reset(token)

    assert isinstance(failure, CouldNotLook) is not routed
    assert failure.reason is Reason.UNREACHABLE
    assert "Permission denied" in failure.detail
