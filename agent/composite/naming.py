"""What a rule may name beside the alarms, and the faults of the names in a config file.

Rule: pure. A check has a short name, as on the status page, and a full one that no other has.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain

from vedette.agent.composite.link import Known, Nameable, link
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.diagnoses.beyond import beyond_dns, beyond_http
from vedette.agent.diagnoses.bgp import REASONS
from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.document import Document, Problem
from vedette.agent.looking.timing import timing
from vedette.agent.memory.ledger import CheckKey
from vedette.checks.bgp.settings import BgpSettings
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Kind
from vedette.checks.http.reason import Reason as HttpReason
from vedette.checks.http.settings import HttpSettings
from vedette.exporters.page import Severity

_REASONS: Mapping[Kind, Sequence[str]] = {
    Kind.DNS: tuple(DnsReason),
    Kind.HTTP: tuple(HttpReason),
    Kind.BGP: tuple(REASONS.values()),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """The checks of one service, or of the controls."""

    name: str
    dns: Sequence[DnsSettings] = ()
    http: Sequence[HttpSettings] = ()
    bgp: Sequence[BgpSettings] = ()

    def checks(self) -> Iterator[tuple[CheckKey, Sequence[Diagnosis]]]:
        """Return every check, and the diagnoses that it can give."""
        for dns in self.dns:
            yield self._check(Kind.DNS, f"{dns.name} {dns.type}", *beyond_dns(dns))
        for http in self.http:
            yield self._check(Kind.HTTP, http.url, *beyond_http(http))
        for bgp in self.bgp:
            yield self._check(Kind.BGP, bgp.watch.prefix)

    def _check(
        self, kind: Kind, name: str, *beyond: Diagnosis
    ) -> tuple[CheckKey, Sequence[Diagnosis]]:
        key = CheckKey(self.name, kind, name)
        rules = rules_for(key, timing(kind), Severity.CRITICAL)
        return key, [rule.diagnosis for rule in rules if rule.diagnosis not in beyond]


@dataclass(frozen=True, slots=True)
class Nameables:
    """All that an agent knows of: its *services*, its *controls*, its *feeds*, and the *vantages*.

    These are itself and its peers.
    """

    services: Sequence[Watched]
    controls: Watched
    vantages: Sequence[str]
    feeds: Sequence[str] = ()

    @property
    def known(self) -> Known:
        """What may be written in a rule, and what each may stand for.

        Controls are often names that a service has too, and are named in full only.
        """
        known: dict[str, list[Nameable]] = {}
        for owner in (*self.services, self.controls):
            for key, diagnoses in owner.checks():
                check = Nameable(str(key), _REASONS[key.kind])
                known[check.id] = [check]
                if owner is self.controls:
                    continue
                known.setdefault(key.check, []).append(check)
                for diagnosis in diagnoses:
                    _put(known, f"{key.service}/{diagnosis}/{key.check}")
        has_controls = bool(self.controls.dns or self.controls.http)
        sighted = self.vantages if has_controls or len(self.vantages) > 1 else ()
        for vantage in sighted:
            _put(known, f"{vantage}/{Diagnosis.VANTAGE_BLIND}/{vantage}")
        for feed in self.feeds:
            _put(known, f"{feed}/{Diagnosis.FEED_STALE}/{feed}")
        return known

    @property
    def taken(self) -> frozenset[str]:
        """The names under which incidents of others are kept."""
        services = (service.name for service in self.services)
        return frozenset(chain(services, [self.controls.name], self.vantages, self.feeds))


def _put(known: dict[str, list[Nameable]], id_: str) -> None:
    known[id_] = [Nameable(id_)]


def faults(
    document: Document, alarms: Sequence[AlarmSettings | None], nameables: Nameables
) -> Iterator[Problem]:
    """Return what is wrong with the names that *alarms* have and use.

    *alarms* are those of *document*, None where one cannot be read; its name is still known.
    """
    readable: dict[str, tuple[int, AlarmSettings]] = {}
    for index, alarm in enumerate(alarms):
        name = document.written("alarms", index, "name")
        one = alarm or AlarmSettings.or_none({"name": name, "rule": "FALSE"})
        if one is not None:
            readable.setdefault(one.name, (index, one))  # what is given twice is told elsewhere
    for index, alarm in readable.values():
        for key, message in _own(alarm, nameables):
            yield document.problem(("alarms", index, key), message)
    indexes = [index for index, _ in readable.values()]
    for fault in link([alarm for _, alarm in readable.values()], nameables.known).faults:
        yield document.problem(("alarms", indexes[fault.index], *fault.key), fault.message)


def _own(alarm: AlarmSettings, nameables: Nameables) -> Iterator[tuple[str, str]]:
    """Return what is wrong with an alarm's own name and with its service."""
    head = alarm.name.partition("/")[0]
    if head in nameables.taken:
        yield (
            "name",
            f"{alarm.name}: what is called {head} or begins with {head}/ has alarms of its own: "
            "rename it",
        )
    if alarm.name in set(Diagnosis):
        yield "name", f"{alarm.name} is a standard diagnosis: rename it"
    services = {service.name for service in nameables.services}
    if alarm.service is not None and alarm.service not in services:
        yield "service", _no_service(alarm.service, services)


def _no_service(name: str, services: Collection[str]) -> str:
    near = get_close_matches(name, services, n=1)
    remedy = f"did you mean {near[0]}?" if near else "mend its spelling, or leave it out"
    return f"there is no service {name}: {remedy}"
