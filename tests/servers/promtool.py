"""Debian's promtool: checks rules, and evaluates them over series that a test makes up."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from tests.servers.process import need

Labels = frozenset[tuple[str, str]]
Firing = Mapping[int, frozenset[Labels]]
"""The labels of what is found, by the second."""

_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def check(rules: Path) -> str:
    """Return what promtool says of a file with rules, of which nothing may be worth a word."""
    command = [need("promtool"), "check", "rules", "--lint-fatal", str(rules)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def evaluate(
    rules: Path, series: Mapping[str, Sequence[float | None]], expr: str, interval: int = 1
) -> Firing:
    """Evaluate *rules* for as long as *series* last, and return what *expr* finds at each moment.

    None is a series that the last scrape no longer had.
    """
    length = max(map(len, series.values()))
    told = [
        {"series": name, "values": " ".join("stale" if v is None else f"{v:g}" for v in values)}
        for name, values in series.items()
    ]
    # What is expected is never found, so that promtool tells what is.
    asked = [
        {
            "expr": expr,
            "eval_time": f"{at}s",
            "exp_samples": [{"labels": '{no="such"}', "value": 1}],
        }
        for at in range(0, length * interval, interval)
    ]
    document = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{interval}s",
        "tests": [{"interval": f"{interval}s", "input_series": told, "promql_expr_test": asked}],
    }
    path = rules.with_suffix(".test.yaml")
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    command = [need("promtool"), "test", "rules", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    found = re.findall(
        r"time: ([\dhms]+),\n\s*exp:.*?\n\s*got:(.*?)(?=\n\s*expr:|\n\s*\n|\Z)", said, re.DOTALL
    )
    assert len(found) == len(asked), said[:3000]
    return {_seconds(at): _samples(text) for at, text in found}


def _seconds(text: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", text))


def _samples(text: str) -> frozenset[Labels]:
    rows = re.findall(r"\{((?:[^}\"]|\"(?:[^\"\\]|\\.)*\")*)\} [\d.E+-]+", text)
    return frozenset(
        frozenset((name, _unescaped(value)) for name, value in _LABEL.findall(row)) for row in rows
    )


def _unescaped(text: str) -> str:
    return text.replace(r"\"", '"').replace(r"\\", "\\")


def check_config(path: Path) -> None:
    """Fail where promtool finds a fault in a Prometheus's config, or in the rules that it names."""
    command = [need("promtool"), "check", "config", str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
