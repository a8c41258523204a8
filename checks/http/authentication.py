"""How a request says who asks: basic, bearer, or OAuth 2.0 with client credentials.

Rule: no I/O. What is secret is read by the agent, is in no settings, and is never shown: not in a
finding, not in a log line, not by repr().
"""

import base64
from dataclasses import dataclass, field
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from vedette.checks.http import target
from vedette.checks.settings import Settings


def _user(text: str) -> str:
    if ":" in text:
        raise ValueError("a user name has no colon (RFC 7617)")
    return text


def exactly_one(block: Settings, *keys: str) -> None:
    """Raise ValueError unless one of *keys* is given in *block*."""
    if sum(getattr(block, key) is not None for key in keys) != 1:
        raise ValueError(f"give {' or '.join(keys)}, one of them")


class BasicAuth(Settings):
    """User name and password (RFC 7617); the password is in a file or in the environment."""

    username: Annotated[str, AfterValidator(_user)]
    """The user's name."""
    password_file: str | None = None
    """The file of the password."""
    password_env: str | None = None
    """The environment variable that holds it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "password_file", "password_env")
        return self


class Bearer(Settings):
    """A token (RFC 6750), in a file or in the environment."""

    token_file: str | None = None
    """The file of the token."""
    token_env: str | None = None
    """The environment variable that holds it."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "token_file", "token_env")
        return self


class OAuth2(Settings):
    """A token fetched with the client's credentials (RFC 6749 section 4.4)."""

    token_url: Annotated[str, AfterValidator(target.checked)]
    """Where the token comes from."""
    client_id: Annotated[str, Field(min_length=1)]
    """Who we are there."""
    client_secret_file: str | None = None
    """The file of the secret."""
    client_secret_env: str | None = None
    """The environment variable that holds it."""
    scopes: list[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$")]] = []
    """What is asked for."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "client_secret_file", "client_secret_env")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the settings of one check only name: *credential* is its password, token or secret."""

    credential: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header (RFC 7617 section 2)."""
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
