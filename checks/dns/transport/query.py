"""A question on its way, and what can happen to it.

Rule: nothing is sent here; here the errors of every transport get their reasons and their words.
"""

import errno
import os
import socket
from dataclasses import dataclass, replace
from typing import Self

from vedette.checks.dns.message import Match, Question, match, parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.net import CouldNotLook, NetworkFailure, family, has_route, is_ipv6_only

# Exhausted descriptors, ports or buffers, a local firewall, a family that the kernel does not
# have, an address without the interface it needs.
_OURS = {
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOMEM,
    errno.EPERM,
    errno.EAFNOSUPPORT,
    errno.EADDRNOTAVAIL,
    errno.EADDRINUSE,
    errno.EINVAL,
}


# Made for every question, and filling a frozen one takes twice as long.
@dataclass(slots=True, kw_only=True)
class Query:
    """A question with its id, the channel it takes, and until when, on the loop's clock."""

    question: Question
    sent: bytes
    channel: Channel
    called: str
    """The server in a sentence."""
    deadline: float

    @property
    def family(self) -> socket.AddressFamily:
        """The family of the server's address."""
        return family(self.channel.endpoint.host)

    def unnumbered(self) -> Self:
        """Return the query with id 0, for a transport that tells its reply by the stream.

        RFC 8484 section 4.1 and RFC 9250 section 4.2.1.
        """
        return replace(self, sent=b"\x00\x00" + self.sent[2:])

    def without_edns(self) -> Self:
        """Return the query without its OPT record."""
        return replace(self, sent=self.sent[:2] + self.question.tail_without_edns)

    def is_answered_by(self, wire: bytes) -> bool:
        """Whether *wire* is the reply, rather than a stray; raise where it cannot be read."""
        verdict = match(wire, self.sent, self.question)
        if verdict is Match.GARBAGE:
            raise self.malformed()
        return verdict is Match.OURS

    def only(self, wire: bytes) -> bytes:
        """Return *wire*, after which nothing comes, if it is the reply; raise otherwise."""
        if self.is_answered_by(wire):
            return wire
        raise self.malformed() if parse(wire) is None else self.mismatched(1)

    def malformed(self, how: str = "with octets that are not a DNS message") -> NetworkFailure:
        """Return the failure of a reply that cannot be read."""
        detail = f"{self.called} answers {self.question} {how}"
        return NetworkFailure(Reason.MALFORMED, detail)

    def mismatched(self, dropped: int) -> NetworkFailure:
        """Return the failure of a server that sent *dropped* strays and no reply."""
        what = "reply" if dropped == 1 else "replies"
        detail = (
            f"{self.called} answers {self.question} only with {dropped} {what} to other questions"
        )
        return NetworkFailure(Reason.MISMATCHED, detail)

    def silent(self, transport: Transport, dropped: int = 0) -> NetworkFailure:
        """Return the failure of a server from which no reply came, *dropped* strays apart."""
        if dropped:
            return self.mismatched(dropped)
        detail = f"{self.called} does not answer {self.question} over {transport.upper()} in time"
        return NetworkFailure(Reason.TIMEOUT, detail)

    def hung_up(self, dropped: int = 0) -> NetworkFailure:
        """Return the failure of a server that closes, *dropped* strays apart, without a reply."""
        if dropped:
            return self.mismatched(dropped)
        return self.unreachable(f"closes the connection without an answer to {self.question}")

    def truncated(self, why: str) -> NetworkFailure:
        """Return the failure of a reply that is cut off for good."""
        detail = f"{self.called} truncates its answer to {self.question}{why}"
        return NetworkFailure(Reason.TRUNCATED, detail)

    def unreachable(self, why: str) -> NetworkFailure:
        """Return the failure of a server that is there, but not to be asked: it *why*."""
        return NetworkFailure(Reason.UNREACHABLE, f"{self.called} {why}")

    def unasked(self, why: str) -> CouldNotLook:
        """Return the failure of our own host."""
        detail = f"this host cannot send {self.question} to {self.called}: {why}"
        return CouldNotLook(Reason.UNREACHABLE, detail)

    def failed(self, error: OSError, transport: Transport) -> NetworkFailure:
        """Translate an error of the operating system."""
        why = os.strerror(error.errno) if error.errno else str(error)
        # A host without IPv6 learns that here; over IPv4 the net may be down for all of the host,
        # which must show, lest it does not know that it is blind.
        no_way = error.errno == errno.ENETUNREACH
        no_family = no_way and (self.family is socket.AF_INET6 or is_ipv6_only())
        # A filter says so, ours or over IPv6 the server's (ICMPv6 "administratively prohibited").
        is_barred = error.errno == errno.EACCES and not has_route(self.channel.endpoint)
        if no_family or is_barred or error.errno in _OURS:
            return self.unasked(why)
        return self.unreachable(f"cannot be reached over {transport.upper()}: {why}")
