"""A DNS check as the config file writes it."""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

import dns.exception
import dns.name
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from vedette.checks.dns.message import spoken
from vedette.checks.net import Endpoint, is_address, parse_endpoint
from vedette.checks.settings import CheckSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# Wider than host names (RFC 2181 section 11): underscores, wildcards, the slash of RFC 2317.
_LABEL = re.compile(r"\*|[a-z0-9_-](?:[a-z0-9_/-]*[a-z0-9_-])?")


def domain_name(text: str) -> str:
    """Return *text* as a DNS name in lower case without final dot; raise ValueError if it is none.

    Unicode becomes A-labels (RFC 5890); the root stays a dot.
    """
    if is_address(text):
        raise ValueError(f"{text!r} is an address, and a DNS check takes a name")
    try:
        name = spoken(dns.name.from_text(text))
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a DNS name: {str(error).rstrip('.')}") from error
    if not text or (name != "." and not all(map(_LABEL.fullmatch, name.split(".")))):
        raise ValueError(f"{text!r} is not a DNS name")
    return name


def record_type(text: str) -> str:
    """Return the name of a record type in capitals; refuse unknown and meta types."""
    try:
        rdtype = dns.rdatatype.from_text(text)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{text!r} is not a DNS record type") from error
    name = dns.rdatatype.to_text(rdtype)
    if rdtype == dns.rdatatype.NONE or re.fullmatch(r"TYPE\d+", name):
        raise ValueError(f"{text!r} is not a known DNS record type")
    if dns.rdatatype.is_metatype(rdtype):
        raise ValueError(f"{text!r} is a query or pseudo type (RFC 6895), and no record has it")
    return name


class Source(StrEnum):
    """Servers that are found rather than named."""

    AUTHORITATIVE = "authoritative"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Resolver:
    """A recursive resolver that the user named, by address or host name."""

    endpoint: Endpoint
    tcp: bool = False

    @property
    def label(self) -> str:
        """What people and metrics call it."""
        return ("tcp://" if self.tcp else "") + short(self.endpoint)


def short(endpoint: Endpoint) -> str:
    """Return an endpoint without its port where that is DNS's own."""
    return endpoint.host if endpoint.port == 53 else str(endpoint)


def parse_server(text: str) -> Source | Resolver:
    """Read `authoritative`, `system` or [SCHEME://]HOST[:PORT]; raise ValueError otherwise."""
    if text in tuple(Source):
        return Source(text)
    scheme, separator, rest = text.rpartition("://")
    if separator and scheme not in ("udp", "tcp"):
        raise ValueError(
            f"server {text!r}: {scheme}:// is not supported yet, udp:// and tcp:// are"
        )
    endpoint = parse_endpoint(rest, 53)
    if not is_address(endpoint.host):
        try:
            endpoint = Endpoint(domain_name(endpoint.host), endpoint.port)
        except ValueError as error:
            raise ValueError(f"server {text!r} is neither an address nor a host name") from error
    return Resolver(endpoint, tcp=scheme == "tcp")


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"allowed: {str(error).strip()}") from error


def _servers(texts: list[str]) -> list[str]:
    seen: dict[Source | Resolver, str] = {}
    for text in texts:
        server = parse_server(text)
        if server in seen:
            raise ValueError(f"servers {seen[server]!r} and {text!r} are the same")
        seen[server] = text
    return texts


def _not_demanded(secure: bool) -> bool:
    if secure:
        raise ValueError("this version validates no signatures: leave dnssec out")
    return secure


class DnsSettings(CheckSettings):
    """One name and type that must have records, and whom to ask for it."""

    name: Annotated[str, AfterValidator(domain_name)]
    type: Annotated[str, AfterValidator(record_type)] = "A"
    servers: Annotated[list[str], AfterValidator(_servers)] = Field(
        min_length=1, default_factory=lambda: [Source.AUTHORITATIVE.value, Source.SYSTEM.value]
    )
    min_records: int = Field(default=1, ge=0, le=65535)
    allowed: Annotated[list[str], Field(min_length=1)] | None = None
    dnssec: Annotated[bool, AfterValidator(_not_demanded)] = False

    @model_validator(mode="after")
    def _allowed_fits_type(self) -> Self:
        if self.allowed is not None and self.type not in ("A", "AAAA", "NS"):
            raise ValueError(f"allowed is for types A, AAAA and NS, not for {self.type}")
        _ = self.networks, self.names  # each raises where an entry cannot be read
        return self

    @cached_property
    def places(self) -> tuple[Source | Resolver, ...]:
        """The servers, read."""
        return tuple(parse_server(text) for text in self.servers)

    @cached_property
    def networks(self) -> tuple[Network, ...] | None:
        """Where addresses may lie; None: anywhere."""
        if self.allowed is None or self.type == "NS":
            return None
        return tuple(_network(text) for text in self.allowed)

    @cached_property
    def names(self) -> frozenset[str] | None:
        """Which host names may be name servers; None: any."""
        if self.allowed is None or self.type != "NS":
            return None
        return frozenset(domain_name(text) for text in self.allowed)
