"""The metric families: what the ledger, the alarms, the outbox and the feeds say in numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from vedette.agent.alarm import State
from vedette.agent.engine import Engine
from vedette.agent.events import EventName
from vedette.agent.journal import Journal
from vedette.agent.lastgood import LastKnownGood
from vedette.agent.ledger import Ledger, Series
from vedette.agent.outbox import Outbox
from vedette.checks.bgp.health import FeedHealth
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.metrics import Family, Histogram, MetricKind, Sample

Labels = Mapping[str, str]

_GAUGE, _COUNTER = MetricKind.GAUGE, MetricKind.COUNTER


@dataclass(slots=True)
class Counts:
    """What the agent counts about its own work."""

    runs: int = 0
    skipped: int = 0
    internal_errors: int = 0
    lateness: Histogram = field(default_factory=Histogram)
    events: dict[EventName, int] = field(default_factory=lambda: dict.fromkeys(EventName, 0))

    def ticked(self, lateness: float, skipped: int) -> None:
        """Count one run of a check that began *lateness* seconds after it was due."""
        self.runs += 1
        self.skipped += skipped
        self.lateness.observe(lateness)


def _labels(series: Series) -> Labels:
    return {
        "service": series.key.service,
        "check": series.key.check,
        "kind": series.key.kind,
        "subject": series.subject,
        "place": series.place,
    }


def probes(ledger: Ledger, now: float) -> Iterator[Family]:
    """Return the families of all probes."""
    series = [(s, _labels(s)) for s in ledger]
    yield Family(
        "vedette_probe_state",
        _GAUGE,
        "1 for what the newest look says about the present: OK, FAILING or UNKNOWN.",
        [
            Sample(float(s.verdict(now) is verdict), {**labels, "state": verdict})
            for s, labels in series
            for verdict in Verdict
        ],
    )
    yield Family(
        "vedette_probe_failure_info",
        _GAUGE,
        "1 for the reason while the newest look is not OK.",
        [
            Sample(1, {**labels, "reason": s.last.finding.reason})
            for s, labels in series
            if s.last.finding.reason
        ],
    )
    yield Family(
        "vedette_probe_duration_seconds",
        MetricKind.HISTOGRAM,
        "How long looks took, good and bad.",
        [sample for s, labels in series for sample in s.seconds.samples(labels)],
    )
    for name, kind, fact, text in _FACTS:
        yield Family(name, _GAUGE, text, list(_facts(series, kind, fact)))
    yield Family(
        "vedette_bgp_origin_peers",
        _GAUGE,
        "Peers that reach the prefix, by the origin AS they see.",
        list(_origins(series)),
    )


_FACTS = (
    ("vedette_dns_answers", Kind.DNS, "count", "Records of the asked type in the newest answer."),
    ("vedette_dns_ttl_seconds", Kind.DNS, "ttl", "Least TTL of the newest answer."),
    (
        "vedette_dns_replies_dropped",
        Kind.DNS,
        "dropped",
        "Forged or stray replies that came before the newest answer.",
    ),
    (
        "vedette_dnssec_signature_expiry_timestamp_seconds",
        Kind.DNS,
        "signature_expires_at",
        "When the first signature of the chain of trust or over an answer ends, or has ended.",
    ),
    ("vedette_http_status", Kind.HTTP, "status", "Status code of the newest response."),
    (
        "vedette_tls_certificate_expiry_timestamp_seconds",
        Kind.HTTP,
        "chain_not_after",
        "When the first certificate of the chain ends, kept when verification fails.",
    ),
    (
        "vedette_bgp_visibility_ratio",
        Kind.BGP,
        "share",
        "Share of the baseline's peers that reach the prefix by an expected origin.",
    ),
    ("vedette_bgp_baseline_peers", Kind.BGP, "of", "Peers of the baseline with a live session."),
)


def _facts(series: Iterable[tuple[Series, Labels]], kind: Kind, fact: str) -> Iterator[Sample]:
    for s, labels in series:
        value = s.last.finding.facts.get(fact) if s.key.kind is kind else None
        if isinstance(value, int | float):
            yield Sample(float(value), labels)


def _origins(series: Iterable[tuple[Series, Labels]]) -> Iterator[Sample]:
    for s, labels in series:
        origins = s.last.finding.facts.get("origins")
        if isinstance(origins, Mapping):
            for origin, peers in origins.items():
                yield Sample(float(peers), {**labels, "origin": str(origin)})


def alarms(engine: Engine) -> Iterator[Family]:
    """Return the families of alarms and incidents."""
    yield Family(
        "vedette_alarm_state",
        _GAUGE,
        "1 for the state the alarm is in: OK, ALARM or INSUFFICIENT_DATA.",
        [
            Sample(
                float(engine.memories[id_].state is state),
                {
                    "service": rule.service,
                    "diagnosis": rule.diagnosis,
                    "subject": rule.subject,
                    "state": state,
                },
            )
            for id_, rule in engine.rules.items()
            for state in State
        ],
    )
    yield Family(
        "vedette_incidents_open", _GAUGE, "Open incidents.", [Sample(float(len(engine.open)))]
    )


def pages(outbox: Outbox, journal: Journal, now: float) -> Iterator[Family]:
    """Return the families of pages and of the state they are kept in."""
    oldest = min((w.row.queued_at for w in outbox.waiting), default=now)
    yield Family(
        "vedette_pages_undelivered",
        _GAUGE,
        "Pages that no pager has accepted or refused yet.",
        [Sample(float(len(outbox.waiting)))],
    )
    yield Family(
        "vedette_page_undelivered_seconds",
        _GAUGE,
        "Age of the oldest undelivered page; 0 when there is none.",
        [Sample(max(0.0, now - oldest))],
    )
    yield Family(
        "vedette_pages_total",
        _COUNTER,
        "Pages by pager and what became of them.",
        [
            Sample(count, {"pager": pager, "outcome": outcome})
            for (pager, outcome), count in sorted(outbox.delivered.items())
        ],
    )
    yield Family(
        "vedette_store_failing",
        _GAUGE,
        "1 while the state cannot be written to the disk.",
        [Sample(float(journal.failing))],
    )


def feeds(healths: Sequence[FeedHealth], now: float) -> Iterator[Family]:
    """Return the families of the BGP feeds."""

    def family(name: str, kind: MetricKind, text: str, values: Iterable[float | None]) -> Family:
        rows = zip(healths, values, strict=True)
        samples = [Sample(value, {"feed": h.source}) for h, value in rows if value is not None]
        return Family(name, kind, text, samples)

    yield family(
        "vedette_bgp_feed_up", _GAUGE, "1 while connected.", [float(h.connected) for h in healths]
    )
    yield family(
        "vedette_bgp_feed_age_seconds",
        _GAUGE,
        "Seconds since the newest frame.",
        [max(0.0, now - h.last_frame_at) if h.last_frame_at else None for h in healths],
    )
    for name, text, values in (
        ("frames", "Frames received.", [h.frames for h in healths]),
        ("errors", "Frames that could not be read.", [h.errors for h in healths]),
        ("reconnects", "Connections made after the first.", [h.reconnects for h in healths]),
    ):
        yield family(f"vedette_bgp_feed_{name}_total", _COUNTER, text, map(float, values))


def last_known_good(good: LastKnownGood) -> Iterator[Family]:
    """Return the family of the last-known-good sets."""
    yield Family(
        "vedette_last_known_good_promoted_timestamp_seconds",
        _GAUGE,
        "When the newest last-known-good set of a name and type became that.",
        [Sample(one.promoted_at, {"name": one.name, "type": one.type}) for one in good],
    )


def work(counts: Counts, version: str) -> Iterator[Family]:
    """Return the families of the agent's own work."""
    yield Family(
        "vedette_build_info", _GAUGE, "1, with the version.", [Sample(1, {"version": version})]
    )
    yield Family("vedette_check_runs_total", _COUNTER, "Rounds of checks.", [Sample(counts.runs)])
    yield Family(
        "vedette_check_ticks_skipped_total",
        _COUNTER,
        "Ticks at which a check was still running.",
        [Sample(counts.skipped)],
    )
    yield Family(
        "vedette_internal_errors_total",
        _COUNTER,
        "Times that a bug of ours ended some work, which was begun again.",
        [Sample(counts.internal_errors)],
    )
    yield Family(
        "vedette_events_total",
        _COUNTER,
        "What happened that is worth a line in the record and pages nobody.",
        [Sample(count, {"event": name}) for name, count in counts.events.items()],
    )
    yield Family(
        "vedette_check_lateness_seconds",
        MetricKind.HISTOGRAM,
        "How late rounds began.",
        counts.lateness.samples(),
    )
