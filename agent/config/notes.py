"""What a config may well say and hardly means: by it nobody is woken, or somebody for nothing.

Rule: pure; it goes by a config that is valid.
"""

from collections.abc import Collection, Iterator

from vedette.agent.alarms.agreement import AGREE, Distinct
from vedette.agent.config.model import Config
from vedette.agent.config.pagers import untold
from vedette.agent.config.services import Service
from vedette.agent.config.vantage import Domain, is_loopback, is_unspecified
from vedette.agent.diagnoses.names import is_warning
from vedette.agent.document import Place
from vedette.agent.looking.timing import timing
from vedette.checks.dns.server import Resolver, Source
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Kind
from vedette.checks.http.settings import BY_NAME, HttpSettings
from vedette.checks.net import is_address

Notes = Iterator[tuple[Place, str]]
"""Each with its place in the file, which is none where something is not there."""


def notes(config: Config) -> Notes:
    """Return what is worth a note in *config*."""
    if not config.pagers:
        yield (), "no pager is configured, so nobody will be woken"
    yield from _of_controls(config)
    for who in _muted(config):
        yield (), f"{who} is muted without an end: no page of it ever opens"
    yield from _of_listener(config)
    yield from _of_voices(config)
    yield from untold(config.pagers, config.services)
    controls = {server for one in config.controls.dns for server in one.places}
    for i, service in enumerate(config.services):
        yield from _nameless(service, ("services", i))
        for j, dns in enumerate(service.dns):
            yield from _unproven(dns, controls, ("services", i, "dns", j, "servers"))
        for j, http in enumerate(service.http):
            limit = timing(Kind.HTTP, http, service, config.defaults).timeout
            yield from _unjudged(http, limit, ("services", i, "http", j, "slow"))


def _of_controls(config: Config) -> Notes:
    dns, http = config.controls.dns, config.controls.http
    named = [(("controls", "dns", i, "name"), one.name) for i, one in enumerate(dns)]
    named += [(("controls", "http", i, "url"), one.target.host) for i, one in enumerate(http)]
    if not named:
        yield (), "no controls: a fault of this vantage's own uplink will look like yours"
    if len(named) == 1:
        said = (
            "one control alone: while it fails this vantage takes itself for blind, and pages "
            "nobody for any name or page: add one of another operator"
        )
        yield named[0][0], said
    for place, control in named:
        owners = (one.name for one in config.services if _is_of(control, one))
        if owner := next(owners, None):
            said = (
                f"{control} is of service {owner} itself: as both fail this vantage may take "
                "itself for blind, and pages nobody: name one of another operator"
            )
            yield place, said


def _is_of(control: str, service: Service) -> bool:
    hosts = {*(one.name for one in service.dns), *(one.target.host for one in service.http)}
    return any(_is_within(control, host) for host in hosts)


def _is_within(one: str, other: str) -> bool:
    """Whether one of two names is the other, or is below it."""
    one, other = (f".{name.lower().rstrip('.')}" for name in (one, other))
    return one.endswith(other) or other.endswith(one)


def _muted(config: Config) -> Iterator[str]:
    """Yield what a window of maintenance never ends for."""
    windows = [("everything", config.maintenance)]
    windows += [(f"service {one.name}", one.maintenance) for one in config.services]
    windows += [(f"alarm {one.name}", one.mute) for one in config.alarms]
    for who, declared in windows:
        if any(window.is_endless for window in declared):
            yield who


def _of_listener(config: Config) -> Notes:
    agent = config.agent
    if agent.is_guarded and not agent.has_token:
        unread = "" if agent.open_metrics else " or the metrics"
        yield (), f"no agent.token_file: nobody can read the status page{unread}"
    if agent.url is None and is_unspecified(agent.endpoint.host):
        yield (), f"no agent.url: pages lead to {agent.status_url}, where nobody is"
    if agent.tls is None and not is_loopback(agent.endpoint.host):
        yield (), "no agent.tls: tokens pass the network in the clear"
    for peer in config.peers:
        if peer.is_exposed and peer.has_token:
            yield (), f"peer {peer.name}: the token passes the network in the clear: use https"


def _of_voices(config: Config) -> Notes:
    """Yield where fewer than are to agree can tell themselves apart: then fewer are enough."""
    domains = [config.agent.domain, *(peer.domain for peer in config.peers)]
    if len(domains) == 1:
        return
    for place, quorum in [
        ((), config.quorum),
        *((("services", i), one.quorum) for i, one in enumerate(config.services)),
    ]:
        if place and quorum.agree is None and quorum.distinct is None:
            continue
        wanted = quorum.agree or config.quorum.agree or AGREE
        distinct = quorum.distinct or config.quorum.distinct or Distinct.PROVIDER
        there = len(domains)
        if distinct is not Distinct.VANTAGE:
            there = len({_domain(domain, distinct) for domain in domains})
        if there < wanted:
            said = (
                f"{wanted} distinct {distinct}s are to agree, and all agents together are of "
                f"{there}: {'one alone' if there == 1 else there} will do to page"
            )
            yield (*place, "quorum") if quorum.model_fields_set else place, said


def _domain(domain: Domain, distinct: Distinct) -> str:
    return str(getattr(domain, distinct)).lower()


def _nameless(service: Service, place: Place) -> Notes:
    """Yield a service whose pages are looked at by address alone: that tells why, and not that."""
    if is_warning(service.severity):
        return
    looked = [(i, one) for i, one in enumerate(service.http) if not one.standby]
    if looked and all(one.at is not None and BY_NAME not in one.at for _, one in looked):
        i, first = looked[0]
        said = (
            f"no page of {service.name} is looked at by name: that it is down is never more "
            f"than a warning: write [{BY_NAME}, {', '.join(first.at or ())}]"
        )
        yield (*place, "http", i, "at"), said


def _unjudged(http: HttpSettings, limit: float, place: Place) -> Notes:
    """Yield a page that is given up before it can be called slow."""
    if http.slow is not None and http.slow >= limit:
        said = (
            f"{http.url} fails at its timeout of {limit:g} s, before slow ({http.slow:g} s) can be "
            f"judged: give it a timeout above {http.slow:g} s"
        )
        yield place, said


def _unproven(dns: DnsSettings, controls: Collection[object], place: Place) -> Notes:
    """Yield a name that one resolver alone is asked for, of which nothing tells that it is well."""
    server = dns.places[0]
    if len(dns.places) > 1 or not isinstance(server, Resolver) or server in controls:
        return
    if is_address(server.endpoint.host):  # a name may have several
        said = (
            f"{dns.name} is asked of {server.label} alone, and no control is: while that is silent "
            f"or fails nobody is paged, as it may be its own fault: add {Source.AUTHORITATIVE}"
        )
        yield place, said
