"""What a user can say about an HTTP check."""

import ipaddress
import re
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vedette.checks.http import expression, patterns
from vedette.checks.http.authentication import BasicAuth, Bearer, OAuth2
from vedette.checks.http.proxy import Proxy
from vedette.checks.http.target import Target, checked, parse_url
from vedette.checks.settings import CheckSettings, Duration, Settings

BY_NAME = "name"
EVERY = "every"
LAST_KNOWN_GOOD = "last-known-good"
_WORDS = (BY_NAME, EVERY, LAST_KNOWN_GOOD)

# What belongs to one connection (RFC 9110 section 7.6.1) or frames the message is ours to say.
_OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_SECRET = {
    "authorization": "use basic_auth, bearer or oauth2, which read it from elsewhere",
    "proxy-authorization": "put it into proxy_file or proxy_env",
}
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"(?:[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*)?")  # RFC 9110 section 5.5, in ASCII
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")

_TLS_KEYS = (
    "ca_file",
    "client_cert",
    "client_key",
    "server_name",
    "verify",
    "tls_min",
    "tls_max",
    "expiring",
)


def _header_name(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a header")
    return name.lower()


def _headers(headers: dict[str, str]) -> dict[str, str]:
    lowered = [_header_name(name) for name in headers]
    if len(set(lowered)) < len(lowered):
        raise ValueError("the same header twice")
    for name, value in headers.items():
        if name.lower() in _OURS:
            raise ValueError(f"{name} belongs to the connection, which is the prober's own")
        if name.lower() in _SECRET:
            raise ValueError(f"{name} holds a secret: {_SECRET[name.lower()]}")
        if not _VALUE.fullmatch(value):  # the value may be a secret: it is not repeated
            raise ValueError(f"the value of {name} is not one line of printable ASCII")
    return headers


def _several(value: object) -> object:
    return [value] if isinstance(value, str | int) else value


def _place(text: str) -> str:
    if text in _WORDS:
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        words = ", ".join(repr(word) for word in _WORDS)
        raise ValueError(f"expected {words} or an address, not {text!r}") from None


def _distinct(places: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(places)) < len(places):
        raise ValueError("the same place twice")
    return places


def _status(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and 200 <= value <= 599:
        return value
    if isinstance(value, str) and re.fullmatch("[2-5]xx", value):
        return value
    raise ValueError(f"expected a code from 200 to 599, or a class such as 2xx, not {value!r}")


def _version(value: object) -> object:
    """YAML reads 1.1 as a number, and 2 as another."""
    return str(value).removesuffix(".0") if value in (2, 3, "2.0", "3.0") else str(value)


def _dns_name(text: str) -> str:
    return text.rstrip(".").lower()


def _server_name(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(f"{text!r} is not a host name")
    return text


def _proxy(text: str) -> str:
    if "@" in text:
        raise ValueError("a proxy's password is a secret: put the URL into proxy_file or proxy_env")
    Proxy(url=text)
    return text


Regexp = Annotated[str, AfterValidator(patterns.checked)]
Expression = Annotated[str, AfterValidator(expression.checked)]
Regexps = Annotated[list[Regexp], BeforeValidator(_several)]
TlsVersion = Annotated[Literal["1.0", "1.1", "1.2", "1.3"], BeforeValidator(str)]
Size = Annotated[int, Field(ge=0, le=64 * 1024 * 1024)]


class HeaderRule(Settings):
    """A header, and what must not be found in any of its values; without it there is nothing."""

    name: Annotated[str, AfterValidator(_header_name)]
    """The header's name."""
    regexp: Regexp
    """The regular expression."""


class HeaderMatch(HeaderRule):
    """A header, and what must be found in one of its values."""

    allow_missing: bool = False
    """Whether an answer without the header is well too."""


class HttpSettings(CheckSettings):
    """One URL, how to ask for it, what to expect, and where to ask.

    Regular expressions are RE2's, and are searched for.
    """

    url: Annotated[str, AfterValidator(checked)]
    """The page; http or https."""

    method: Literal["GET", "HEAD", "OPTIONS", "TRACE", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    """Of the request."""
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    """Of the request; secrets have keys of their own."""
    request_body: str | None = None
    """What is sent, as UTF-8."""
    request_body_file: str | None = None
    """The file of what is sent."""
    basic_auth: BasicAuth | None = None
    """User name and password."""
    bearer: Bearer | None = None
    """A token."""
    oauth2: OAuth2 | None = None
    """A token that is fetched first."""
    compression: bool = False
    """Whether to say that compressed answers are welcome; those that come are read anyway."""
    redirects: Annotated[int, Field(ge=0, le=20)] = 0
    """How many are followed."""
    max_body: Size = 1024 * 1024
    """Where reading stops, in octets after inflating. A longer body is a fault where the key is
    given, or where a rule needs all of it."""

    at: (
        Annotated[
            tuple[Annotated[str, AfterValidator(_place)], ...],
            BeforeValidator(_several),
            AfterValidator(_distinct),
            Field(min_length=1),
        ]
        | None
    ) = None
    """`name`, `every`, `last-known-good` or addresses; by default by name and, where known,
    last-known-good."""
    last_known_good_of: Annotated[str, AfterValidator(_dns_name)] | None = None
    """The name whose last-known-good addresses these are, instead of the URL's host."""
    standby: bool = False
    """Whether it is a failover target, which is to be good before it is needed."""
    proxy: Annotated[str, AfterValidator(_proxy)] | None = None
    """The HTTP proxy on the way; its URL without a password."""
    proxy_file: str | None = None
    """The file that holds the proxy's URL."""
    proxy_env: str | None = None
    """The environment variable that holds it."""

    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""
    client_cert: str | None = None
    """Our own certificate, in PEM."""
    client_key: str | None = None
    """Its key, where that is a file of its own."""
    server_name: Annotated[str, AfterValidator(_server_name)] | None = None
    """The name that is verified and sent as SNI, in place of the URL's host."""
    verify: bool = True
    """Whether the certificate must be valid."""
    tls_min: TlsVersion | None = None
    """The oldest TLS that is spoken; 1.2 without it."""
    tls_max: TlsVersion | None = None
    """The newest."""
    http3: bool = False
    """Whether to speak HTTP/3, and nothing else."""
    expiring: Duration = 14 * 86400.0
    """How long before its end a certificate is worth a warning; 0 is never. Without the key a fifth
    of its life is enough, where that is less."""

    status: Annotated[
        list[Annotated[int | str, BeforeValidator(_status)]], BeforeValidator(_several)
    ] = Field(default=[200], min_length=1)
    """Codes, and classes such as `2xx`."""
    headers_match: list[HeaderMatch] = []
    """Headers that the answer must have."""
    headers_not_match: list[HeaderRule] = []
    """Headers that it must not have."""
    body: Regexps = []
    """All of these must be found in the body, which is read as UTF-8."""
    body_not: Regexps = []
    """None of these may be."""
    json_: Annotated[list[Expression], BeforeValidator(_several), Field(alias="json")] = []
    """Each must be true of `body`, the parsed document."""
    min_size: Size | None = None
    """Of the body after inflating."""
    max_size: Size | None = None
    """Of the body after inflating."""
    versions: Annotated[
        list[Annotated[Literal["1.0", "1.1", "2", "3"], BeforeValidator(_version)]],
        BeforeValidator(_several),
    ] = []
    """Of HTTP, that the answer may have; none is any."""
    slow: Annotated[Duration, Field(gt=0.0)] | None = None
    """How long a whole look may take and still be well."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for fault in (*self._faults_of_request(), *self._faults_of_way(), *self._faults_of_rules()):
            raise ValueError(fault)
        return self

    def _faults_of_request(self) -> Iterator[str]:
        yield from self._too_many("basic_auth", "bearer", "oauth2")
        yield from self._too_many("request_body", "request_body_file")
        has_body = self.request_body is not None or self.request_body_file is not None
        if self.method == "TRACE" and has_body:
            yield "a TRACE request has no body (RFC 9110 section 9.3.8)"
        searched = self.body or self.body_not or self.json_ or self.min_size or self.max_size
        if self.method == "HEAD" and searched:
            yield "an answer to HEAD has no body to search"

    def _faults_of_way(self) -> Iterator[str]:
        yield from self._too_many("proxy", "proxy_file", "proxy_env")
        if self.last_known_good_of and LAST_KNOWN_GOOD not in (self.at or [LAST_KNOWN_GOOD]):
            yield "last_known_good_of says nothing unless `at` has last-known-good"
        yield from self._faults_of_tls()
        if self.http3:
            yield from self._faults_of_http3()

    def _faults_of_tls(self) -> Iterator[str]:
        if not (self.target.secure or self.redirects or self.oauth2):
            for key in _TLS_KEYS:
                if getattr(self, key) != type(self).model_fields[key].default:
                    yield f"{key} is for https URLs"
        if self.client_key is not None and self.client_cert is None:
            yield "client_key belongs to a client_cert: name that too"
        if not self.verify and self.ca_file is not None:
            yield "ca_file says whom to trust, and verify: false to trust everybody: remove one"
        if self.tls_min is not None and self.tls_max is not None and self.tls_min > self.tls_max:
            yield "tls_min is above tls_max"
        if self.tls_min is None and self.tls_max in {"1.0", "1.1"}:
            yield "tls_max is below 1.2, which is the oldest without tls_min: give that too"

    def _faults_of_http3(self) -> Iterator[str]:
        if find_spec("aioquic") is None:
            yield "HTTP/3 needs aioquic: pip install 'vedette[quic]'"
        if not self.target.secure:
            yield "http3 is for https URLs"
        if self.proxied:
            yield "HTTP/3 is not spoken through a proxy"
        if self.versions and "3" not in self.versions:
            yield "http3 speaks HTTP/3, which versions does not allow"

    def _faults_of_rules(self) -> Iterator[str]:
        for key in ("min_size", "max_size"):
            if (getattr(self, key) or 0) > self.max_body:
                yield f"{key} is above max_body, at which reading stops"
        if self.max_size is not None and (self.min_size or 0) > self.max_size:
            yield "min_size is above max_size"
        if self.slow is not None and self.timeout is not None and self.slow >= self.timeout:
            yield "slow is not below timeout, after which there is nothing to judge"

    def _too_many(self, *keys: str) -> Iterator[str]:
        given = [key for key in keys if getattr(self, key) is not None]
        if len(given) > 1:
            yield f"{' and '.join(given)} exclude each other: remove one"

    @cached_property
    def target(self) -> Target:
        """The URL, taken apart."""
        return parse_url(self.url)

    @property
    def proxied(self) -> bool:
        """Whether there is a proxy on the way."""
        return (self.proxy or self.proxy_file or self.proxy_env) is not None

    @property
    def keeps_body(self) -> bool:
        """Whether a rule reads the body."""
        return bool(self.body or self.body_not or self.json_)

    @property
    def wants_all(self) -> bool:
        """Whether a body that is longer than `max_body` is a fault: most pages only grow."""
        is_meant = "max_body" in self.model_fields_set or self.max_size is not None
        return is_meant or bool(self.body_not or self.json_)

    def notice(self, life: float) -> float:
        """Return how many seconds before its end one is worth a warning that lives for *life*.

        What lives for days is renewed when a third or a half of its life is left.
        """
        return (
            self.expiring if "expiring" in self.model_fields_set else min(self.expiring, life / 5)
        )

    def accepts(self, status: int) -> bool:
        """Whether an answer may have *status*."""
        return status in self.status or f"{status // 100}xx" in self.status
