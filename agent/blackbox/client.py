"""The part of an http or TLS module that Prometheus's programs share: how a client is set up.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
"""

from typing import Annotated

from pydantic import AfterValidator, model_validator

from vedette.agent.blackbox.scalars import Secret, Url
from vedette.checks.http.proxy import Proxy
from vedette.checks.settings import Settings

_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")


def _version(text: str) -> str:
    if text not in _VERSIONS:
        raise ValueError(f"unknown TLS version: {text}: it is one of {', '.join(_VERSIONS)}")
    return text


def _proxy(url: str) -> str:
    if url:
        Proxy(url=url)  # says what is wrong with it
    return url


def at_most_one(settings: Settings, *names: str, of: str = "") -> None:
    """Raise ValueError where more than one of the fields *names* is set."""
    if sum(bool(getattr(settings, name)) for name in names) > 1:
        raise ValueError(f"at most one of {of}{' & '.join(names)} must be configured")


class TlsConfig(Settings):
    """`tls_config`; names of files are relative to where the program runs."""

    ca: str = ""
    cert: str = ""
    key: Secret | None = None
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: Annotated[str, AfterValidator(_version)] | None = None
    max_version: Annotated[str, AfterValidator(_version)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "TlsConfig":
        for name in ("ca", "cert", "key"):
            at_most_one(self, name, f"{name}_file")
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            raise ValueError("a client certificate needs both cert or cert_file, key or key_file")
        return self


class BasicAuth(Settings):
    """`basic_auth`."""

    username: str = ""
    username_file: str = ""
    password: Secret | None = None
    password_file: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "BasicAuth":
        at_most_one(self, "username", "username_file", of="basic_auth ")
        at_most_one(self, "password", "password_file", of="basic_auth ")
        return self


class Authorization(Settings):
    """`authorization`: what stands in that header."""

    type: str = "Bearer"
    credentials: Secret | None = None
    credentials_file: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> "Authorization":
        at_most_one(self, "credentials", "credentials_file", of="authorization ")
        if self.type.strip().lower() == "basic":
            raise ValueError(
                'authorization type cannot be set to "basic", use "basic_auth" instead'
            )
        return self


class Proxied(Settings):
    """Which proxy there is, if any."""

    proxy_url: Annotated[Url, AfterValidator(_proxy)] = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: dict[str, list[Secret]] = {}

    @model_validator(mode="after")
    def _consistent_proxy(self) -> "Proxied":
        if self.proxy_from_environment and (self.proxy_url or self.no_proxy):
            raise ValueError(
                "if proxy_from_environment is configured, proxy_url and no_proxy must not be"
            )
        if self.no_proxy and not self.proxy_url:
            raise ValueError("if no_proxy is configured, proxy_url must also be configured")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise ValueError(
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment "
                "must also be configured"
            )
        return self


class OAuth2(Proxied):
    """`oauth2`: client credentials (RFC 6749 section 4.4)."""

    client_id: str = ""
    client_secret: Secret | None = None
    client_secret_file: str = ""
    scopes: list[str] = []
    token_url: str = ""
    endpoint_params: dict[str, str] = {}
    tls_config: TlsConfig = TlsConfig()

    @model_validator(mode="after")
    def _consistent(self) -> "OAuth2":
        at_most_one(self, "client_secret", "client_secret_file", of="oauth2 ")
        if not self.client_id:
            raise ValueError("oauth2 client_id must be configured")
        if not (self.client_secret or self.client_secret_file):
            raise ValueError("either oauth2 client_secret or client_secret_file must be configured")
        if not self.token_url:
            raise ValueError("oauth2 token_url must be configured")
        return self


class Header(Settings):
    """One entry of `http_headers`: all of its values are sent."""

    values: list[str] = []
    secrets: list[Secret] = []
    files: list[str] = []


class HttpClient(Proxied):
    """The fields of `http` that set the client up."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    bearer_token: Secret | None = None
    bearer_token_file: str = ""
    tls_config: TlsConfig = TlsConfig()
    http_headers: dict[str, Header] = {}
    follow_redirects: bool = True
    enable_http2: bool = True

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> "HttpClient":
        at_most_one(self, "bearer_token", "bearer_token_file")
        at_most_one(self, "basic_auth", "oauth2", "bearer_token", "bearer_token_file")
        if self.authorization and (self.bearer_token or self.bearer_token_file):
            raise ValueError(
                "authorization is not compatible with bearer_token & bearer_token_file"
            )
        at_most_one(self, "basic_auth", "oauth2", "authorization")
        return self
