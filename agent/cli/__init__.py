"""The command line: one module per command, and this table of them."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from itertools import pairwise

from vedette.agent.cli import output

_INIT = "bgp init"
"""To argparse, what follows `bgp` would be a file."""
_COMMANDS = {
    "run": "run the agent; SIGHUP has it read its config again",
    "validate": "check a config file as start-up would",
    "check": "look once and explain",
    "lkg": "print what was good when all was well",
    "peers": "show which agents see each other",
    "audit": "find what the watchers and the watched share",
    "bgp": "find withdrawals, hijacks and leaks in recorded routes",
    _INIT: "write the bgp part of a config for what an AS announces",
    "replay": "play a recorded incident in virtual time",
    "rules": "write the alarms of a config as Prometheus alerting rules",
    "blackbox": "serve as blackbox_exporter does, from its config",
    "demo": "watch a record being emptied, paged and restored",
}
"""What each command is for, in the order in which they are listed; its module has its name."""


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the command line of *command* alone, if it is one, and else the list of all.

    To load them all takes a second.
    """
    top = argparse.ArgumentParser(
        prog="vedette",
        description="Out-of-band synthetic monitoring: DNS, HTTP and BGP-origin probes, "
        "and one page with the cause in the first line.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"vedette {version('vedette')}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    if command in _COMMANDS:
        import_module(f"vedette.agent.cli.{command.replace(' ', '')}").add(commands)
        return top
    for name, purpose in _COMMANDS.items():
        commands.add_parser(name, help=purpose)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; 2 stands for wrong usage or config."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:2] == _INIT.split():
        words[:2] = [_INIT]
    if words[:1] == ["run"]:
        # Until there is somebody to hear it: its default is to end the process.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    output.prepare()
    if (empty := _empty(words)) and words[:1] != ["blackbox"]:  # its flags may be, as Go's may
        return output.complain(f"vedette: {empty} is empty: give it a value, or leave it out")
    try:
        return _ended(words)
    except BrokenPipeError:
        # The reader of our output has gone; that is its right, and no reason for a traceback.
        output.give_up()
        return 1
    except output.UnwritableError as error:
        output.give_up()
        return output.complain(f"vedette: standard output cannot be written: {error}")
    except KeyboardInterrupt:
        return 130


def _empty(words: Sequence[str]) -> str | None:
    """Return the name of the first argument without a value: a variable that is not set, mostly."""
    for before, word in pairwise(["", *words]):
        option, equals, value = word.partition("=")
        if equals and option.startswith("--") and not value.strip():
            return option
        if not word.strip():
            return before if before.startswith("--") and "=" not in before else "an argument"
    return None


def _ended(words: Sequence[str]) -> int:
    """Run the command to the end of what it prints, and return its exit status."""
    try:
        command = next((word for word in words if not word.startswith("-")), "")
        options = parser(command).parse_args(words)
        status: int = options.action(options)
    finally:
        # Python's own flush at the exit would tell of its fault in words of its own.
        sys.stdout.flush()
    return status
