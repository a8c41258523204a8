"""The `services` and `controls` blocks: what is watched, and what tells whether one sees."""

from pydantic import model_validator

from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config.vantage import Name
from vedette.checks.bgp.settings import BgpSettings
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.http.settings import HttpSettings
from vedette.checks.settings import CheckSettings
from vedette.exporters.page import Severity


class Service(CheckSettings):
    """Something that a person depends on, and how it is looked at."""

    name: Name
    severity: Severity = Severity.CRITICAL
    dns: list[DnsSettings] = []
    http: list[HttpSettings] = []
    bgp: list[BgpSettings] = []
    maintenance: list[WindowSettings] = []

    @model_validator(mode="after")
    def _watches_something(self) -> "Service":
        if not (self.dns or self.http or self.bgp):
            raise ValueError(f"service {self.name} watches nothing: give it dns, http or bgp")
        return self


class Controls(CheckSettings):
    """Names and pages of other operators: does this vantage see the internet at all?"""

    dns: list[DnsSettings] = []
    http: list[HttpSettings] = []
