"""The command line: one module per command, and this table of them."""

import argparse
import sys
from collections.abc import Sequence

from vedette.agent.cli import (
    audit,
    bgp,
    bgpinit,
    blackbox,
    check,
    demo,
    lkg,
    peers,
    replay,
    rules,
    run,
    validate,
)
from vedette.agent.daemon import VERSION


def parser() -> argparse.ArgumentParser:
    """Return the whole command line."""
    top = argparse.ArgumentParser(
        prog="vedette",
        description="Out-of-band synthetic monitoring: DNS, HTTP and BGP-origin probes, "
        "and one page with the cause in the first line.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"vedette {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (
        run,
        validate,
        check,
        lkg,
        peers,
        audit,
        bgp,
        bgpinit,
        replay,
        rules,
        blackbox,
        demo,
    ):
        command.add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; 2 stands for wrong usage or config."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:2] == bgpinit.NAME.split():
        words[:2] = [bgpinit.NAME]  # to argparse, what follows `bgp` would be a file
    options = parser().parse_args(words)
    try:
        status: int = options.action(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has gone; that is its right, and no reason for a traceback.
        sys.stdout = None
        return 1
    except KeyboardInterrupt:
        return 130
    return status
