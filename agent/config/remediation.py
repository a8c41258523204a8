"""The `remediation` block: what is done about chosen diagnoses without waiting for a person."""

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from vedette.agent.config.heartbeats import UrlBesideFile, one_url
from vedette.agent.config.services import unknown
from vedette.agent.config.vantage import Name
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.document import Document, Problem
from vedette.checks.settings import Duration, Settings

_OURS = (Diagnosis.VANTAGE_BLIND, Diagnosis.FEED_STALE)


class CallSettings(Settings):
    """A signed request: where to, and where the secret of its signature lies."""

    url: UrlBesideFile | None = None
    """Where the request goes."""
    url_file: str | None = None
    """The file that holds the URL."""
    url_env: str | None = None
    """The environment variable that holds it."""
    secret_file: str | None = None
    """The file of the signature's secret."""
    secret_env: str | None = None
    """The environment variable that holds it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        one_url(self.url, self.url_file, self.url_env)
        if bool(self.secret_file) == bool(self.secret_env):
            raise ValueError("give exactly one of secret_file and secret_env")
        return self


class RemediationSettings(Settings):
    """One remedy: for incidents headed by one of *diagnoses*, of *services* or of all.

    It is used once per incident, when *min_providers* distinct providers see the fault, and at
    most once *every* so often. With *dry_run* all but the call or the command is done.
    """

    name: Name
    """What page, log and metrics call it."""
    enabled: bool = False
    """Whether it is used at all."""
    dry_run: bool = False
    """Whether all is done but the call or the command."""
    diagnoses: Annotated[list[Diagnosis], Field(min_length=1)]
    """The headlines that it is for."""
    services: Annotated[list[str], Field(min_length=1)] | None = None
    """The only services that it is for."""
    min_providers: int = 2
    """How many distinct providers must see the fault."""
    every: Annotated[Duration, Field(ge=60.0)] = 3600.0
    """The least time between two uses."""
    timeout: Annotated[Duration, Field(ge=0.1, le=600.0)] = 30.0
    """How long it may take."""
    webhook: CallSettings | None = None
    """A signed request that does it."""
    command: Annotated[list[str], Field(min_length=1)] | None = None
    """A program and its arguments; no shell."""

    @field_validator("diagnoses")
    @classmethod
    def _of_services(cls, diagnoses: list[Diagnosis]) -> list[Diagnosis]:
        for one in diagnoses:
            if one in _OURS:
                raise ValueError(f"{one} is a fault of the agents themselves: remove it")
            if one is Diagnosis.REGIONAL_FAILURE:
                raise ValueError(f"{one} is never seen by two regions, nor surely by two providers")
        return diagnoses

    @field_validator("min_providers")
    @classmethod
    def _is_quorum(cls, count: int) -> int:
        if count < 2:
            raise ValueError("nothing is done on the word of one provider: write 2 or more")
        return count

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.webhook is None) == (self.command is None):
            raise ValueError("give exactly one of webhook and command")
        return self


def unusable(document: Document) -> Iterator[Problem]:
    """Remedies that could never be used: of services that are not there, or by too few agents."""
    yield from unknown(document, "remediation")
    providers = _providers(document)
    for place, one in document.blocks("remediation"):
        remedy = RemediationSettings.or_none(one)
        if remedy and remedy.enabled and providers < remedy.min_providers:
            yield document.problem(
                place,
                f"it needs the word of {remedy.min_providers} providers, and the "
                f"agents of this config are of {providers}: add peers, or disable it",
            )


def _providers(document: Document) -> int:
    owners = [("agent",), *(place for place, _ in document.blocks("peers"))]
    found = (document.written(*owner, "domain", "provider") for owner in owners)
    return len({str(provider).lower() for provider in found if provider is not None})
