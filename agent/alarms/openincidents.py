"""The incidents that are open, and what a step's faults make of them.

Rule: no I/O, no clock; what must be kept or sent is returned.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence, Set

from vedette.agent.alarms.incidents import (
    Change,
    Faults,
    Incident,
    Told,
    advance,
    hosted,
    waits_until,
)
from vedette.agent.composite.alarm import Alarm
from vedette.agent.diagnoses.names import is_warning

FaultsOf = Callable[[str, Sequence[Incident]], Faults]
"""Returns what is wrong with a service that has these incidents open."""


class OpenIncidents:
    """Has what is wrong with services join their open incidents, or open one, or resolve it."""

    def __init__(
        self,
        incidents: Sequence[Incident],
        deployment: str,
        hosts: Mapping[str, Collection[str]],
    ) -> None:
        """Take up *incidents*; *hosts* maps a service that others depend on to those others."""
        self.by_key = {incident.key: incident for incident in incidents}
        self._deployment, self._hosts = deployment, hosts
        self._waiting: dict[str, float] = {}

    @property
    def services(self) -> Set[str]:
        """Those that have an incident open."""
        return {one.service for one in self.by_key.values()}

    def grave(self, rules: Mapping[str, Alarm]) -> set[str]:
        """Return the alarms that wake people and burn in incidents for which some were woken."""
        told = (one for one in self.by_key.values() if not is_warning(one.severity))
        burning = {id_ for one in told for id_ in one.burning}
        return {id_ for id_ in burning & rules.keys() if not is_warning(rules[id_].severity)}

    @property
    def due(self) -> float:
        """From when on an incident may open though nothing else happens."""
        return min(self._waiting.values(), default=math.inf)

    def waiting(self, now: float) -> Set[str]:
        """Return the services whose faults need wait no more for others."""
        return {service for service, at in self._waiting.items() if at <= now}

    def advance(
        self, services: Collection[str], faults_of: FaultsOf, now: float
    ) -> tuple[list[Incident], list[tuple[Incident, Change]]]:
        """Advance those of *services*; return those that differ, and what to tell people of."""
        kept: list[Incident] = []
        changes: list[tuple[Incident, Change]] = []
        open_: dict[str, list[Incident]] = {}
        for one in self.by_key.values() if services else ():
            open_.setdefault(one.service, []).append(one)
        # Those that others depend on come last: theirs may have joined an incident by then.
        for service in sorted(services, key=lambda one: (one in self._hosts, one)):
            own = open_.get(service, ())
            faults = faults_of(service, own)
            told = self._told(service, own, faults, now)
            for incident, change in told:
                kept.append(incident)
                if change is not None:
                    changes.append((incident, change))
                if change is Change.RESOLVED:
                    self.by_key.pop(incident.key, None)
                else:
                    self.by_key[incident.key] = incident
            # What one step tells may have the next one tell more.
            self._waiting[service] = now
            if not told:
                self._wait(service, faults, own)
        return kept, changes

    def _wait(self, service: str, faults: Faults, own: Sequence[Incident]) -> None:
        """Note until when a service's faults wait for others, if nothing else happens."""
        until = waits_until(faults, own)
        self._waiting.pop(service)
        if until < math.inf:
            self._waiting[service] = until

    def _told(
        self, service: str, own: Sequence[Incident], faults: Faults, now: float
    ) -> Sequence[Told]:
        """Return how a service's *own* incidents go on; what joins those of others opens none."""
        hosts = self._hosts.get(service)
        if hosts and not own and faults.firing:
            theirs = [one for one in self.by_key.values() if one.service in hosts]
            if joined := hosted(faults.firing, theirs):
                return [(one, None) for one in joined if one not in theirs]
        return advance(own, faults, deployment=self._deployment, service=service, now=now)
