"""`vedette rules`: what it writes, for whom, and what it says that it cannot write."""

import json
import re
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.servers import promtool
from vedette.agent.cli import main
from vedette.agent.rules.words import summary

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "configs").glob("*.yaml"))
FLEET = """\
agent: {name: fra-1, domain: {provider: alfa}}
peers:
  - {name: nyc-1, url: "http://127.0.0.1:1", domain: {provider: bravo}, token_file: token}
  - {name: sgp-1, url: "http://127.0.0.1:2", domain: {provider: charlie}, token_file: token}
services:
  - name: shop
    dns: [{name: shop.example}, {name: www.shop.example, hold: 1m, clear: 0s}]
    runbook: "https://run.test/{{shop}}"
    http: [{url: "https://shop.example/"}]
    bgp: [{prefix: 192.0.2.0/24, origins: [64500]}]
controls: {dns: [{name: control.example}]}
alarms:
  - {name: 'odd "name" {{ }}', rule: 'ALARM("https://shop.example/") OR TRUE'}
  - {name: idle, rule: 'FALSE', missing: notBreaching, runbook: "https://run.test/idle"}
"""


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_rules(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules of every example pass promtool without a word, and an independent parser."""
    assert main(["rules", "--config", str(path)]) == 0
    checked(capsys.readouterr().out, tmp_path)


def test_a_fleet_is_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So do those of several vantages, with odd names, and alarms that go by nothing."""
    (tmp_path / "token").write_text("0123456789abcdef0123456789abcdef\n")
    (tmp_path / "vedette.yaml").write_text(FLEET)
    assert main(["rules", "--config", str(tmp_path / "vedette.yaml")]) == 0
    text = capsys.readouterr().out

    rules = checked(text, tmp_path)
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    assert {"record_emptied", "prefix_withdrawn", "vantage_silent", 'odd "name" {{ }}'} <= alerts
    assert "regional_failure: " in text
    leads = {one["alert"]: one["annotations"].get("runbook_url") for one in rules if "alert" in one}
    assert leads["record_emptied"] == '{{ "https://run.test/{{shop}}" }}'
    assert (leads["idle"], leads["vantage_silent"]) == ("https://run.test/idle", None)


def checked(text: str, folder: Path) -> list[dict[str, str]]:
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    promtool.check(path)
    (group,) = yaml.safe_load(text)["groups"]
    for rule in group["rules"]:
        promql_parser.parse(rule["expr"])
    return group["rules"]


def test_the_shown_rules_are_those_of_the_example(capsys: pytest.CaptureFixture[str]) -> None:
    """configs/prometheus has what `make dashboards` makes, and promtool takes its config."""
    assert main(["rules", "--config", str(ROOT / "configs" / "alarms.yaml")]) == 0
    shown = ROOT / "configs" / "prometheus" / "alarms.rules.yaml"

    assert shown.read_text(encoding="utf-8") == capsys.readouterr().out
    promtool.check_config(shown.with_name("prometheus.yaml"))


@pytest.mark.parametrize("interval", ["0", "x", "2.5", "300", "-1", "nan"])
def test_an_interval_that_forgets(interval: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What Prometheus would forget between two evaluations is refused, in a sentence."""
    with pytest.raises(SystemExit) as caught:
        main(["rules", "--config", "x.yaml", "--interval", interval])

    assert caught.value.code == 2
    assert "is not a whole number of seconds from 1 to 299" in capsys.readouterr().err


ONE = '{deployment="vedette",vantage="alarms-1",service="shop",diagnosis="service_down",'
ONE += 'subject="https://example.com/"'


@pytest.mark.parametrize(
    ("gap", "kept"), [([None] * 30, True), ([0.0] * 30, True), ([0.0] * 40, False)]
)
def test_what_is_missing_neither_fires_nor_resolves(
    gap: list[float | None], kept: bool, tmp_path: Path
) -> None:
    """An agent that is not scraped resolves nothing, for however long; ten good minutes do."""
    rules = tmp_path / "rules.yaml"
    rules.write_text((ROOT / "configs" / "prometheus" / "alarms.rules.yaml").read_text())
    bad = [1.0] * 4
    series = {
        f"vedette_vote{ONE}}}": [0.0, *bad, *gap],
        f'vedette_vote_since_timestamp_seconds{ONE},severity="critical"}}': [None, *[15.0] * 4],
        f'vedette_vote_seen_timestamp_seconds{ONE},severity="critical"}}': [
            None, 15.0, 30.0, 45.0, 60.0,
        ],
    }  # fmt: skip
    length = 1 + len(bad) + len(gap)
    series = {name: [*values, *[None] * length][:length] for name, values in series.items()}
    found = promtool.evaluate(rules, series, 'ALERTS{alertname="service_down"}', 15)

    assert not found[15], "one bad look fires"
    assert found[30]
    assert bool(found[15 * (len(bad) + len(gap))]) is kept


@pytest.mark.parametrize(
    ("diagnosis", "place"), [("service_down", "name"), ("resolver_fault", "recursive")]
)
def test_a_line_tells_what_vantages_saw_that_see(
    diagnosis: str, place: str, tmp_path: Path
) -> None:
    """At a blind vantage all looks fail, and its reasons stand in nobody's first line."""
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: []")
    series: dict[str, list[float | None]] = {}
    for vantage, sees, reason in (("fra-1", 1, "status"), ("sgp-1", 0, "timeout")):
        who = f'job="j",instance="{vantage}"'
        what = f'service="shop",check="c",place="{place}",subject="s"'
        series[f"vedette_vantage_sighted{{{who}}}"] = [sees]
        series[f'vedette_probe_failure_info{{{who},{what},reason="{reason}"}}'] = [1]
    asked = map(json.loads, re.findall(r'printf ("(?:[^"\\]|\\.)*")', summary(diagnosis)))
    query = next(one for one in asked if one.startswith("count by (subject, reason)"))
    query = query.replace("%[1]q", '"shop"').replace("%[2]q", '"c"')

    assert promtool.evaluate(rules, series, query)[0] == {
        frozenset({("subject", "s"), ("reason", "status")})
    }
