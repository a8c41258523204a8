"""The /probe of an agent: the drop-in's, for whom the config allows."""

from vedette.agent.blackbox.handlers import Prober
from vedette.agent.blackbox.limits import strict
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.lookup import SystemResolver
from vedette.agent.config import ProbeSettings
from vedette.agent.daemon import Agent


def prober(agent: Agent, settings: ProbeSettings) -> Prober:
    """Return what answers the /probe of *agent* as *settings* say."""
    return Prober(
        Loaded(agent.folder / settings.modules, agent.now),
        resolve=SystemResolver().resolve,
        permit=strict(settings.allow, settings.deny),
        now=agent.now,
    )
