"""`vedette blackbox`: the command line of blackbox_exporter, before the same endpoints."""

import argparse
import json
import logging
import re
import sys
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from vedette.agent.blackbox.document import ModulesError
from vedette.agent.blackbox.handlers import Prober, probe_log
from vedette.agent.blackbox.history import LEVELS, written
from vedette.agent.blackbox.limits import lenient
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.lookup import SystemResolver
from vedette.agent.blackbox.scalars import seconds
from vedette.agent.blackbox.server import ListenError, listen_address, serve
from vedette.agent.cli.output import complain
from vedette.agent.cli.process import allow_files, run_loop
from vedette.agent.clock import SteadyClock
from vedette.checks.net import Endpoint

_LEVELS = {word: number for number, word in LEVELS.items()}
_ABSENT = {
    "web_config_file": "--web.config.file is not built in: put a proxy that speaks TLS before it",
    "web_systemd_socket": "--web.systemd-socket is not built in: use --web.listen-address",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("blackbox", allow_abbrev=False)
    flag = command.add_argument
    flag("--version", action="version", version=f"vedette {version('vedette')}")
    flag("--config.file", dest="file", type=Path, default=Path("blackbox.yml"), metavar="FILE")
    flag("--config.check", dest="check", action="store_true", help="check the config, and end")
    flag("--config.enable-auto-reload", dest="auto", action="store_true")
    flag("--config.auto-reload-interval", dest="every", type=_seconds, default=30.0, metavar="TIME")
    flag("--timeout-offset", dest="offset", type=float, default=0.5, metavar="SECONDS")
    flag("--history.limit", dest="history", type=_count, default=100, metavar="COUNT")
    flag("--web.listen-address", dest="listen", type=_address, action="append",
         metavar="[HOST]:PORT")  # fmt: skip
    flag("--web.external-url", dest="url", type=_url, default="", metavar="URL")
    flag("--web.route-prefix", dest="prefix", default="", metavar="PATH")
    flag("--web.config.file", dest="web_config_file", default="", metavar="FILE")
    flag("--web.systemd-socket", dest="web_systemd_socket", action="store_true")
    flag("--log.level", dest="level", choices=_LEVELS, default="info")
    flag("--log.prober", dest="level_of_probes", choices=_LEVELS, default="info",
         help="from which level on lines of probes are logged")  # fmt: skip
    flag("--log.format", dest="format", choices=("logfmt", "json"), default="logfmt")
    flag("--probe.allow", dest="allow", type=ip_network, action="append", default=[],
         metavar="CIDR", help="addresses to probe although they are denied")  # fmt: skip
    flag("--probe.deny", dest="deny", type=ip_network, action="append", default=[],
         metavar="CIDR", help="addresses not to probe, besides cloud metadata")  # fmt: skip
    command.set_defaults(action=_blackbox)


def _seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else seconds(text)


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= sys.maxsize:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return number


def _url(text: str) -> str:
    try:
        urlsplit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a URL: {error}") from None
    return text


def _address(text: str) -> Endpoint:
    try:
        return listen_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _blackbox(options: argparse.Namespace) -> int:
    for name, why in _ABSENT.items():
        if getattr(options, name):
            return complain(f"vedette: {why}")
    _log_to_stderr(options)
    clock = SteadyClock()
    try:
        loaded = Loaded(options.file, clock.now)
    except ModulesError as error:
        complain(f"vedette: {error}")
        return 1
    if options.check:
        sys.stdout.write(f"{options.file}: valid: {len(loaded.modules.modules)} modules\n")
        return 0
    prober = Prober(
        loaded,
        resolve=SystemResolver().resolve,
        permit=lenient(options.allow, options.deny),
        now=clock.now,
        offset=options.offset,
        history=options.history,
        log_level=_LEVELS[options.level_of_probes],
    )
    addresses = options.listen or [listen_address(":9115")]
    prefix = "/" + (options.prefix or urlsplit(options.url).path).strip("/")
    every = options.every if options.auto else 0.0
    allow_files()
    try:
        run_loop(serve(prober, addresses, prefix.rstrip("/"), every))
    except ListenError as error:
        complain(f"vedette: {error}")
        return 1
    return 0


class _Lines(logging.Formatter):
    """One line of logfmt or JSON a record; the `pairs` of a record follow its message."""

    def __init__(self, style: str) -> None:
        super().__init__()
        self._json = style == "json"

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as a line."""
        head = {"ts": self.formatTime(record), "level": record.levelname}
        pairs = {**head, "msg": record.getMessage(), **getattr(record, "pairs", {})}
        if record.exc_info:
            pairs["exception"] = self.formatException(record.exc_info)
        return json.dumps(pairs, default=str) if self._json else written(pairs)


def _log_to_stderr(options: argparse.Namespace) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines(options.format))
    logging.basicConfig(handlers=[handler], level=_LEVELS[options.level], force=True)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    probe_log.setLevel(_LEVELS[options.level_of_probes])
