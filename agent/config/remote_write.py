"""The `remote_write` block: where an agent that nobody can scrape sends its metrics."""

import re
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from vedette.agent.config.heartbeats import HttpUrl
from vedette.checks.http.authentication import BasicAuth, Bearer
from vedette.checks.settings import Duration, Settings, without_password

_OURS = {
    "authorization",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "x-prometheus-remote-write-version",
}


def _label(name: str) -> str:
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or name.startswith("__"):
        raise ValueError(f"{name!r} is no name of a label: letters, digits and _, as in cluster")
    return name


def _header(name: str) -> str:
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
        raise ValueError(f"{name!r} is no name of a header")
    if name.lower() in _OURS:
        raise ValueError(f"{name} is set by the protocol: remove it (basic_auth and bearer log in)")
    return name


def _value(text: str) -> str:
    if not re.fullmatch(r"[ -~\t]*", text):
        raise ValueError("the value of a header is one line of printable ASCII")
    return text


class RemoteWriteSettings(Settings):
    """A receiver of remote write 1.0, and how much is kept on disk while it takes nothing.

    *labels* stand beside `vantage`, `provider`, `job` and `instance`, which every series has.
    """

    url: Annotated[
        HttpUrl, AfterValidator(partial(without_password, remedy="give them in basic_auth"))
    ]
    """The receiver."""
    every: Annotated[Duration, Field(ge=1.0)] = 15.0
    """Between two sets of samples."""
    timeout: Annotated[Duration, Field(ge=0.1)] = 10.0
    """How long a request may take."""
    labels: dict[Annotated[str, AfterValidator(_label)], str] = {}
    """Added to every series."""
    headers: dict[
        Annotated[str, AfterValidator(_header)], Annotated[str, AfterValidator(_value)]
    ] = {}
    """Added to every request."""
    basic_auth: BasicAuth | None = None
    """User name and password."""
    bearer: Bearer | None = None
    """A token."""
    ca_file: str | None = None
    """The only trust anchors, in PEM, instead of the system's."""
    client_cert: str | None = None
    """Our own certificate, in PEM."""
    client_key: str | None = None
    """Its key, where that is a file of its own."""
    keep_for: Annotated[Duration, Field(ge=60.0)] = 7200.0
    """Samples that waited for longer are dropped."""
    keep_megabytes: Annotated[int, Field(ge=1, le=100_000)] = 100
    """How much may wait on the disk; the oldest are dropped first."""

    @model_validator(mode="after")
    def _is_sound(self) -> "RemoteWriteSettings":
        if self.basic_auth is not None and self.bearer is not None:
            raise ValueError("give one of basic_auth and bearer")
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("client_key is of no use without client_cert")
        if not self.url.startswith("https://") and (self.ca_file or self.client_cert):
            raise ValueError("ca_file and client_cert need a url that begins with https://")
        return self
