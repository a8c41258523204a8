"""The `audit` block: who owns which addresses, as the operator knows it."""

from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from vedette.agent.config.heartbeats import HttpUrl
from vedette.agent.config.vantage import Server
from vedette.checks.settings import Settings, without_password


class NetworksSettings(Settings):
    """A range file or a table of AS numbers: a file, or one fetched once and held to *sha256*.

    A bare list of prefixes is *provider*'s.
    """

    file: str | None = None
    """The file."""
    url: (
        Annotated[HttpUrl, AfterValidator(partial(without_password, remedy="name a file instead"))]
        | None
    ) = None
    """Where it is fetched from, once."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """What is fetched must have this checksum."""
    provider: str | None = None
    """Whose prefixes a bare list has."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError("give exactly one of file and url")
        if self.url is not None and self.sha256 is None:
            raise ValueError("a url needs the sha256 of what is there: nothing else is believed")
        return self


class AuditSettings(Settings):
    """What `vedette audit` knows of networks; *resolvers* are asked, or else this host's own."""

    networks: list[NetworksSettings] = []
    """Files that say who owns which addresses."""
    resolvers: list[Server] = []
    """Who is asked for names, instead of this host's resolvers."""
