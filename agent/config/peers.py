"""The `peers` block: the other agents whose word is heard, and how either proves who it is."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from vedette.agent.config.vantage import Domain, Name, is_loopback
from vedette.checks.settings import Settings, without_password


def _base(text: str) -> str:
    parts = urlsplit(without_password(text, "secrets go to token_file"))
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT")
    if parts.query or parts.fragment:
        raise ValueError("expected scheme, host, port and path alone: secrets go to token_file")
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is no number from 0 to 65535") from None
    if re.search(r"/(metrics|api/v1(/\w+)?)/*$", parts.path):
        raise ValueError("/api/v1/observations is added to it: leave out /metrics or /api")
    return text.rstrip("/")


class PeerSettings(Settings):
    """Another agent: where it listens, what it hangs on, and the secret that both share.

    *domain* is what counts, whatever the peer says of itself.
    """

    name: Name
    """The peer's `agent.name`."""
    url: Annotated[str, AfterValidator(_base)]
    """Where it listens."""
    domain: Domain
    """What it would fail together with."""
    token_file: str | None = None
    """The file of the token that both share."""
    token_env: str | None = None
    """The environment variable that holds it."""
    ca_file: str | None = None
    """Whom to trust, instead of the system's authorities."""
    client_cert: str | None = None
    """Our certificate, beside a token or instead of one."""
    client_key: str | None = None
    """Its key, where that is a file of its own."""

    @model_validator(mode="after")
    def _is_sound(self) -> "PeerSettings":
        if self.token_file is not None and self.token_env is not None:
            raise ValueError("give one of token_file and token_env")
        if self.client_key is not None and self.client_cert is None:
            raise ValueError("client_key is of no use without client_cert")
        if not (self.has_token or self.client_cert):
            raise ValueError(
                f"peer {self.name} has no credential: name the file of a token that both agents "
                "share in token_file (openssl rand -hex 32), or a client_cert"
            )
        if not self.is_encrypted and (self.client_cert or self.ca_file):
            raise ValueError("ca_file and client_cert need a url that begins with https://")
        return self

    @property
    def has_token(self) -> bool:
        """Whether the two share a token."""
        return self.token_file is not None or self.token_env is not None

    @property
    def is_encrypted(self) -> bool:
        """Whether nobody on the way can read the token."""
        return self.url.startswith("https://")

    @property
    def is_exposed(self) -> bool:
        """Whether the token passes a network in the clear."""
        return not self.is_encrypted and not is_loopback(urlsplit(self.url).hostname or "")
