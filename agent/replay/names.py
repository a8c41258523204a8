"""What names answer, at each place and for each agent.

Rule: pure; times are seconds after the incident's start.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import Literal

from vedette.agent.replay.scenario import Agents, HealthyName, NameChange, Scenario
from vedette.agent.replay.states import History
from vedette.agent.replay.tree import Tree
from vedette.checks.net import is_address

Kind = Literal["authoritative", "parent", "recursive"]


@dataclass(frozen=True, slots=True)
class Place:
    """A server in one of its roles; *name* is that of a name server, "" of a resolver."""

    kind: Kind
    address: str
    name: str = ""

    def is_meant(self, at: str) -> bool:
        """Whether a place of the scenario means this one."""
        return at in ("all", self.kind, self.address) or bool(self.name and at == self.name)


@dataclass(frozen=True, slots=True)
class NameState:
    """What a place answers; *rcode* is "" where no reply comes."""

    rcode: str
    answers: tuple[str, ...] = ()
    ttl: int = 300
    secure: bool = False
    bogus: bool = False
    cd_ok: bool = False
    ede: int | None = None
    fail_share: float = 1.0

    @property
    def has_address(self) -> bool:
        """Whether a resolver that answers so gives an address, at least now and then."""
        answered = self.rcode == "NOERROR" and any(map(is_address, self.answers))
        return answered or self.fail_share < 1


_NOTHING = NameState("NOERROR")
"""What is answered about a name that the scenario does not know."""


class Names:
    """The names of a scenario."""

    def __init__(self, scenario: Scenario, tree: Tree) -> None:
        self._healthy = scenario.healthy.dns
        self._changes = [(change.t, change.dns) for change in scenario.timeline if change.dns]
        self._tree = tree
        self.history = cache(self._history)
        told = [one.answers for one in self._healthy if one.type == "NS"]
        said = (change.answers for _, change in self._changes if change.type == "NS")
        told += [answers for answers in said if answers and answers != "same"]
        self.strangers: Collection[str] = {*chain(*told)} - tree.addresses.keys()
        """Name servers of which this world knows no address."""

    def _history(self, agent: str, place: Place, name: str, type_: str) -> History[NameState]:
        healthy = self._usual(agent, place, name, type_)
        changes = [
            (at, _state(change, healthy))
            for at, change in self._changes
            if _is_about(change, place, name, type_) and includes(change.agents, agent)
        ]
        return History(healthy, changes)

    def _usual(self, agent: str, place: Place, name: str, type_: str) -> NameState:
        """Return what is answered while all is well: the last entry that fits says it."""
        fitting = [
            entry
            for entry in self._healthy
            if (entry.name, entry.type) == (name, type_)
            and place.is_meant(entry.at)
            and includes(entry.agents, agent)
        ]
        if fitting:
            return _usual(fitting[-1])
        if type_ == "NS" and name in self._tree.zones:
            servers = tuple(server.name for server in self._tree.zones[name])
            return NameState("NOERROR", servers, ttl=3600)
        if type_ in ("A", "AAAA"):  # the addresses of a name server, which every side knows alike
            known = self._tree.addresses.get(name, ())
            return NameState("NOERROR", tuple(a for a in known if (":" in a) is (type_ == "AAAA")))
        return _NOTHING


def includes(agents: Agents, agent: str) -> bool:
    """Whether *agents* of a scenario are all, or name *agent*."""
    return agents == "all" or agent in agents


def _is_about(change: NameChange, place: Place, name: str, type_: str) -> bool:
    return change.name in ("*", name) and change.type in ("*", type_) and place.is_meant(change.at)


def _usual(entry: HealthyName) -> NameState:
    return NameState("NOERROR", tuple(entry.answers), entry.ttl, secure=entry.dnssec == "secure")


def _state(change: NameChange, healthy: NameState) -> NameState:
    if change.error == "timeout":
        return NameState("", fail_share=change.fail_share)
    if change.error == "refused":
        return NameState("REFUSED", fail_share=change.fail_share)
    answers: Sequence[str] = change.answers or ()
    return replace(
        healthy,
        rcode=change.rcode or "NOERROR",
        answers=healthy.answers if change.answers == "same" else tuple(answers),
        secure=healthy.secure if change.dnssec == "same" else change.dnssec == "secure",
        bogus=change.dnssec == "bogus",
        cd_ok=change.cd_ok,
        ede=change.ede,
        fail_share=change.fail_share,
    )
