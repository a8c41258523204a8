"""The metric families of probes: what the newest look of each series says in numbers.

Rule: as for all families, what one series says is taken in one step, and here in one only: to walk
from ten thousand series to their newest findings takes longer than to read there all there is.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import is_, itemgetter

from vedette.agent.memory.ledger import CheckKey, Ledger, Series
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.metrics import Family, Labels, gauge, histogram, states

Probe = tuple[Series, Labels]
_SERIES = itemgetter(0)
_STEPS = 5
"""Steps of a slice that a series counts for when it is gathered: it takes as long as so many."""


class Seen:
    """What the series said that a scrape has walked over."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []
        self._states: list[tuple[Labels, Verdict]] = []
        self._failures: list[tuple[Labels, float]] = []
        self._facts: dict[tuple[Kind, str], list[tuple[Labels, float]]] = {
            (kind, fact): [] for _, kind, fact, _ in _FACTS
        }

    def add(self, probes: Sequence[Probe], now: float) -> None:
        """Take in what the series of one check say at *now*."""
        self.probes += probes
        for series, labels in probes:
            finding, kind = series.looks.last.finding, series.key.kind
            self._states.append((labels, series.verdict(now)))
            if finding.reason:
                self._failures.append((labels.also(reason=finding.reason), 1))
            for fact in _FACTS_OF[kind]:
                value = finding.facts.get(fact)
                if isinstance(value, int | float):
                    self._facts[kind, fact].append((labels, float(value)))

    def families(self) -> Iterator[Family]:
        """Return the families of these probes."""
        yield states(
            "vedette_probe_state",
            "1 for what the newest look says about the present: OK, FAILING or UNKNOWN.",
            self._states,
            Verdict,
        )
        yield gauge(
            "vedette_probe_failure_info",
            "1 for the reason while the newest look is not OK.",
            self._failures,
        )
        yield histogram(
            "vedette_probe_duration_seconds",
            "How long looks took, good and bad.",
            ((labels, series.seconds) for series, labels in self.probes),
        )
        for name, kind, fact, text in _FACTS:
            yield gauge(name, text, self._facts[kind, fact])


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
        "vedette_tls_leaf_certificate_expiry_timestamp_seconds",
        Kind.HTTP,
        "certificate_not_after",
        "When the server's own certificate ends, kept when verification fails.",
    ),
    (
        "vedette_bgp_visibility_ratio",
        Kind.BGP,
        "share",
        "Share of the baseline's peers that reach the prefix by an expected origin.",
    ),
    ("vedette_bgp_baseline_peers", Kind.BGP, "of", "Peers of the baseline with a live session."),
    (
        "vedette_bgp_unknown_peers",
        Kind.BGP,
        "unknown",
        "Peers of the baseline of which nothing is known, since their session is down.",
    ),
)

_FACTS_OF = {kind: [fact for _, of, fact, _ in _FACTS if of is kind] for kind in Kind}


class Probes:
    """The series of *checks* in the order of their names, with the labels by which they are told.

    What a series is called never changes, and is written once.
    """

    def __init__(self, ledger: Ledger, checks: Iterable[CheckKey]) -> None:
        self._ledger = ledger
        self._probes: dict[CheckKey, Sequence[Probe]] = dict.fromkeys(sorted(checks), ())

    def gather(self, seen: Seen, now: float) -> Iterator[str]:
        """Let all of them be *seen* as of *now*, in steps that are lines without text."""
        for key, known in self._probes.items():
            yield ""
            series = self._ledger.of(key)
            if len(known) != len(series) or not all(map(is_, map(_SERIES, known), series)):
                self._probes[key] = tuple(zip(series, map(_told, series), strict=True))
                yield from [""] * len(series)
            seen.add(self._probes[key], now)
            yield from [""] * (_STEPS * len(series))


def _told(series: Series) -> Labels:
    key = series.key
    return Labels(
        service=key.service,
        check=key.check,
        kind=key.kind,
        subject=series.subject,
        place=series.place,
    )
