"""The metric families of routes: prefixes, the feeds they are known from, and the RPKI.

Rule: as for all families, what one series says is taken in one step.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from vedette.agent.routes.roas import Roas, RouteState
from vedette.agent.serving.probes import Probe
from vedette.checks.bgp.feed.health import FeedHealth
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rpki.source import VrpHealth
from vedette.checks.finding import Kind
from vedette.exporters.metrics import NO_LABELS, Family, Labels, Samples, counter, gauge, states

_ORIGINS = 10
"""How many origins of a prefix have a series: whoever announces it can make more up."""

_FOREIGN = {
    Reason.ORIGIN: "foreign_origins",
    Reason.MORE_SPECIFIC: "more_specifics",
    Reason.PATH: "foreign_neighbours",
}


def routes(seen: Sequence[Probe]) -> Iterator[Family]:
    """Return the families of the prefixes among the probes that were *seen*."""
    seen = [probe for probe in seen if probe[0].key.kind is Kind.BGP]
    yield gauge(
        "vedette_bgp_origin_peers",
        "Peers that reach the prefix, by the origin AS they see; those of rare origins together.",
        _origins(seen),
    )
    yield gauge(
        "vedette_bgp_foreign_peer_ases",
        "Peer ASes that see the most seen foreign route, by what is foreign about it.",
        _foreign(seen),
    )
    yield gauge(
        "vedette_bgp_condition_since_timestamp_seconds",
        "Since when a prefix is at fault, by reason; there is none while it is not.",
        _conditions(seen),
    )


def _origins(seen: Sequence[Probe]) -> Samples:
    for series, labels in seen:
        yield None
        origins = series.last.finding.facts.get("origins")
        if isinstance(origins, Mapping):
            rows = iter(origins.items())  # those of the most peers first
            for origin, peers in islice(rows, _ORIGINS):
                yield labels.also(origin=str(origin)), float(peers)
            if rest := sum(peers for _, peers in rows):
                yield labels.also(origin="other"), float(rest)


def _foreign(seen: Sequence[Probe]) -> Samples:
    for series, labels in seen:
        yield None
        facts = series.last.finding.facts
        for reason, fact in _FOREIGN.items() if facts else ():
            rows = facts.get(fact)
            if isinstance(rows, Mapping):
                yield labels.also(reason=reason), float(max(rows.values(), default=0.0))


def _conditions(seen: Sequence[Probe]) -> Samples:
    for series, labels in seen:
        yield None
        since = series.last.finding.facts.get("since")
        for reason, at in since.items() if isinstance(since, Mapping) else ():
            yield labels.also(reason=reason), at


def feeds(healths: Sequence[FeedHealth], now: float) -> Iterator[Family]:
    """Return the families of the BGP feeds."""

    def samples(values: Iterable[float | None]) -> Samples:
        rows = zip(healths, values, strict=True)
        return [(Labels(feed=h.source), float(v)) for h, v in rows if v is not None]

    newest = [max(0.0, now - h.last_frame_at) if h.last_frame_at else None for h in healths]
    for name, text, gauged in (
        ("up", "1 while connected.", [h.connected for h in healths]),
        ("stale", "1 while nothing that it said is believed.", [bool(h.silence) for h in healths]),
        ("age_seconds", "Seconds since the newest frame.", newest),
        ("lag_seconds", "Seconds that news took to come here.", [h.lag for h in healths]),
        ("queued_updates", "Updates that wait to be applied.", [h.queue for h in healths]),
        ("seed_age_seconds", "Age of the oldest seed in use.", [h.seed_age for h in healths]),
        (
            "seeded_prefixes",
            "Prefixes seeded since it connected.",
            [len(h.seeded) for h in healths],
        ),
    ):
        yield gauge(f"vedette_bgp_feed_{name}", text, samples(gauged))
    for name, text, counted in (
        ("frames", "Frames received.", [h.frames for h in healths]),
        ("errors", "Frames and tables that could not be read.", [h.errors for h in healths]),
        ("late", "Updates that came after newer ones.", [h.late for h in healths]),
        ("drops", "Updates dropped: more came than could wait.", [h.drops for h in healths]),
        ("reconnects", "Connections made after the first.", [h.reconnects for h in healths]),
    ):
        yield counter(f"vedette_bgp_feed_{name}_total", text, samples(counted))
    yield gauge(
        "vedette_bgp_feed_sessions",
        "Peer sessions that were heard to be up or down.",
        [
            (Labels(feed=h.source, state=state), count)
            for h in healths
            for state, count in zip(("up", "down"), h.sessions, strict=True)
        ],
    )
    yield gauge(
        "vedette_bgp_feed_silent_collectors",
        "Collectors of which nothing comes while others speak.",
        samples(sum(row.silent for row in h.collectors.values()) for h in healths),
    )


class Rpki:
    """The families of the RPKI; what a route is called is written once."""

    def __init__(self, roas: Roas | None) -> None:
        self._routes = roas.routes if roas else {}
        self._labels = {
            route: Labels(prefix=route[0], origin=str(route[1])) for route in self._routes
        }

    def families(self, health: VrpHealth | None, now: float) -> Iterator[Family]:
        """Return them as of *now*; without a validator there is no *health* and no series."""
        known = [health] if health else []
        ages = [age for h in known if (age := h.age(now)) is not None]
        for name, text, gauged in (
            ("vrps", "VRPs in the newest list.", [h.count for h in known]),
            ("age_seconds", "Age of the newest list of VRPs.", ages),
            ("stale", "1 while no list of VRPs is believed.", [bool(h.silence) for h in known]),
        ):
            yield gauge(f"vedette_rpki_{name}", text, _unlabelled(gauged))
        yield counter(
            "vedette_rpki_errors_total",
            "Times that no list could be had.",
            _unlabelled(h.errors for h in known),
        )
        yield states(
            "vedette_bgp_rpki_state",
            "1 for the state of an expected route: valid, invalid, not_found or unknown.",
            ((labels, self._routes[route].state) for route, labels in self._labels.items()),
            RouteState,
        )
        yield gauge(
            "vedette_bgp_roa_expiry_timestamp_seconds",
            "When the last ROA that makes an expected route valid ends, where that is known.",
            self._expiries(),
        )

    def _expiries(self) -> Samples:
        for route, labels in self._labels.items():
            expires_at = self._routes[route].expires_at
            yield None if expires_at is None else (labels, expires_at)


def _unlabelled(values: Iterable[float]) -> Samples:
    return [(NO_LABELS, float(value)) for value in values]
