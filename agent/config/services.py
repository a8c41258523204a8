"""The `services` and `controls` blocks: what is watched, and what tells whether one sees."""

from collections.abc import Iterator

from pydantic import model_validator

from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config.quorum import QuorumSettings
from vedette.agent.config.vantage import Domain, Name
from vedette.agent.document import Document, Problem
from vedette.checks.bgp.settings import BgpSettings
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.http.settings import HttpSettings
from vedette.checks.settings import CheckSettings, Link
from vedette.exporters.page import Severity


class Service(CheckSettings):
    """Something that a person depends on, and how it is looked at."""

    name: Name
    """What pages and metrics call it."""
    severity: Severity = Severity.CRITICAL
    """How grave its pages are at most."""
    dns: list[DnsSettings] = []
    """Its names."""
    http: list[HttpSettings] = []
    """Its pages."""
    bgp: list[BgpSettings] = []
    """Its prefixes."""
    maintenance: list[WindowSettings] = []
    """Windows in which no page opens for it."""
    runbook: Link | None = None
    """What to do when it fails: its pages lead there."""
    quorum: QuorumSettings = QuorumSettings()
    """Who must agree about it."""
    domain: Domain | None = None
    """What it hangs on itself, for `vedette audit`."""

    @model_validator(mode="after")
    def _watches_something(self) -> "Service":
        if not (self.dns or self.http or self.bgp):
            raise ValueError(f"service {self.name} watches nothing: give it dns, http or bgp")
        return self


class Controls(CheckSettings):
    """Names and pages of other operators: does this vantage see the internet at all?"""

    dns: list[DnsSettings] = []
    """Names that must resolve."""
    http: list[HttpSettings] = []
    """Pages that must answer."""

    @model_validator(mode="after")
    def _say_what_they_see(self) -> "Controls":
        if any(one.missing is not None for one in (self, *self.dns, *self.http)):
            raise ValueError(
                "missing: what nobody could see of a control is never taken for anything: remove it"
            )
        return self


def unknown(document: Document, block: str) -> Iterator[Problem]:
    """Services that items of *block* are for, and that are not there."""
    known = {*document.names("services")}
    for place, _ in document.blocks(block):
        for i, name in enumerate(document.items(*place, "services")):
            if isinstance(name, str) and name not in known:
                yield document.problem(
                    (*place, "services", i), f"no service is called {name}: mend or remove it"
                )
