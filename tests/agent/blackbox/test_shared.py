"""The black-box cases of other people's tests, against the command itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.agent.daemon import VEDETTE
from vedette.agent.blackbox.runner import timeout

VERSION = "0.28.99"


@pytest.fixture
def cases() -> Path:
    """The folder of the cases."""
    folder = os.environ.get("VEDETTE_SHARED")
    if folder is None:
        pytest.skip("VEDETTE_SHARED is not set")
    return Path(folder) / "tools" / "blackbox"


def test_no_shared_case_fails(cases, tmp_path):
    """Every case that holds for the newest blackbox_exporter holds here."""
    wrapper = tmp_path / "blackbox_exporter"
    wrapper.write_text(f'#!/bin/sh\nexec {VEDETTE} blackbox "$@"\n')
    wrapper.chmod(0o755)
    command = [sys.executable, cases / "run_cases.py", cases / "cases.yaml"]
    ran = subprocess.run(
        [*command, "--exe", wrapper, "--version", VERSION],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " 0 failed" in ran.stdout


def test_the_pure_cases_hold(cases):
    """Those that the runner leaves out: how long a probe may take."""
    found = yaml.safe_load((cases / "cases.yaml").read_text())["cases"]
    pure = [case for case in found if case["protocol"] == "pure"]
    assert pure
    for case in pure:
        given = case["input"]
        seconds = timeout(given["module_timeout"], given["header"], given["offset"])
        assert seconds == case["expect"]["timeout_seconds"], case["id"]
