"""What a busy loop reads late is not counted as the target's time, or the look is marked."""

import asyncio
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.checks.http.looking import checking
from tests.virtual import virtual
from vedette.agent.looking.runner import look_all
from vedette.checks.dns.transport.datagram import next_datagram, next_octets
from vedette.checks.finding import Finding, Kind, Look, Observation, Verdict
from vedette.checks.http.connection import Connection
from vedette.checks.net import Endpoint
from vedette.checks.stopwatch import (
    BOUND,
    DISTURBED,
    STOPWATCH,
    Stopwatch,
    connected_after,
    keep_stamping,
    reading,
    receive,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the stamps")

BLOCKED = 0.03
WELL = Finding(verdict=Verdict.OK)


@dataclass
class Made:
    """A check of one look."""

    once: Callable[[], Awaitable[Finding]]
    name: str = "made"
    kind: Kind = Kind.DNS

    def looks(self) -> Sequence[Look]:
        return [Look("it", "name", self.once)]


@pytest.fixture(autouse=True)
def stamping() -> Iterator[None]:
    """Have the kernel stamp what comes, which it begins to do a moment later."""
    with keep_stamping(), datagrams() as (ours, theirs):
        for _ in range(1000):
            theirs.send(b"?")
            time.sleep(0.002)
            if _unread(ours) > 0.001:
                yield
                return
    pytest.fail("the kernel stamps nothing")


def _unread(sock: socket.socket) -> float:
    async def read() -> float:
        watch = Stopwatch()
        watch._start -= 1  # what is read now had come before
        STOPWATCH.set(watch)
        receive(sock, 10)
        return watch.unread

    return asyncio.run(read())


@contextmanager
def datagrams() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield two UDP sockets that are connected with each other."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        for sock in (one, two):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        one.connect(two.getsockname())
        two.connect(one.getsockname())
        yield one, two


@contextmanager
def streams() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield the two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        two, _ = listener.accept()
        with one, two:
            one.setblocking(False)
            yield one, two


async def observed(once: Callable[[], Awaitable[Finding]]) -> tuple[Observation, float]:
    """Look once; return what was observed, and how long it took by any clock."""
    start = time.perf_counter()
    (seen,) = await look_all(
        Made(once), service="s", vantage="v", limit=5, now=time.time, stopwatch=time.perf_counter
    )
    return seen, time.perf_counter() - start


async def test_a_datagram_that_lay_unread_is_not_slow() -> None:
    """While the loop is blocked a reply comes: the time that it lay there is not in the look's."""
    with datagrams() as (ours, theirs):

        async def once() -> Finding:
            theirs.send(b"reply")
            time.sleep(BLOCKED)  # noqa: ASYNC251 - the point
            assert await next_datagram(ours, asyncio.get_running_loop().time() + 5) == b"reply"
            return WELL

        seen, took = await observed(once)

    assert seen.seconds <= took - BLOCKED
    assert DISTURBED not in seen.finding.facts


async def test_octets_that_lay_unread_are_not_slow() -> None:
    """The same over a stream, each part apart."""
    with streams() as (ours, theirs):

        async def once() -> Finding:
            for part in (b"one", b"two"):
                theirs.send(part)
                time.sleep(BLOCKED)  # noqa: ASYNC251 - the point
                assert await next_octets(ours, 10) == part
            return WELL

        seen, took = await observed(once)

    assert seen.seconds <= took - 2 * BLOCKED
    assert DISTURBED not in seen.finding.facts


async def test_a_page_whose_parts_lay_unread_is_not_slow() -> None:
    """Nor is what HTTP reads, nor the connection of which the loop heard late."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        async def once() -> Finding:
            connection = Connection(Endpoint(*listener.getsockname()))
            await connection.connect()
            with listener.accept()[0] as theirs:
                theirs.send(b"answer")
                time.sleep(BLOCKED)  # noqa: ASYNC251 - the point
                assert await connection.receive() == b"answer"
            connection.close()
            return WELL

        seen, took = await observed(once)

    assert seen.seconds <= took - BLOCKED
    assert DISTURBED not in seen.finding.facts


async def test_a_connection_of_which_we_heard_late_is_not_slow() -> None:
    """The kernel knows how long the handshake took."""
    with streams() as (ours, _):

        async def once() -> Finding:
            start = reading()
            time.sleep(BLOCKED)  # noqa: ASYNC251 - the point
            connected_after(ours, reading() - start)
            return WELL

        seen, took = await observed(once)

    assert seen.seconds < took
    assert DISTURBED not in seen.finding.facts


async def test_what_another_task_read_late_marks_the_look() -> None:
    """Of two who wait at the same time nobody knows whom the look waited for: it is marked."""
    with datagrams() as (ours, theirs):

        async def read() -> None:
            await next_datagram(ours, asyncio.get_running_loop().time() + 5)

        async def once() -> Finding:
            theirs.send(b"reply")
            time.sleep(BLOCKED)  # noqa: ASYNC251 - the point
            await asyncio.gather(read(), asyncio.sleep(0))
            return WELL

        seen, took = await observed(once)

    assert seen.finding.facts[DISTURBED] is True
    assert BLOCKED <= seen.seconds <= took


@pytest.mark.parametrize("said", [3600.0, -5.0])
async def test_a_clock_that_was_set_marks_the_look(said: float) -> None:
    """A reply that came before it was asked for, or after it was read, tells that a clock moved."""

    async def once() -> Finding:
        watch = STOPWATCH.get()
        assert watch is not None
        watch.lay_unread(said)
        return WELL

    seen, took = await observed(once)

    assert seen.finding.facts[DISTURBED] is True
    assert 0 <= seen.seconds <= took


@virtual
async def test_in_a_loop_that_is_not_late_nothing_is_marked() -> None:
    """A look that takes its time is as long as it is."""

    async def once() -> Finding:
        await asyncio.sleep(2)
        return WELL

    (seen,) = await look_all(Made(once), service="s", vantage="v", limit=5, now=lambda: 0.0)

    assert seen.seconds == 2
    assert seen.finding == WELL


@pytest.mark.parametrize(("doubtful", "verdict"), [(0.0, Verdict.FAILING), (2 * BOUND, Verdict.OK)])
async def test_a_disturbed_look_is_not_called_slow(doubtful: float, verdict: Verdict) -> None:
    """What is too slow by a clock that is known to be wrong is not judged by it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    check = checking(f"http://127.0.0.1:{port}/", slow=1e-6, timeout=5)

    async def once() -> Finding:
        watch = STOPWATCH.get()
        assert watch is not None
        watch.doubtful = doubtful
        return await check.looks()[0].once()

    async with server:
        seen, _ = await observed(once)

    assert seen.finding.verdict is verdict
