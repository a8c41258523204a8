"""`vedette replay`: what it prints, and how it ends."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.replay.made import document, name_change, written
from vedette.agent.cli import main
from vedette.agent.replay.incident import Incident


@pytest.fixture
def emptied(tmp_path: Path) -> Path:
    """Return the file of a scenario in which a record is emptied."""
    return written(tmp_path, document() | {"timeline": [name_change(0)]})


def test_json_is_one_report_a_line(emptied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each scenario, in the order in which they were given."""
    assert main(["replay", "--json", "--jobs", "1", str(emptied), str(emptied)]) == 0
    out, err = capsys.readouterr()
    reports = [json.loads(line) for line in out.splitlines()]

    assert [r["scenario"] for r in reports] == ["made", "made"]
    assert reports[0]["pages"] == reports[1]["pages"]
    assert err == ""


def test_several_are_played_at_the_same_time(
    emptied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In processes of their own, which changes nothing in what is printed."""
    assert main(["replay", "--json", "--jobs", "2", str(emptied), str(emptied)]) == 0
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert reports[0]["pages"] == reports[1]["pages"]
    assert reports[0]["pages"]


def test_a_person_reads_a_timeline(emptied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the title first and the count of pages at the end."""
    assert main(["replay", str(emptied)]) == 0
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "a made incident"
    assert lines[-2] == "1 page, 1 still open at the end"


def test_who_interrupts_it_is_told_nothing(
    emptied: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Control-C ends a replay with 130, as it ends other commands, and without a word."""
    played = Incident.run

    async def interrupted(incident: Incident) -> None:
        asyncio.get_running_loop().call_later(1000, signal.raise_signal, signal.SIGINT)
        await played(incident)

    monkeypatch.setattr(Incident, "run", interrupted)
    # Whoever runs the tests in the background may have them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["replay", "--jobs", "1", str(emptied)]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capfd.readouterr() == ("", "")


def test_bad_files_are_listed_before_anything_is_played(
    emptied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With file, line and the fault; the good ones wait until all are."""
    missing, bad = tmp_path / "missing.yaml", tmp_path / "bad.yaml"
    bad.write_text("schema_version: 2\n", encoding="utf-8")

    assert main(["replay", str(emptied), str(missing), str(bad)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"{missing}:1: cannot be read: No such file or directory"
    assert f"{bad}:1: schema_version: expected 1" in err.splitlines()


@pytest.mark.parametrize("jobs", ["0", "-1", "many"])
def test_jobs_are_a_number_of_processes(
    emptied: Path, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Anything else is wrong usage."""
    with pytest.raises(SystemExit) as ended:
        main(["replay", "--jobs", jobs, str(emptied)])

    assert ended.value.code == 2
    assert "is not a number from 1 on" in capsys.readouterr().err


def test_the_demo_knows_its_incidents(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown one is answered with those that there are."""
    assert main(["demo", "--incident", "../../etc/passwd"]) == 2
    assert "choose one of dynamodb-2025-10-20, " in capsys.readouterr().err


def test_a_command_loads_no_other() -> None:
    """What the others need would take as long to load as a short incident to play."""
    code = (
        "import sys; from vedette.agent.cli import parser; parser('replay');"
        "print(*(m.rpartition('.')[2] for m in sys.modules if m.startswith('vedette.agent.cli.')))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert sorted(told.stdout.split()) == ["output", "replay"]
