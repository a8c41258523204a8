"""How pages answer, by name and by address, for each agent.

Rule: pure; times are seconds after the incident's start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vedette.agent.replay.names import Names, Place, includes
from vedette.agent.replay.scenario import Scenario
from vedette.agent.replay.states import History
from vedette.agent.replay.tree import Tree
from vedette.checks.http.target import parse_url
from vedette.checks.net import is_address

Via = Literal["name", "address"]
Error = Literal["none", "dns", "connect", "timeout", "tls"]


@dataclass(frozen=True, slots=True)
class PageState:
    """How a page answers; *seconds* until it does, or until a refusal shows."""

    error: Error = "none"
    status: int = 200
    seconds: float = 0.1
    fail_share: float = 1.0
    dns_dependent: bool = True


class Pages:
    """The pages of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self._healthy = {
            one.url: PageState(status=one.status, seconds=one.latency_s)
            for one in scenario.healthy.http
        }
        self._changes = [(change.t, change.http) for change in scenario.timeline if change.http]
        self.history = cache(self._history)
        self.by_host: dict[str, list[str]] = {}
        for url in self._healthy:
            self.by_host.setdefault(parse_url(url).server_name.lower(), []).append(url)

    def __contains__(self, url: str) -> bool:
        return url in self._healthy

    def _history(self, agent: str, url: str, via: Via) -> History[PageState]:
        healthy = self._healthy[url]
        changes = [
            (
                at,
                PageState(
                    error=change.error,
                    status=change.status or 0,
                    seconds=healthy.seconds if change.latency_s is None else change.latency_s,
                    fail_share=change.fail_share,
                    dns_dependent=change.dns_dependent,
                ),
            )
            for at, change in self._changes
            if change.url == url and change.via in ("any", via) and includes(change.agents, agent)
        ]
        return History(healthy, changes)


class Hosts:
    """Whether the host of a page resolves for an agent: by what the watched servers say of it."""

    def __init__(self, scenario: Scenario, names: Names, tree: Tree) -> None:
        self._places: dict[str, list[tuple[str, Place]]] = {}
        for one in scenario.watch.names:
            if one.type in ("A", "AAAA"):
                of_host = self._places.setdefault(one.name, [])
                of_host += [(one.type, place) for place in _places(one.name, one.servers, tree)]
        for host, of_host in self._places.items():
            resolvers = [pair for pair in of_host if pair[1].kind == "recursive"]
            self._places[host] = resolvers or of_host
        self._names = names

    def rcode(self, agent: str, host: str, at: float) -> str:
        """Return the code of a resolver's reply; NOERROR exactly where there is an address."""
        places = self._places.get(host)
        if not places:
            return "NOERROR"
        said = [self._names.history(agent, place, host, type_).at(at) for type_, place in places]
        if any(state.has_address for state in said):
            return "NOERROR"
        denied = any(state.rcode == "NXDOMAIN" for state in said)
        return "NXDOMAIN" if denied else "SERVFAIL"


def _places(name: str, servers: Sequence[str], tree: Tree) -> Sequence[Place]:
    zone = tree.zone_of(name)
    authorities = [Place("authoritative", one.address, one.name) for one in tree.zones[zone or "."]]
    return [
        place
        for server in servers
        for place in (
            authorities
            if server == "authoritative"
            else [Place("recursive", server)]
            if is_address(server)
            else []
        )
    ]
