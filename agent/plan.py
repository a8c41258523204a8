"""From config to checks and rules: what is looked at, how often, and what it can mean."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vedette.agent import secrets
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.composite.alarm import CompositeAlarm, composites, layer_of
from vedette.agent.composite.link import link
from vedette.agent.config import AgentSettings, Config, Controls, QuorumSettings, Service, beside
from vedette.agent.diagnoses.beyond import beyond_dns, beyond_http
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.table import blind_rule, feed_rule, rules_for
from vedette.agent.looking.timing import Timing, timing
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.references import as_checked
from vedette.agent.surroundings import Surroundings
from vedette.checks.bgp.check import BgpCheck, FeedCheck
from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.rpki.source import VrpSource
from vedette.checks.bgp.watch import merged
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.resolver import StubResolver
from vedette.checks.dns.roots import ROOT_SERVERS, Server, read_hints
from vedette.checks.dns.server import Source
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Check, Kind
from vedette.checks.http.settings import HttpSettings
from vedette.checks.settings import CheckSettings, Missing

if TYPE_CHECKING:
    from vedette.checks.dns.dnssec.chain import Trust

CONTROLS = "controls"

_SHARED = 5.0
"""Seconds, at most, for which checks share what they ask of the servers of a zone."""

_HTTP_FILES = ("ca_file", "client_cert", "client_key", "request_body_file")


@dataclass(frozen=True, slots=True)
class Planned:
    """One check with the name it is kept under and its times."""

    key: CheckKey
    timing: Timing
    check: Check
    beyond: Collection[Diagnosis] = ()
    """Diagnoses of its kind that it cannot give: it does not look where they show."""
    settings: object = None
    """What the config says of it: of equal settings are checks that look alike."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that an agent looks at, and the rules that judge it."""

    checks: Sequence[Planned]
    rules: Sequence[Rule]
    controls: Sequence[CheckKey]
    feeds: Sequence[Feed]
    quorum: Quorum
    alarms: Sequence[CompositeAlarm] = ()
    vrps: VrpSource | None = None

    @property
    def of_prefix(self) -> Mapping[str, Sequence[Planned]]:
        """The checks of each prefix."""
        planned: dict[str, list[Planned]] = {}
        for one in self.checks:
            if isinstance(one.check, BgpCheck):
                planned.setdefault(one.check.name, []).append(one)
        return planned

    @property
    def hosts(self) -> Mapping[str, Collection[str]]:
        """The services that depend on each feed, by the name under which the feed is paged."""
        services = [p.key.service for p in self.checks if isinstance(p.check, BgpCheck)]
        dependents = dict.fromkeys(services)
        return {feed.source: dependents for feed in self.feeds}


def make(
    config: Config,
    folder: Path,
    good: LastKnownGood,
    now: Callable[[], float],
    around: Surroundings | None = None,
) -> Plan:
    """Build the checks that *config*, read at *folder*, asks for; *around* is this host."""
    around = around or Surroundings()
    builder = _Builder(config, folder, good, now, around)
    checks = [planned for service in config.services for planned in builder.service(service)]
    severities = {service.name: service.severity for service in config.services}
    controls = list(builder.controls(config.controls))
    keys = [p.key for p in controls]
    rules = [
        rule
        for p in checks
        for rule in rules_for(p.key, p.timing, severities[p.key.service], keys)
        if rule.diagnosis not in p.beyond
    ]
    peers = around.peers(config)
    quorum = _quorum(config, peers)
    times = controls[0].timing if controls else timing(Kind.DNS, config.defaults)
    if controls or peers:
        rules += [blind_rule(name, times, keys) for name in quorum.vantages]
    feeds = list(builder.listeners())
    rules += [feed_rule(p.key, p.timing) for p in feeds]
    planned = [*checks, *controls, *feeds]
    alarms = _composites(config, planned, rules)
    return Plan(planned, rules, keys, builder.feeds, quorum, alarms, builder.vrps)


def _composites(
    config: Config, planned: Sequence[Planned], rules: Sequence[Rule]
) -> Sequence[CompositeAlarm]:
    if not config.alarms:
        return ()
    layers = {str(p.key): layer_of(p.key) for p in planned} | {r.id: r.layer for r in rules}
    links = link(config.alarms, config.nameables.known)
    return composites(config.alarms, links, config.defaults, layers)


def _quorum(config: Config, peers: Sequence[Vantage]) -> Quorum:
    """Return who must agree: this agent and its *peers*."""
    domain = config.agent.domain
    own = Vantage(config.agent.name, domain.provider, domain.region, domain.account, domain.asn)
    vantages = {vantage.name: vantage for vantage in (own, *peers)}
    whole = _asking(Quorum(own.name, vantages), config.quorum)
    differing = [service for service in config.services if service.quorum.model_fields_set]
    return replace(whole, services={one.name: _asking(whole, one.quorum) for one in differing})


def _asking(quorum: Quorum, settings: QuorumSettings) -> Quorum:
    """Return *quorum* with what *settings* say of it."""
    return replace(
        quorum,
        agree=settings.agree or quorum.agree,
        distinct=settings.distinct or quorum.distinct,
        when_short=settings.when_short or quorum.when_short,
    )


def _age(config: Config) -> float:
    """Return for how many seconds checks share what they ask of a zone: less than any cadence."""
    checks = [(dns, service.every) for service in config.services for dns in service.dns]
    checks += [(dns, config.controls.every) for dns in config.controls.dns]
    cadences = [dns.every or every or config.defaults.every for dns, every in checks]
    return min([_SHARED, *(every / 2 for every in cadences if every)])


def _declared(checks: Collection[DnsSettings]) -> Mapping[str, Collection[str]]:
    """Return the name servers that the config allows each zone whose delegation it looks at."""
    allowed: dict[str, frozenset[str]] = {}
    for dns in checks:
        if dns.names is not None:
            allowed[dns.name] = allowed.get(dns.name, frozenset()) | dns.names
    return allowed


def _trust(
    agent: AgentSettings, folder: Path, roots: Sequence[Server], authorities: Authorities
) -> "Trust | None":
    """Return whom to trust; another root without its anchors leaves nobody to."""
    from vedette.checks.dns.dnssec.anchors import read_anchors  # noqa: PLC0415 - as the next
    from vedette.checks.dns.dnssec.chain import Trust  # noqa: PLC0415 - 10 MB that not all need

    anchors = beside(folder, agent.trust_anchors)
    if anchors:
        return Trust(read_anchors(Path(anchors)), roots, authorities=authorities)
    return None if agent.root_hints else Trust(roots=roots, authorities=authorities)


class _Builder:
    """Builds checks around the parts that they share: delegations, resolver and feeds."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        good: LastKnownGood,
        now: Callable[[], float],
        around: Surroundings,
    ) -> None:
        hints = beside(folder, config.agent.root_hints)
        stubs = config.agent.stubs
        self._defaults = config.defaults
        self._folder = folder
        self._good = good
        roots = read_hints(Path(hints)) if hints else ROOT_SERVERS
        owners: list[Service | Controls] = [*config.services, config.controls]
        names = [dns for owner in owners for dns in owner.dns]
        walks = any(Source.AUTHORITATIVE in dns.places for dns in names)
        self._resolver = StubResolver(around.system, stubs)
        authorities = Authorities(_age(config))
        self._means = Means(
            delegations=Delegations(roots, stubs),
            system=around.system,
            resolve=self._resolver.resolve,
            now=now,
            wall=around.clock.wall,
            authorities=authorities,
            trust=_trust(config.agent, folder, roots, authorities) if walks else None,
            known_delegation=good.delegation,
            declared=_declared(names),
        )
        watches = merged(bgp.watch for service in config.services for bgp in service.bgp).values()
        self.feeds = around.listen(config, watches, folder, now)
        self.vrps = around.vrps(config, watches, folder, now)
        self._now = now
        self._known = {dns.name for dns in names if dns.type in {"A", "AAAA"}}

    def service(self, service: Service) -> Iterator[Planned]:
        for dns in service.dns:
            yield self._dns(service.name, service, dns)
        for http in service.http:
            yield self._http(service.name, service, http, self._remembered(http))
        for bgp in service.bgp:
            times = timing(Kind.BGP, bgp, service, self._defaults)
            current = self.vrps.current if self.vrps else None
            check = BgpCheck(bgp.watch, self.feeds, self._now, current)
            key = CheckKey(service.name, Kind.BGP, check.name)
            yield Planned(key, times, check, settings=bgp)

    def listeners(self) -> Iterator[Planned]:
        """Yield the checks of the feeds themselves."""
        for feed in self.feeds:
            times = replace(timing(Kind.BGP, self._defaults), missing=Missing.MISSING)
            key = CheckKey(feed.source, Kind.BGP, feed.source)
            yield Planned(key, times, FeedCheck(feed, self._now))

    def controls(self, controls: Controls) -> Iterator[Planned]:
        for dns in controls.dns:
            yield self._dns(CONTROLS, controls, dns)
        for http in controls.http:
            asked_for = http.at is not None
            remembered = self._remembered(http) if asked_for else None
            yield self._http(CONTROLS, controls, http, remembered)

    def _times(self, kind: Kind, check: CheckSettings, level: CheckSettings) -> Timing:
        """Return the timing of a check; what nobody could see of a control is never made up."""
        times = timing(kind, check, level, self._defaults)
        return replace(times, missing=Missing.MISSING) if isinstance(level, Controls) else times

    def _dns(self, owner: str, level: CheckSettings, dns: DnsSettings) -> Planned:
        times = self._times(Kind.DNS, dns, level)
        settings = dns
        if dns.ca_file is not None:
            settings = dns.model_copy(update={"ca_file": beside(self._folder, dns.ca_file)})
        check = DnsCheck(settings, self._means, seconds=times.timeout)
        return Planned(CheckKey(owner, Kind.DNS, check.name), times, check, beyond_dns(dns), dns)

    def _http(
        self,
        owner: str,
        level: CheckSettings,
        http: HttpSettings,
        remembered: Callable[[], Sequence[str]] | None,
    ) -> Planned:
        from vedette.checks.http.check import HttpCheck  # noqa: PLC0415 - 12 MB that not all need

        times = self._times(Kind.HTTP, http, level)
        files = {key: beside(self._folder, getattr(http, key)) for key in _HTTP_FILES}
        check = HttpCheck(
            http.model_copy(update=files),
            timeout=times.timeout,
            resolve=self._resolver.resolve,
            now=self._now,
            secrets=secrets.of_check(http, self._folder),
            last_known_good=remembered,
        )
        key = CheckKey(owner, Kind.HTTP, check.name)
        return Planned(key, times, check, beyond_http(http), http)

    def _remembered(self, http: HttpSettings) -> Callable[[], Sequence[str]] | None:
        """Offer the last-known-good addresses where a dns check of the name keeps them."""
        name = as_checked(http.last_known_good_of or http.target.server_name)
        return (lambda: self._good.addresses(name)) if name in self._known else None
