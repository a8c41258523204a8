"""One incident as a person reads it: the cause, who says so, in what order, what had changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nsmallest

from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.alarms.incidents import Incident, headed, title_of
from vedette.agent.daemon import Agent
from vedette.agent.diagnoses.names import is_warning
from vedette.agent.paging.wording import Witness, told
from vedette.agent.status.address import incident_id, opened_in
from vedette.agent.status.deliveries import Delivery, of_record
from vedette.agent.status.evidence import Witnessed, evidence, standings
from vedette.agent.status.turns import in_turns
from vedette.exporters.page import Action, Page

ORDERED = 30
"""How many faults of an incident are listed, the first ones."""
ALARMS = 200
"""How many alarms of a service are listed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that failed; *alarmed* holds once it is an alarm, *headline* while it leads."""

    at: float
    name: str
    alarmed: bool
    headline: bool


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """One alarm of a service; *since* is when its fault began, while it is in ALARM."""

    diagnosis: str
    subject: str
    state: State
    since: float | None


@dataclass(frozen=True, slots=True)
class Head:
    """An incident in a line; *diagnosis* is in the words of the metrics, *what* those of a page."""

    id: str
    service: str
    diagnosis: str
    what: str
    severity: str
    is_warning: bool
    began_at: float
    opened_at: float
    resolved_at: float | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An incident with all that is known of it.

    *witnessed*, *stands* and *runbook* speak of now, and are empty once it has ended; then *kept*
    has what its last page said. *pages* are those of the record, where asked for.
    """

    head: Head
    witnessed: Sequence[Witnessed]
    stands: Sequence[str]
    order: Sequence[Fault]
    more: int
    headlines: Sequence[tuple[float, str]]
    changes: Sequence[str]
    runbook: str = ""
    pages: Sequence[Delivery] = ()
    kept: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Troubles:
    """The incidents of *agent*, open and ended."""

    def __init__(self, agent: Agent, rules: Mapping[str, Sequence[str]]) -> None:
        """*rules* are the ids of each service's."""
        self._agent = agent
        self._rules = rules

    def open(self) -> Sequence[Incident]:
        """Return those that are open, the critical ones first, of these the newest first."""
        return sorted(
            self._agent.engine.open.values(),
            key=lambda one: (is_warning(one.severity), -one.opened_at),
        )

    def find(self, id_: str) -> Incident | None:
        """Return the incident of *id_*, open or ended; raise StoreError if that is unreadable."""
        for one in self._agent.engine.open.values():
            if incident_id(one) == id_:
                return one
        opened = opened_in(id_)
        if opened is None:
            return None
        known = self._agent.store.incidents(opened, opened + 1.0, most=1000)
        return next((one for one in known if incident_id(one) == id_), None)

    def head(self, incident: Incident, fleet: Fleet | None = None) -> Head:
        """Return *incident* in a line: as a page has it where the *fleet* is given, else short."""
        diagnosis, subject = headed(incident, self._agent.engine.rules)
        return Head(
            id=incident_id(incident),
            service=incident.service,
            diagnosis=diagnosis,
            what=self._what(incident, diagnosis, subject, fleet) if fleet else subject,
            severity=str(incident.severity),
            is_warning=is_warning(incident.severity),
            began_at=incident.began_at,
            opened_at=incident.opened_at,
            resolved_at=incident.resolved_at,
        )

    async def alarms(self, service: str) -> Sequence[AlarmRow]:
        """Return the alarms of *service* that are not OK, those in ALARM first."""
        engine = self._agent.engine
        burning: list[AlarmRow] = []
        unknown: list[AlarmRow] = []
        async for id_ in in_turns(self._rules.get(service, ())):
            rule, memory = engine.rules[id_], engine.memories[id_]
            rows = burning if memory.state is State.ALARM else unknown
            if memory.state is not State.OK and len(rows) < ALARMS:
                since = memory.began_at if memory.state is State.ALARM else None
                rows.append(AlarmRow(str(rule.diagnosis), rule.subject, memory.state, since))
        return [*burning, *unknown][:ALARMS]

    def _what(self, incident: Incident, diagnosis: str, subject: str, fleet: Fleet) -> str:
        """Return what stands behind the diagnosis in the first line of its page."""
        rule = self._agent.engine.rules.get(incident.headline)
        if rule is None or incident.resolved_at is not None:
            return subject
        line = told(rule, incident, self._witness(fleet), fleet.now)
        return line.removeprefix(f"{diagnosis}: ")

    def _witness(self, fleet: Fleet) -> Witness:
        agent = self._agent
        return Witness(
            vantage=agent.config.agent.name,
            vantages=agent.engine.quorum.vantages,
            status_url=agent.config.agent.status_url,
            ledgers=agent.ledgers,
            good=agent.good,
            rules=agent.engine.rules,
            failing={},
            standings=agent.engine.composites.at,
            unsighted=fleet.unsighted,
        )

    async def trouble(self, incident: Incident, fleet: Fleet) -> Trouble:
        """Return all that is known of *incident*, but its pages."""
        engine, is_open = self._agent.engine, incident.resolved_at is None
        rule = engine.rules.get(incident.headline)
        order, more = await self._order(incident)
        return Trouble(
            head=self.head(incident, fleet),
            witnessed=evidence(rule, engine, fleet, self._agent.ledgers) if is_open else (),
            stands=standings(rule, engine, fleet.now) if is_open else (),
            order=order,
            more=more,
            headlines=self._headlines(incident),
            changes=self._agent.paging.changed(incident),
            runbook=self._agent.paging.runbook(incident) if is_open else "",
        )

    async def whole(self, incident: Incident, fleet: Fleet) -> Trouble:
        """Return all that is known of *incident*, open or ended; raise StoreError."""
        sent = self._agent.store.sent(incident)
        shown = replace(await self.trouble(incident, fleet), pages=list(of_record(sent)))
        calls = [one.row.page for one in sent if one.row.page.action is Action.TRIGGER]
        if incident.resolved_at is None or not calls:
            return shown
        last = calls[-1]
        head = replace(shown.head, what=last.summary.removeprefix(f"{last.diagnosis}: "))
        return replace(shown, head=head, kept=dict(_kept(last)))

    def _headlines(self, incident: Incident) -> Sequence[tuple[float, str]]:
        """Return what led the incident since when, where that was more than one thing."""
        led = incident.headlines if len(incident.headlines) > 1 else ()
        return [(at, title_of(id_, self._agent.engine.rules)) for id_, at in led]

    async def _order(self, incident: Incident) -> tuple[Sequence[Fault], int]:
        """Return what fails of the service, first fault first, and how many more there are."""
        engine, failing = self._agent.engine, dict(incident.members)
        if incident.resolved_at is None:
            async for id_ in in_turns(self._rules.get(incident.service, ())):
                found = engine.evidence.get(id_)
                if found and found.holds:
                    failing.setdefault(id_, found.began_at)
        first = nsmallest(ORDERED, ((at, id_) for id_, at in failing.items()))
        faults = [
            Fault(
                at, title_of(id_, engine.rules), id_ in incident.members, id_ == incident.headline
            )
            for at, id_ in first
        ]
        return faults, len(failing) - len(faults)


_KEPT = ("seen_from", "seen", "last_known_good", "last_known_good_serves", "bgp", "not_broken")
"""What of a page stays worth reading once its incident has ended; the rest stands beside it."""


def _kept(page: Page) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what *page* said, by its name in words, as lines."""
    for name in _KEPT:
        match page.details.get(name):
            case str(text) if text:
                lines: Sequence[str] = [text]
            case Mapping() as sets:
                lines = [f"{key} {value}" for key, value in sets.items()]
            case list() | tuple() as several:
                lines = [str(one) for one in several]
            case _:
                lines = ()
        if lines:
            yield name.replace("_", " "), lines
