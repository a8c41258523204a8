"""docs/running.md: what it names exists, and its configs are configs."""

import re
from pathlib import Path

import yaml

from vedette.agent.config.vantage import LogSettings

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def test_files_and_links_are_there() -> None:
    """Every file of the project that the page names, or leads to, is there."""
    named = set(re.findall(r"(?<![\w/])((?:configs|tests|helm)/[\w./-]+\w)", TEXT))
    links = {str((ROOT / "docs" / link).resolve()) for link in re.findall(r"\]\(([^)]+)\)", TEXT)}
    assert {"configs/systemd/vedette.service", "tests/requirements.lock"} <= named
    assert [one for one in (*named, *links) if not (ROOT / one).exists()] == []


def test_the_shown_block_is_one_of_a_config() -> None:
    """What is shown of agent.log is what the agent takes, with all there is to choose from."""
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    LogSettings.model_validate(yaml.safe_load(shown)["agent"]["log"])
    for field in LogSettings.model_json_schema()["properties"].values():
        for choice in [*field.get("enum", []), *(field.get("anyOf") or [{}])[0].get("enum", [])]:
            assert choice in shown
