"""The config file of each agent of a scenario, as its user would have written it."""

import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from vedette.agent.config import Config, ConfigError, parse
from vedette.agent.document import Document, Problem
from vedette.agent.replay.scenario import Agent, Scenario, WatchedName, WatchedUrl
from vedette.agent.replay.tree import ROOT

NAME = "vedette.yaml"
_HINTS = "root.hints"


def write(scenario: Scenario, agent: Agent, folder: Path) -> Config:
    """Write the file of *agent* and what it names into *folder*, and read it as `run` does."""
    servers = [f". 3600000 NS {one.name}.\n{one.name}. 3600000 A {one.address}" for one in ROOT]
    (folder / _HINTS).write_text("\n".join(servers) + "\n", encoding="utf-8")
    text = yaml.safe_dump(_document(scenario, agent), sort_keys=False, allow_unicode=True)
    (folder / NAME).write_text(text, encoding="utf-8")
    return parse(text, folder / NAME)


def faults(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Return what no user could have configured, at its place in *document*, the scenario."""
    for i, agent in enumerate(scenario.agents):
        with TemporaryDirectory(prefix="vedette-replay-") as folder:
            try:
                write(scenario, agent, Path(folder))
            except ConfigError as error:
                yield from (_placed(one.message, i, document) for one in error.problems)


def _placed(message: str, agent: int, document: Document) -> Problem:
    """Return what is said of the config of an *agent* as what is to be said of the scenario."""
    message = re.sub(r" \(first in line \d+\)", "", message)
    for written, meant in (
        ("services.0.name:", "watch.service:"),
        ("services.0", "watch"),
        ("controls", "watch.controls"),
        ("agent.domain", f"agents.{agent}"),
        ("agent", f"agents.{agent}"),
    ):
        if message.startswith(written):
            message = meant + message.removeprefix(written)
            break
    else:
        message = f"watch: {message}"
    place = (int(key) if key.isdecimal() else key for key in message.partition(":")[0].split("."))
    return Problem(document.line(tuple(place)), message)


def _document(scenario: Scenario, agent: Agent) -> dict[str, object]:
    watch, cadence = scenario.watch, scenario.cadence
    domain = {"provider": agent.provider, "region": agent.region, "asn": agent.asn}
    document: dict[str, object] = {
        "agent": {"name": agent.name, "domain": domain, "root_hints": _HINTS},
        "services": [
            {
                "name": watch.service.replace("/", " "),
                "dns": [_name(one, cadence.dns_s) for one in watch.dns],
                "http": [_url(one, cadence.http_s) for one in watch.http],
                "bgp": [
                    one.model_dump(exclude_none=True, mode="json") | {"every": cadence.bgp_s}
                    for one in watch.bgp
                ],
            }
        ],
        "controls": {
            "dns": [_name(one, cadence.dns_s) for one in watch.controls.dns],
            "http": [_url(one, cadence.http_s) for one in watch.controls.http],
        },
    }
    if watch.bgp:
        document["feeds"] = [{"ris_live": {}}]
        document["rpki"] = {"url": "http://127.0.0.1:8323/json"}
    return document


def _name(one: WatchedName, every: int) -> dict[str, object]:
    # Bogus is bad anyway; secure no zone of a scenario is, which has no signatures.
    asked = one.model_dump(exclude={"dnssec"}, exclude_none=True, mode="json")
    return asked | {"every": every}


def _url(one: WatchedUrl, every: int) -> dict[str, object]:
    return one.model_dump(mode="json") | {"every": every}
