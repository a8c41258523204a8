"""`vedette run --config FILE`: the daemon."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from vedette.agent import logs, reload
from vedette.agent.cli.output import complain
from vedette.agent.cli.process import allow_files, run_loop
from vedette.agent.config import Config, ConfigError
from vedette.agent.config.notes import notes
from vedette.agent.memory.storefile import StoreError, claimed
from vedette.agent.secrets import SecretError
from vedette.agent.serving import web

log = logging.getLogger(__name__)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("run", allow_abbrev=False)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.set_defaults(action=_run)


def _run(options: argparse.Namespace) -> int:
    hung_up: list[int] = []
    # What was asked for before this is done by the first reading; after it, by another.
    signal.signal(signal.SIGHUP, lambda number, _frame: hung_up.append(number))
    allow_files()
    try:
        document = reload.Document.read(options.config)
        with claimed(options.config.parent / document.config.agent.state_dir):
            run_loop(_until_signalled(document, hung_up))
    except ConfigError as error:
        # With the tables that it draws, 2 MB that an agent never needs.
        from vedette.agent.cli.lkg import good_configuration  # noqa: PLC0415

        return complain(*error.lines(), *good_configuration(options.config))
    except (StoreError, SecretError, web.ListenError) as error:
        return complain(f"vedette: {error}")
    return 0


async def _until_signalled(document: reload.Document, hung_up: Sequence[int]) -> None:
    stop, hangup = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, hangup.set)
    if hung_up:
        hangup.set()
    await reload.run(document, stop, hangup, adopted=adopt)
    log.info("stopped")


def adopt(config: Config) -> None:
    """Log as *config* says; what is worth a note in it is told to who never validates, too."""
    logs.configure(config.agent.log)
    for _, note in notes(config):
        log.warning("config: %s", note)
