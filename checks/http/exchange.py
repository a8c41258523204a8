"""One request and its answer on a connection of its own, within a deadline (RFC 9112)."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from time import perf_counter

import h11

from vedette.checks.finding import Fact
from vedette.checks.http.connection import Connection
from vedette.checks.http.reason import Reason
from vedette.checks.http.response import Response
from vedette.checks.http.settings import HttpSettings
from vedette.checks.http.target import Target
from vedette.checks.net import Endpoint, NetworkFailure

_MAX_HEAD = 64 * 1024
_BEGINNING = b"HTTP/"

_LATE = {
    "connect": "did not accept a TCP connection",
    "tls": "did not finish the TLS handshake",
    "processing": "accepted the request but did not begin to answer",
    "transfer": "began to answer but did not finish",
}


def _agent() -> str:
    try:
        return f"Vedette/{metadata.version('vedette')}"
    except metadata.PackageNotFoundError:  # run from a bare checkout
        return "Vedette"


_AGENT = _agent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask; *trust* is None for plain HTTP, *keep_body* False when only its size matters.

    *head* is built and validated once: that costs as much as a tenth of a probe.
    """

    target: Target
    head: h11.Request
    trust: ssl.SSLContext | None
    max_body: int
    keep_body: bool


def compose(settings: HttpSettings, trust: ssl.SSLContext | None) -> Request:
    """Build the request that *settings* describe; a header of the user's replaces ours."""
    target = settings.target
    headers = {"host": ("Host", target.authority)}
    headers |= {"user-agent": ("User-Agent", _AGENT), "accept": ("Accept", "*/*")}
    headers |= {name.lower(): (name, value) for name, value in settings.headers.items()}
    headers["connection"] = ("Connection", "close")
    return Request(
        target=target,
        head=h11.Request(
            method=settings.method, target=target.path, headers=list(headers.values())
        ),
        trust=trust,
        max_body=settings.max_body,
        keep_body=settings.body is not None,
    )


class Exchange:
    """One request to one address; *facts* grow as it goes and stay readable after a failure."""

    def __init__(self, request: Request, address: str, *, until: float, timeout: float) -> None:
        """*until* is the deadline on the loop's clock; *timeout* is what a person calls it."""
        self.facts: dict[str, Fact] = {"address": address}
        self.phase = "connect"
        self._request = request
        self._peer = Endpoint(address, request.target.port)
        self._until = until
        self._timeout = timeout
        self._closed = False
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)

    async def run(self) -> Response:
        """Ask and return the answer; raise NetworkFailure when there is none by the deadline."""
        try:
            async with asyncio.timeout_at(self._until):
                with contextlib.closing(Connection(self._peer)) as connection:
                    return await self._converse(connection)
        except TimeoutError as error:  # ours, or the kernel's own ETIMEDOUT
            reason = Reason.CONNECT_TIMEOUT if self.phase == "connect" else Reason.TIMEOUT
            detail = f"{self._peer} {_LATE[self.phase]} within {self._timeout:g} s"
            raise NetworkFailure(reason, detail) from error
        except h11.RemoteProtocolError as error:
            raise self._nonsense(error) from error

    async def _converse(self, connection: Connection) -> Response:
        with self._timed("connect"):
            await connection.connect()
        if self._request.trust is not None:
            try:
                with self._timed("tls"):
                    name = self._request.target.server_name
                    await connection.secure(self._request.trust, name)
            finally:
                self.facts.update(connection.facts())
        with self._timed("processing"):
            await connection.send(self._question())
            await self._receive(connection)
        with self._timed("transfer"):
            await self._beginning(connection)
            return await self._answer(connection)

    @contextlib.contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        self.phase = phase
        start = perf_counter()
        yield
        self.facts[f"{phase}_seconds"] = perf_counter() - start

    def _question(self) -> bytes:
        head = self._protocol.send(self._request.head)
        end = self._protocol.send(h11.EndOfMessage())
        return (head or b"") + (end or b"")

    async def _receive(self, connection: Connection) -> None:
        data = await connection.receive()
        self._closed = not data
        self._protocol.receive_data(data)

    async def _beginning(self, connection: Connection) -> None:
        """Refuse at once what is not HTTP/1, where h11 would wait for the end of a head."""
        while len(seen := self._protocol.trailing_data[0]) < len(_BEGINNING) and not self._closed:
            await self._receive(connection)
        if seen and not seen.startswith(_BEGINNING[: len(seen)]):
            words = f"{self._peer} does not speak HTTP/1: it began with {seen[:32]!r}"
            raise NetworkFailure(Reason.PROTOCOL, words)

    async def _answer(self, connection: Connection) -> Response:
        head = await self._head(connection)
        self.facts["status"] = head.status_code
        body, size = bytearray(), 0
        limit, keep = self._request.max_body, self._request.keep_body
        while size <= limit:
            event = await self._event(connection)
            if not isinstance(event, h11.Data):
                break
            size += len(event.data)
            if keep:
                body += event.data
        self.facts["bytes"] = min(size, limit)
        return Response(
            status=head.status_code,
            headers=tuple((k.decode("ascii"), v.decode("latin-1")) for k, v in head.headers),
            body=bytes(body),
            size=min(size, limit),
            complete=size <= limit,
        )

    async def _head(self, connection: Connection) -> h11.Response:
        while True:  # past any 1xx (RFC 9110 section 15.2)
            event = await self._event(connection)
            if isinstance(event, h11.Response):
                return event

    async def _event(self, connection: Connection) -> object:
        while (event := self._protocol.next_event()) is h11.NEED_DATA:
            await self._receive(connection)
        return event

    def _nonsense(self, error: h11.RemoteProtocolError) -> NetworkFailure:
        if self._closed:
            what = "in the middle of its answer" if "status" in self.facts else "without an answer"
            return NetworkFailure(Reason.RESET, f"{self._peer} closed the connection {what}")
        return NetworkFailure(Reason.PROTOCOL, f"{self._peer} broke the HTTP protocol: {error}")
