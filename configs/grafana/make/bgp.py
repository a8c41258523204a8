"""BGP: who still reaches the prefixes, who else announces them, and whether the feeds live."""

from configs.grafana.make.board import OF, OURS, board
from configs.grafana.make.panels import Panels, lines, number, row, rows, states
from grafana_foundation_sdk.builders.dashboard import Dashboard


def bgp() -> Dashboard:
    """Return the dashboard."""
    made = board("bgp", "BGP", "Prefixes and their origins, the feeds they are known by, the RPKI.")
    for panel in (*_now(), *_prefixes()):
        made.with_panel(panel)
    made.with_row(row("Feeds"))
    for panel in _feeds():
        made.with_panel(panel)
    made.with_row(row("RPKI"))
    for panel in _rpki():
        made.with_panel(panel)
    return made


def _now() -> Panels:
    yield number(
        "Least visibility",
        "The share of the baseline's peers that still reach the least seen prefix.",
        "percentunit",
        f"min(vedette_bgp_visibility_ratio{{{OF}}})",
        ((None, "red"), (0.2, "orange"), (0.5, "yellow"), (0.9, "green")),
    ).span(6)
    yield number(
        "Foreign at",
        "Peer ASes that see the most seen foreign route.",
        "none",
        f"max(vedette_bgp_foreign_peer_ases{{{OF}}})",
        ((None, "green"), (1, "orange"), (3, "red")),
    ).span(6)
    yield number(
        "Feeds not believed",
        "Feeds that are silent or not seeded: nothing is said about prefixes by them.",
        "none",
        f"sum(vedette_bgp_feed_stale{{{OURS}}})",
    ).span(6)
    yield number(
        "Own routes invalid",
        "Expected routes that the RPKI makes invalid, at any vantage.",
        "none",
        "sum(max by (prefix, origin) "
        f'(vedette_bgp_rpki_state{{{OURS},state="invalid"}})) or vector(0)',
    ).span(6)


def _prefixes() -> Panels:
    yield lines(
        "Visibility",
        "Share of the baseline's peers that reach the prefix by an expected origin, as the feed "
        "has it that sees least. At 50 % it is partially withdrawn, at 20 % withdrawn.",
        "percentunit",
        (f"min by (check) (vedette_bgp_visibility_ratio{{{OF}}})", "{{check}}"),
        steps=((None, "red"), (0.2, "orange"), (0.5, "green")),
    )
    yield lines(
        "Peers by origin",
        "Peers that reach a prefix, by the origin AS that they see.",
        "none",
        (
            f"max by (check, origin) (vedette_bgp_origin_peers{{{OF}}})",
            "{{check}} by AS{{origin}}",
        ),
    )
    yield lines(
        "Foreign routes",
        "Peer ASes that see the most seen foreign route, by what is foreign about it.",
        "none",
        (
            f"max by (check, reason) (vedette_bgp_foreign_peer_ases{{{OF}}})",
            "{{check}} {{reason}}",
        ),
        steps=((None, "green"), (3, "red")),
    )
    yield lines(
        "Peers of the baseline",
        "Peers with a live session that had the prefix, and those of which nothing is known.",
        "none",
        (f"min by (check) (vedette_bgp_baseline_peers{{{OF}}})", "{{check}} live"),
        (f"max by (check) (vedette_bgp_unknown_peers{{{OF}}})", "{{check}} unknown"),
    )
    yield rows(
        "At fault since",
        "Prefixes that are at fault, by reason and feed. Empty while none is.",
        "dateTimeAsIso",
        "min by (check, reason, place) "
        f"(vedette_bgp_condition_since_timestamp_seconds{{{OF}}}) * 1000",
        {"check": "Prefix", "reason": "Reason", "place": "Feed"},
    )


def _feeds() -> Panels:
    yield states(
        "Feeds",
        "Whether what a feed says is believed.",
        (f"vedette_bgp_feed_stale{{{OURS}}}", "{{feed}} at {{instance}}"),
        words={"0": ("believed", "green"), "1": ("not believed", "red")},
    )
    yield lines(
        "Frames",
        "Frames that came, and connections made anew.",
        "cps",
        (
            f"sum by (feed) (rate(vedette_bgp_feed_frames_total{{{OURS}}}[$__rate_interval]))",
            "{{feed}}",
        ),
        (
            f"sum by (feed) (rate(vedette_bgp_feed_reconnects_total{{{OURS}}}[$__rate_interval]))",
            "{{feed}} reconnects",
        ),
    )
    yield lines(
        "Lag and silence",
        "Seconds that news took to come here, and since the newest frame.",
        "s",
        (f"max by (feed) (vedette_bgp_feed_lag_seconds{{{OURS}}})", "{{feed}} lag"),
        (f"max by (feed) (vedette_bgp_feed_age_seconds{{{OURS}}})", "{{feed}} silence"),
    )
    yield lines(
        "Errors and drops",
        "Frames and tables that could not be read, updates that came too late or were too many.",
        "cps",
        (
            f"sum by (feed) (rate(vedette_bgp_feed_errors_total{{{OURS}}}[$__rate_interval]))",
            "{{feed}} errors",
        ),
        (
            f"sum by (feed) (rate(vedette_bgp_feed_drops_total{{{OURS}}}[$__rate_interval]))",
            "{{feed}} drops",
        ),
        (
            f"sum by (feed) (rate(vedette_bgp_feed_late_total{{{OURS}}}[$__rate_interval]))",
            "{{feed}} late",
        ),
    )
    yield lines(
        "Sessions of peers",
        "Peer sessions that were heard to be up or down, and collectors that have gone silent.",
        "none",
        (f"max by (feed, state) (vedette_bgp_feed_sessions{{{OURS}}})", "{{feed}} {{state}}"),
        (
            f"max by (feed) (vedette_bgp_feed_silent_collectors{{{OURS}}})",
            "{{feed}} silent collectors",
        ),
    )


def _rpki() -> Panels:
    yield states(
        "Own routes",
        "Whether the RPKI makes an expected route invalid, at any vantage.",
        (
            f'max by (prefix, origin) (vedette_bgp_rpki_state{{{OURS},state="invalid"}})',
            "{{prefix}} AS{{origin}}",
        ),
        words={"0": ("not invalid", "green"), "1": ("invalid", "red")},
    )
    yield lines(
        "List of VRPs",
        "Age of the newest list that the validator gave.",
        "s",
        (f"max by (instance) (vedette_rpki_age_seconds{{{OURS}}})", "{{instance}}"),
    )
    yield lines(
        "Until ROAs end",
        "Seconds until the last ROA that makes an expected route valid ends, where it is known.",
        "s",
        (
            "min by (prefix, origin) "
            f"(vedette_bgp_roa_expiry_timestamp_seconds{{{OURS}}}) - time()",
            "{{prefix}} AS{{origin}}",
        ),
        least=None,
    )
