"""The metric families: what the ledger, the alarms, the outbox and the feeds say in numbers.

Rule: a family of many series is read a step at a time, and all may change between two steps. What
one series says is taken in one step, and what may shrink or grow is copied before it is read.
"""

from collections.abc import Iterator

from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import headed
from vedette.agent.composite.announcement import QUIETED_BY, by_whom
from vedette.agent.counts import Counts
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.paging.outbox import Outbox
from vedette.exporters.metrics import (
    NO_LABELS,
    Family,
    Labels,
    Samples,
    counter,
    gauge,
    histogram,
    states,
)
from vedette.exporters.page import Outcome

_ENDS = (Outcome.DELIVERED, Outcome.REJECTED, Outcome.SUPERSEDED)


class Alarms:
    """The families of alarms and incidents; what an alarm is called is written once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._labels = [
            Labels(service=rule.service, diagnosis=rule.diagnosis).also(subject=rule.subject)
            for rule in engine.rules.values()
        ]

    def families(self, now: float) -> Iterator[Family]:
        """Return them as they are at *now*."""
        memories = self._engine.memories
        yield states(
            "vedette_alarm_state",
            "1 for the state the alarm is in: OK, ALARM or INSUFFICIENT_DATA.",
            (
                (labels, memories[id_].state)
                for id_, labels in zip(self._engine.rules, self._labels, strict=True)
            ),
            State,
        )
        yield from self._suppressed(now)
        yield gauge("vedette_incidents_open", "Open incidents.", _one(len(self._engine.open)))
        yield gauge(
            "vedette_incident_opened_timestamp_seconds",
            "When an open incident was opened, by its headline.",
            list(self._incidents()),
        )

    def _incidents(self) -> Iterator[tuple[Labels, float]]:
        for key, incident in self._engine.open.items():
            diagnosis, subject = headed(incident, self._engine.rules)
            yield (
                Labels(
                    key=key,
                    service=incident.service,
                    diagnosis=diagnosis,
                    subject=subject,
                    severity=incident.severity,
                ),
                incident.opened_at,
            )

    def _suppressed(self, now: float) -> Iterator[Family]:
        """Return why composite alarms keep quiet, for those that ever may."""
        composites = self._engine.composites
        may = [
            alarm
            for alarm in composites.alarms.values()
            if alarm.settings.suppressor or alarm.settings.mute
        ]
        if may:
            yield gauge(
                "vedette_alarm_suppressed",
                "1 for why a composite alarm pages nobody, whatever its state.",
                (
                    (Labels(alarm=alarm.id, by=by), float(by in quieted))
                    for alarm in may
                    for quieted in [by_whom(composites.announced[alarm.id], alarm, now)]
                    for by in QUIETED_BY
                ),
            )


def _one(value: float) -> Samples:
    """Return the only sample of a family without labels."""
    return [(NO_LABELS, float(value))]


def pages(outbox: Outbox, journal: Journal, now: float) -> Iterator[Family]:
    """Return the families of pages and of the state they are kept in."""
    undelivered = [(Labels(pager=name), at) for name, at in outbox.undelivered.items()]
    yield gauge(
        "vedette_pages_undelivered",
        "Pages that the pager has neither accepted nor refused yet.",
        [(labels, float(len(queued))) for labels, queued in undelivered],
    )
    yield gauge(
        "vedette_page_undelivered_seconds",
        "For how long the pager's oldest page has been on its way; 0 when there is none.",
        [(labels, max(0.0, now - min(queued, default=now))) for labels, queued in undelivered],
    )
    # What a series begins with is no increase: the first page that is refused must be one.
    begun = {(name, end): 0 for name in outbox.undelivered for end in _ENDS}
    yield counter(
        "vedette_pages_total",
        "Pages by pager and what became of them.",
        [
            (Labels(pager=pager, outcome=outcome), count)
            for (pager, outcome), count in sorted((begun | outbox.delivered).items())
        ],
    )
    yield gauge(
        "vedette_store_failing",
        "1 while the state cannot be written to the disk.",
        _one(journal.failing),
    )


def last_known_good(good: LastKnownGood) -> Iterator[Family]:
    """Return the family of the last-known-good sets."""
    sets = tuple(good)
    yield gauge(
        "vedette_last_known_good_promoted_timestamp_seconds",
        "When the newest last-known-good set of a name and type became that.",
        ((Labels(name=one.name, type=one.type), one.promoted_at) for one in sets),
    )


def work(counts: Counts, version: str, lag: float) -> Iterator[Family]:
    """Return the families of the agent's own work; its clock is *lag* seconds behind the host's."""
    yield gauge("vedette_build_info", "1, with the version.", [(Labels(version=version), 1)])
    yield gauge(
        "vedette_config_last_reload_successful",
        "1 while the agent goes by its config file as that was read last, 0 where it was refused.",
        [(NO_LABELS, counts.config_is_current)],
    )
    yield gauge(
        "vedette_config_last_reload_success_timestamp_seconds",
        "When the config that the agent goes by was read.",
        [(NO_LABELS, counts.config_loaded_at)],
    )
    yield gauge(
        "vedette_clock_lag_seconds",
        "How far the agent's clock, which was set at its start, is behind the host's: dates of "
        "pages and windows of maintenance are as wrong, until it is restarted.",
        [(NO_LABELS, lag)],
    )
    yield counter("vedette_check_runs_total", "Rounds of checks.", [(NO_LABELS, counts.runs)])
    yield counter(
        "vedette_check_ticks_skipped_total",
        "Ticks at which a check was still running.",
        [(NO_LABELS, counts.skipped)],
    )
    yield counter(
        "vedette_looks_disturbed_total",
        "Looks that took longer, or seemed to, because this agent was busy; none is called slow.",
        [(NO_LABELS, counts.disturbed)],
    )
    yield counter(
        "vedette_internal_errors_total",
        "Times that a bug of ours ended some work, which was begun again.",
        [(NO_LABELS, counts.internal_errors)],
    )
    yield counter(
        "vedette_events_total",
        "What happened that is worth a line in the record and pages nobody.",
        [(Labels(event=name), count) for name, count in counts.events.items()],
    )
    yield histogram(
        "vedette_check_lateness_seconds", "How late rounds began.", [(NO_LABELS, counts.lateness)]
    )
