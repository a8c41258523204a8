"""Fleet and incidents: what is wrong, who says so, and whether anybody was told."""

from configs.grafana.make.board import OF, OURS, board, looks
from configs.grafana.make.panels import (
    BAD_BELOW_ONE,
    NEUTRAL,
    Panels,
    lines,
    number,
    row,
    rows,
    states,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard

_ALARMS = {"1": ("ALARM", "red")}


def fleet() -> Dashboard:
    """Return the dashboard."""
    made = board("fleet", "Fleet", "Incidents, alarms and pages of all vantages.")
    for panel in (*_now(), *_over_time()):
        made.with_panel(panel)
    made.with_row(row("Vantages"))
    for panel in _vantages():
        made.with_panel(panel)
    made.with_row(row("Pages"))
    for panel in _pages():
        made.with_panel(panel)
    return made


def _now() -> Panels:
    yield number(
        "Open incidents",
        "Incidents that are open, as the vantage sees it that has most of them.",
        "none",
        f"max(vedette_incidents_open{{{OURS}}})",
    )
    yield number(
        "Alarms in ALARM",
        "Alarms that are in ALARM at any vantage; several belong to one incident.",
        "none",
        f'sum(max by (service, diagnosis, subject) (vedette_alarm_state{{{OF},state="ALARM"}}))',
    )
    yield number(
        "Vantages that see",
        "Vantages whose controls show the internet, of those that are scraped.",
        "percentunit",
        f"(count(vedette_vantage_sighted{{{OURS}}} == 1) or vector(0)) "
        f"/ count(vedette_vantage_info{{{OURS}}})",
        BAD_BELOW_ONE,
    )
    yield number(
        "Failing looks",
        "Subjects (servers, addresses, prefixes by feed) whose newest look fails, at all vantages "
        "that see.",
        "none",
        f"sum({looks(OF, 'FAILING')})",
    )
    yield number(
        "Oldest page on its way",
        "Age of the oldest page that its pager has neither accepted nor refused.",
        "s",
        f"max(vedette_page_undelivered_seconds{{{OURS}}})",
        ((None, "green"), (30, "orange"), (60, "red")),
    )
    yield number(
        "Subjects watched",
        "Servers, addresses and prefixes that are looked at, counted at each vantage.",
        "none",
        f'count(vedette_probe_state{{{OF},state="OK"}})',
        NEUTRAL,
    )


def _over_time() -> Panels:
    yield rows(
        "Open since",
        "Every open incident with its headline, by vantage. Empty while nothing is wrong.",
        "dateTimeAsIso",
        "max by (instance, severity, diagnosis, service, subject) "
        f"(vedette_incident_opened_timestamp_seconds{{{OF}}}) * 1000",
        {
            "instance": "Vantage",
            "severity": "Severity",
            "diagnosis": "Diagnosis",
            "service": "Service",
            "subject": "Subject",
        },
    )
    yield states(
        "Alarms",
        "Alarms that were in ALARM at any vantage.",
        (
            "max by (service, diagnosis, subject) "
            f'(vedette_alarm_state{{{OF},state="ALARM"}} == 1)',
            "{{service}} {{diagnosis}} {{subject}}",
        ),
        words=_ALARMS,
    )
    yield lines(
        "Share of looks that are OK, by service",
        "Newest looks that are OK, of all that are known. A vantage that sees nothing is left out.",
        "percentunit",
        (
            f"sum by (service) ({looks(OF, 'OK')}) / sum by (service) ({looks(OF, 'OK|FAILING')})",
            "{{service}}",
        ),
        steps=((None, "red"), (0.9, "orange"), (1, "green")),
    )
    yield lines(
        "Vantages that say it holds",
        "Votes for each diagnosis: how many vantages say by themselves that it holds.",
        "none",
        (
            f"sum by (service, diagnosis, subject) (vedette_vote{{{OF}}}) > 0",
            "{{service}} {{diagnosis}} {{subject}}",
        ),
    )


def _vantages() -> Panels:
    yield rows(
        "Vantages",
        "The agents that are scraped, with what they hang on. Those of one domain are one voice.",
        "none",
        f"max by (vantage, provider, region, asn, url) (vedette_vantage_info{{{OURS}}})",
        {
            "vantage": "Vantage",
            "provider": "Provider",
            "region": "Region",
            "asn": "ASN",
            "url": "Status page",
            "Value": "Up",
        },
    )
    yield states(
        "Sight",
        "Whether each vantage sees the internet by its controls; blind, it says nothing.",
        (f"vedette_vantage_sighted{{{OURS}}}", "{{instance}}"),
        words={"1": ("sees", "green"), "0": ("blind", "red")},
    )
    yield lines(
        "Looks that could not be made",
        "Subjects whose newest look is UNKNOWN: too old, or the vantage could not look.",
        "none",
        (
            f'sum by (instance) (vedette_probe_state{{{OF},state="UNKNOWN"}})',
            "{{instance}}",
        ),
    )
    yield lines(
        "Events",
        "What happened that is worth a line in the record and pages nobody, such as changes of "
        "answers, certificates and serials.",
        "none",
        (
            f"sum by (event) (increase(vedette_events_total{{{OURS}}}[$__rate_interval]))",
            "{{event}}",
        ),
    )


def _pages() -> Panels:
    yield lines(
        "Pages",
        "What became of pages, by pager and vantage.",
        "none",
        (
            f"sum by (pager, outcome) (increase(vedette_pages_total{{{OURS}}}[$__rate_interval]))",
            "{{pager}} {{outcome}}",
        ),
    )
    yield lines(
        "Pages on their way",
        "Age of the oldest page that its pager has neither accepted nor refused.",
        "s",
        (f"max by (instance) (vedette_page_undelivered_seconds{{{OURS}}})", "{{instance}}"),
        steps=((None, "green"), (60, "red")),
    )
