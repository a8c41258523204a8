"""What a config says about prefixes and feeds."""

from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, IPvAnyNetwork, model_validator

from vedette.checks.bgp.path import read_asn
from vedette.checks.bgp.prefix import exact, peer_of
from vedette.checks.bgp.rpki.payloads import EXPIRING
from vedette.checks.bgp.watch import Watch
from vedette.checks.net import is_address, parse_endpoint
from vedette.checks.settings import CheckSettings, Duration, Settings, is_url, without_password


def _origin(value: object) -> int:
    asn = read_asn(value)
    if asn == 0:
        raise ValueError("AS0 originates nothing (RFC 7607)")
    return asn


Asn = Annotated[int, BeforeValidator(_origin)]


def _shown(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"expected a URL with the scheme {' or '.join(schemes)}")
        if not is_url(without_password(url), *schemes):
            raise ValueError("expected a URL with a host, and a port from 1 to 65535 if any")
        return url

    return AfterValidator(check)


def _collector(name: str) -> str:
    return peer_of(name, "::").collector


class BgpSettings(CheckSettings):
    """A prefix and the origins that may announce it.

    *more_specifics* and *neighbours* are what else is announced on purpose, and by whom it is
    passed on; without *neighbours*, those seen at first are taken for the right ones, and by `bmp`
    all.
    """

    prefix: Annotated[str, AfterValidator(exact)]
    """Exactly as it is announced, IPv4 or IPv6."""
    origins: Annotated[list[Asn], Field(min_length=1)]
    """The AS numbers that may announce it."""
    more_specifics: list[Annotated[str, AfterValidator(exact)]] = []
    """Parts of it that are announced on purpose, by these origins."""
    neighbours: list[Asn] = []
    """The AS numbers that may stand next to the origin."""

    @model_validator(mode="after")
    def _are_inside(self) -> "BgpSettings":
        outer = ip_network(self.prefix)
        if not outer.prefixlen:
            raise ValueError(
                "prefix: every route is part of a default route, and would be a hijack"
            )
        for prefix in self.more_specifics:
            inner = ip_network(prefix)
            if inner.network_address not in outer or inner.prefixlen <= outer.prefixlen:
                raise ValueError(f"more_specifics: {prefix} is not inside {self.prefix}")
        return self

    @property
    def watch(self) -> Watch:
        """What is expected of the prefix."""
        return Watch(
            self.prefix,
            frozenset(self.origins),
            frozenset(self.more_specifics),
            frozenset(self.neighbours),
        )


class RisLiveSettings(Settings):
    """Where RIS Live and RIPEstat are, and how long a silent feed is still believed."""

    url: Annotated[str, _shown("wss", "ws")] = "wss://ris-live.ripe.net/v1/ws/"
    """Where RIS Live is."""
    seed: Annotated[str, _shown("https", "http")] = "https://stat.ripe.net/data/bgp-state/data.json"
    """Where the table at the start comes from: RIPEstat's bgp-state."""
    stale_after: Annotated[Duration, Field(gt=0.0)] = 120.0
    """A feed that is silent for longer is not believed."""


class RipeStatSettings(Settings):
    """Where RIPEstat is, how often it is asked, and how old its newest table may be."""

    url: Annotated[str, _shown("https", "http")] = "https://stat.ripe.net/data/bgp-state/data.json"
    """Where RIPEstat's bgp-state is."""
    every: Annotated[Duration, Field(ge=10.0)] = 60.0
    """Between two questions about a prefix."""
    stale_after: Annotated[Duration, Field(gt=0.0)] = 1800.0
    """How old its newest table may be."""


class RpkiSettings(Settings):
    """Where a validator's VRPs are, as JSON of Routinator or rpki-client: one of *file* and *url*.

    *file* is relative to the config file. *expiring* is how long before its end a ROA is told of.
    """

    file: Annotated[str, Field(pattern=r"^[^\x00]+$")] | None = None
    """The list's file, plain or gzip."""
    url: Annotated[str, _shown("https", "http")] | None = None
    """Where the list is."""
    every: Annotated[Duration, Field(ge=1.0)] = 600.0
    """Between two questions whether there is something new."""
    stale_after: Annotated[Duration, Field(gt=0.0)] = 7200.0
    """An older list says nothing."""
    expiring: Annotated[Duration, Field(gt=0.0)] = EXPIRING
    """How long before its end a ROA is told of."""

    @model_validator(mode="after")
    def _has_one_source(self) -> "RpkiSettings":
        if (self.file is None) == (self.url is None):
            raise ValueError("give it either file or url")
        return self


_LOOPBACK = ("127.0.0.0/8", "::1/128")


def _endpoint(text: str) -> str:
    return str(parse_endpoint(text, 11019))


class BmpSettings(Settings):
    """Where routers connect to, and which of them may.

    BMP knows no authentication (RFC 7854 section 11), and whoever speaks it can raise a page or
    hide one. So nobody is let in by being near: *routers* must be named, as addresses or networks,
    as soon as *listen* is not on loopback.
    """

    listen: Annotated[str, AfterValidator(_endpoint)] = "127.0.0.1:11019"
    """Address and port that routers connect to."""
    routers: Annotated[list[IPvAnyNetwork], Field(min_length=1)] = [
        ip_network(network) for network in _LOOPBACK
    ]
    """Addresses and networks of routers that may."""

    @model_validator(mode="after")
    def _names_its_routers(self) -> "BmpSettings":
        host = parse_endpoint(self.listen, 0).host
        if not is_address(host):
            raise ValueError(f"listen: {host} is not an address of this host")
        if not ip_address(host).is_loopback and "routers" not in self.model_fields_set:
            raise ValueError(
                f"who reaches {self.listen} can make routes up: name your routers in `routers`"
            )
        return self


class MrtSettings(Settings):
    """Which MRT files are followed, and the name of the *collector* that writes them.

    *files* is a pattern such as `/var/lib/bird/*.mrt`; a relative one starts at the config file's
    folder. A file that was last written more than *max_age* ago is not read.
    """

    files: Annotated[str, Field(min_length=1)]
    """The pattern of the files."""
    collector: Annotated[str, AfterValidator(_collector)] = "mrt"
    """The name that their peers get."""
    every: Annotated[Duration, Field(ge=0.1)] = 5.0
    """Between two looks for something new."""
    max_age: Annotated[Duration, Field(gt=0.0)] = 86400.0
    """Files last written longer ago are not read."""
    stale_after: Annotated[Duration, Field(gt=0.0)] = 1800.0
    """Without news for longer it is not believed."""


class BgpStreamSettings(Settings):
    """What pybgpstream is asked for: live by default, from *history* ago on.

    *interface* and *options* are those of libbgpstream's data interface, such as `singlefile` with
    `upd-file`. A reader that says nothing for *stale_after* is ended and started anew.
    """

    projects: list[str] = ["ris-live"]
    """Projects, in libbgpstream's words."""
    collectors: list[str] = []
    """Collectors; none is all."""
    interface: Annotated[str, Field(min_length=1)] = "broker"
    """The data interface."""
    options: dict[str, str] = {}
    """Its options."""
    history: Duration = 0.0
    """How long ago to begin."""
    stale_after: Annotated[Duration, Field(gt=0.0)] = 600.0
    """A reader that is silent for longer is started anew."""

    @model_validator(mode="after")
    def _has_its_library(self) -> "BgpStreamSettings":
        if find_spec("pybgpstream") is None:
            raise ValueError(
                "pybgpstream is not installed: install libbgpstream from"
                " https://bgpstream.caida.org/docs/install/bgpstream,"
                " then pip install 'vedette[bgpstream]'"
            )
        return self
