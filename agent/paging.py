"""From a change of an incident to a page: with what a person needs to know at that moment."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vedette.agent.chronicle import chronicle
from vedette.agent.engine import Engine
from vedette.agent.incidents import Change, Incident
from vedette.agent.lastgood import LastKnownGood
from vedette.agent.ledger import Ledger
from vedette.agent.store import Store, StoreError
from vedette.agent.wording import Witness, page
from vedette.exporters.page import Page

log = logging.getLogger(__name__)

KEPT_FOR = 40 * 86400.0
"""Seconds for which changes are remembered: a dormant setting took 38 days to strike."""
STEP = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """Writes the pages of the agent *own*, and shows what changed before they were due."""

    own: str
    status_url: str
    engine: Engine
    ledgers: Mapping[str, Ledger]
    good: LastKnownGood
    store: Store

    def write(self, incident: Incident, change: Change, now: float) -> Page:
        """Return the page that tells *change* of *incident*, and log it."""
        written = page(incident, change, self._witness(incident), now)
        log.log(
            logging.INFO if written.action == "resolve" else logging.WARNING,
            "%s %s: %s", change, incident.key, written.summary,
        )  # fmt: skip
        return written

    def _witness(self, incident: Incident) -> Witness:
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
        )

    def changed(self, incident: Incident) -> Sequence[str]:
        """Return what changed before *incident* began, and since; nothing if that is unreadable."""
        # A fault and the change that made it may be seen in one round.
        service, border = incident.service, incident.began_at + STEP
        try:
            before = self.store.events(service, border - KEPT_FOR, border)
            since = self.store.events(service, border)
        except StoreError as error:
            log.error("%s: a page says less than it could", error)  # noqa: TRY400 - a bad disk
            return ()
        return chronicle(before, since)
