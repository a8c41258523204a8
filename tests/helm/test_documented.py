"""The README of the chart shows every value, as values.yaml has it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.helm.chart import CHART, RELEASE, helm, template
from tests.helm.documented import README, documented, renewed

TEXT = (CHART / "values.yaml").read_text()


def leaves(data: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the path of every value that has none below it."""
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    else:
        yield path


def test_every_value_is_documented() -> None:
    """Each value has a comment, or stands below one that has."""
    told = {value.path for value in documented(TEXT)}
    values = list(leaves(yaml.safe_load(TEXT)))
    assert len(values) > 80
    bare = [path for path in values if not any(path[:n] in told for n in range(1, len(path) + 1))]
    assert bare == []


def test_the_readme_shows_the_values() -> None:
    """The table is what the values say; `python -m tests.helm.documented` renews it."""
    assert README.read_text() == renewed(README.read_text(), TEXT)


def test_the_values_of_the_readme_are_values(tmp_path: Path) -> None:
    """Every example of values in the README renders."""
    shown = re.findall(r"^```yaml\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert shown
    for text in shown:
        path = tmp_path / "values.yaml"
        path.write_text(text)
        ran = template(path)
        assert ran.status == 0, ran.said


def test_the_notes_tell_what_is_not_done_yet() -> None:
    """Who installs the chart as it is reads that nobody will be woken, and by whom it is run."""
    ran = helm(
        "helm4", "install", RELEASE, str(CHART), "--dry-run=client", "--namespace=watch-tower"
    )
    assert ran.status == 0, ran.said
    notes = ran.out.partition("NOTES:")[2]
    for told in ("nobody will be woken", "config.agent.domain.provider", "v-vedette-token",
                 "Prometheus operator is not here"):  # fmt: skip
        assert told in notes
