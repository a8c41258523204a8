"""DNS over HTTPS (RFC 8484): one POST on an HTTP/2 connection of its own.

POST rather than GET, because a cache on the way may answer a GET in the server's stead. HTTP/2
alone, which RFC 8484 recommends at least and which every great resolver speaks.
"""

import h2.config
import h2.events
import h2.exceptions

from vedette.checks import http2
from vedette.checks.dns.server import Transport
from vedette.checks.dns.transport.connection import connected
from vedette.checks.dns.transport.query import Query
from vedette.checks.dns.transport.tls import ALPN

MEDIA_TYPE = "application/dns-message"

_LARGEST = 65535  # octets of a DNS message
_MOST = 1 << 18
"""How many octets of HTTP/2 one answer may take; the window bounds only its body."""


async def ask_https(query: Query) -> tuple[bytes, int]:
    """Return the reply's octets and 0, for no stray can come, or raise NetworkFailure."""
    query = query.unnumbered()
    async with connected(query, Transport.HTTPS) as link:
        if link.protocol != ALPN[Transport.HTTPS]:
            raise query.unreachable("does not offer HTTP/2, over which it is asked")
        post = Post(query)
        outgoing = post.request()
        while not post.ended:
            if outgoing:
                await link.send(outgoing)
            data = await link.receive()
            if not data:
                raise query.hung_up()
            outgoing = post.take(data)
    return query.only(bytes(post.body)), 0


class Post:
    """The request and what comes back, as octets out and in."""

    def __init__(self, query: Query) -> None:
        self.body = bytearray()
        self.ended = False
        self._query = query
        self._received = 0
        self._stream = 0
        self._http = http2.connection(h2.config.H2Configuration())

    def request(self) -> bytes:
        """Return the connection's preface and the request."""
        http, sent, channel = self._http, self._query.sent, self._query.channel
        http.initiate_connection()
        http.increment_flow_control_window(
            http2.WINDOW - _LARGEST
        )  # of the connection; it has 65535
        stream = self._stream = http.get_next_available_stream_id()
        headers = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", channel.authority),
            (":path", channel.path),
            ("accept", MEDIA_TYPE),
            ("content-type", MEDIA_TYPE),
            ("content-length", str(len(sent))),
        ]
        http.send_headers(stream, headers)
        http.send_data(stream, sent, end_stream=True)
        return http.data_to_send()

    def take(self, data: bytes) -> bytes:
        """Read what came and return what HTTP/2 has to say to it."""
        self._received += len(data)
        if self._received > _MOST:
            raise self._query.malformed(f"with more than {_MOST} octets of HTTP/2")
        try:
            for event in self._http.receive_data(data):
                self._note(event)
        except h2.exceptions.H2Error as error:
            raise self._query.malformed("with octets that are not HTTP/2") from error
        return self._http.data_to_send()

    def _note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._judge(dict(event.headers))
            case h2.events.DataReceived():
                self.body += event.data
                if len(self.body) > _LARGEST:
                    raise self._query.malformed(f"with more than {_LARGEST} octets")
            case h2.events.StreamEnded():
                self.ended = True
            case h2.events.StreamReset() if not self.ended:
                raise self._query.unreachable(
                    f"resets the request: {http2.words(event.error_code)}"
                )
            case h2.events.ConnectionTerminated() if not self.ended:
                if http2.leaves(event, self._stream):
                    raise self._query.unreachable(f"closes HTTP/2: {http2.words(event.error_code)}")

    def _judge(self, headers: dict[bytes, bytes]) -> None:
        status = headers.get(b":status", b"").decode(errors="replace")
        if status != "200":
            raise self._query.unreachable(f"answers HTTP {status[:80]}")
        media_type = headers.get(b"content-type", b"nothing").decode(errors="replace")
        if media_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise self._query.unreachable(
                f"answers with {media_type[:80]!r}, not with {MEDIA_TYPE}"
            )
