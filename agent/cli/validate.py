"""`vedette validate FILE`: what start-up would check, nothing more and nothing less."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, pagers, read, read_text
from vedette.agent.config.vantage import is_loopback, is_unspecified
from vedette.agent.document import load


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
    for line, warning in _untold(config, options.file):
        sys.stdout.write(f"{options.file}:{line}: note: {warning}\n")
    return 0


def _untold(config: Config, path: Path) -> list[tuple[int, str]]:
    """Return what nobody is told of, with its lines."""
    document = load(read_text(path))
    return sorted(
        (document.line(place), message)
        for place, message in pagers.untold(config.pagers, config.services)
    )


def _muted(config: Config) -> Iterator[str]:
    """Yield what a window of maintenance never ends for."""
    windows = [("everything", config.maintenance)]
    windows += [(f"service {one.name}", one.maintenance) for one in config.services]
    windows += [(f"alarm {one.name}", one.mute) for one in config.alarms]
    for who, declared in windows:
        if any(window.is_endless for window in declared):
            yield who


def _warnings(config: Config) -> list[str]:
    notes = []
    if not config.pagers:
        notes.append("no pager is configured, so nobody will be woken")
    if not (config.controls.dns or config.controls.http):
        notes.append("no controls: a fault of this vantage's own uplink will look like yours")
    notes += [f"{who} is muted without an end: no page of it ever opens" for who in _muted(config)]
    agent = config.agent
    if agent.is_guarded and not agent.has_token:
        notes.append(
            "no agent.token_file: nobody can read the status page"
            + ("" if agent.open_metrics else " or the metrics")
        )
    if agent.url is None and is_unspecified(agent.endpoint.host):
        notes.append(f"no agent.url: pages lead to {agent.status_url}, where nobody is")
    if agent.tls is None and not is_loopback(agent.endpoint.host):
        notes.append("no agent.tls: tokens pass the network in the clear")
    notes += [
        f"peer {peer.name}: the token passes the network in the clear: use https"
        for peer in config.peers
        if peer.is_exposed and peer.has_token
    ]
    return notes
