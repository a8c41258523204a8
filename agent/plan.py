"""From config to checks and rules: what is looked at, how often, and what it can mean."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vedette.agent.config import AgentSettings, Config, Controls, Service, Timing, beside, timing
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.sight import sight
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.lastgood import LastKnownGood
from vedette.agent.ledger import CheckKey
from vedette.checks.bgp.check import BgpCheck
from vedette.checks.bgp.feed import RisLiveFeed
from vedette.checks.bgp.settings import RisLiveSettings
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.dnssec.anchors import read_anchors
from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.resolver import StubResolver, system_servers
from vedette.checks.dns.roots import ROOT_SERVERS, Server, read_hints
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Check, Kind
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.settings import HttpSettings
from vedette.checks.settings import CheckSettings
from vedette.exporters.page import Severity

CONTROLS = "controls"


@dataclass(frozen=True, slots=True)
class Planned:
    """One check with the name it is kept under and its times."""

    key: CheckKey
    timing: Timing
    check: Check


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that an agent looks at, and the rules that judge it."""

    checks: Sequence[Planned]
    rules: Sequence[Rule]
    controls: Sequence[CheckKey]
    feeds: Sequence[RisLiveFeed]


def make(config: Config, folder: Path, good: LastKnownGood, now: Callable[[], float]) -> Plan:
    """Build the checks that *config*, read at *folder*, asks for."""
    builder = _Builder(config, folder, good, now)
    checks = [planned for service in config.services for planned in builder.service(service)]
    severities = {service.name: service.severity for service in config.services}
    controls = list(builder.controls(config.controls))
    keys = [p.key for p in controls]
    rules = [
        rule for p in checks for rule in rules_for(p.key, p.timing, severities[p.key.service], keys)
    ]
    if controls:
        rules.append(_blind(config, keys, controls[0].timing))
    return Plan([*checks, *controls], rules, keys, builder.feeds)


def _blind(config: Config, keys: Sequence[CheckKey], times: Timing) -> Rule:
    return Rule(
        diagnosis=Diagnosis.VANTAGE_BLIND,
        service=config.agent.name,
        subject=config.agent.name,
        severity=Severity.WARNING,
        key=None,
        hold=times.hold,
        clear=times.clear,
        judge=lambda view: sight(view, keys).blind,
    )


def _trust(agent: AgentSettings, folder: Path, roots: Sequence[Server]) -> Trust | None:
    """Return whom to trust; another root without its anchors leaves nobody to."""
    anchors = beside(folder, agent.trust_anchors)
    if anchors:
        return Trust(read_anchors(Path(anchors)), roots)
    return None if agent.root_hints else Trust(roots=roots)


class _Builder:
    """Builds checks around the parts that they share: delegations, resolver and feeds."""

    def __init__(
        self, config: Config, folder: Path, good: LastKnownGood, now: Callable[[], float]
    ) -> None:
        hints = beside(folder, config.agent.root_hints)
        stubs = config.agent.stubs
        self._defaults = config.defaults
        self._folder = folder
        self._good = good
        roots = read_hints(Path(hints)) if hints else ROOT_SERVERS
        system = system_servers()
        self._resolver = StubResolver(system, stubs)
        self._means = Means(
            delegations=Delegations(roots, stubs),
            system=system,
            resolve=self._resolver.resolve,
            now=now,
            trust=_trust(config.agent, folder, roots),
            known_delegation=good.delegation,
        )
        watched: dict[str, set[int]] = {}
        for bgp in (bgp for service in config.services for bgp in service.bgp):
            watched.setdefault(bgp.prefix, set()).update(bgp.origins)
        sources = [feed.ris_live for feed in config.feeds] or [RisLiveSettings()]
        self.feeds = [RisLiveFeed(watched, source, now) for source in sources if watched]
        self._now = now

    def service(self, service: Service) -> Iterator[Planned]:
        for dns in service.dns:
            yield self._dns(service.name, service, dns)
        for http in service.http:
            yield self._http(service.name, service, http, self._remembered(service, http))
        for bgp in service.bgp:
            times = timing(Kind.BGP, bgp, service, self._defaults)
            check = BgpCheck(bgp, self.feeds[0], now=self._now)
            yield Planned(CheckKey(service.name, Kind.BGP, check.name), times, check)

    def controls(self, controls: Controls) -> Iterator[Planned]:
        for dns in controls.dns:
            yield self._dns(CONTROLS, controls, dns)
        for http in controls.http:
            yield self._http(CONTROLS, controls, http, None)

    def _dns(self, owner: str, level: CheckSettings, dns: DnsSettings) -> Planned:
        times = timing(Kind.DNS, dns, level, self._defaults)
        settings = dns.model_copy(update={"ca_file": beside(self._folder, dns.ca_file)})
        check = DnsCheck(settings, self._means, seconds=times.timeout)
        return Planned(CheckKey(owner, Kind.DNS, check.name), times, check)

    def _http(
        self,
        owner: str,
        level: CheckSettings,
        http: HttpSettings,
        remembered: Callable[[], Sequence[str]] | None,
    ) -> Planned:
        times = timing(Kind.HTTP, http, level, self._defaults)
        settings = http.model_copy(update={"ca_file": beside(self._folder, http.ca_file)})
        check = HttpCheck(
            settings,
            timeout=times.timeout,
            resolve=self._resolver.resolve,
            last_known_good=remembered,
        )
        return Planned(CheckKey(owner, Kind.HTTP, check.name), times, check)

    def _remembered(
        self, service: Service, http: HttpSettings
    ) -> Callable[[], Sequence[str]] | None:
        """Offer the last-known-good addresses where a dns check of the same host keeps them."""
        host = (urlsplit(http.url).hostname or "").lower()
        if any(dns.name == host and dns.type in {"A", "AAAA"} for dns in service.dns):
            return lambda: self._good.addresses(host)
        return None
