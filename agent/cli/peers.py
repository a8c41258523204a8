"""`vedette peers`: who sees whom, as the agent of a config and all of its peers tell it."""

import argparse
import asyncio
import ssl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vedette.agent.cli.output import complain
from vedette.agent.config import Config, ConfigError, PeerSettings, read
from vedette.agent.peers import asking
from vedette.agent.peers.routes import Sight, Sights
from vedette.agent.peers.wire import RefusedError
from vedette.agent.secrets import SecretError, Tokened, token_of
from vedette.checks.tls import trust
from vedette.checks.words import one_line
from vedette.exporters.reach import Reach

BROKEN = 1
"""The exit status where somebody does not see somebody."""


class Said(NamedTuple):
    """What one agent answered; *error* says why it did not."""

    name: str
    url: str
    error: str
    sights: Sequence[Sight]


class Line(NamedTuple):
    """Whether *agent* sees *peer*, and what is to be said of it."""

    agent: str
    peer: str
    sees: bool
    sight: Sight | None
    words: str


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("peers", allow_abbrev=False)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument("--json", action="store_true", help="print one JSON document")
    command.set_defaults(action=_peers)


def _peers(options: argparse.Namespace) -> int:
    try:
        config = read(options.config)
    except ConfigError as error:
        return complain(*error.lines())
    if not config.peers:
        return complain(f"vedette: {options.config} has no peers: this agent is alone")
    said = asyncio.run(_asked(config, options.config.parent))
    lines = [*_lines(said)]
    whole = all(line.sees for line in lines)
    if options.json:
        document = {
            "agent": config.agent.name,
            "whole": whole,
            "agents": [
                {"name": one.name, "url": one.url, "error": one.error, "peers": one.sights}
                for one in said
            ],
        }
        sys.stdout.write(f"{msgspec.json.encode(document).decode()}\n")
    else:
        _draw(lines)
    return 0 if whole else BROKEN


async def _asked(config: Config, folder: Path) -> Sequence[Said]:
    """Ask this config's own agent, and all of its peers, at the same time."""
    return await asyncio.gather(
        _own(config, folder), *(_other(config, peer, folder) for peer in config.peers)
    )


async def _own(config: Config, folder: Path) -> Said:
    """Ask the own agent: by its token, or else by one that it shares with a peer."""
    agent = config.agent
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(agent.endpoint.host)  # noqa: S104
    at = str(agent.endpoint) if host is None else f"{host}:{agent.endpoint.port}"
    url = f"{'https' if agent.tls else 'http'}://{at}"
    owners: list[Tokened] = [agent, *config.peers]
    try:
        tokens = (token_of(one, folder) for one in owners)
        token = next((token for token in tokens if token is not None), None)
        tls = _of_itself(config, folder)
    except (SecretError, ValueError) as error:
        return Said(agent.name, url, str(error), ())
    return await _ask(config, agent.name, url, token, tls)


def _of_itself(config: Config, folder: Path) -> ssl.SSLContext | None:
    """Trust the own certificate alone, by whatever name; show it where it is a credential."""
    if config.agent.tls is None:
        return None
    certificate, key, authority = config.agent.tls.paths(folder)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    trust(made, certificate)
    if authority is not None:
        made.load_cert_chain(certificate, key)
    return made


async def _other(config: Config, peer: PeerSettings, folder: Path) -> Said:
    try:
        token, tls = token_of(peer, folder), asking.tls_of(peer, folder)
    except (SecretError, ValueError) as error:
        return Said(peer.name, peer.url, str(error), ())
    return await _ask(config, peer.name, peer.url, token, tls)


async def _ask(
    config: Config, name: str, url: str, token: str | None, tls: ssl.SSLContext | None
) -> Said:
    reach = Reach(config.paging.endpoints)
    async with asking.session(config.agent.name, token, reach) as session:
        try:
            body = await asking.answer(session, f"{url}{asking.PEERS}", tls)
            sights = msgspec.json.decode(body, type=Sights)
        except (asking.UnansweredError, RefusedError, msgspec.MsgspecError) as error:
            return Said(name, url, str(error), ())
    if sights.agent != name:
        return Said(name, url, f"it says that it is {sights.agent!r}: mend the url", ())
    return Said(name, url, "", sights.peers)


def _lines(said: Sequence[Said]) -> Iterator[Line]:
    """Yield a line for each agent and each other agent that it should see."""
    for one in said:
        known = {sight.name: sight for sight in one.sights}
        for other in said:
            if other is one:
                continue
            sight = known.get(other.name)
            if one.error:
                yield Line(one.name, other.name, False, None, f"at {one.url}: {one.error}")
                break
            if sight is None:
                yield Line(one.name, other.name, False, None, "it is none of its peers")
            else:
                words = "; ".join([*filter(None, [sight.error]), *sight.notes])
                yield Line(one.name, other.name, sight.up, sight, words)


def _draw(lines: Sequence[Line]) -> None:
    # A pipe has no width; this one leaves what is wrong in one piece.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("Agent", "sees", "", "heard", "its clock", ""):
        table.add_column(title, overflow="fold")
    for line in lines:
        heard = line.sight.heard_ago if line.sight else None
        offset = line.sight.clock_offset if line.sight else None
        table.add_row(
            Text(line.agent),
            Text(line.peer if line.sight or not line.words.startswith("at ") else "-"),
            Text("yes", "green") if line.sees else Text("no", "red"),
            Text("" if heard is None else f"{heard:.1f} s ago"),
            Text("" if offset is None else f"{offset:+.1f} s"),
            Text(one_line(line.words)),
        )
    console.print(table)
