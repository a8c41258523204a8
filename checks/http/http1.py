"""HTTP/1.1 over a connection (RFC 9112)."""

from vedette.checks.http.body import Body
from vedette.checks.http.connection import Connection
from vedette.checks.http.hop import Hop
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.reader import Malformed, Reader
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.http.target import Target
from vedette.checks.net import Endpoint, NetworkFailure


class Http1:
    """One request and its answer."""

    def __init__(self, connection: Connection, peer: Endpoint, hop: Hop) -> None:
        self._connection = connection
        self._peer = peer
        self._hop = hop

    async def ask(self, request: Request) -> None:
        """Send *request*, and fill the hop by the head of the answer."""
        self._reader = Reader(request.method, upgrades=request.upgrades)
        self._hop.begin("processing")
        await self._connection.send(request.head + (request.body or b""))
        await _receive(self._connection, self._reader, self._peer)
        self._hop.begin("transfer")
        while (head := self._reader.head) is None:
            await _receive(self._connection, self._reader, self._peer)
        self._hop.version, self._hop.status, self._hop.headers = head

    async def read(self, body: Body) -> None:
        """Read the rest of the answer into *body*, as far as it wants it."""
        while await body.add(self._reader.take()):
            if self._reader.ended:
                body.finish()
                return
            await _receive(self._connection, self._reader, self._peer)


async def tunnel(connection: Connection, peer: Endpoint, proxy: Proxy, target: Target) -> int:
    """Ask the connected *proxy* to connect us to *target*; return its status (RFC 9110 9.3.6)."""
    reader = Reader("CONNECT")
    await connection.send(proxy.connect(target))
    while reader.head is None:
        await _receive(connection, reader, peer)
    return reader.head[1]


async def _receive(connection: Connection, reader: Reader, peer: Endpoint) -> None:
    data = await connection.receive()
    try:
        if data:
            reader.feed(data)
        else:
            reader.close()
    except EOFError as error:
        what = "without an answer" if reader.head is None else "in the middle of its answer"
        words = f"{peer} closed the connection {what}"
        raise NetworkFailure(Reason.RESET, words) from error
    except Malformed as error:
        raise NetworkFailure(Reason.PROTOCOL, f"{peer} broke HTTP: {error}") from error
