"""DNS over UDP: a fresh connected socket per question.

A closed port then fails at once, no path through the network is favoured, and only the server's
own datagrams are read (RFC 5452 section 9.2).
"""

import socket

from vedette.checks.dns.server import Transport
from vedette.checks.dns.transport.datagram import next_datagram
from vedette.checks.dns.transport.query import Query
from vedette.checks.net import open_socket
from vedette.checks.stopwatch import STOPWATCH


async def ask_udp(query: Query) -> tuple[bytes, int]:
    """Return the reply's octets and how many strays came before it, or raise NetworkFailure."""
    dropped, end = 0, query.channel.endpoint
    try:
        with open_socket(query.family, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect((end.host, end.port))
            sock.send(query.sent)
            if (watch := STOPWATCH.get()) is not None:
                watch.sent()
            while (wire := await next_datagram(sock, query.deadline)) is not None:
                if query.is_answered_by(wire):
                    return wire, dropped
                dropped += 1
    except OSError as error:
        raise query.failed(error, Transport.UDP) from error
    raise query.silent(Transport.UDP, dropped)
