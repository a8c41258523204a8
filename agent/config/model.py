"""A whole config file as frozen settings."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from vedette.agent.composite.naming import Nameables, Watched
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.pagers import PagerSettings
from vedette.agent.config.services import Controls, Service
from vedette.agent.config.vantage import AgentSettings
from vedette.checks.bgp.settings import RpkiSettings
from vedette.checks.settings import CheckSettings, Settings

Nothing = Annotated[list[object], Field(max_length=0)]


def _none_yet(value: object) -> object:
    if value:
        raise ValueError("not supported by this version: remove it")
    return value


class Config(Settings):
    """A whole config file."""

    agent: AgentSettings
    defaults: CheckSettings = CheckSettings()
    services: Annotated[list[Service], Field(min_length=1)]
    controls: Controls = Controls()
    feeds: list[FeedSettings] = []
    rpki: RpkiSettings | None = None
    pagers: list[PagerSettings] = []
    peers: Annotated[Nothing, BeforeValidator(_none_yet)] = []
    alarms: list[AlarmSettings] = []
    maintenance: list[WindowSettings] = []

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
        if self.alarms:
            counts["alarm"] = len(self.alarms)
        return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())

    @property
    def nameables(self) -> Nameables:
        """What the rules of alarms may name."""
        return nameables(self.agent.name, self.services, self.controls, self.feeds)


def nameables(
    agent: str, services: Sequence[Service], controls: Controls, feeds: Sequence[FeedSettings]
) -> Nameables:
    """Return what the rules of alarms may name, of the blocks of a config."""
    watched = [Watched(s.name, s.dns, s.http, s.bgp) for s in services]
    kinds = [kind.replace("_", "-") for feed in feeds for kind in feed.model_fields_set]
    heard = (kinds or ["ris-live"]) if any(s.bgp for s in services) else []
    return Nameables(watched, Watched("controls", controls.dns, controls.http), [agent], heard)
