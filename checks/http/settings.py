"""What a user can say about an HTTP check."""

import ipaddress
import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from vedette.checks.http.target import Target, parse_url
from vedette.checks.settings import CheckSettings

BY_NAME = "name"
LAST_KNOWN_GOOD = "last-known-good"

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
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 section 5.6.2
_VALUE = re.compile(r"(?:[\x21-\x7e]+(?:[ \t]+[\x21-\x7e]+)*)?")  # RFC 9110 section 5.5, in ASCII


def _url(text: str) -> str:
    parse_url(text)
    return text


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return text


def _headers(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a header")
        if name.lower() in _OURS:
            raise ValueError(f"{name} belongs to the connection, which is the prober's own")
        if not _VALUE.fullmatch(value):  # the value may be a secret: it is not repeated
            raise ValueError(f"the value of {name} is not one line of printable ASCII")
    lowered = [name.lower() for name in headers]
    if len(set(lowered)) < len(lowered):
        raise ValueError("the same header twice")
    return headers


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _place(text: str) -> str:
    if text in {BY_NAME, LAST_KNOWN_GOOD}:
        return text
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(
            f"expected {BY_NAME!r}, {LAST_KNOWN_GOOD!r} or an address, not {text!r}"
        ) from None


def _distinct(places: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(places)) < len(places):
        raise ValueError("the same place twice")
    return places


class HttpSettings(CheckSettings):
    """One URL, how to ask for it, what to expect, and where to ask."""

    url: Annotated[str, AfterValidator(_url)]
    status: list[Annotated[int, Field(ge=200, le=599)]] = Field(default=[200], min_length=1)
    body: Annotated[str, AfterValidator(_pattern)] | None = None
    """Python regular expression that must be found in the body, which is read as UTF-8."""
    method: Literal["GET", "HEAD"] = "GET"
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    at: (
        Annotated[
            tuple[Annotated[str, AfterValidator(_place)], ...],
            BeforeValidator(_several),
            AfterValidator(_distinct),
            Field(min_length=1),
        ]
        | None
    ) = None
    """`name`, `last-known-good` or addresses; None is by name and, where known, last-known-good."""
    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""
    max_body: Annotated[int, Field(ge=0, le=64 * 1024 * 1024)] = 1024 * 1024

    @model_validator(mode="after")
    def _consistent(self) -> "HttpSettings":
        if self.body is not None and self.method == "HEAD":
            raise ValueError("an answer to HEAD has no body to search")
        if self.ca_file is not None and not self.target.secure:
            raise ValueError("ca_file is for https URLs")
        return self

    @cached_property
    def target(self) -> Target:
        """The URL, taken apart."""
        return parse_url(self.url)

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        """The body's regular expression, compiled."""
        return None if self.body is None else re.compile(self.body)
