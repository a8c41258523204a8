"""The `agent` block: who a vantage is, what it hangs on, and where it keeps its state."""

from typing import Annotated

from pydantic import AfterValidator, Field, IPvAnyNetwork

from vedette.checks.net import Endpoint, is_address, parse_endpoint
from vedette.checks.settings import Duration, Settings

STATE_DIR = "./state"
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\s/][^/\n]*$")]


def _listen(text: str) -> str:
    parse_endpoint(text, 9469)
    return text


def _server(text: str) -> str:
    if not is_address(parse_endpoint(text, 53).host):
        raise ValueError(f"{text!r} is not ADDRESS or ADDRESS:PORT")
    return text


class Domain(Settings):
    """The failure domains of a vantage: two vantages that share one are one voice."""

    provider: Name
    account: str | None = None
    region: str | None = None
    asn: Annotated[int, Field(ge=1, le=4294967295)] | None = None


class ProbeSettings(Settings):
    """The agent's own `/probe`: its modules, and whom it may reach; *deny* wins over *allow*."""

    modules: str
    allow: list[IPvAnyNetwork] = []
    deny: list[IPvAnyNetwork] = []


class AgentSettings(Settings):
    """Who this agent is and where it keeps its state."""

    name: Name
    domain: Domain
    deployment: Name = "vedette"
    listen: Annotated[str, AfterValidator(_listen)] = "127.0.0.1:9469"
    url: Annotated[str, Field(pattern=r"^https?://[^\s]+$")] | None = None
    state_dir: str = STATE_DIR
    last_known_good_after: Duration = 600.0
    root_hints: str | None = None
    trust_anchors: str | None = None
    stub_zones: dict[str, list[Annotated[str, AfterValidator(_server)]]] = {}
    probe: ProbeSettings | None = None

    @property
    def status_url(self) -> str:
        """Where people reach the status page: what *url* says, else the listener's address."""
        return self.url or f"http://{self.listen}/"

    @property
    def stubs(self) -> dict[str, tuple[Endpoint, ...]]:
        """The stub zones' servers as endpoints."""
        return {
            zone: tuple(parse_endpoint(server, 53) for server in servers)
            for zone, servers in self.stub_zones.items()
        }
