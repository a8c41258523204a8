"""Recorded incidents: what is raised, by when, under which headline, and what must not be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from vedette.agent.replay.incident import play
from vedette.agent.replay.reading import read
from vedette.agent.replay.report import report

OWN = Path(__file__).parents[3] / "configs" / "incidents"
LONGEST = 3 * 3600
"""Seconds of an incident, its lead-in left out, that the tests have the time for."""


def _folder() -> Path | None:
    shared = os.environ.get("VEDETTE_SHARED")
    return Path(shared) / "scenarios" if shared else None


def _short(folder: Path | None) -> list[Path]:
    if folder is None:
        return []
    return [p for p in sorted(folder.glob("*.yaml")) if _document(p)["end_s"] <= LONGEST]


def _document(path: Path) -> dict[str, int]:
    document: dict[str, int] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("path", [*_short(_folder()), *_short(OWN)], ids=lambda path: path.stem)
def test_an_incident_is_paged_as_it_should_be(path: Path, tmp_path: Path) -> None:
    """Each cause by its deadline, the right headline, nothing forbidden, no page too many."""
    folder = _folder()
    if folder is None:
        pytest.skip("VEDETTE_SHARED is not set: the judge is there")
    played = play(read(path))
    made = tmp_path / "report.json"
    made.write_text(json.dumps(report(played)), encoding="utf-8")
    judge = [sys.executable, str(folder / "score.py"), str(made), str(path)]
    judged = subprocess.run(judge, capture_output=True, text=True, check=False)

    assert not played.faults
    assert judged.stderr == ""
    assert [line for line in judged.stdout.splitlines() if line.startswith("FAIL")] == []
    assert judged.returncode == 0
