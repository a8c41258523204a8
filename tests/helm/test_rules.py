"""The chart's alerts: Prometheus takes them, and each rises for its reason alone."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helm.chart import rendered, the
from tests.servers.process import free_port, need
from tests.servers.prometheus import prometheus

TARGET = '{job="v-vedette",namespace="watch-tower"'
BLIND = 'diagnosis="vantage_blind",state="ALARM"'
CHECK = f'vedette_probe_state{TARGET},service="shop",kind="dns",check="a",state="UNKNOWN"'
UNKNOWN = f'{CHECK},place="a"}}'
SERIES = {
    "VedetteDown": (f"up{TARGET}}}", "0x20", "1x20"),
    "VedettePageUndelivered": (
        f'vedette_page_undelivered_seconds{TARGET},pager="pagerduty"}}', "0+60x20", "0x20"
    ),
    "VedettePageRejected": (
        f'vedette_pages_total{TARGET},pager="pagerduty",outcome="rejected"}}',
        "0 0 0 0 1x20",
        "1x20",
    ),
    "VedetteStoreFailing": (f"vedette_store_failing{TARGET}}}", "1x20", "0x20"),
    "VedetteBlind": (
        f'vedette_alarm_state{TARGET},{BLIND},subject="quickstart-1"}}', "1x20", "0x20",
    ),
    "VedetteFeedStale": (f'vedette_bgp_feed_stale{TARGET},feed="ris-live"}}', "1x20", "0x20"),
    "VedetteCheckUnknown": (f"{CHECK}}}", "1x20", "0x20"),
    "VedetteBug": (f"vedette_internal_errors_total{TARGET}}}", "0 0 0 0 1x20", "1x20"),
}  # fmt: skip


def groups() -> list[dict[str, Any]]:
    """Return the groups of rules that the chart renders."""
    found: list[dict[str, Any]] = the(rendered(), "PrometheusRule")["spec"]["groups"]
    return found


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Prometheus's own tool."""
    return subprocess.run(
        [need("promtool"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The chart's rules as a file of Prometheus's."""
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": groups()}))
    return path


def names() -> list[str]:
    """Return the names of the chart's alerts."""
    return [rule["alert"] for group in groups() for rule in group["rules"]]


def test_prometheus_takes_the_rules(rules: Path) -> None:
    """The rules are whole, and none is there twice."""
    ran = promtool("check", "rules", "--lint=all", "--lint-fatal", str(rules))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert sorted(names()) == sorted(SERIES)


@pytest.mark.parametrize("alert", SERIES)
def test_an_alert_rises_for_its_reason_alone(alert: str, rules: Path) -> None:
    """With the series in a bad state it fires, and with the same in a good state it does not."""
    series, bad, good = SERIES[alert]
    assert_fires(rules, alert, series, bad, annotations(alert, series))
    assert_fires(rules, alert, series, good, None)


@pytest.mark.parametrize(
    ("beside", "values", "fires"),
    [
        (f'vedette_vantage_sighted{TARGET},vantage="fra-1"}}', "1x20", True),
        (f'vedette_vantage_sighted{TARGET},vantage="fra-1"}}', "0x20", False),
        (UNKNOWN.replace('place="a"', 'place="b"'), "0x20", False),
    ],
    ids=["it sees", "it is blind", "another place is known"],
)
def test_who_sees_and_can_look_at_a_check_nowhere_says_so(
    beside: str, values: str, fires: bool, rules: Path
) -> None:
    """Neither blindness nor a single server that cannot be asked is told as a check's trouble."""
    alert = "VedetteCheckUnknown"
    series, bad, _ = SERIES[alert]
    told = annotations(alert, series) if fires else None
    assert_fires(rules, alert, UNKNOWN, bad, told, {beside: values}, labels(alert, series))


def test_a_blind_peer_is_not_this_agent(rules: Path) -> None:
    """An agent has an alarm of each blind or silent peer too; the alert is of its own sight."""
    series = f'vedette_alarm_state{TARGET},{BLIND},subject="nyc-1"}}'
    assert_fires(rules, "VedetteBlind", series, "1x20", None)


def test_an_alert_says_the_agents_name_as_it_is(tmp_path: Path) -> None:
    """A name may have what YAML, PromQL or a template of Prometheus's would read as its own."""
    name = 'fra: 1 #{{ x }} "\\d"'
    spec = the(rendered(values={"config.agent.name": name}), "PrometheusRule")["spec"]
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(spec))
    escaped = name.replace("\\", r"\\").replace('"', r"\"")
    series = f'vedette_alarm_state{TARGET},{BLIND},subject="{escaped}"}}'
    told = {"summary": f"The agent {name} does not see the internet"}
    told["description"] = rule("VedetteBlind")["annotations"]["description"]
    assert_fires(rules, "VedetteBlind", series, "1x20", told)


@pytest.mark.parametrize("name", ["fra-1", "fra: $1"])
def test_what_is_scraped_has_the_agents_name(name: str, tmp_path: Path) -> None:
    """`instance`, which dashboards call the vantage, is the agent's name and no pod's address."""
    objects = rendered(values={"config.agent.name": name})
    (endpoint,) = the(objects, "ServiceMonitor")["spec"]["endpoints"]
    (relabelling,) = endpoint["relabelings"]
    port = free_port()
    job = {
        "job_name": "pods",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        "relabel_configs": [
            {
                "target_label": relabelling["targetLabel"],
                "replacement": relabelling["replacement"],
            }
        ],
    }
    with prometheus(tmp_path, scrape_configs=[job], port=port) as server:
        assert server.scraped()["labels"]["instance"] == name


def assert_fires(
    rules: Path,
    alert: str,
    series: str,
    values: str,
    told: dict[str, str] | None,
    beside: dict[str, str] | None = None,
    under: dict[str, str] | None = None,
) -> None:
    """With *values* of *series* an alert fires and has *told* people this, or it does not fire.

    *beside* maps other series to their values; *under* are its labels, if not those of *series*.
    """
    fires = {"exp_labels": under or labels(alert, series), "exp_annotations": told}
    given = {series: values} | (beside or {})
    asked = {"eval_time": "18m", "alertname": alert, "exp_alerts": [fires] if told else []}
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": each} for one, each in given.items()],
        "alert_rule_test": [asked],
    }
    path = rules.with_name("test.yaml")
    path.write_text(yaml.safe_dump({"rule_files": [str(rules)], "tests": [test]}))
    ran = promtool("test", "rules", str(path))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def rule(alert: str) -> dict[str, Any]:
    """Return one rule."""
    (found,) = [one for group in groups() for one in group["rules"] if one["alert"] == alert]
    return found


def labels(alert: str, series: str) -> dict[str, str]:
    """Return the labels under which *alert* fires for *series*."""
    pairs = [pair.split("=") for pair in series[series.index("{") + 1 : -1].split(",")]
    said = {key: json.loads(value) for key, value in pairs}
    return said | rule(alert)["labels"]


def annotations(alert: str, series: str) -> dict[str, str]:
    """Return what the alert tells people of *series*: its labels stand where they are named."""
    filled = dict(rule(alert)["annotations"])
    for name, value in labels(alert, series).items():
        filled = {k: text.replace(f"{{{{ $labels.{name} }}}}", value) for k, text in filled.items()}
    return filled
