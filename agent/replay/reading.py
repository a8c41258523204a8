"""Reading a scenario file: every problem of it is listed by its line.

What the file holds is in scenario.py; here it is found whether all of that goes together.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from vedette.agent.config import ConfigError, explained, read_text
from vedette.agent.document import Document, Problem, load
from vedette.agent.replay import userconfig
from vedette.agent.replay.routes import is_inside
from vedette.agent.replay.scenario import Change, Scenario
from vedette.checks.dns.names import domain_name
from vedette.checks.net import is_address


def read(path: Path) -> Scenario:
    """Read and check *path*; raise ConfigError with every problem found."""
    document = load(read_text(path), needs="title and watch")
    problems, scenario = [*document.problems], None
    if document.data is not None:
        try:
            scenario = Scenario.model_validate(document.data)
        except ValidationError as error:
            problems += explained(error, document, Scenario)
        else:
            problems += _impossible(scenario, document)
            problems += _dangling(scenario, document)
            problems += userconfig.faults(scenario, document)
    if scenario is None or problems:
        raise ConfigError(path, problems)
    return scenario


def _impossible(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Agents of one name, and answers that are none."""
    agents: set[str] = set()
    for i, agent in enumerate(scenario.agents):
        if agent.name in agents:
            line = document.line(("agents", i))
            yield Problem(line, f"agents.{i}.name: {agent.name} is given twice: rename one")
        agents.add(agent.name)
    for i, name in enumerate(scenario.healthy.dns):
        for fault in _unanswerable(name.type, name.answers):
            yield Problem(document.line(("healthy", "dns", i)), f"healthy.dns.{i}.answers: {fault}")


def _dangling(scenario: Scenario, document: Document) -> Iterator[Problem]:
    """Names that lead nowhere, and changes out of order."""
    latest = 0.0
    for i, change in enumerate(scenario.timeline):
        line, where = document.line(("timeline", i)), f"timeline.{i}"
        if change.t < latest:
            yield Problem(line, f"{where}.t: {change.t:g} comes after {latest:g}: sort the changes")
        latest = max(latest, change.t)
        for fault in _faults(change, scenario):
            yield Problem(line, f"{where}: {fault}")
    urls = {one.url for one in scenario.healthy.http}
    for kind, watched in (
        ("http", scenario.watch.http),
        ("controls", scenario.watch.controls.http),
    ):
        for url in (one.url for one in watched):
            if url not in urls:
                yield Problem(document.line(("watch", kind)), f"{url} is not in healthy.http")
    prefixes = {one.prefix for one in scenario.healthy.bgp}
    for i, one in enumerate(scenario.watch.bgp):
        if one.prefix not in prefixes:
            line = document.line(("watch", "bgp", i))
            yield Problem(line, f"watch.bgp.{i}: {one.prefix} is not in healthy.bgp")


def _faults(change: Change, scenario: Scenario) -> Iterator[str]:
    """Return what a change is about that there is not."""
    agents = {agent.name for agent in scenario.agents}
    of = change.dns or change.http or change.vantage
    for name in of.agents if of and of.agents != "all" else ():
        if name not in agents:
            yield f"there is no agent {name}"
    if change.dns and isinstance(change.dns.answers, list):
        yield from _unanswerable(change.dns.type, change.dns.answers)
    if change.http and change.http.url not in {one.url for one in scenario.healthy.http}:
        yield f"{change.http.url} is not in healthy.http"
    if change.bgp and not any(is_inside(change.bgp.prefix, o.prefix) for o in scenario.healthy.bgp):
        yield f"{change.bgp.prefix} is in no prefix of healthy.bgp"
    if change.feed:
        feeds = {one.source: one.collectors for one in scenario.healthy.feeds}
        collectors = feeds.get(change.feed.source)
        if collectors is None:
            yield f"there is no feed {change.feed.source}"
        elif change.feed.collector not in (None, *collectors):
            yield f"there is no collector {change.feed.collector}"


def _unanswerable(type_: str, answers: Sequence[str]) -> Iterator[str]:
    """Return what is wrong with answers that no record of *type_* can hold."""
    for answer in answers:
        target = answer.removeprefix("CNAME:")
        if is_address(answer):
            holding = "AAAA" if ":" in answer else "A"
            if type_ not in (holding, "*"):
                yield f"{answer} is an answer of type {holding}, not {type_}"
        elif answer == target and type_ in ("A", "AAAA"):
            yield f"{answer!r} is not an address: write one, or CNAME:NAME"
        else:
            try:
                domain_name(target)
            except ValueError as error:
                yield str(error)
