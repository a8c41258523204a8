"""What a config says about prefixes and feeds."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from vedette.checks.bgp.path import read_asn
from vedette.checks.bgp.prefix import exact
from vedette.checks.settings import CheckSettings, Duration, Settings


def _origin(value: object) -> int:
    asn = read_asn(value)
    if asn == 0:
        raise ValueError("AS0 originates nothing (RFC 7607)")
    return asn


Asn = Annotated[int, BeforeValidator(_origin)]


def _has_scheme(*schemes: str) -> AfterValidator:
    def check(url: str) -> str:
        if not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(f"expected a URL with the scheme {' or '.join(schemes)}")
        return url

    return AfterValidator(check)


class BgpSettings(CheckSettings):
    """A prefix and the origins that may announce it.

    *more_specifics* and *neighbours* are what else is announced on purpose, and by whom it is
    passed on; they are kept for the diagnoses of hijacks and leaks, and judged by nobody yet.
    """

    prefix: Annotated[str, AfterValidator(exact)]
    origins: Annotated[list[Asn], Field(min_length=1)]
    more_specifics: list[Annotated[str, AfterValidator(exact)]] = []
    neighbours: list[Asn] = []


class RisLiveSettings(Settings):
    """Where RIS Live and RIPEstat are, and how long a silent feed is still believed."""

    url: Annotated[str, _has_scheme("wss", "ws")] = "wss://ris-live.ripe.net/v1/ws/"
    seed: Annotated[str, _has_scheme("https", "http")] = (
        "https://stat.ripe.net/data/bgp-state/data.json"
    )
    stale_after: Annotated[Duration, Field(gt=0)] = 120.0
