"""What all dashboards have in common: variables, links, the stream of incidents, and its JSON."""

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
OURS = 'job=~"$job",instance=~"$instance"'
"""The series of the agents that are chosen."""
OF = f'{OURS},service=~"$service"'
"""The same, of the services that are chosen."""


_OPENED = "vedette_incident_opened_timestamp_seconds"
_ALL = model.VariableOption(text="All", value="$__all", selected=True)


def of_kind(kind: str) -> str:
    """Return the matchers of the probes of one kind."""
    return f'{OF},kind="{kind}"'


def sighted(series: str) -> str:
    """Return *series* without those of blind vantages: their looks fail, and say nothing."""
    return f"({series} unless on (job, instance) vedette_vantage_sighted{{{OURS}}} == 0)"


def looks(matchers: str, state: str) -> str:
    """Return the newest looks of vantages that see, 1 for those that show *state*, a pattern."""
    return sighted(f'vedette_probe_state{{{matchers},state=~"{state}"}}')


def _query(name: str, label: str, query: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(query)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def board(uid: str, title: str, description: str) -> build.Dashboard:
    """Return a dashboard without panels."""
    variables = [
        ("job", "Job", "label_values(vedette_build_info, job)"),
        ("instance", "Vantage", 'label_values(vedette_build_info{job=~"$job"}, instance)'),
        ("service", "Service", f"label_values(vedette_alarm_state{{{OURS}}}, service)"),
    ]
    made = (
        build.Dashboard(f"Vedette / {title}")
        .uid(f"vedette-{uid}")
        .description(description)
        .tags(["vedette"])
        .timezone("utc")
        .refresh("30s")
        .time("now-3h", "now")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            build.DatasourceVariable("datasource").label("Data source").type("prometheus")
        )
        .link(
            build.DashboardLink("Vedette")
            .type(model.DashboardLinkType.DASHBOARDS)
            .tags(["vedette"])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
        .link(
            build.DashboardLink("Status page")
            .type(model.DashboardLinkType.LINK)
            .url("${status_page}")
            .icon("external link")
            .target_blank(True)
        )
        .annotation(
            build.AnnotationQuery()
            .name("Incidents")
            .datasource(SOURCE)
            .enable(True)
            .icon_color("red")
            .expr(f"max by (service, diagnosis, subject) ({_OPENED}{{{OF}}})")
        )
    )
    for name, label, query in variables:
        chosen = _query(name, label, query).multi(True).include_all(True).current(_ALL)
        if name != "job":  # All jobs are those found: others have `up` and `process_*` as well.
            chosen.all_value(".+")
        made.with_variable(chosen)
    status = _query(
        "status_page", "Status page", f"label_values(vedette_vantage_info{{{OURS}}}, url)"
    )
    made.with_variable(status.hide(model.VariableHide.HIDE_VARIABLE))
    return made


def written(made: build.Dashboard) -> str:
    """Return a dashboard's JSON."""
    document: dict[str, Any] = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    for stream in document["annotations"]["list"]:
        # The region of an annotation lasts for as long as its series; the types know no words.
        stream |= {
            "titleFormat": "{{diagnosis}}",
            "textFormat": "{{service}}: {{subject}}",
            "tagKeys": "service,diagnosis",
            "step": "30s",
        }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
