"""Where skips are forbidden, each is a failure but for the three good reasons."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.conftest import GOOD_REASONS

ROOT = Path(__file__).resolve().parent.parent


SKIPS = (
    "def test_it():\n    pytest.skip('{}')\n",
    "@pytest.mark.skip(reason='{}')\ndef test_it(): pass\n",
    "@pytest.mark.skipif(True, reason='{}')\ndef test_it(): pass\n",
    "@pytest.fixture\ndef it(): pytest.skip('{}')\n\ndef test_it(it): pass\n",
    "pytest.skip('{}', allow_module_level=True)\n",
    "it = pytest.importorskip('no_such_module_anywhere', reason='{}')\n",
)


def counts(folder: Path, sources: Iterable[str], **environment: str) -> str:
    """Run pytest with our conftest over modules of *sources*; return its closing line's counts."""
    config = folder / "pytest.ini"
    config.write_text("[pytest]\naddopts = --import-mode=importlib\n")
    for number, source in enumerate(sources):
        (folder / f"test_{number}.py").write_text(f"import pytest\n\n{source}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(config)]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VEDETTE_", "PYTEST_"))}
    seen = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--continue-on-collection-errors", str(folder)],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return seen.stdout.splitlines()[-1].partition(" in ")[0]


def test_skips_fail_where_they_are_forbidden(tmp_path: Path) -> None:
    """However a test or a module skips itself, the run says that it failed."""
    sources = [source.format("not today") for source in SKIPS]
    assert counts(tmp_path, sources, VEDETTE_NO_SKIPS="1") == "1 failed, 5 errors"


def test_skips_are_skips_elsewhere(tmp_path: Path) -> None:
    """Without the variable a skip stays what it is."""
    assert counts(tmp_path, [source.format("not today") for source in SKIPS]) == "6 skipped"


def test_good_reasons_and_expected_failures_stay(tmp_path: Path) -> None:
    """What no run could install may be missing everywhere, and a failure may be expected."""
    sources = [source.format(reason) for reason in sorted(GOOD_REASONS) for source in SKIPS]
    sources.append("@pytest.mark.xfail\ndef test_it():\n    assert False\n")
    assert counts(tmp_path, sources, VEDETTE_NO_SKIPS="1") == "18 skipped, 1 xfailed"
