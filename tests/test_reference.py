"""docs/reference and the site: made from the code, complete, and whole without the internet."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from docs.site import config_reference, metrics_reference
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.daemon import world
from tests.checks.bgp.made import ORIGIN, PREFIX
from tests.documents import DOCUMENTS, ROOT, code
from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config import Config

METRICS = ROOT / "docs" / "reference" / "metrics.md"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what docs/make-reference writes now."""
    folder = tmp_path_factory.mktemp("docs")
    subprocess.run([sys.executable, ROOT / "docs/make-reference", folder], check=True, timeout=120)
    return folder


@pytest.mark.parametrize(
    "name", ["reference/config.md", "reference/metrics.md", "decisions/index.md"]
)
def test_what_is_made_is_what_is_there(name: str, made: Path) -> None:
    """A change of the code that changes a page comes with the page: run `make docs`."""
    assert (made / name).read_text() == (ROOT / "docs" / name).read_text()


def test_keys_are_told_by_all_their_classes() -> None:
    """Inherited keys have their meaning, and an alias its own name."""
    assert set(config_reference.meanings(WindowSettings)) == {"cron", "timezone", "duration"}
    assert set(config_reference.meanings(Config)) == set(Config.model_fields)


def told() -> dict[str, set[str]]:
    """Return the labels of every metric in the page, by its name."""
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) \|", METRICS.read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def missing(metrics: str) -> list[str]:
    """Return the names and labels in a scrape that the page does not have."""
    page = told()
    return [
        f"{row.name}{sorted(row.labels)}"
        for row in metrics_reference.rows_of(metrics)
        if not set(row.labels) <= page.get(row.name, {"no such row"}) or row.name not in page
    ]


def test_a_small_state_is_told() -> None:
    """Every name and label of the state that is known word for word is in the page."""
    text = (ROOT / "tests" / "agent" / "metrics.txt").read_text()
    assert len([*text_string_to_metric_families(text)]) > 40
    assert missing(text) == []


async def test_what_an_agent_serves_is_told(tmp_path: Path) -> None:
    """Every name and label that a running agent serves is in the page."""
    more = {
        "drill": {"cron": "0 0 1 1 *"},
        "heartbeats": [{"url": "http://127.0.0.1:1/", "every": "1s"}],
    }
    async with world(tmp_path, bgp=(PREFIX, ORIGIN), more=more) as w:
        await w.well()
        w.empty()
        await w.told(("trigger", "vedette/shop"))
        _, text = await w.daemon.get("/metrics")
    assert missing(text) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: str(one.relative_to(ROOT)))
def test_metrics_that_documents_name_are_served(document: Path) -> None:
    """No document names a metric that there is not."""
    names = {
        found
        for words in code(document)
        for found in re.findall(r"\bvedette_[a-z0-9_]*[a-z0-9]\b", words)
    }
    assert names <= told().keys() | {f"{name}_count" for name in told()}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    ran = subprocess.run(
        [*command, "-f", ROOT / "docs/site/mkdocs.yml", "-d", folder],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return folder


def test_the_site_has_a_page_for_each_document(site: Path) -> None:
    """Each document is one, in the navigation or below it, and scripts are none."""
    pages = {one.relative_to(ROOT / "docs").with_suffix(".html") for one in DOCUMENTS
             if one.is_relative_to(ROOT / "docs")}  # fmt: skip
    assert [str(one) for one in pages if not (site / one).exists()] == []
    assert not (site / "make-reference").exists()
    assert not (site / "site").joinpath("mkdocs.yml").exists()


def test_what_stands_outside_of_docs_has_a_page(site: Path) -> None:
    """Links to the chart and to the examples lead to pages that show them."""
    assert "../files/" not in (site / "index.html").read_text()
    assert 'href="files/helm/vedette/' in (site / "index.html").read_text()
    assert "quickstart-1" in (site / "files/configs/quickstart.yaml.html").read_text()


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """No page has a script, a style, a font or a picture of another host."""
    loads = re.compile(
        r"<(?:script|img|iframe)[^>]*\ssrc=\"?(?:https?:)?//|<link[^>]*\shref=\"?(?:https?:)?//"
    )
    found = [page for page in site.rglob("*.html") if loads.search(page.read_text())]
    styles = [
        css for css in site.rglob("*.css") if re.search(r"url\(\"?(?:https?:)?//", css.read_text())
    ]
    assert found == styles == []
