"""Events: told at most once a second, to so many, and nothing grows where nobody reads."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from tests.servers.app import serving
from tests.waiting import until
from vedette.agent.status import ticks
from vedette.agent.status.ticks import Ticks

TURN = 0.02
TRANSPORTS: list[asyncio.Transport] = []
"""Those of the listeners, the first one first."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second lasts a fiftieth, so that nobody waits for it."""
    monkeypatch.setattr(ticks, "EVERY", TURN)
    monkeypatch.setattr(ticks, "HEARTBEAT", 5 * TURN)


@asynccontextmanager
async def told(pulse: Callable[[], int]) -> AsyncIterator[tuple[Ticks, int]]:
    """Serve events; give who makes them, and the port."""
    made, app = Ticks(pulse), web.Application()
    TRANSPORTS.clear()

    async def listen(request: web.Request) -> web.StreamResponse:
        TRANSPORTS.append(request.transport)
        return await made.listen(request)

    app.router.add_get("/events", listen)
    app.on_shutdown.append(made.end)
    async with serving(app, shutdown=5) as port:
        yield made, port


async def within(awaited: Awaitable[bytes]) -> bytes:
    return await asyncio.wait_for(awaited, 10)


@pytest.mark.usefixtures("quick")
async def test_a_listener_is_told_of_each_change() -> None:
    """There is an event at first and after each change, and a comment where there is none."""
    now = [0]
    async with (
        told(lambda: now[0]) as (_, port),
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/events") as response,
    ):
        assert response.content_type == "text/event-stream"
        read = response.content
        for _ in range(3):
            assert await within(read.readuntil(b"\n\n")) == b"event: changed\ndata: look again\n\n"
            assert await within(read.readuntil(b"\n\n")) == b": still here\n\n"
            now[0] += 1
            while (line := await within(read.readline())) in (b"\n", b": still here\n"):
                pass
            assert line == b"event: changed\n"
            assert await within(read.readuntil(b"\n\n")) == b"data: look again\n\n"
            now[0] += 1


async def test_who_asks_for_the_head_alone_takes_no_place() -> None:
    """HEAD is answered at once, though its connection is kept, and nobody listens there."""
    async with told(lambda: 0) as (made, port), ClientSession() as session:
        async with asyncio.timeout(10), session.head(f"http://127.0.0.1:{port}/events") as response:
            assert (response.status, response.content_type) == (200, "text/event-stream")
        assert made.listening == 0


@pytest.mark.usefixtures("quick")
async def test_no_more_than_one_a_turn() -> None:
    """However often something changes, it is asked once a turn and told once."""
    asked = [0]

    def pulse() -> int:
        asked[0] += 1
        return asked[0]

    async with (
        told(pulse) as (_, port),
        ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/events") as response,
    ):
        for number in range(1, 5):
            await within(response.content.readuntil(b"\n\n"))
            assert asked[0] <= number + 1


@pytest.mark.usefixtures("quick")
async def test_who_does_not_read_is_not_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a reader that stopped waits one message, however much changes; then we hang up."""
    monkeypatch.setattr(ticks, "PATIENCE", 1.0)
    asked = [0]

    def pulse() -> int:
        asked[0] += 1
        return asked[0]

    async with told(pulse) as (made, port):
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", port))
            await loop.sock_sendall(reader, b"GET /events HTTP/1.1\r\nHost: here\r\n\r\n")
            await until(lambda: made.listening == 1)
            (transport,) = TRANSPORTS
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            await until(lambda: transport.get_write_buffer_size() > 0)
            sizes = set()
            while made.listening:
                sizes.add(transport.get_write_buffer_size())
                await asyncio.sleep(TURN)

            assert max(sizes) < 100
            assert transport.is_closing()


@pytest.mark.usefixtures("quick")
async def test_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """One listener too many is told to ask again, and has a place when another leaves."""
    monkeypatch.setattr(ticks, "MOST", 2)
    async with told(lambda: 0) as (made, port), ClientSession() as session:
        url = f"http://127.0.0.1:{port}/events"
        async with session.get(url), session.get(url), session.get(url) as third:
            assert third.status == 503
            assert third.headers["Retry-After"]
        await until(lambda: made.listening == 0)
        async with session.get(url) as again:
            assert again.status == 200


async def test_listeners_hold_nobody_up() -> None:
    """The end of the agent ends the events at once, and not when a client feels like it."""
    async with ClientSession() as session:
        async with told(lambda: 0) as (made, port):
            response = await session.get(f"http://127.0.0.1:{port}/events")
            await until(lambda: made.listening == 1)
        assert made.listening == 0
        response.close()
