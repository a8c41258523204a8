"""HTTP: which pages answer, by name and at each address, how soon, and until when certified."""

from configs.grafana.make.board import OF, OURS, board, looks, of_kind, sighted
from configs.grafana.make.panels import Panels, lines, newest_looks, number, quantile, row, rows
from grafana_foundation_sdk.builders.dashboard import Dashboard

_HTTP = of_kind("http")
_DAYS = ((None, "red"), (7 * 86400, "orange"), (21 * 86400, "green"))


def http() -> Dashboard:
    """Return the dashboard."""
    made = board("http", "HTTP", "Pages by name and by address, and their certificates.")
    for panel in _now():
        made.with_panel(panel)
    for panel in _pages():
        made.with_panel(panel)
    made.with_row(row("Certificates"))
    for panel in _certificates():
        made.with_panel(panel)
    return made


def _now() -> Panels:
    yield number(
        "Pages failing by name",
        "Pages that fail as their users ask for them, at all vantages that see.",
        "none",
        f"""sum({looks(f'{_HTTP},place="name"', "FAILING")})""",
    ).span(6)
    yield number(
        "Addresses failing",
        "Single addresses that fail, at all vantages that see: dead edges.",
        "none",
        f"""sum({looks(f'{_HTTP},place!="name"', "FAILING")}) or vector(0)""",
    ).span(6)
    yield number(
        "Slowest of 95 %",
        "95 of 100 looks at pages took no longer.",
        "s",
        quantile(0.95, "vedette_probe_duration_seconds", _HTTP),
        ((None, "green"), (1, "orange"), (5, "red")),
    ).span(6)
    yield number(
        "First certificate ends in",
        "Until the first certificate of any chain ends.",
        "s",
        f"min(vedette_tls_certificate_expiry_timestamp_seconds{{{OF}}}) - time()",
        _DAYS,
    ).span(6)


def _pages() -> Panels:
    yield newest_looks(
        "Pages and addresses",
        "Each newest look, the worst of the vantages that see. Grey is UNKNOWN: nobody could look.",
        _HTTP,
        "check, place, subject",
        "{{check}} {{subject}}",
    )
    yield rows(
        "Why looks fail",
        "Reasons of the newest looks that are not OK, of vantages that see. Empty while all is "
        "well.",
        "none",
        "sum by (check, place, subject, reason) "
        f"({sighted(f'vedette_probe_failure_info{{{_HTTP}}}')})",
        {
            "check": "Page",
            "place": "Place",
            "subject": "At",
            "reason": "Reason",
            "Value": "Vantages",
        },
    )
    yield lines(
        "Time to a page, half of the looks",
        "Half of the looks took no longer.",
        "s",
        (
            quantile(0.5, "vedette_probe_duration_seconds", _HTTP, "check, subject"),
            "{{check}} {{subject}}",
        ),
    )
    yield lines(
        "Time to a page, 95 % of the looks",
        "95 of 100 looks took no longer, failing ones included.",
        "s",
        (
            quantile(0.95, "vedette_probe_duration_seconds", _HTTP, "check, subject"),
            "{{check}} {{subject}}",
        ),
    )
    yield lines(
        "Status codes",
        "Status code of the newest response.",
        "none",
        (
            f"max by (check, subject, instance) (vedette_http_status{{{OF}}})",
            "{{check}} {{subject}} from {{instance}}",
        ),
        least=None,
    )
    yield lines(
        "Looks",
        "Looks at pages a second, by vantage.",
        "reqps",
        (
            "sum by (instance) "
            f"(rate(vedette_probe_duration_seconds_count{{{_HTTP}}}[$__rate_interval]))",
            "{{instance}}",
        ),
    )


def _certificates() -> Panels:
    yield lines(
        "Until certificates end",
        "Seconds until the first certificate of the chain ends, and until the server's own does.",
        "s",
        (
            f"min by (check) (vedette_tls_certificate_expiry_timestamp_seconds{{{OF}}}) - time()",
            "{{check}} chain",
        ),
        (
            "min by (check) "
            f"(vedette_tls_leaf_certificate_expiry_timestamp_seconds{{{OF}}}) - time()",
            "{{check}} leaf",
        ),
        steps=((None, "red"), (7 * 86400, "green")),
        least=None,
    )
    yield lines(
        "Certificates changed",
        "Certificates that are not the ones of before, at any vantage.",
        "none",
        (
            "sum(increase(vedette_events_total{"
            f'{OURS},event="certificate_changed"}}[$__rate_interval]))',
            "changed",
        ),
    )
