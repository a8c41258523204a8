"""The listener under scrapes: nobody waits for them, and they do not wait for each other."""

import asyncio
import gc
import gzip
import logging
import resource
import weakref
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.process import free_port
from vedette.agent.alarms.alarm import Memory
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.serving import door, web
from vedette.agent.serving.web import serving
from vedette.exporters.metrics import SLICE

CHECKS = 1000
SERIES = 20_000
"""Fewer than the alarms of so many checks have."""


class Turns:
    """Counts the turns of the event loop that others get."""

    now = 0

    async def count(self) -> None:
        while True:
            self.now += 1
            await asyncio.sleep(0)


class Watched(dict[str, Memory]):
    """What alarms remember, and how much of it was read in each turn of the loop."""

    def __init__(self, memories: dict[str, Memory], turns: Turns) -> None:
        super().__init__(memories)
        self.turns, self.read = turns, Counter[int]()

    def __getitem__(self, id_: str) -> Memory:
        self.read[self.turns.now] += 1
        return super().__getitem__(id_)


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    """An agent that is served and looks at nothing; it has a thousand checks."""
    names = [f"      - {{name: w{number}.shop.test}}\n" for number in range(CHECKS)]
    path = tmp_path / "vedette.yaml"
    path.write_text(
        f"agent: {{name: fra-1, domain: {{provider: lab}}, listen: '127.0.0.1:{free_port()}'}}\n"
        "services:\n  - name: shop\n    dns:\n" + "".join(names)
    )
    agent = Agent(read(path), tmp_path)
    async with serving(agent):
        yield agent
    agent.store.close()


@asynccontextmanager
async def alone(folder: Path) -> AsyncIterator[Agent]:
    """Serve an agent with one check."""
    path = folder / "vedette.yaml"
    path.write_text(
        f"agent: {{name: fra-1, domain: {{provider: lab}}, listen: '127.0.0.1:{free_port()}'}}\n"
        "services: [{name: shop, dns: [{name: shop.test}]}]\n"
    )
    agent = Agent(read(path), folder)
    async with serving(agent):
        yield agent
    agent.store.close()


def open_files() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@asynccontextmanager
async def scrape(agent: Agent, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    """Ask for the metrics, and leave what comes as it is."""
    url = f"http://{agent.config.agent.listen}/metrics"
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.get(url, headers=headers, skip_auto_headers=["Accept-Encoding"]) as response,
    ):
        yield response


async def scraped(agent: Agent) -> str:
    """Return the metrics as text."""
    async with scrape(agent) as response:
        return await response.text()


def alarms(text: str) -> int:
    """Return how many series tell of alarms, each for itself."""
    series = [
        tuple(sample.labels.items())
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "vedette_alarm_state"
    ]
    assert len(series) == len(set(series))
    return len(series)


async def test_others_get_their_turns_amid_a_scrape(agent: Agent) -> None:
    """In no turn of the loop are more steps made than a slice may have, whoever else is ready."""
    turns = Turns()
    memories = Watched(agent.engine.memories, turns)
    agent.engine.memories = memories
    counting = asyncio.create_task(turns.count())
    text = await scraped(agent)
    counting.cancel()

    assert alarms(text) >= SERIES
    assert sum(memories.read.values()) == len(memories)
    assert max(memories.read.values()) <= SLICE
    assert max(memories.read) - min(memories.read) >= len(memories) / SLICE - 1


async def test_two_scrapes_at_the_same_time(agent: Agent) -> None:
    """Each of several readers gets all of it, each series once."""
    texts = await asyncio.gather(*(scraped(agent) for _ in range(3)))
    assert {alarms(text) for text in texts} == {3 * len(agent.engine.rules)}


async def test_compressed_for_who_asks(agent: Agent) -> None:
    """Gzip comes where it is accepted, plain text elsewhere, and caches are told of it."""
    async with scrape(agent, **{"Accept-Encoding": "gzip"}) as response:
        packed = await response.read()
    assert response.headers["Content-Encoding"] == "gzip"
    async with scrape(agent) as plain:
        text = await plain.text()
    assert "Content-Encoding" not in plain.headers
    assert response.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert response.content_type == plain.content_type == "text/plain"
    assert alarms(gzip.decompress(packed).decode()) == alarms(text)
    assert len(packed) < len(text) / 5


async def test_a_reader_that_leaves_harms_nobody(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    """Who hangs up in the middle leaves no word in the log, and the next reader is served."""
    host, _, port = agent.config.agent.listen.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n")
    assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
    writer.transport.abort()

    assert alarms(await scraped(agent)) == 3 * len(agent.engine.rules)
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_strangers_get_so_many_connections_and_no_more(
    agent: Agent, caplog: pytest.LogCaptureFixture
) -> None:
    """Who opens hundreds keeps out nobody: those that came first go, not who was admitted."""
    host, _, port = agent.config.agent.listen.partition(":")
    before = open_files()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{host}:{port}/metrics") as response:
            await response.read()
        (ours,) = session.connector._conns.values()
        kept = [await asyncio.open_connection(host, int(port)) for _ in range(door.MOST + 4)]
        for reader, _ in kept[:5]:
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        assert open_files() <= before + 2 * door.MOST + 10
        assert alarms(await scraped(agent)) == 3 * len(agent.engine.rules)
        assert ours[0][0].is_connected()
        assert not any(reader.at_eof() for reader, _ in kept[6:])
    for _, writer in kept:
        writer.close()
        with suppress(ConnectionResetError):
            await writer.wait_closed()

    told = [r.message for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(told) == 1
    assert told[0].startswith("the listener has 256 connections")


async def test_who_was_admitted_is_not_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all who are there were admitted, who comes beyond them is hung up on."""
    monkeypatch.setattr(door, "MOST", 2)
    async with alone(tmp_path) as agent, aiohttp.ClientSession() as session:
        asked = [await session.get(f"{agent.config.agent.status_url}events") for _ in range(2)]
        host, _, port = agent.config.agent.listen.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await reader.read() == b""
        writer.close()
        for one in asked:
            assert await one.content.readline() == b"event: changed\n"
            one.close()


async def test_strangers_leave_most_files_to_probes_and_pages(tmp_path: Path) -> None:
    """Where a process may open few files, the listener has a quarter of them at most."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, most))
    try:
        async with alone(tmp_path) as agent:
            host, _, port = agent.config.agent.listen.partition(":")
            kept = [await asyncio.open_connection(host, int(port)) for _ in range(60)]
            for reader, _ in kept[:10]:
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
            for _, writer in kept:
                writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


async def test_who_asks_nothing_is_hung_up_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection without a request, or with the beginning of one, is not kept for long."""
    monkeypatch.setattr(web, "IDLE", 0.2)
    async with alone(tmp_path) as agent:
        host, _, port = agent.config.agent.listen.partition(":")
        for begun in (b"", b"GET /metrics HTTP/1.1\r\nHost: "):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(begun)
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()


async def test_an_old_client_gets_it_whole(agent: Agent) -> None:
    """HTTP/1.0 knows no chunks: the text comes plain and ends with the connection."""
    host, _, port = agent.config.agent.listen.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()

    assert head.startswith(b"HTTP/1.0 200 OK\r\n")
    assert alarms(body.decode()) == 3 * len(agent.engine.rules)


async def test_a_listener_that_was_closed_lets_its_agent_go(tmp_path: Path) -> None:
    """Once asked and closed, as with each reload, nothing holds the agent behind a listener."""
    path, port = tmp_path / "vedette.yaml", free_port()
    path.write_text(
        f"agent: {{name: fra-1, domain: {{provider: host}}, listen: '127.0.0.1:{port}'}}\n"
        "services: [{name: shop, dns: [{name: shop.test}]}]\n"
    )

    async def asked() -> weakref.ref[Agent]:
        agent = Agent(read(path), tmp_path)
        async with serving(agent), aiohttp.ClientSession() as session:
            for shown in ("/", "/metrics", "/-/healthy"):
                async with session.get(f"http://127.0.0.1:{port}{shown}") as response:
                    assert response.status == 200
                    await response.read()
        agent.store.close()
        return weakref.ref(agent)

    agent = await asked()
    await asyncio.sleep(0)  # the last callbacks of the connections
    gc.collect()
    assert agent() is None
