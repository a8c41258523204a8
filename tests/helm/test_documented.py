"""The README of the chart shows every value, as values.yaml has it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
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


def notes(*values: str) -> str:
    """Return what helm tells who installs the chart with *values*."""
    given = [f"--set={value}" for value in values]
    named = ["install", RELEASE, str(CHART), "--dry-run=client", "--namespace=watch-tower"]
    ran = helm("helm4", *named, *given)
    assert ran.status == 0, ran.said
    return ran.out.partition("NOTES:")[2]


@pytest.mark.parametrize(
    ("values", "is_shut"),
    [
        ((), False),
        (("ingress.enabled=true", "ingress.host=a.test"), True),
        (
            (
                "ingress.enabled=true",
                "ingress.host=a.test",
                "networkPolicy.ingress.namespaces={monitoring,ingress-nginx}",
            ),
            False,
        ),
        (("service.type=LoadBalancer",), True),
        (("service.type=LoadBalancer", "networkPolicy.enabled=false"), False),
        (
            (
                "service.type=LoadBalancer",
                "networkPolicy.ingress.from[0].ipBlock.cidr=192.0.2.0/24",
            ),
            False,
        ),
    ],
)
def test_the_notes_tell_of_a_way_in_that_is_shut(values: tuple[str, ...], is_shut: bool) -> None:
    """A way in from outside that the network policy closes is told, as nobody comes through it."""
    assert ("the network policy lets in neither" in notes(*values)) is is_shut


PAGED = "config.pagers[0].alertmanager.urls[0]=http://am:9093"


@pytest.mark.parametrize(
    ("values", "is_told"),
    [
        ((), False),
        ((PAGED,), True),
        ((PAGED, "config.agent.url=https://fra-1.example.net/"), False),
        ((PAGED, "ingress.enabled=true", "ingress.host=a.test"), False),
    ],
)
def test_the_notes_tell_of_links_that_lead_nowhere(values: tuple[str, ...], is_told: bool) -> None:
    """Who is woken cannot open the Service's own name, which stands on pages unless one says."""
    assert ("pages link to http://v-vedette.watch-tower.svc:9469/" in notes(*values)) is is_told


def test_the_notes_tell_what_is_not_done_yet() -> None:
    """Who installs the chart as it is reads that nobody will be woken, and by whom it is run."""
    said = notes()
    for told in ("nobody will be woken", "config.agent.domain.provider", "v-vedette-token",
                 "Prometheus operator is not here"):  # fmt: skip
        assert told in said
