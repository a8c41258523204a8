"""A DNS check as the config file writes it."""

import ipaddress
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from importlib.util import find_spec
from typing import Annotated, Self

import dns.exception
import dns.name
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from vedette.checks.dns.names import domain_name
from vedette.checks.dns.server import Resolver, Source, Transport, parse_server
from vedette.checks.settings import CheckSettings, Duration, Settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_VERSIONS = {"A": 4, "AAAA": 6}
"""Record types to the version of IP of their addresses."""


class Comparison(StrEnum):
    """What is compared among the authoritative servers of a name."""

    ANSWERS = "answers"  # the records of the name
    SERIALS = "serials"  # of the zone's SOA
    DELEGATION = "delegation"  # parent and child, and the last good one


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


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"allowed: {str(error).strip()}") from error


def _server_name(text: str) -> str:
    name = domain_name(text)
    if "*" in name:
        raise ValueError(f"allowed: {text!r} has a *: name each name server")
    return name


def _servers(texts: list[str]) -> list[str]:
    seen: dict[Source | Resolver, str] = {}
    for text in texts:
        server = parse_server(text)
        if server in seen:
            raise ValueError(f"servers {seen[server]!r} and {text!r} are the same")
        quic = isinstance(server, Resolver) and server.transport is Transport.QUIC
        if quic and find_spec("aioquic") is None:
            raise ValueError(
                f"server {text!r}: DNS over QUIC needs aioquic: pip install 'vedette[quic]'"
            )
        seen[server] = text
    return texts


def _cname_target(text: str) -> str:
    name = domain_name(text)
    if "*" in name.split(".")[1:]:
        raise ValueError(f"{text!r}: a * may only come first, as in *.example.net")
    return name


def _distinct(compared: list[Comparison]) -> list[Comparison]:
    if len(set(compared)) < len(compared):
        raise ValueError("the same word twice")
    return compared


def _encrypted(place: Source | Resolver) -> bool:
    secure = (Transport.TLS, Transport.HTTPS, Transport.QUIC)
    return isinstance(place, Resolver) and place.transport in secure


class TtlRange(Settings):
    """The TTLs that answers may have, in seconds, both ends included."""

    min: Duration = 0.0
    """The least."""
    max: Duration | None = None
    """The most."""

    @model_validator(mode="after")
    def _not_void(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give min, max or both")
        if self.max is not None and self.max < self.min:
            raise ValueError(f"max ({self.max:.10g} s) is less than min ({self.min:.10g} s)")
        return self


class DnsSettings(CheckSettings):
    """One name and type that must have records, and whom to ask for it."""

    name: Annotated[str, AfterValidator(domain_name)]
    """The domain name that is asked for."""
    type: Annotated[str, AfterValidator(record_type)] = "A"
    """The record type."""
    servers: Annotated[list[str], AfterValidator(_servers)] = Field(
        min_length=1, default_factory=lambda: [Source.AUTHORITATIVE.value, Source.SYSTEM.value]
    )
    """`authoritative`, `system`, `parent` (for NS), or HOST[:PORT], also with a scheme."""
    ca_file: str | None = None
    """The only authorities whose certificates servers may show, in PEM, instead of the system's."""
    min_records: int = Field(default=1, ge=0, le=65535)
    """Fewer are as bad as none: `record_emptied`."""
    max_records: int | None = Field(default=None, ge=0, le=65535)
    """More are `wrong_answer`."""
    allowed: Annotated[list[str], Field(min_length=1)] | None = None
    """Addresses and networks (A, AAAA) or names (NS) that may be answered; else `wrong_answer`."""
    cname_targets: (
        Annotated[list[Annotated[str, AfterValidator(_cname_target)]], Field(min_length=1)] | None
    ) = None
    """Names that the chain of CNAMEs may lead to; `*.` may come first."""
    ttl: TtlRange | None = None
    """The TTLs that answers may have."""
    dnssec: bool = False
    """Whether answers must be secure: an unsigned zone is then a failure, and so is a resolver that
    does not validate, where nobody else is asked."""
    expiring: Duration = 2 * 86400.0
    """How long before its end a signature that lives for weeks must have been renewed."""
    compare: Annotated[list[Comparison], AfterValidator(_distinct)] = list(Comparison)
    """What the authoritative servers are held against each other in."""
    settle: Duration = 60.0
    """How long they may differ before it counts."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if faults := [*self._misplaced(), *self._contradictory()]:
            raise ValueError("; ".join(faults))
        _ = self.networks, self.names  # each raises where an entry cannot be read
        return self

    def _misplaced(self) -> Iterator[str]:
        """Return what the type or the servers have no use for: it would hold nobody to anything."""
        authorities = Source.AUTHORITATIVE in self.places
        resolvers = set(self.places) - {Source.AUTHORITATIVE, Source.PARENT}
        if self.allowed is not None and self.type not in ("A", "AAAA", "NS"):
            yield f"allowed is for types A, AAAA and NS, not for {self.type}"
        if Source.PARENT in self.places and self.type != "NS":
            yield f"server 'parent' is asked for a delegation: type must be NS, not {self.type}"
        if self.dnssec and not (authorities or resolvers):
            yield "dnssec is judged at authoritative servers and resolvers: name one in servers"
        if self.ttl and not (authorities or (resolvers and self.ttl.max is not None)):
            yield "ttl is judged at authoritative servers, its max at resolvers too: name one"
        if self.ca_file is not None and not any(map(_encrypted, self.places)):
            yield "ca_file is for servers with tls://, https:// or quic://"
        for key in ("expiring", "compare", "settle"):
            if key in self.model_fields_set and not authorities:
                yield f"{key} is about the authoritative servers, and servers does not name them"

    def _contradictory(self) -> Iterator[str]:
        if self.max_records is not None and self.max_records < self.min_records:
            default = "" if "min_records" in self.model_fields_set else ", its default"
            yield (
                f"max_records ({self.max_records}) is less than "
                f"min_records ({self.min_records}{default})"
            )
        version, allowed = _VERSIONS.get(self.type), {one.version for one in self.networks or ()}
        if version and allowed and version not in allowed and self.min_records:
            yield f"allowed has nothing of IPv{version}: no {self.type} record could be right"

    @cached_property
    def places(self) -> tuple[Source | Resolver, ...]:
        """The servers, read."""
        return tuple(parse_server(text) for text in self.servers)

    @property
    def networks(self) -> tuple[Network, ...] | None:
        """Where addresses may lie; None: anywhere."""
        if self.allowed is None or self.type not in _VERSIONS:
            return None
        return tuple(_network(text) for text in self.allowed)

    @property
    def names(self) -> frozenset[str] | None:
        """Which host names may be name servers; None: any."""
        if self.allowed is None or self.type != "NS":
            return None
        return frozenset(_server_name(text) for text in self.allowed)

    @property
    def targets(self) -> tuple[dns.name.Name, ...] | None:
        """Where CNAMEs may lead, a first * for any labels; None: anywhere."""
        if self.cname_targets is None:
            return None
        return tuple(dns.name.from_text(text) for text in self.cname_targets)

    @property
    def ttl_counting_down(self) -> TtlRange | None:
        """What of `ttl` holds for a cached answer."""
        if self.ttl is None or self.ttl.max is None:
            return None
        return TtlRange(max=self.ttl.max)
