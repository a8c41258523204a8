"""`vedette validate FILE`: what start-up would check, nothing more and nothing less."""

import argparse
import sys
from pathlib import Path

from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, read


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "validate", help="check a config file as start-up would", allow_abbrev=False
    )
    command.add_argument("file", type=Path, metavar="FILE")
    command.set_defaults(action=_validate)


def _validate(options: argparse.Namespace) -> int:
    try:
        config = read(options.file)
    except ConfigError as error:
        return complain(*error.lines())
    sys.stdout.write(f"{options.file}: valid: {config.size}\n")
    for warning in _warnings(config):
        sys.stdout.write(f"{options.file}: note: {warning}\n")
    return 0


def _warnings(config: Config) -> list[str]:
    notes = []
    if not config.pagers:
        notes.append("no pager is configured, so nobody will be woken")
    if not (config.controls.dns or config.controls.http):
        notes.append("no controls: a fault of this vantage's own uplink will look like yours")
    return notes
