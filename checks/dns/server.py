"""Who is asked, and how: the servers that a config names, and the channels to them."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address

from vedette.checks.dns.names import domain_name
from vedette.checks.net import NO_USER, Endpoint, parse_endpoint


class Transport(StrEnum):
    """What carries questions and replies; the values are the schemes of the config file."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"  # RFC 7858
    HTTPS = "https"  # RFC 8484
    QUIC = "quic"  # RFC 9250


PORTS = {
    Transport.UDP: 53,
    Transport.TCP: 53,
    Transport.TLS: 853,
    Transport.HTTPS: 443,
    Transport.QUIC: 853,
}

DEFAULT_PATH = "/dns-query"
"""Of DNS over HTTPS; RFC 8484 names none, its examples and the great resolvers use this one."""

# As RFC 3986 section 3.3 and 3.4; a template's {?dns} belongs to GET.
_PATH = re.compile(r"(?:/(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?", re.ASCII)


class Place(StrEnum):
    """What sort of subject an observation of a DNS check is about."""

    AUTHORITATIVE = "authoritative"  # a server of the name's zone, asked without RD
    RECURSIVE = "recursive"  # a resolver
    PARENT = "parent"  # a server of the zone above, asked for the delegation
    AGREEMENT = "agreement"  # the authoritative servers, held against each other
    DELEGATION = "delegation"  # parent and child, held against each other and the last good one
    DNSSEC = "dnssec"  # the chain of trust down to the zone


class Source(StrEnum):
    """Servers that are found rather than named."""

    AUTHORITATIVE = "authoritative"
    PARENT = "parent"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Resolver:
    """A recursive resolver that the user named, by address or host name."""

    endpoint: Endpoint
    transport: Transport = Transport.UDP
    path: str = ""
    """Of the URL, for HTTPS."""

    @property
    def label(self) -> str:
        """What people and metrics call it."""
        scheme = "" if self.transport is Transport.UDP else f"{self.transport}://"
        path = "" if self.path == DEFAULT_PATH else self.path
        return scheme + short(self.endpoint, self.transport) + path


@dataclass(frozen=True, slots=True)
class Channel:
    """How one server is reached: its address, the transport, and for TLS what it must prove."""

    endpoint: Endpoint
    transport: Transport = Transport.UDP
    host: str = ""
    """The name, or address, that the config calls it by, where that is not its address."""
    path: str = ""
    """Of the URL, for HTTPS."""
    ca_file: str | None = None
    """Whom to trust for TLS; None: whom the system trusts."""

    @property
    def server_name(self) -> str:
        """The name, or address, that its certificate must be for."""
        return self.host or self.endpoint.host

    @property
    def authority(self) -> str:
        """Of the URL, for HTTPS (RFC 3986 section 3.2)."""
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        port = self.endpoint.port
        return host if port == PORTS[Transport.HTTPS] else f"{host}:{port}"


def short(endpoint: Endpoint, transport: Transport = Transport.UDP) -> str:
    """Return an endpoint without its port where that is the transport's own."""
    if endpoint.port != PORTS[transport]:
        return str(endpoint)
    return endpoint.host


def parse_server(text: str) -> Source | Resolver:
    """Read a word of Source or [SCHEME://]HOST[:PORT][/PATH]; raise ValueError otherwise."""
    try:
        return _read(text)
    except ValueError:
        if "@" in text:  # before it may stand a password, which the reason may quote
            raise ValueError(NO_USER) from None
        raise


def _read(text: str) -> Source | Resolver:
    if text in tuple(Source):
        return Source(text)
    if near := text.isalpha() and get_close_matches(text.lower(), tuple(Source), n=1):
        host = f"a host that is called so is {text}:{PORTS[Transport.UDP]}"
        raise ValueError(f"server {text!r}: did you mean {near[0]}? ({host})")
    scheme, rest = text.split("://", 1) if "://" in text else ("udp", text)
    if scheme not in tuple(Transport):
        known = ", ".join(f"{transport}://" for transport in Transport)
        raise ValueError(f"server {text!r}: the scheme is none of {known}")
    transport = Transport(scheme)
    address, slash, path = rest.partition("/")
    endpoint = parse_endpoint(address, PORTS[transport])
    try:
        endpoint = Endpoint(_canonical(endpoint.host), endpoint.port)
    except ValueError as error:
        raise ValueError(f"server {text!r} is neither an address nor a host name") from error
    return Resolver(endpoint, transport, _path(slash + path, transport, text))


def _canonical(host: str) -> str:
    """Return *host* as it is called: an IPv6 address can be written in many ways.

    What ends in a number is an address, or a mistake: no host is called so (RFC 1123, 2.1).
    """
    if ":" in host or host.rpartition(".")[2].isdigit():
        return str(ip_address(host))
    return domain_name(host)


def _path(path: str, transport: Transport, text: str) -> str:
    if transport is Transport.HTTPS:
        if not _PATH.fullmatch(path):
            raise ValueError(f"server {text!r}: {path!r} is not the path of a URL")
        return path or DEFAULT_PATH
    if path:
        raise ValueError(f"server {text!r}: only https:// takes a path")
    return ""
