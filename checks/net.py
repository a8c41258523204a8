"""Addresses and names as the kinds share them, and the one exception network trouble becomes."""

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class NetworkFailure(Exception):  # noqa: N818 - a failing target is a value, not an error of ours
    """Trouble on the way to a target, translated once, where the socket is.

    *reason* is of the kind's closed list, *detail* one sentence for a person.
    """

    def __init__(self, reason: StrEnum, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class CouldNotLook(NetworkFailure):
    """The trouble is our own host's, so it says nothing about the target: UNKNOWN, not FAILING."""


OpenSocket = Callable[[socket.AddressFamily, socket.SocketKind], socket.socket]

SOCKETS: ContextVar[OpenSocket] = ContextVar("sockets", default=socket.socket)
"""Who opens sockets: the kernel, or in its stead the world of a replayed incident."""


def open_socket(family: socket.AddressFamily, kind: socket.SocketKind) -> socket.socket:
    """Return a new socket as this context opens them; raise OSError."""
    return SOCKETS.get()(family, kind)


Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Host name to addresses in text form; raises NetworkFailure with a DNS reason."""


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """An address or host name with a port, printed as `HOST:PORT`, or `[ADDRESS]:PORT` for IPv6."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


NO_USER = "a server has no user name or password: remove what stands before the @"


def parse_endpoint(text: str, default_port: int) -> Endpoint:
    """Read HOST, HOST:PORT, ADDRESS or [ADDRESS]:PORT; raise ValueError with the reason."""
    if "@" in text:
        raise ValueError(NO_USER)
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?", text)
    if bracketed:
        host, port = bracketed[1], bracketed[2]
    elif text.count(":") > 1:
        host, port = text, None
    else:
        host, _, port = text.partition(":")
    number = int(port) if port and port.isdigit() else (default_port if not port else 0)
    if not host or not 1 <= number <= 65535:
        raise ValueError(f"{text!r} is not HOST, HOST:PORT or [ADDRESS]:PORT")
    return Endpoint(host, number)


def is_address(host: str) -> bool:
    """Whether *host* is an IPv4 or IPv6 address rather than a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def family(address: str) -> socket.AddressFamily:
    """Return the family of an address in text form."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def has_route(peer: Endpoint) -> bool:
    """Whether our own host has a route to *peer*; connecting a UDP socket sends nothing.

    It tells our missing IPv6 from a router's "no route to destination", which the target earns.
    """
    try:
        with open_socket(family(peer.host), socket.SOCK_DGRAM) as probe:
            probe.connect((peer.host, peer.port))
    except OSError:
        return False
    return True


_FAR = {
    socket.AF_INET: ("198.41.0.4", "193.0.14.129"),
    socket.AF_INET6: ("2001:503:ba3e::2:30", "2001:7fd::1"),
}
"""Root servers, a and k: who has no route to either has no way to the internet over that family."""


def is_ipv6_only() -> bool:
    """Whether our own host is on the internet, and has no IPv4 there."""
    return not _is_on(socket.AF_INET) and _is_on(socket.AF_INET6)


def _is_on(family: socket.AddressFamily) -> bool:
    return any(has_route(Endpoint(address, 53)) for address in _FAR[family])
