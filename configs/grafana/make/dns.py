"""DNS: what names answer, at which servers, how soon, and until when their signatures hold."""

from configs.grafana.make.board import OF, OURS, board, looks, of_kind, sighted
from configs.grafana.make.panels import (
    GOOD_BELOW_ONE,
    Panels,
    lines,
    newest_looks,
    number,
    quantile,
    row,
    rows,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard

_DNS = of_kind("dns")


def dns() -> Dashboard:
    """Return the dashboard."""
    made = board("dns", "DNS", "Names at their authoritative servers and at resolvers.")
    for panel in _now():
        made.with_panel(panel)
    for panel in _answers():
        made.with_panel(panel)
    made.with_row(row("DNSSEC and changes"))
    for panel in _trust():
        made.with_panel(panel)
    return made


def _now() -> Panels:
    for place, what in (("authoritative", "Authoritative servers"), ("recursive", "Resolvers")):
        yield number(
            f"{what} failing",
            f"{what} whose newest look fails, at all vantages that see.",
            "none",
            f"""sum({looks(f'{_DNS},place="{place}"', "FAILING")}) or vector(0)""",
            GOOD_BELOW_ONE,
        ).span(6)
    yield number(
        "Fewest records",
        "The fewest records that any server answers; 0 is an empty name.",
        "none",
        f"min(vedette_dns_answers{{{OF}}})",
        ((None, "red"), (1, "green")),
    ).span(6)
    yield number(
        "First signature ends in",
        "Until the first signature of any chain of trust ends.",
        "s",
        f"min(vedette_dnssec_signature_expiry_timestamp_seconds{{{OF}}}) - time()",
        ((None, "red"), (86400, "orange"), (3 * 86400, "green")),
    ).span(6)


def _answers() -> Panels:
    yield newest_looks(
        "Servers",
        "Each server's newest look, the worst of the vantages that see. Grey is UNKNOWN: nobody "
        "could look.",
        _DNS,
        "check, place, subject",
        "{{check}} {{place}} {{subject}}",
    )
    yield rows(
        "Why looks fail",
        "Reasons of the newest looks that are not OK, of vantages that see. Empty while all is "
        "well.",
        "none",
        "sum by (check, place, subject, reason) "
        f"({sighted(f'vedette_probe_failure_info{{{_DNS}}}')})",
        {
            "check": "Name",
            "place": "Place",
            "subject": "Server",
            "reason": "Reason",
            "Value": "Vantages",
        },
    )
    yield lines(
        "Records in the answer",
        "Records of the asked type in the newest answer, the fewest of a name's servers by place.",
        "none",
        (f"min by (check, place) (vedette_dns_answers{{{OF}}})", "{{check}} {{place}}"),
    )
    yield lines(
        "TTL",
        "Least TTL of the newest answers: for so long a change stays unseen.",
        "s",
        (f"min by (check, place) (vedette_dns_ttl_seconds{{{OF}}})", "{{check}} {{place}}"),
    )
    yield lines(
        "Time to an answer, 95 % of looks",
        "95 of 100 looks took no longer, failing ones included.",
        "s",
        (
            quantile(0.95, "vedette_probe_duration_seconds", _DNS, "check, place"),
            "{{check}} {{place}}",
        ),
    )
    yield lines(
        "Looks",
        "Looks at servers a second, by vantage.",
        "reqps",
        (
            "sum by (instance) "
            f"(rate(vedette_probe_duration_seconds_count{{{_DNS}}}[$__rate_interval]))",
            "{{instance}}",
        ),
    )


def _trust() -> Panels:
    yield lines(
        "Until signatures end",
        "Seconds until the first signature of the chain of trust, or over an answer, ends.",
        "s",
        (
            f"min by (check) (vedette_dnssec_signature_expiry_timestamp_seconds{{{OF}}}) - time()",
            "{{check}}",
        ),
        steps=((None, "red"), (86400, "green")),
        least=None,
    )
    yield lines(
        "Forged or stray replies",
        "Replies that were dropped before the newest answer came; a forger must guess many times.",
        "none",
        (
            f"max by (check, subject) (vedette_dns_replies_dropped{{{OF}}})",
            "{{check}} {{subject}}",
        ),
    )
    yield lines(
        "Changes",
        "Changes of answers, delegations and serials, and old answers that came back.",
        "none",
        (
            "sum by (event) (increase(vedette_events_total{"
            f'{OURS},event=~"answers_changed|name_servers_changed|serial_changed|'
            'stale_answer_returned"}[$__rate_interval]))',
            "{{event}}",
        ),
    )
    yield lines(
        "Age of the last known good answers",
        "Since when the newest good answers of a name are kept.",
        "s",
        (
            "time() - max by (name, type) "
            f"(vedette_last_known_good_promoted_timestamp_seconds{{{OURS}}})",
            "{{name}} {{type}}",
        ),
    )
