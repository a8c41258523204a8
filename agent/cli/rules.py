"""`vedette rules --config FILE`: the alarms as rules for a Prometheus that scrapes the agents."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, read
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.plan import Plan, make
from vedette.agent.rules.document import written
from vedette.agent.rules.groups import inexpressible, linked, rules

_INTERVALS = (1.0, 300.0)
"""Seconds between two evaluations: Prometheus forgets what was recorded longer ago."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "rules",
        description="Writes to stdout what a Prometheus that scrapes all agents of a deployment "
        "needs to judge their alarms itself.",
        allow_abbrev=False,
    )
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument(
        "--interval",
        type=_interval,
        default=15.0,
        metavar="SECONDS",
        help="between two evaluations; no less than between two scrapes (%(default)g)",
    )
    command.set_defaults(action=_rules)


def _interval(text: str) -> float:
    least, most = _INTERVALS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not least <= seconds < most or seconds != int(seconds):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number of seconds from {least:g} to {most - 1:g}"
        )
    return seconds


def _rules(options: argparse.Namespace) -> int:
    try:
        config = read(options.config)
    except ConfigError as error:
        return complain(*error.lines())
    plan = make(config, options.config.parent, LastKnownGood(), lambda: 0.0)
    deployment = config.agent.deployment
    text = written(
        f"vedette/{deployment}",
        linked(rules(plan, deployment, options.interval), config.runbooks),
        options.interval,
        _notes(config, plan, options.config.name),
    )
    sys.stdout.write(text)
    return 0


def _notes(config: Config, plan: Plan, name: str) -> Iterator[str]:
    yield f"Made by `vedette rules --config {name}`: change the config, not this file."
    yield (
        "Each agent of the deployment is scraped as often as these rules are evaluated. hold and "
        "clear are in the expressions: Prometheus's own for and keep_firing_for would take for "
        "good what nobody can see."
    )
    for note in inexpressible(config, plan):
        yield f"Not expressed, {note}"
