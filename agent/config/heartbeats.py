"""The `heartbeats` block: dead man's switches that hear from the agent while it works."""

from functools import partial
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from vedette.agent.config.vantage import Name
from vedette.checks.settings import Duration, Settings, of_http, without_password

Suffix = Literal["start", "fail"]


HttpUrl = Annotated[str, AfterValidator(of_http)]
"""A URL of http or https; no message quotes it, since it may be a secret."""
UrlBesideFile = Annotated[
    HttpUrl, AfterValidator(partial(without_password, remedy="put it into url_file or url_env"))
]
"""A URL that a file or a variable may hold in its stead, and must where a password is in it."""


def one_url(url: str | None, url_file: str | None, url_env: str | None) -> None:
    """Raise ValueError unless exactly one says where the URL is."""
    if sum(one is not None for one in (url, url_file, url_env)) != 1:
        raise ValueError("give exactly one of url, url_file and url_env")


class HeartbeatSettings(Settings):
    """One dead man's switch: it is called *every* so often, and raises an alarm when it is not.

    With *suffixes* it is also told of the start, and of what keeps the agent from its work, at the
    URL with `/start` or `/fail` after its path, as healthchecks.io has it.
    """

    name: Name = "heartbeat"
    """What metrics and log call it."""
    url: UrlBesideFile | None = None
    """What is called."""
    url_file: str | None = None
    """The file that holds the URL, where that is a secret."""
    url_env: str | None = None
    """The environment variable that holds it."""
    every: Annotated[Duration, Field(ge=1.0)] = 60.0
    """Between two calls."""
    timeout: Annotated[Duration, Field(ge=0.1)] = 10.0
    """How long an answer may take."""
    method: Literal["GET", "POST", "HEAD"] = "GET"
    """Of the request."""
    suffixes: list[Suffix] = []
    """What else it is told of, at the URL with `/start` or `/fail` after its path."""

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        one_url(self.url, self.url_file, self.url_env)
        return self
