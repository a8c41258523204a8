"""The BMP station: what routers of FRR's and GoBGP's tell, and what careless or evil ones do."""

import asyncio
import gc
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.checks.bgp.sources.listening import Listening, listening
from tests.checks.bgp.wire.made import PEER, body, initiation, monitoring, nlri, opening, peer_up
from tests.servers.bird import bird
from tests.servers.frr import frr
from tests.servers.gobgp import gobgp
from tests.servers.process import free_port
from tests.servers.speaker import Route, speaker
from tests.waiting import meanwhile, until
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.settings import BmpSettings
from vedette.checks.bgp.sources import bmp
from vedette.checks.bgp.sources.bmp import Bmp, bmp_feed
from vedette.checks.bgp.update import Announce, CollectorDown, EndOfRib, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.interest import Interest

NOW = 1_700_000_000.0
V4, V6, INSIDE = "198.51.100.0/24", "2001:db8:5::/48", "198.51.100.128/25"
HELD = monitoring(body(announced=[nlri(V4)], path=(64511, 64500)))


class Station:
    """A running station, and routers that a test plays."""

    def __init__(self, source: Bmp, heard: Listening, port: int) -> None:
        self.source, self.heard, self.port = source, heard, port
        self.writers: list[asyncio.StreamWriter] = []

    @property
    def connected(self) -> list[tuple[str, str]]:
        """Names and addresses of the routers that are connected."""
        found = self.source._connections
        return sorted((one.session.collector, one.address.host) for one in found)

    async def router(self, *messages: bytes, host: str = "127.0.0.1") -> asyncio.StreamWriter:
        """Connect from *host* and send *messages*."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0))
        self.writers.append(writer)
        writer.write(b"".join(messages))
        return writer


@asynccontextmanager
async def station(port: int = 0, **settings: object) -> AsyncIterator[Station]:
    """Run a station, on a free port by default, until the block ends."""
    port = port or free_port()
    made = BmpSettings(listen=f"127.0.0.1:{port}", **settings)  # type: ignore[arg-type]
    source = Bmp(made, Interest([V4, V6]), lambda: NOW)
    async with listening(source, lambda: NOW) as heard:
        await heard.until(lambda: bool(heard.intake.trouble))
        running = Station(source, heard, port)
        try:
            yield running
        finally:
            for writer in running.writers:
                writer.transport.abort()
            await asyncio.sleep(0)  # the sockets close with the loop's next turn


@pytest.mark.parametrize("add_path", [False, True], ids=["plain", "add-path"])
async def test_frr(tmp_path: Path, add_path: bool) -> None:
    """FRR tells what BIRD announces and withdraws, and its sessions, as BIRD says it.

    FRR 8.4 leaves out path identifiers that its OPENs agreed on, and adds its own AS to paths.
    """
    one, other = (speaker(n, 4_200_000_000 + n, add_path=add_path) for n in (21, 22))
    async with station() as at:
        heard = at.heard
        with bird(tmp_path / "bird", one, other) as server:
            server.announce(Route(V4, (4_200_000_099, 64500)), Route("203.0.113.0/24"))
            with frr(tmp_path / "frr", other, one, at.port, "Edge1"):
                await heard.until(lambda: len(heard.of(Announce)) == 1)
                assert heard.of(Announce) == [(V4, (one.asn, 4_200_000_099, 64500))]
                assert heard.of(PeerState)[-1] == (True,)
                server.announce(Route(V6), Route(INSIDE))
                await heard.until(lambda: len(heard.of(Announce)) == 3)
                assert set(heard.of(Announce)[1:]) == {(V6, (one.asn,)), (INSIDE, (one.asn,))}
                server.withdraw()
                await heard.until(lambda: len(heard.of(Withdraw)) == 3)
                assert set(heard.of(Withdraw)) == {(V4,), (V6,), (INSIDE,)}
                assert [name for name, _ in at.connected] == ["edge1"]
                server.hang_up()
                await heard.until(lambda: heard.of(PeerState)[-1] == (False,))
                assert heard.of(CollectorDown) == []
                assert {u.peer for u in heard.updates} == {Peer("edge1", one.host)}  # type: ignore[union-attr]
                assert {u.asn for u in heard.updates if isinstance(u, Announce)} == {one.asn}
            await heard.until(lambda: len(heard.of(CollectorDown)) == 1)
            assert at.connected == []
            assert heard.intake.trouble == f"has no router connected to 127.0.0.1:{at.port}"
            assert heard.intake.errors == 0


async def test_a_station_that_comes_back(tmp_path: Path) -> None:
    """FRR sends its table anew to a station that was away, and says that this was all."""
    one, other = (speaker(n, 64500 + n) for n in (27, 28))
    port = free_port()
    with (
        bird(tmp_path / "bird", one, other) as server,
        frr(tmp_path / "frr", other, one, port, "edge"),
    ):
        server.announce(Route(V4))
        async with station(port) as at:
            await at.heard.until(lambda: at.heard.of(Announce) == [(V4, (one.asn,))])
        async with station(port) as at:
            await at.heard.until(lambda: {(4,), (6,)} <= set(at.heard.of(EndOfRib)))
            await at.heard.until(lambda: at.heard.of(Announce) == [(V4, (one.asn,))])
            assert at.heard.of(PeerState) == [(True,)]


async def test_gobgp(tmp_path: Path) -> None:
    """Of paths that GoBGP hears by ADD-PATH, the loss of the last one is a withdrawal."""
    one, other = (speaker(n, 4_200_000_000 + n, add_path=True) for n in (23, 24))
    first, second = Route(V4), Route(V4, (64501, 64500))
    async with station() as at:
        heard = at.heard
        with gobgp(tmp_path / "gobgp", other, one, station=at.port):
            await heard.until(lambda: bool(at.connected))
            with bird(tmp_path / "bird", one, other) as server:
                await heard.until(lambda: heard.of(PeerState) == [(True,)])
                server.announce(first, second, Route(V6, (64500,)))
                await heard.until(lambda: len(heard.of(Announce)) == 3)
                assert (V6, (one.asn, 64500)) in heard.of(Announce)
                server.withdraw(first)
                await heard.until(lambda: len(heard.of(Announce)) == 4)
                assert heard.of(Announce)[3] == (V4, (one.asn, 64501, 64500))
                assert heard.of(Withdraw) == []
                server.withdraw()
                await heard.until(lambda: len(heard.of(Withdraw)) == 2)
                server.hang_up()
                await heard.until(lambda: heard.of(PeerState) == [(True,), (False,)])
                assert {u.peer.address for u in heard.updates} == {one.host}  # type: ignore[union-attr]
                assert (heard.intake.errors, heard.of(CollectorDown)) == (0, [])


async def test_path_identifiers_that_come_and_go() -> None:
    """Where they were agreed on, routes with them and without are both read, in any order."""
    agreed = opening(64511, (69, b"\0\1\1\3"))
    said = [
        monitoring(body(announced=[nlri(prefix, number)], path=(64511,)))
        for prefix, number in ((V4, 1), (V4, None), (INSIDE, None), (INSIDE, 7), (V4, 7))
    ]
    async with station() as at:
        await at.router(initiation("r"), peer_up(agreed, agreed), *said)
        await at.heard.until(lambda: len(at.heard.updates) == 6)
        told = [prefix for prefix, _ in at.heard.of(Announce)]
        assert told == [V4, V4, INSIDE, INSIDE, V4]
        assert at.heard.intake.errors == 0


async def test_a_router_comes_back(tmp_path: Path) -> None:
    """A feed judges by a router's table, not without it, and by the new table once it is back."""
    one, other = (speaker(n, 64500 + n) for n in (25, 26))
    port = free_port()
    settings = BmpSettings(listen=f"127.0.0.1:{port}")
    feed = bmp_feed([Watch(V4, frozenset({64500}))], settings, time.time)

    async with meanwhile(feed.run()):
        with bird(tmp_path / "bird", one, other) as server:
            server.announce(Route(V4, (64500,)))
            with gobgp(tmp_path / "1", other, one, station=port):
                await until(lambda: counts(feed) == (1, 1, 0))
                assert feed.health(time.time()).silence is None
            await until(lambda: counts(feed) == (0, 0, 1))
            assert "no router" in str(feed.health(time.time()).silence)
            with gobgp(tmp_path / "2", other, one, station=port):
                await until(lambda: counts(feed) == (1, 1, 0))
                server.withdraw()
                await until(lambda: counts(feed) == (0, 1, 0))


async def test_many_routers() -> None:
    """Each router is a collector of its own, and the end of one says nothing of the others."""
    async with station() as at:
        heard = at.heard
        writers = [
            await at.router(initiation(f"r{n}"), peer_up(), HELD, host=f"127.0.0.{n}")
            for n in range(1, 21)
        ]
        await heard.until(lambda: len(heard.of(Announce)) == 20)
        assert len({u.peer for u in heard.updates}) == 20  # type: ignore[union-attr]
        assert [name for name, _ in at.connected] == sorted(f"r{n}" for n in range(1, 21))
        writers[4].close()
        await heard.until(lambda: len(heard.of(CollectorDown)) == 1)
        assert heard.updates[-1] == CollectorDown("r5", NOW)
        assert len(at.connected) == 19
        assert heard.intake.up_at is not None


async def test_times_are_those_of_arrival() -> None:
    """A router that stamps old routes with old times is not late after it came back."""
    async with station() as at:
        heard = at.heard
        await at.router(peer_up(at=1), monitoring(body(announced=[nlri(V4)], path=(1,)), at=1))
        await heard.until(lambda: len(heard.updates) == 2)
        assert {update.at for update in heard.updates} == {NOW}


async def test_a_garbled_session() -> None:
    """It is closed with one sentence, its peers are unknown, and other routers go on."""
    async with station() as at:
        heard = at.heard
        await at.router(initiation("good"), peer_up(), HELD, host="127.0.0.2")
        await heard.until(lambda: len(heard.of(Announce)) == 1)
        bad = await at.router(initiation("bad"), peer_up(), HELD)
        await heard.until(lambda: len(heard.of(Announce)) == 2)
        bad.write(b"GET / HTTP/1.1\r\n\r\n")
        await heard.until(lambda: len(heard.of(CollectorDown)) == 1)
        assert heard.updates[-1] == CollectorDown("bad", NOW)
        assert heard.intake.errors == 1
        assert heard.intake.last_error.startswith("router bad (127.0.0.1:")
        assert heard.intake.last_error.endswith("; its session is closed")
        assert [name for name, _ in at.connected] == ["good"]


async def test_a_stranger_is_not_let_in() -> None:
    """Who is none of `routers` is closed before it is read, and named in an error."""
    async with station(routers=["127.0.0.2"]) as at:
        heard = at.heard
        await at.router(initiation("x"), peer_up(), HELD)
        await heard.until(lambda: heard.intake.errors == 1)
        assert heard.intake.last_error == "127.0.0.1 is none of `routers`, and was not let in"
        await at.router(initiation("x"), peer_up(), HELD, host="127.0.0.2")
        await heard.until(lambda: len(heard.of(Announce)) == 1)
        assert [host for _, host in at.connected] == ["127.0.0.2"]


async def test_one_more_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are bounded."""
    monkeypatch.setattr(bmp, "MOST_ROUTERS", 2)
    async with station() as at:
        heard = at.heard
        for number in (1, 2):
            await at.router(initiation(f"r{number}"))
        await heard.until(lambda: len(at.connected) == 2)
        await at.router(initiation("r3"))
        await heard.until(lambda: heard.intake.errors == 1)
        assert heard.intake.last_error == "127.0.0.1 was not let in: 2 routers are connected"


def test_who_hangs_up_at_once_is_no_bug() -> None:
    """With uvloop, one that reset its connection before it was accepted has no address."""
    uvloop = pytest.importorskip("uvloop")
    faults: list[dict[str, object]] = []

    async def knock() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        async with station() as at:
            for _ in range(20):
                with socket.create_connection(("127.0.0.1", at.port)) as gone:
                    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await at.router(initiation("edge"))
            await at.heard.until(lambda: [name for name, _ in at.connected] == ["edge"])
        gc.collect()

    uvloop.run(knock())
    assert faults == []


async def test_a_router_that_was_not_missed() -> None:
    """A router that comes back before its old connection is found dead takes its place."""
    async with station() as at:
        heard = at.heard
        await at.router(initiation("r"), peer_up(), HELD)
        await heard.until(lambda: len(heard.of(Announce)) == 1)
        await at.router(initiation("r"), peer_up(), HELD)
        await heard.until(lambda: len(heard.of(Announce)) == 2)
        kinds = [type(update) for update in heard.updates]
        assert kinds == [PeerState, Announce, CollectorDown, PeerState, Announce]
        assert len(at.connected) == 1


async def test_two_routers_of_one_name() -> None:
    """The second is refused with the remedy, and takes nothing from the first."""
    async with station() as at:
        heard = at.heard
        await at.router(initiation("r"), peer_up(), HELD, host="127.0.0.2")
        await heard.until(lambda: len(heard.of(Announce)) == 1)
        await at.router(initiation("r"), peer_up(), HELD)
        await heard.until(lambda: heard.intake.errors == 1)
        assert "127.0.0.2 has the same name, so change one" in heard.intake.last_error
        assert [host for _, host in at.connected] == ["127.0.0.2"]
        assert len(heard.updates) == 2


async def test_a_router_waits_for_room() -> None:
    """While there is no room a router is not read, and nothing is dropped."""
    many = monitoring(body(announced=[nlri(V4)] * 1000, path=(64511,)))
    async with station() as at:
        intake = at.heard.intake
        await at.router(initiation("r"), peer_up(), many * 200)
        await at.heard.until(lambda: len(intake) > 32_768)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(intake) < 40_000
        await at.heard.until(lambda: len(at.heard.updates) == 200_001)
        assert intake.drops == 0


async def test_the_port_is_taken() -> None:
    """A port that somebody else holds is an OSError, which the feed tells and tries again."""
    async with station() as at:
        settings = BmpSettings(listen=f"127.0.0.1:{at.port}")
        with pytest.raises(OSError, match="address already in use"):
            await Bmp(settings, Interest([V4]), lambda: NOW).follow(Listening.__new__(Listening))  # type: ignore[arg-type]


def test_routers_must_be_named() -> None:
    """Whoever may reach the port can make routes up; so it is open to nobody by default."""
    assert BmpSettings().listen == "127.0.0.1:11019"
    with pytest.raises(ValidationError, match="name your routers in `routers`"):
        BmpSettings(listen="0.0.0.0:11019")
    with pytest.raises(ValidationError, match="not an address of this host"):
        BmpSettings(listen="station.example:11019")
    named = BmpSettings.model_validate({"listen": "[::]:11019", "routers": ["2001:db8::/64"]})
    assert str(named.routers[0]) == "2001:db8::/64"


def test_views_survive_a_restart() -> None:
    """A stored baseline keeps what is no plain address: Loc-RIB, Adj-RIB-Out and instances."""
    feed = bmp_feed([Watch(V4, frozenset({64500}))], BmpSettings(), lambda: NOW)
    names = ("192.0.2.1", "192.0.2.1 adj-rib-out", "192.0.2.1 64500:1 adj-rib-out", "loc-rib")
    stored = {V4: {f"edge1 {name}": NOW for name in names}}
    feed.restore(stored)
    assert feed.baseline() == stored


def counts(feed: Feed) -> tuple[int, int, int]:
    seen = feed.standing(V4)
    return (seen.holding, seen.of, seen.unknown) if seen else (-1, -1, -1)


@asynccontextmanager
async def listening_feed(stored: dict[str, dict[str, float]]) -> AsyncIterator[tuple[Feed, int]]:
    """Run a feed that knows what was *stored*, at a port to which no router is connected."""
    settings = BmpSettings(listen=f"127.0.0.1:{free_port()}")
    feed = bmp_feed([Watch(V4, frozenset({64500}))], settings, lambda: NOW)
    feed.restore(stored)
    async with meanwhile(feed.run()):
        await until(lambda: "no router" in str(feed.silence(NOW)))
        yield feed, int(settings.listen.rpartition(":")[2])


async def test_a_restart_before_the_table_has_come() -> None:
    """What was stored of a router's peers is no withdrawal while its table is still to come."""
    async with listening_feed({V4: {f"edge1 {PEER}": NOW}}) as (feed, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(initiation("edge1") + peer_up())
        await until(lambda: feed.silence(NOW) is None and not feed.health(NOW).queue)
        assert counts(feed) == (0, 0, 1)
        writer.write(monitoring(bytes(4)))  # End-of-RIB
        await until(lambda: counts(feed) == (0, 1, 0))
        writer.write(HELD)
        await until(lambda: counts(feed) == (1, 1, 0))
        writer.transport.abort()


async def test_a_router_that_comes_back_and_announces_no_more() -> None:
    """What it sent a peer before (Adj-RIB-Out), and does not send once it is back, is lost."""
    out = 0x10
    async with listening_feed({}) as (feed, port):
        for held, expected in ((True, (1, 1, 0)), (False, (0, 1, 0))):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(initiation("edge1") + peer_up())
            if held:
                writer.write(monitoring(body(announced=[nlri(V4)], path=(64500,)), flags=out))
            writer.write(monitoring(bytes(4), flags=out))  # End-of-RIB
            await until(lambda expected=expected: counts(feed) == expected)
            writer.transport.abort()
            await until(lambda: "no router" in str(feed.silence(NOW)))
