"""What a chart's archive holds: all that it needs, with the dashboards of configs/grafana."""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.helm.chart import CHART, MAJORS, ROOT, helm, of_kind, rendered

GRAFANA = {path.name: path.read_text() for path in (ROOT / "configs" / "grafana").glob("*.json")}


@pytest.fixture(params=MAJORS)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The chart as each helm packs it."""
    ran = helm(request.param, "package", str(CHART), f"--destination={tmp_path}")
    assert ran.status == 0, ran.said
    (path,) = tmp_path.glob("*.tgz")
    return path


def files(archive: Path) -> Iterator[tuple[str, str]]:
    """Return the files of *archive* by name."""
    with tarfile.open(archive) as held:
        for member in held:
            opened = held.extractfile(member)
            assert opened is not None, f"{member.name} is no file: a link leads nowhere there"
            yield member.name.removeprefix("vedette/"), opened.read().decode()


def test_the_archive_has_the_dashboards(archive: Path) -> None:
    """The chart's folder of dashboards is a link; in the archive they are files, and the same."""
    packed = dict(files(archive))
    dashboards = {
        Path(name).name: text for name, text in packed.items() if name.startswith("dashboards/")
    }
    assert GRAFANA
    assert dashboards == GRAFANA
    assert {"values.schema.json", "README.md", "templates/NOTES.txt"} <= packed.keys()


def test_the_archive_renders_as_the_folder_does(archive: Path) -> None:
    """What is installed from an archive is what was tested from the folder."""

    def shown(**how: Path) -> list[object]:
        return [one for one in rendered(**how) if one["kind"] != "Secret"]

    assert shown(chart=archive) == shown()


def dashboards(**how: object) -> Mapping[str, str]:
    """Return the dashboards that are rendered for Grafana's sidecar, by the name of their file."""
    found = [
        one
        for one in of_kind(rendered(**how), "ConfigMap")
        if one["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    assert all(len(one["data"]) == 1 for one in found)
    return {name: text for one in found for name, text in one["data"].items()}


def test_grafana_gets_each_dashboard() -> None:
    """Each is a ConfigMap of its own with the sidecar's label, below the limit of one megabyte."""
    found = dashboards()
    assert {name.removeprefix("vedette-"): json.loads(text) for name, text in found.items()} == {
        name: json.loads(text) for name, text in GRAFANA.items()
    }
    assert all(len(text) < 900_000 for text in found.values())
    assert dashboards(values={"dashboards.enabled": False}) == {}


def test_the_chart_says_what_it_is() -> None:
    """Version, licence and changes are there for who finds the chart in a catalogue."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    notes = chart["annotations"]
    assert notes["artifacthub.io/license"] == "Apache-2.0"
    assert notes["artifacthub.io/category"] == "monitoring-logging"
    changes = yaml.safe_load(notes["artifacthub.io/changes"])
    assert {change["kind"] for change in changes} <= {
        "added", "changed", "deprecated", "removed", "fixed", "security",
    }  # fmt: skip
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{chart["appVersion"]}"' in project
