"""`vedette run --config FILE`: the daemon."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path

from vedette.agent import web
from vedette.agent.cli.lkg import good_configuration
from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, parse, read_text
from vedette.agent.daemon import Agent
from vedette.agent.store import StoreError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("run", help="run the agent", allow_abbrev=False)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.set_defaults(action=_run)


def _run(options: argparse.Namespace) -> int:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    try:
        text = read_text(options.config)
        config = parse(text, options.config)
        run_loop(_until_signalled(config, options.config.parent, text))
    except ConfigError as error:
        return complain(*error.lines(), *good_configuration(options.config))
    except (StoreError, web.ListenError) as error:
        return complain(f"vedette: {error}")
    return 0


def run_loop(work: Coroutine[None, None, None]) -> None:
    """Run *work* on uvloop where the extra is installed, else on asyncio's loop."""
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _until_signalled(config: Config, folder: Path, text: str) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await web.run(Agent(config, folder, text), stop)
    logging.getLogger(__name__).info("stopped")
