"""From a change of an incident to a page: with what a person needs to know at that moment."""

import logging
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter

from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.fleet import Fleet
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.composite.alarm import CompositeAlarm
from vedette.agent.memory.chronicle import chronicle
from vedette.agent.memory.events import Event
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.ledger import Ledger
from vedette.agent.memory.statements import Statement, keep_storm
from vedette.agent.memory.store import Store, StoreError
from vedette.agent.paging.rollup import roll_up_key, roll_up_page
from vedette.agent.paging.storm import RollUp, Storms, Told
from vedette.agent.paging.wording import Witness, page
from vedette.exporters.page import Action, Page

log = logging.getLogger(__name__)

KEPT_FOR = 40 * 86400.0
"""Seconds for which changes are remembered: a dormant setting took 38 days to strike."""
STEP = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Writes the pages of the agent *own*, and shows what changed before they were due."""

    own: str
    deployment: str
    status_url: str
    runbooks: Mapping[str, str]
    """Where it says what to do, by the name of a service or of an alarm of the user's own."""
    engine: Engine
    ledgers: Mapping[str, Ledger]
    good: LastKnownGood
    store: Store
    storms: Storms

    @property
    def open(self) -> Collection[str]:
        """The keys of all pages that have not ended: of incidents, and of what they share."""
        shared = [roll_up_key(self.deployment, grade) for grade in self.storms.open]
        return {*self.engine.open, *shared}

    def burns(self, key: str) -> bool | None:
        """Whether what the page of *key* tells is seen to fail; None where that is no incident.

        Incidents that share one, and of which a peer has told by themselves, do without it.
        """
        for grade in self.storms.open:
            if key == roll_up_key(self.deployment, grade):
                members = self.storms.members(grade)
                untold = (one for one in members if not self.engine.callers(one))
                return any(map(self.engine.burns, untold))
        return self.engine.burns(key)

    def tell(
        self, changes: Iterable[Told], now: float
    ) -> tuple[Sequence[Page], Sequence[Statement]]:
        """Return the pages that tell *changes*, and what must be kept in one transaction with them.

        In a storm most incidents share a page; that one may also be due where nothing changed.
        """
        telling = self.storms.step(self.engine.open, changes, now)
        pages = [self.write(incident, change, now) for incident, change in telling.incidents]
        pages += [self._roll_up(one, now) for one in telling.roll_ups]
        return pages, [keep_storm(grade, storm) for grade, storm in telling.changed.items()]

    def _roll_up(self, roll_up: RollUp, now: float) -> Page:
        own = (one for one in self.engine.open.values() if not self.storms.covers(one.key))
        written = roll_up_page(
            roll_up,
            own,
            self.engine.rules,
            deployment=self.deployment,
            source=self.own,
            status_url=self.status_url,
            now=now,
        )
        _log(roll_up.action, written)
        return written

    def write(self, incident: Incident, change: Change, now: float) -> Page:
        """Return the page that tells *change* of *incident*, and log it."""
        try:
            written = page(incident, change, self._witness(incident, now), now)
        except Exception:  # a page without its words is worth more than none
            log.exception(
                "the page of %s cannot be worded: this is a bug, please report it", incident.key
            )
            written = self._bare(incident, change)
        _log(change, written)
        return written

    def _bare(self, incident: Incident, change: Change) -> Page:
        """Return a page of what the incident itself knows, with which nothing can go wrong."""
        resolved = change is Change.RESOLVED
        links = {"runbook": self.runbook(incident), "status_page": self.status_url}
        return Page(
            key=incident.key,
            action=Action.RESOLVE if resolved else Action.TRIGGER,
            severity=incident.severity,
            summary=f"{'resolved: ' if resolved else ''}{incident.headline}",
            service=incident.service,
            diagnosis=incident.headline,
            subject=incident.service,
            source=self.own,
            began_at=incident.began_at,
            details={name: url for name, url in links.items() if url},
        )

    def _witness(self, incident: Incident, now: float) -> Witness:
        fleet = Fleet(self.ledgers, self.engine.quorum, self.engine.controls, now)
        return Witness(
            vantage=self.own,
            vantages=self.engine.quorum.vantages,
            status_url=self.status_url,
            ledgers=self.ledgers,
            good=self.good,
            rules=self.engine.rules,
            failing={
                id_: evidence.began_at
                for id_, evidence in self.engine.evidence.items()
                if evidence.holds
            },
            standings=self.engine.composites.at,
            changes=self.changed(incident),
            shortage=fleet.shortage(incident.service),
            unsighted=fleet.unsighted,
            runbook=self.runbook(incident),
        )

    def runbook(self, incident: Incident) -> str:
        """Return where it says what to do about *incident*; empty for nowhere."""
        own = self.runbooks.get(incident.headline)
        return own or self.runbooks.get(incident.service, "")

    def changed(self, incident: Incident) -> Sequence[str]:
        """Return what changed before *incident* began, and since; nothing if that is unreadable."""
        # A fault and the change that made it may be seen in one round.
        border = incident.began_at + STEP
        try:
            before = self._events(incident, border - KEPT_FOR, border)
            since = self._events(incident, border, math.inf)
        except StoreError as error:
            log.error("%s: a page says less than it could", error)  # noqa: TRY400 - a bad disk
            return ()
        return chronicle(before, since)

    def _events(self, incident: Incident, since: float, until: float) -> Iterable[Event]:
        """Return what happened to its service, and to those that its own alarms are about."""
        rules = (self.engine.rules.get(id_) for id_ in incident.members)
        about = (rule.about for rule in rules if isinstance(rule, CompositeAlarm))
        services = sorted({incident.service}.union(*about))
        events = (self.store.events(one, since, until) for one in services)
        return merge(*events, key=attrgetter("at"), reverse=True)


def _log(what: str, page: Page) -> None:
    level = logging.INFO if page.action is Action.RESOLVE else logging.WARNING
    fields = {"service": page.service, "diagnosis": page.diagnosis, "key": page.key}
    log.log(level, "%s %s: %s", what, page.key, page.summary, extra=fields)
