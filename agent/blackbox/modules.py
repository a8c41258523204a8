"""The modules of a blackbox.yml: every field of the http, tcp, icmp and dns probers.

Rule: no I/O. A field that blackbox_exporter does not know is an error here too; what it finds out
only while it probes (a regular expression or a response code of `dns`) is found out then.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

import dns.exception
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from vedette.agent.blackbox.client import HttpClient, TlsConfig
from vedette.agent.blackbox.encodings import acceptable
from vedette.agent.blackbox.scalars import Cel, Duration, Headers, Regexp, Size, program, regexp
from vedette.checks.dns.message import EDNS_PAYLOAD
from vedette.checks.http import expression, patterns
from vedette.checks.settings import Settings

PROBERS = ("http", "tcp", "icmp", "dns")
_CODINGS = ("", "identity", "gzip", "deflate", "br")
_ABSENT = ("grpc", "unix", "websocket")
"""Probers of blackbox_exporter that are not built here."""


class Probed(Settings):
    """What every prober has: which family of addresses is taken."""

    preferred_ip_protocol: str = ""
    ip_protocol_fallback: bool = True

    @property
    def prefers_ip6(self) -> bool:
        """Whether an IPv6 address is taken before an IPv4 one, which is the default."""
        return self.preferred_ip_protocol in {"", "ip6"}


class HeaderMatch(Settings):
    """One entry of `fail_if_header_matches` or `fail_if_header_not_matches`."""

    header: str = ""
    regexp: Regexp | None = None
    allow_missing: bool = False

    @model_validator(mode="after")
    def _complete(self) -> "HeaderMatch":
        if not self.header:
            raise ValueError("header name must be set for HTTP header matchers")
        if not self.regexp:
            raise ValueError("regexp must be set for HTTP header matchers")
        return self

    @cached_property
    def pattern(self) -> patterns.Pattern:
        """The regular expression, compiled."""
        return regexp(self.regexp or "")


class HttpProbe(HttpClient, Probed):
    """`http`."""

    valid_status_codes: list[int] = []
    valid_http_versions: list[str] = []
    skip_resolve_phase_with_proxy: bool = False
    no_follow_redirects: bool | None = None
    fail_if_ssl: bool = False
    fail_if_not_ssl: bool = False
    method: str = ""
    headers: Headers = {}
    fail_if_body_matches_regexp: list[Regexp] = []
    fail_if_body_not_matches_regexp: list[Regexp] = []
    fail_if_body_json_matches_cel: Cel | None = None
    fail_if_body_json_not_matches_cel: Cel | None = None
    fail_if_header_matches: list[HeaderMatch] = []
    fail_if_header_not_matches: list[HeaderMatch] = []
    body: str = ""
    body_file: str = ""
    compression: Annotated[str, AfterValidator(str.lower)] = ""
    body_size_limit: Size = 0
    enable_http3: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "HttpProbe":
        if self.body and self.body_file:
            raise ValueError("setting body and body_file both are not allowed")
        if "HTTP/3.0" in self.valid_http_versions and not self.enable_http3:
            raise ValueError(
                "HTTP/3 cannot be used as a valid HTTP version when enable_http3 is false"
            )
        if self.enable_http3 and {"HTTP/1.1", "HTTP/2.0"} & set(self.valid_http_versions):
            raise ValueError("valid_http_versions must be HTTP/3.0 alone when enable_http3 is true")
        if self.enable_http3 and self.enable_http2:
            raise ValueError("enable_http3 needs enable_http2: false, for only one can be spoken")
        if self.compression not in _CODINGS:
            raise ValueError(f"unsupported compression algorithm {self.compression!r}")
        for name, value in self.headers.items() if self.compression else ():
            if name.lower() == "accept-encoding" and not acceptable(self.compression, value):
                raise ValueError(
                    f'invalid configuration "{name}: {value}", "compression: {self.compression}"'
                )
        return self

    @property
    def redirects(self) -> bool:
        """Whether redirects are followed; `no_follow_redirects` is the older word for it."""
        if self.no_follow_redirects is not None:
            return not self.no_follow_redirects
        return self.follow_redirects

    @cached_property
    def forbidden(self) -> list[tuple[patterns.Pattern, str]]:
        """The regular expressions of which none may match the body, compiled and as text."""
        return [(regexp(text), text) for text in self.fail_if_body_matches_regexp]

    @cached_property
    def required(self) -> list[tuple[patterns.Pattern, str]]:
        """The regular expressions that must all match the body, compiled and as text."""
        return [(regexp(text), text) for text in self.fail_if_body_not_matches_regexp]

    @cached_property
    def programs(self) -> list[tuple[expression.Program, bool]]:
        """CEL over the body, each with what it must not evaluate to."""
        rules = (
            (self.fail_if_body_json_matches_cel, True),
            (self.fail_if_body_json_not_matches_cel, False),
        )
        return [(program(text), bad) for text, bad in rules if text]

    @property
    def searches(self) -> bool:
        """Whether the body is held against anything."""
        return bool(self.forbidden or self.required or self.programs)


class RrValidator(Settings):
    """`validate_answer_rrs` and its like; its regular expressions are read when they are used."""

    fail_if_matches_regexp: list[str] = []
    fail_if_all_match_regexp: list[str] = []
    fail_if_not_matches_regexp: list[str] = []
    fail_if_none_matches_regexp: list[str] = []

    @cached_property
    def given(self) -> bool:
        """Whether there is a rule at all."""
        return any(self.model_dump().values())

    @cached_property
    def compiled(self) -> tuple[Sequence[patterns.Pattern], ...]:
        """The rules in the order of the fields; raises ValueError."""
        return (
            [regexp(text) for text in self.fail_if_matches_regexp],
            [regexp(text) for text in self.fail_if_all_match_regexp],
            [regexp(text) for text in self.fail_if_not_matches_regexp],
            [regexp(text) for text in self.fail_if_none_matches_regexp],
        )


def known_type(text: str) -> str:
    """Return *text*, the name of a record type or ""; raise ValueError."""
    if text:
        try:
            dns.rdatatype.from_text(text)
        except (dns.exception.DNSException, ValueError):
            raise ValueError(f"query type '{text}' is not valid") from None
    return text


def _known_class(text: str) -> str:
    if text:
        try:
            dns.rdataclass.from_text(text)
        except (dns.exception.DNSException, ValueError):
            raise ValueError(f"query class '{text}' is not valid") from None
    return text


class DnsProbe(Probed):
    """`dns`; `edns_udp_size` and `dnssec_ok` are ours, and send an OPT record (RFC 6891)."""

    dns_over_tls: bool = False
    tls_config: TlsConfig = TlsConfig()
    source_ip_address: str = ""
    transport_protocol: str = ""
    query_class: Annotated[str, AfterValidator(_known_class)] = ""
    query_name: str = ""
    query_type: Annotated[str, AfterValidator(known_type)] = ""
    recursion_desired: bool = True
    valid_rcodes: list[str] = []
    validate_answer_rrs: RrValidator = RrValidator()
    validate_authority_rrs: RrValidator = RrValidator()
    validate_additional_rrs: RrValidator = RrValidator()
    edns_udp_size: Annotated[int, Field(ge=512, le=65535)] | None = None
    dnssec_ok: bool = False

    __hash__ = object.__hash__  # what has been judged by it is remembered

    @cached_property
    def rcodes(self) -> frozenset[int]:
        """The response codes that are well; raises ValueError where one is unknown."""
        known = dns.rcode.Rcode.__members__
        for name in self.valid_rcodes:
            if name not in known:
                raise ValueError(f"{name!r} is not a response code")
        return frozenset(known[name] for name in self.valid_rcodes or ["NOERROR"])

    @property
    def udp_size(self) -> int | None:
        """The octets of a reply over UDP that we offer to take; None without EDNS."""
        return self.edns_udp_size or (EDNS_PAYLOAD if self.dnssec_ok else None)

    @model_validator(mode="after")
    def _complete(self) -> "DnsProbe":
        if not self.query_name:
            raise ValueError("query name must be set for DNS module")
        return self


class QueryResponse(Settings):
    """One step of a tcp dialogue: expect, then send, then TLS."""

    expect: Regexp | None = None
    labels: list["Label"] = []
    send: str = ""
    starttls: bool = False

    @cached_property
    def pattern(self) -> Any:  # noqa: ANN401 - google-re2 has no types
        """The regular expression, compiled, or None."""
        return regexp(self.expect) if self.expect else None


class Label(Settings):
    """A label of `probe_expect_info`, with `$1` for what a group matched."""

    name: str
    value: str = ""


class TcpProbe(Probed):
    """`tcp`."""

    source_ip_address: str = ""
    query_response: list[QueryResponse] = []
    tls: bool = False
    tls_config: TlsConfig = TlsConfig()


class IcmpProbe(Probed):
    """`icmp`."""

    source_ip_address: str = ""
    payload_size: Annotated[int, Field(ge=0, le=65000)] = 0
    dont_fragment: bool = False
    ttl: int = 64

    @model_validator(mode="after")
    def _consistent(self) -> "IcmpProbe":
        if self.ttl < 0:
            raise ValueError('"ttl" cannot be negative')
        if self.ttl > 255:
            raise ValueError('"ttl" cannot exceed 255')
        return self


class Module(Settings):
    """One way to probe."""

    prober: str = ""
    timeout: Duration = 0.0
    http: HttpProbe = HttpProbe()
    tcp: TcpProbe = TcpProbe()
    icmp: IcmpProbe = IcmpProbe()
    dns: DnsProbe | None = None

    @model_validator(mode="before")
    @classmethod
    def _known_prober(cls, data: object) -> object:
        prober = data.get("prober", "") if isinstance(data, Mapping) else ""
        if prober in _ABSENT:
            raise ValueError(
                f"prober '{prober}' is not built in here: take the module out, or leave it to "
                "blackbox_exporter"
            )
        if prober not in PROBERS:
            raise ValueError(f"prober '{prober}' is not valid")
        return data

    @model_validator(mode="after")
    def _has_query(self) -> "Module":
        if self.prober == "dns" and self.dns is None:
            raise ValueError("query name must be set for DNS module")
        return self


class Modules(Settings):
    """A whole blackbox.yml."""

    modules: dict[str, Module] = {}
