"""A BMP monitoring station (RFC 7854): one's own routers connect and tell what they hear.

A router sends its whole table when it connects, and nothing twice. So nothing may be dropped: while
the intake is half full no router is read, and TCP makes it wait. Times are those of arrival, which
is the order: routers stamp the routes of their table with when they learned them, by their clocks.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NoReturn

from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import BmpSettings
from vedette.checks.bgp.update import CollectorDown
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.bmp import Session
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.update import WireError
from vedette.checks.net import Endpoint, parse_endpoint

CHUNK = 16 * 1024
"""How many octets are read at a time: a few ms of work, and far fewer updates than may wait."""
MOST_ROUTERS = 256
LEAST = 1
"""One's own router need not be believed only together with others, as a peer of RIS must."""
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""A router may have nothing to say for hours; one that is gone is missed after a minute."""


def bmp_feed(watches: Iterable[Watch], settings: BmpSettings, now: Callable[[], float]) -> Feed:
    """Return a feed of what routers say of *watches*; they send their tables themselves."""
    routes = Routes(watches, least=LEAST, learn=True)
    return Feed(Bmp(settings, Interest(routes.watched), now), routes, Intake(now))


class _Connection:
    """One router's TCP connection; *told* whether the intake knows something of it."""

    def __init__(self, writer: asyncio.StreamWriter, address: Endpoint, session: Session) -> None:
        self.writer, self.address, self.session = writer, address, session
        self.told = False

    def __str__(self) -> str:
        name = self.session.collector
        return str(self.address) if name == self.address.host else f"{name} ({self.address})"


class Bmp:
    """Listens for routers, and tells an intake what they say of *interest*.

    *now* is epoch seconds. It is up while a router is connected.
    """

    name = "bmp"

    def __init__(self, settings: BmpSettings, interest: Interest, now: Callable[[], float]) -> None:
        self._settings, self._interest, self._now = settings, interest, now
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    async def follow(self, intake: Intake) -> NoReturn:
        """Listen for ever; raise OSError where the address cannot be listened at."""
        endpoint = parse_endpoint(self._settings.listen, 0)

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(reader, writer, intake))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        server = await asyncio.start_server(accept, endpoint.host, endpoint.port, limit=CHUNK)
        self._review(intake)
        try:
            while True:  # where serve_forever, from Python 3.12 on, waits for routers to hang up
                await asyncio.Event().wait()
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, intake: Intake
    ) -> None:
        """Live through one router's connection."""
        came_from = writer.get_extra_info("peername")
        if came_from is None:  # as uvloop has it of one that is gone again
            writer.transport.abort()
            return
        address = Endpoint(*came_from[:2])
        refusal = self._refusal(address.host)
        if refusal:
            intake.error(refusal)
            writer.transport.abort()
            return
        session = Session(address.host, self._interest, intake.error)
        connection = _Connection(writer, address, session)
        self._connections.add(connection)
        try:
            _keep_alive(writer)
            while octets := await reader.read(CHUNK):
                await self._take(connection, octets, intake)
        except WireError as error:
            intake.error(f"router {connection}: {error}; its session is closed")
        except OSError as error:
            intake.error(f"router {connection}: {error}")
        finally:
            self._end(connection, intake)

    async def _take(self, connection: _Connection, octets: bytes, intake: Intake) -> None:
        """Tell what *octets* say, once there is room for it; one router at a time."""
        async with self._turn:
            await intake.room()
            now, session = self._now(), connection.session
            before = session.messages
            updates = session.take(octets, now)
            self._settle_name(connection, intake)
            connection.told = True
            intake.up()
            for _ in range(session.messages - before - len(updates)):
                intake.heard()
            for update in updates:
                intake.put(update._replace(at=now))
        await asyncio.sleep(0)  # what was received already would not make `read` wait

    def _settle_name(self, connection: _Connection, intake: Intake) -> None:
        """Have one session of each name: of one address the newest, of several the first.

        A router that lost its connection comes back before we miss it. Raise WireError where
        another router has the name.
        """
        name = connection.session.collector
        for other in list(self._connections - {connection}):
            if other.told and other.session.collector == name:
                if other.address.host != connection.address.host:
                    raise WireError(f"{other.address.host} has the same name, so change one")
                self._end(other, intake)

    def _end(self, connection: _Connection, intake: Intake) -> None:
        """Close a session: nothing is known of the router's peers any more."""
        self._connections.discard(connection)
        connection.writer.transport.abort()
        if connection.told:
            connection.told = False
            intake.put(CollectorDown(connection.session.collector, self._now()))
        self._review(intake)

    def _review(self, intake: Intake) -> None:
        if not self._connections:
            intake.down(f"has no router connected to {self._settings.listen}")

    def _refusal(self, host: str) -> str | None:
        address = ip_address(host.partition("%")[0])
        if not any(address in network for network in self._settings.routers):
            return f"{host} is none of `routers`, and was not let in"
        if len(self._connections) >= MOST_ROUTERS:
            return f"{host} was not let in: {MOST_ROUTERS} routers are connected"
        return None


def _keep_alive(writer: asyncio.StreamWriter) -> None:
    """Have TCP find out whether the router is still there."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
