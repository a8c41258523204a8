"""A whole config file as frozen settings."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field, model_validator

from vedette.agent.composite.naming import Nameables, Watched
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config.audit import AuditSettings
from vedette.agent.config.drill import DrillSettings
from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.heartbeats import HeartbeatSettings
from vedette.agent.config.pagers import PagerSettings, PagingSettings
from vedette.agent.config.peers import PeerSettings
from vedette.agent.config.quorum import QuorumSettings
from vedette.agent.config.remediation import RemediationSettings
from vedette.agent.config.remote_write import RemoteWriteSettings
from vedette.agent.config.services import Controls, Service
from vedette.agent.config.vantage import AgentSettings
from vedette.checks.bgp.settings import RpkiSettings
from vedette.checks.settings import CheckSettings, Settings


class Config(Settings):
    """A whole config file."""

    agent: AgentSettings
    """This vantage: who it is, where it listens and keeps its state."""
    defaults: CheckSettings = CheckSettings()
    """Times and tolerance of every check, where neither it nor its service says otherwise."""
    services: Annotated[list[Service], Field(min_length=1)]
    """What you depend on."""
    controls: Controls = Controls()
    """Names and pages of other operators, which prove that this vantage sees the internet."""
    quorum: QuorumSettings = QuorumSettings()
    """Who must agree before a page."""
    feeds: list[FeedSettings] = []
    """Where routes are heard of; RIS Live when nothing is said."""
    rpki: RpkiSettings | None = None
    """Where the VRPs of a validator are; without it nothing is said of the RPKI."""
    pagers: list[PagerSettings] = []
    """The ways to reach a human; with none, nobody is paged."""
    paging: PagingSettings = PagingSettings()
    """What all pagers have in common."""
    peers: list[PeerSettings] = []
    """The other agents of the fleet."""
    alarms: list[AlarmSettings] = []
    """Rules of your own over checks and other alarms."""
    maintenance: list[WindowSettings] = []
    """Windows in which no page opens for any service."""
    heartbeats: list[HeartbeatSettings] = []
    """Dead man's switches that are called while the agent works."""
    drill: DrillSettings | None = None
    """When the way to every pager is proved by a page that means nothing."""
    remediation: list[RemediationSettings] = []
    """What is done about chosen diagnoses without waiting for a person."""
    audit: AuditSettings = AuditSettings()
    """What `vedette audit` knows of networks."""
    remote_write: RemoteWriteSettings | None = None
    """Where metrics are sent, for an agent that nobody can scrape."""

    @model_validator(mode="after")
    def _has_anchors(self) -> "Config":
        """Answers can be secure only where there is somebody to trust."""
        if self.agent.root_hints and not self.agent.trust_anchors:
            checks = [dns for service in self.services for dns in service.dns]
            for name in (dns.name for dns in (*checks, *self.controls.dns) if dns.dnssec):
                raise ValueError(
                    f"dnssec: true for {name} has no anchor below the root of agent.root_hints: "
                    "name its file in agent.trust_anchors"
                )
        return self

    @property
    def size(self) -> str:
        """How much there is, in words."""
        checks = sum(len(s.dns) + len(s.http) + len(s.bgp) for s in self.services)
        controls = len(self.controls.dns) + len(self.controls.http)
        counts = {
            "service": len(self.services),
            "check": checks,
            "control": controls,
            "pager": len(self.pagers),
        }
        if self.peers:
            counts["peer"] = len(self.peers)
        if self.alarms:
            counts["alarm"] = len(self.alarms)
        return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())

    @property
    def runbooks(self) -> Mapping[str, str]:
        """Where it says what to do, by the name of a service, or of an alarm of the user's own."""
        services = {one.name: one.runbook for one in self.services if one.runbook}
        return services | {one.name: one.runbook for one in self.alarms if one.runbook}

    @property
    def nameables(self) -> Nameables:
        """What the rules of alarms may name."""
        vantages = [self.agent.name, *(peer.name for peer in self.peers)]
        return nameables(vantages, self.services, self.controls, self.feeds)


def nameables(
    vantages: Sequence[str],
    services: Sequence[Service],
    controls: Controls,
    feeds: Sequence[FeedSettings],
) -> Nameables:
    """Return what the rules of alarms may name, of the blocks of a config."""
    watched = [Watched(s.name, s.dns, s.http, s.bgp) for s in services]
    kinds = [kind.replace("_", "-") for feed in feeds for kind in feed.model_fields_set]
    heard = (kinds or ["ris-live"]) if any(s.bgp for s in services) else []
    return Nameables(watched, Watched("controls", controls.dns, controls.http), vantages, heard)
