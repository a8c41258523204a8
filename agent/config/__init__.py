"""The config file: YAML to frozen settings, one module for each of its blocks."""

from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.model import Config
from vedette.agent.config.pagers import PagerSettings, PagingSettings
from vedette.agent.config.peers import PeerSettings
from vedette.agent.config.quorum import QuorumSettings
from vedette.agent.config.reading import (
    ConfigError,
    explained,
    parse,
    read,
    read_alone,
    read_text,
    state_folder,
)
from vedette.agent.config.services import Controls, Service
from vedette.agent.config.vantage import AgentSettings, Domain, ListenerTls, ProbeSettings, beside

__all__ = [
    "AgentSettings",
    "Config",
    "ConfigError",
    "Controls",
    "Domain",
    "FeedSettings",
    "ListenerTls",
    "PagerSettings",
    "PagingSettings",
    "PeerSettings",
    "ProbeSettings",
    "QuorumSettings",
    "Service",
    "beside",
    "explained",
    "parse",
    "read",
    "read_alone",
    "read_text",
    "state_folder",
]
