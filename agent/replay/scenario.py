"""What a scenario file holds: one world, and what became of it.

What a good monitor should say of it, `expect`, is the judge's business and not read here.
"""

import ipaddress
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vedette.checks.bgp.prefix import exact
from vedette.checks.dns.names import domain_name
from vedette.checks.http.target import parse_url
from vedette.checks.net import is_address
from vedette.checks.settings import Settings


def _address(text: str) -> str:
    if not is_address(text):
        raise ValueError(f"{text!r} is not an address")
    return str(ipaddress.ip_address(text))


def _server(text: str) -> str:
    return text if text in {"authoritative", "parent"} else _address(text)


def _place(text: str) -> str:
    if text in {"all", "authoritative", "recursive", "parent"}:
        return text
    return _address(text) if is_address(text) else domain_name(text)


def _url(text: str) -> str:
    parse_url(text)
    return text


def _instant(text: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text):
        raise ValueError(f"{text!r} is not a time such as 2026-01-31T14:00:00Z")
    datetime.fromisoformat(text)
    return text


def _word(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", text):
        raise ValueError("expected lower-case letters, digits and hyphens")
    return text


Name = Annotated[str, AfterValidator(domain_name)]
Url = Annotated[str, AfterValidator(_url)]
Address = Annotated[str, AfterValidator(_address)]
Prefix = Annotated[str, AfterValidator(exact)]
Word = Annotated[str, AfterValidator(_word)]
Type = Literal["A", "AAAA", "NS"]
Asn = Annotated[int, Field(ge=1, le=4294967295)]
Status = Annotated[int, Field(ge=100, le=599)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=366 * 86400)]
Agents = Literal["all"] | Annotated[list[Word], Field(min_length=1)]
Answers = Literal["same"] | list[str]
Rpki = Literal["valid", "invalid", "notfound"]


class Agent(Settings):
    """A vantage."""

    name: Word
    provider: Word
    region: Word
    asn: Asn


class WatchedName(Settings):
    """A name that a user watches, in the keys of a user's config."""

    name: Name
    type: Type
    servers: Annotated[list[Annotated[str, AfterValidator(_server)]], Field(min_length=1)]
    min_records: Annotated[int, Field(ge=0)] = 1
    allowed: Annotated[list[str], Field(min_length=1)] | None = None
    dnssec: bool = False


class WatchedUrl(Settings):
    """A page that a user watches."""

    url: Url
    status: Annotated[list[Status], Field(min_length=1)]


class WatchedPrefix(Settings):
    """A prefix that a user watches."""

    prefix: Prefix
    origins: Annotated[list[Asn], Field(min_length=1)]
    more_specifics: list[Prefix] | None = None
    neighbours: Annotated[list[Asn], Field(min_length=1)] | None = None


class Controls(Settings):
    """Subjects of other operators."""

    dns: list[WatchedName]
    http: list[WatchedUrl]


class Watch(Settings):
    """What the user has configured."""

    service: Annotated[str, Field(min_length=1)]
    dns: list[WatchedName]
    http: list[WatchedUrl]
    bgp: list[WatchedPrefix]
    controls: Controls

    @property
    def names(self) -> Sequence[WatchedName]:
        """All names, those of the controls too."""
        return [*self.dns, *self.controls.dns]


class Cadence(Settings):
    """How often each agent looks, in seconds."""

    dns_s: Annotated[int, Field(ge=1)] = 30
    http_s: Annotated[int, Field(ge=1)] = 30
    bgp_s: Annotated[int, Field(ge=1)] = 10


class NameServer(Settings):
    """A name server at its address."""

    name: Name
    address: Address


class Zone(Settings):
    """A zone and all of its servers."""

    zone: Name
    ns: Annotated[list[NameServer], Field(min_length=1)]


class HealthyName(Settings):
    """What a name answers while all is well; a later entry refines earlier ones."""

    name: Name
    type: Type
    at: Annotated[str, AfterValidator(_place)] = "all"
    agents: Agents = "all"
    answers: list[str]
    ttl: Annotated[int, Field(ge=0, le=2147483647)]
    dnssec: Literal["secure", "insecure"]


class HealthyUrl(Settings):
    """What a page answers while all is well."""

    url: Url
    status: Status
    latency_s: Seconds


class Route(Settings):
    """A class of routes: the share of peers that have this origin by this end of the path."""

    origin: Asn
    share: Share
    rpki: Rpki
    path_has: Annotated[list[Asn], Field(min_length=1)] | None = None


class HealthyPrefix(Settings):
    """Who holds a prefix while all is well."""

    prefix: Prefix
    peers: Annotated[int, Field(ge=1)]
    routes: list[Route]


class FeedOf(Settings):
    """A feed and its collectors."""

    source: Word
    collectors: Annotated[list[Word], Field(min_length=1)]


class Healthy(Settings):
    """The world before t = 0."""

    zones: list[Zone]
    dns: list[HealthyName]
    http: list[HealthyUrl]
    bgp: list[HealthyPrefix]
    feeds: list[FeedOf]


class NameChange(Settings):
    """A new state of a name at some places, as some agents see it."""

    name: Literal["*"] | Name
    type: Literal["*"] | Type
    at: Annotated[str, AfterValidator(_place)]
    agents: Agents
    error: Literal["none", "timeout", "refused"]
    rcode: Literal["NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED"] | None = None
    answers: Answers | None = None
    dnssec: Literal["same", "secure", "bogus", "insecure"]
    cd_ok: bool = False
    ede: Annotated[int, Field(ge=0, le=65535)] | None = None
    fail_share: Share = 1.0

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        said = self.rcode is not None, self.answers is not None
        if self.error == "none" and not all(said):
            raise ValueError("with error none, rcode and answers are required")
        if self.error != "none" and any(said):
            raise ValueError(f"with error {self.error} there is neither rcode nor answers")
        return self


class UrlChange(Settings):
    """A new state of a page, as some agents see it."""

    url: Url
    agents: Agents
    via: Literal["any", "name", "address"] = "any"
    error: Literal["none", "dns", "connect", "timeout", "tls"]
    status: Status | None = None
    fail_share: Share = 1.0
    latency_s: Seconds | None = None
    dns_dependent: bool = True

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.error == "none") != (self.status is not None):
            raise ValueError("status goes with error none, and with no other")
        return self


class PrefixChange(Settings):
    """New routes of a prefix, reached in a straight line."""

    prefix: Prefix
    over_s: Seconds
    routes: list[Route]


class VantageChange(Settings):
    """What became of agents themselves; only the fields that are given change."""

    agents: Agents
    uplink: Literal["up", "down"] | None = None
    clock_s: Annotated[float, Field(ge=-366 * 86400, le=366 * 86400)] | None = None


class FeedChange(Settings):
    """What became of a feed."""

    source: Word
    state: Literal["up", "down", "one_collector_reset"]
    collector: Word | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.state == "one_collector_reset" and self.collector is None:
            raise ValueError("one_collector_reset needs the collector")
        return self


class Maintenance(Settings):
    """A maintenance window of the watched service begins or ends."""

    active: bool


class Change(Settings):
    """One thing that happened, *t* seconds after the start."""

    t: Seconds
    basis: Literal["published", "assumed"]
    note: Annotated[str, Field(min_length=1)]
    dns: NameChange | None = None
    http: UrlChange | None = None
    bgp: PrefixChange | None = None
    vantage: VantageChange | None = None
    feed: FeedChange | None = None
    maintenance: Maintenance | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        kinds = ("dns", "http", "bgp", "vantage", "feed", "maintenance")
        if sum(getattr(self, kind) is not None for kind in kinds) != 1:
            raise ValueError(f"a change is one of {', '.join(kinds)}")
        return self


class Scenario(Settings):
    """A whole scenario file."""

    schema_version: Literal[1]
    id: Word
    title: Annotated[str, Field(min_length=1)]
    real: bool
    notes: str = ""
    sources: list[dict[str, str]]
    start: Annotated[str, AfterValidator(_instant)]
    lead_s: Annotated[int, Field(ge=900, le=366 * 86400)]
    end_s: Annotated[int, Field(ge=60, le=366 * 86400)]
    agents: Annotated[list[Agent], Field(min_length=1, max_length=6)]
    watch: Watch
    cadence: Cadence = Cadence()
    healthy: Healthy
    timeline: list[Change]
    expect: dict[str, object]

    @property
    def started_at(self) -> float:
        """The epoch second of t = 0."""
        return datetime.fromisoformat(self.start).timestamp()
