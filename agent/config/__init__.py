"""The config file: YAML to frozen settings, one module for each of its blocks."""

from vedette.agent.config.feeds import FeedSettings
from vedette.agent.config.model import Config
from vedette.agent.config.pagers import PagerSettings
from vedette.agent.config.reading import (
    ConfigError,
    beside,
    explained,
    parse,
    read,
    read_text,
    state_folder,
)
from vedette.agent.config.services import Controls, Service
from vedette.agent.config.vantage import AgentSettings, Domain, ProbeSettings

__all__ = [
    "AgentSettings",
    "Config",
    "ConfigError",
    "Controls",
    "Domain",
    "FeedSettings",
    "PagerSettings",
    "ProbeSettings",
    "Service",
    "beside",
    "explained",
    "parse",
    "read",
    "read_text",
    "state_folder",
]
