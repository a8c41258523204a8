"""What the documents show works: examples, the README's config and table, the named packages."""

import argparse
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from vedette.agent.cli import parser
from vedette.agent.composite.settings import AlarmSettings, SuppressorSettings
from vedette.agent.composite.windows import WindowSettings
from vedette.agent.config import (
    AgentSettings,
    Config,
    Domain,
    FeedSettings,
    ListenerTls,
    PeerSettings,
    QuorumSettings,
    read,
)
from vedette.agent.config.drill import DrillSettings
from vedette.agent.config.heartbeats import HeartbeatSettings
from vedette.agent.config.remediation import CallSettings, RemediationSettings
from vedette.agent.config.remote_write import RemoteWriteSettings
from vedette.checks.bgp.settings import (
    BgpSettings,
    BgpStreamSettings,
    BmpSettings,
    MrtSettings,
    RipeStatSettings,
    RisLiveSettings,
    RpkiSettings,
)
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Kind
from vedette.checks.http.settings import HttpSettings

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"<!-- config -->\n```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Return every command that can be given, each with the commands above it."""
    return [one for name in below(parser()) for one in below(parser(name))]


def below(of: argparse.ArgumentParser, above: str = "") -> Iterator[str]:
    """Yield the commands that *of* knows, each with those *above* it."""
    tables = [a for a in of._actions if isinstance(a, argparse._SubParsersAction)]
    for name, sub in (pair for action in tables for pair in action.choices.items()):
        yield from below(sub, f"{above}{name} ")
    if not tables:
        yield above.strip()


def kinds_in(config: Config) -> set[str]:
    """Return the kinds that services of *config* are checked by."""
    return {kind for kind in Kind for service in config.services if getattr(service, kind)}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_examples_are_valid(path):
    """Every example starts as it is, without a file or a secret that is not there."""
    assert read(path).services


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_has_an_example(kind):
    """The example that is named after a kind shows it."""
    assert kind in kinds_in(read(ROOT / "configs" / f"{kind}.yaml"))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dns", AgentSettings),
        ("dns", Domain),
        ("dns", DnsSettings),
        ("http", HttpSettings),
        ("bgp", BgpSettings),
        ("bgp", FeedSettings),
        ("bgp", RisLiveSettings),
        ("bgp", BmpSettings),
        ("bgp", MrtSettings),
        ("bgp", BgpStreamSettings),
        ("bgp", RipeStatSettings),
        ("bgp", RpkiSettings),
        ("alarms", AlarmSettings),
        ("alarms", SuppressorSettings),
        ("alarms", WindowSettings),
        ("fleet", PeerSettings),
        ("fleet", ListenerTls),
        ("fleet", QuorumSettings),
        ("metrics", RemoteWriteSettings),
        ("staying-awake", HeartbeatSettings),
        ("staying-awake", DrillSettings),
        ("staying-awake", RemediationSettings),
        ("staying-awake", CallSettings),
    ],
)
def test_examples_show_every_key(name, settings):
    """No key of the agent, of a check or of a feed is missing, commented out or not."""
    text = (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8")
    keys = [field.alias or name for name, field in settings.model_fields.items()]
    assert [key for key in keys if not re.search(rf"\b{key}:", text)] == []


def test_readme_shows_a_config():
    """There is at least one config in the README to test."""
    assert SHOWN


@pytest.mark.parametrize("text", SHOWN)
def test_readme_config_is_the_quickstart(text, tmp_path):
    """A config in the README is valid, and says what configs/quickstart.yaml says."""
    path = tmp_path / "vedette.yaml"
    path.write_text(text, encoding="utf-8")
    assert read(path) == read(ROOT / "configs" / "quickstart.yaml")


def test_readme_lists_exactly_the_commands():
    """The table of commands has a row for each that exists, and no other."""
    rows = re.findall(r"^\| `vedette ([^`]+)` \|", README, re.MULTILINE)
    words = [" ".join(re.match(r"[a-z]+(?: [a-z]+)*", row)[0].split()) for row in rows]
    assert sorted(words) == sorted(commands())


def test_every_dependency_has_its_reason():
    """Each package of pyproject.toml, extras included, has a row in CONTRIBUTING.md."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.match(r"[\w.-]+", one)[0] for wanted in lists for one in wanted}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    told = {cell.strip() for line in tables for cell in line.split("|")[1:3]}
    assert names <= told, names - told
