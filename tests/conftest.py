"""What all tests share: skips that fail where they are forbidden, and Hypothesis without a clock.

Where VEDETTE_NO_SKIPS is set, everything that the tests need is there, so that a skip is a hole
in what was tested. Three reasons stay good, since nothing that a run could install heals them.
"""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

GOOD_REASONS = frozenset(
    {
        "VEDETTE_SHARED is not set",
        "libbgpstream is not installed",
        "the machine forbids network namespaces",
    }
)

LONG_ID = 32
"""Octets of a parameter from which on they are no name."""

# A busy machine is no counterexample.
settings.register_profile("vedette", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("vedette"), derandomize=True)
settings.load_profile("vedette")


def _forbid(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn *report* into a failure if it tells of a skip that has no good reason."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    assert isinstance(report.longrepr, tuple)
    path, line, said = report.longrepr
    reason = said.removeprefix("Skipped: ")
    if reason not in GOOD_REASONS:
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: skips are forbidden here: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Forbid the skips of tests, where they are forbidden."""
    report = yield
    if os.environ.get("VEDETTE_NO_SKIPS"):
        _forbid(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Forbid the skips of whole modules, where they are forbidden."""
    report = yield
    if os.environ.get("VEDETTE_NO_SKIPS"):
        _forbid(report)
    return report


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a case of many octets by their number: gzip's tell the second in which they were made,

    and two processes that collect the tests in two seconds would not agree on the names.
    """
    if isinstance(val, bytes) and len(val) > LONG_ID:
        return f"{len(val)} octets"
    return None
