"""HTTP/2 over a connection (RFC 9113): one stream, framed by h2."""

import h2.config
import h2.errors
import h2.events
import h2.exceptions
import hpack

from vedette.checks import http2
from vedette.checks.http.connection import Connection
from vedette.checks.http.framed import Framed, trimmed
from vedette.checks.http.hop import Hop
from vedette.checks.http.reason import Reason
from vedette.checks.http.request import Request
from vedette.checks.net import Endpoint, NetworkFailure

_MOST_IDLE = 1000
"""How many frames may come that are no part of the answer: settings, pings, empty data."""
_OF_HTTP1 = frozenset({"host", "http2-settings", "proxy-connection", "upgrade"})
"""What has no place in HTTP/2 (RFC 9113 section 8.2.2)."""


class _Decoder(hpack.Decoder):
    """Reads headers as they are meant."""

    def decode(self, data: bytes, raw: bool = False) -> list[hpack.HeaderTuple]:
        return [one.__class__(one[0], trimmed(one[1])) for one in super().decode(data, raw)]


def fields(request: Request) -> list[tuple[str, str]]:
    """Return the headers of *request* as HTTP/2 and HTTP/3 have them (section 8.3.1)."""
    host = next(value for name, value in request.fields if name.lower() == "host")
    pseudo = [
        (":method", request.method),
        (":scheme", "https"),
        (":authority", host),
        (":path", request.target.path),
    ]
    lowered = ((name.lower(), value) for name, value in request.fields)
    return pseudo + [each for each in lowered if each[0] not in _OF_HTTP1]


class Http2(Framed):
    """One request and its answer."""

    version = "2"

    def __init__(self, connection: Connection, peer: Endpoint, hop: Hop) -> None:
        super().__init__(peer, hop)
        self._connection = connection
        self._unsent = memoryview(b"")
        self._http = http2.connection(h2.config.H2Configuration(validate_outbound_headers=False))
        self._http.decoder = _Decoder(self._http.decoder.max_header_list_size)

    async def ask(self, request: Request) -> None:
        """Send *request*, and fill the hop by the head of the answer."""
        self._hop.begin("processing")
        self._http.initiate_connection()
        self._http.increment_flow_control_window(http2.WINDOW)
        self._stream = self._http.get_next_available_stream_id()
        body = request.body or b""
        self._http.send_headers(self._stream, fields(request), end_stream=not body)
        self._unsent = memoryview(body)
        while self._hop.status is None:
            await self._turn()

    async def _turn(self) -> None:
        """Say what there is to say, and take in what comes next."""
        try:
            self._say()
            outgoing = self._http.data_to_send()
            if outgoing:
                await self._connection.send(outgoing)
            data = await self._connection.receive()
            if not data:
                raise self._gone("closed the connection")
            for event in self._http.receive_data(data):
                self._note(event)
        except h2.exceptions.H2Error as error:
            raise self._broken(str(error)) from error

    def _say(self) -> None:
        """Send of the request's body what the server has room for (section 5.2)."""
        while self._unsent:
            room = self._http.local_flow_control_window(self._stream)
            part = self._unsent[: min(room, self._http.max_outbound_frame_size)]
            if not part:
                return
            self._unsent = self._unsent[len(part) :]
            self._http.send_data(self._stream, bytes(part), end_stream=not self._unsent)

    def _note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.InformationalResponseReceived():
                self._heard()
                self._count()
            case h2.events.ResponseReceived():
                self._heard()
                self._head(event.headers)
            case h2.events.DataReceived():
                self._body += event.data
                if event.flow_controlled_length:
                    self._http.acknowledge_received_data(
                        event.flow_controlled_length, event.stream_id
                    )
                if not event.data:
                    self._count()
            case h2.events.StreamEnded():
                self._ended = True
            case h2.events.StreamReset() if not self._ended:
                raise self._left("reset the stream", event.error_code)
            case h2.events.ConnectionTerminated() if not self._ended:
                if http2.leaves(event, self._stream):
                    raise self._left("closed HTTP/2", event.error_code)
                self._count()
            case _:
                self._count()

    def _left(self, how: str, code: h2.errors.ErrorCodes | int | None) -> NetworkFailure:
        if code == h2.errors.ErrorCodes.HTTP_1_1_REQUIRED:  # browsers ask again, in that version
            words = f"{self._peer} takes this request by HTTP/1.1 alone: offer no HTTP/2 to it"
            return NetworkFailure(Reason.PROTOCOL, words)
        return self._gone(f"{how} ({http2.words(code)})")

    def _count(self) -> None:
        self._idle += 1
        if self._idle > _MOST_IDLE:
            raise self._broken("it sends frames that are no answer, without end")
