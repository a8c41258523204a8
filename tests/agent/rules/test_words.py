"""What alerts say, as Prometheus writes it by the metrics of the moment."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from tests.servers.process import need
from vedette.agent.rules.words import summary

LABELS = {"service": "shop", "subject": "shop.example A"}
SERVERS = ("authoritative", ["nodata", "nodata", "timeout", ""])
EMPTY, SILENT = ("recursive", ["nodata", "nodata", ""]), ("recursive", ["timeout", "servfail"])


@pytest.mark.parametrize(
    ("diagnosis", "looks", "says"),
    [
        ("record_emptied", [SERVERS, EMPTY], "is empty at 2 of 4 authoritative servers"),
        ("record_emptied", [EMPTY], "is empty at 2 of 3 resolvers"),
        (
            "authoritative_down",
            [("authoritative", ["refused", "timeout"]), SILENT],
            "fails at 2 of 2 authoritative servers (0: refused, 1: timeout)",
        ),
        (
            "authoritative_down",
            [("authoritative", ["", ""]), SILENT],
            "fails at 2 of 2 resolvers (0: timeout, 1: servfail)",
        ),
        (
            "resolver_fault",
            [("authoritative", ["", ""]), EMPTY],
            "fails at 2 of 3 resolvers (0: nodata, 1: nodata), while authoritative servers answer",
        ),
        ("resolver_fault", [EMPTY], "fails at 2 of 3 resolvers (0: nodata, 1: nodata)"),
        ("record_emptied", [("authoritative", [""])], "is empty at 0 of 1 authoritative servers"),
    ],
)
def test_an_alert_counts_those_who_show_the_fault(
    diagnosis: str, looks: Sequence[tuple[str, Sequence[str]]], says: str, tmp_path: Path
) -> None:
    """Authoritative servers, or resolvers where these alone do, as they alone are asked."""
    alert = {"alert": diagnosis, "expr": "it", "annotations": {"summary": summary(diagnosis)}}
    (tmp_path / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "g", "rules": [alert]}]})
    )
    series = [f'it{{diagnosis="{diagnosis}",service="shop",subject="shop.example A"}}']
    for place, reasons in looks:
        for number, reason in enumerate(reasons):
            who = f'service="shop",check="shop.example A",place="{place}",subject="{number}"'
            series.append(f'vedette_probe_state{{{who},state="{"FAILING" if reason else "OK"}"}}')
            if reason:
                series.append(f'vedette_probe_failure_info{{{who},reason="{reason}"}}')
    told = {"summary": f"{diagnosis}: shop.example A {says}"}
    fires = {"exp_labels": {**LABELS, "diagnosis": diagnosis}, "exp_annotations": told}
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": "1 1"} for one in series],
        "alert_rule_test": [{"eval_time": "1m", "alertname": diagnosis, "exp_alerts": [fires]}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [test]}))
    command = [need("promtool"), "test", "rules", str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert ran.returncode == 0, ran.stdout + ran.stderr
