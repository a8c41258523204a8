"""The `agent` block: who a vantage is, what it hangs on, and where it keeps its state."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, model_validator

from vedette.checks.dns.names import domain_name
from vedette.checks.net import Endpoint, is_address, parse_endpoint
from vedette.checks.settings import Duration, Link, Settings

STATE_DIR = "./state"
# What names are part of, paths and lines, is not to be read otherwise than it is written.
_NEVER = r"/\x00-\x1f\x7f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_NAME = rf"^([^\s.{_NEVER}]|\.[^.{_NEVER}]|\.\.[^{_NEVER}])[^{_NEVER}]*$"
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=_NAME)]


def _listen(text: str) -> str:
    if parse_endpoint(text, 9469).host.isdigit():
        raise ValueError(f"{text} is a port alone: write 127.0.0.1:{text}")
    return text


def _server(text: str) -> str:
    if not is_address(parse_endpoint(text, 53).host):
        raise ValueError(f"{text!r} is not ADDRESS or ADDRESS:PORT")
    return text


Server = Annotated[str, AfterValidator(_server)]
"""A name server, as ADDRESS or ADDRESS:PORT."""


def beside(folder: Path, name: str | None) -> str | None:
    """Return the file *name* as the config file at *folder* means it."""
    return None if name is None else str(folder / name)


def is_loopback(host: str) -> bool:
    """Whether what listens at *host* is reached from this machine alone."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)


def is_unspecified(host: str) -> bool:
    """Whether what listens at *host* does so at every address, of which that is none."""
    return is_address(host) and ipaddress.ip_address(host).is_unspecified


class Domain(Settings):
    """The failure domains of a vantage: two vantages that share one are one voice."""

    provider: Name
    """Who runs the machine; agents of one provider are one voice unless `distinct` says else."""
    account: str | None = None
    """The account or project there."""
    region: str | None = None
    """The provider's region; `regional_failure` goes by it."""
    cluster: str | None = None
    """The cluster that it runs in."""
    asn: Annotated[int, Field(ge=1, le=4294967295)] | None = None
    """The AS number of its uplink."""


class ProbeSettings(Settings):
    """The agent's own `/probe`: its modules, and whom it may reach; *deny* wins over *allow*."""

    modules: str
    """A config file of blackbox_exporter, whose modules are served."""
    allow: list[IPvAnyNetwork] = []
    """Networks that may be probed although they are loopback, private or link-local."""
    deny: list[IPvAnyNetwork] = []
    """Networks that may never be."""


class ListenerTls(Settings):
    """The listener's certificate; peers may prove themselves by one that *client_ca_file* signed.

    Files in PEM; renewed ones are used without a restart.
    """

    cert_file: str
    """The certificate chain, the agent's own first."""
    key_file: str
    """Its key."""
    client_ca_file: str | None = None
    """Who signs the certificates of peers and readers."""

    def paths(self, folder: Path) -> tuple[str, str, str | None]:
        """Return the three as seen from *folder*."""
        authority = beside(folder, self.client_ca_file)
        return str(folder / self.cert_file), str(folder / self.key_file), authority


class LogSettings(Settings):
    """What is logged, and how; without a *format* a terminal gets `console`, all else `logfmt`."""

    format: Literal["console", "json", "logfmt"] | None = None
    """How a line is written."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""


class AgentSettings(Settings):
    """Who this agent is, where it keeps its state, and who may read what it shows."""

    name: Name
    """Of this vantage; it stands on every page and metric, and is no other agent's."""
    domain: Domain
    """What it would fail together with."""
    deployment: Name = "vedette"
    """The name of the fleet: it begins every dedup key, and peers of another are not heard."""
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9469"
    """Address and port of status page, metrics, health and the peers' API."""
    url: Link | None = None
    """Where people reach the status page, as pages say it; without it, the listener's address."""
    token_file: str | None = None
    """The file of the token that readers must show."""
    token_env: str | None = None
    """The environment variable that holds it instead."""
    open_metrics: bool = False
    """Whether anybody may read `/metrics`."""
    tls: ListenerTls | None = None
    """The listener's certificate; without it, plain HTTP."""
    state_dir: str = STATE_DIR
    """Where the state is kept; made when missing."""
    last_known_good_after: Duration = 600.0
    """How long an answer must pass every judgement to be the last known good."""
    root_hints: str | None = None
    """A hints file that leads the walk to other root servers."""
    trust_anchors: str | None = None
    """A file of DS or DNSKEY records that are trusted instead of IANA's."""
    stub_zones: dict[Annotated[str, AfterValidator(domain_name)], list[Server]] = {}
    """Zones with the addresses of their servers, to which nobody needs to delegate."""
    probe: ProbeSettings | None = None
    """Whether to serve `/probe` as blackbox_exporter does."""
    log: LogSettings = LogSettings()
    """What is logged, and how."""

    @model_validator(mode="after")
    def _has_one_token(self) -> "AgentSettings":
        if self.token_file is not None and self.token_env is not None:
            raise ValueError("give one of token_file and token_env")
        return self

    @property
    def endpoint(self) -> Endpoint:
        """Where the agent listens."""
        return parse_endpoint(self.listen, 9469)

    @property
    def has_token(self) -> bool:
        """Whether there is a token for people and for Prometheus."""
        return self.token_file is not None or self.token_env is not None

    @property
    def is_guarded(self) -> bool:
        """Whether readers need a credential: others reach the listener, or there is a token."""
        return self.has_token or not is_loopback(self.endpoint.host)

    @property
    def status_url(self) -> str:
        """Where people reach the status page: what *url* says, else the listener's address."""
        return self.url or f"{'https' if self.tls else 'http'}://{self.endpoint}/"

    @property
    def stubs(self) -> dict[str, tuple[Endpoint, ...]]:
        """The stub zones' servers as endpoints."""
        return {
            zone: tuple(parse_endpoint(server, 53) for server in servers)
            for zone, servers in self.stub_zones.items()
        }
