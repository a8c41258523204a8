"""`vedette validate FILE`: what start-up would check, nothing more and nothing less."""

import argparse
import sys
from pathlib import Path

from vedette.agent import references
from vedette.agent.cli.output import complain
from vedette.agent.config import ConfigError, read, read_text
from vedette.agent.config.notes import notes
from vedette.agent.document import load


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("validate", allow_abbrev=False)
    command.add_argument("file", type=Path, metavar="FILE")
    command.set_defaults(action=_validate)


def _validate(options: argparse.Namespace) -> int:
    try:
        config = read(options.file)
    except ConfigError as error:
        return complain(*error.lines())
    sys.stdout.write(f"{options.file}: valid: {config.size}\n")
    document = load(read_text(options.file))
    told = [*notes(config), *references.exposed(document, options.file.parent)]
    for line, note in sorted((document.line(place) if place else 0, note) for place, note in told):
        sys.stdout.write(f"{options.file}:{line or ''}{':' if line else ''} note: {note}\n")
    return 0
