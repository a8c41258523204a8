"""`vedette lkg`: what was good, for an operator who must pin a name by hand or go back."""

import argparse
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import dns.name
import dns.rdata
from rich.table import Table
from rich.text import Text

from vedette.agent.cli.explain import console
from vedette.agent.cli.output import complain
from vedette.agent.clock import SteadyClock, utc
from vedette.agent.config import Config, ConfigError, read_alone, state_folder
from vedette.agent.memory.lastgood import DELEGATION, Generation
from vedette.agent.memory.store import Store, StoreError

NOTHING = 1
"""The exit status where nothing is kept: an empty hosts file must not pass for a good one."""

Sets = Mapping[tuple[str, str], Sequence[Generation]]
"""The generations of each name and type, the newest first."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser("lkg", allow_abbrev=False)
    command.add_argument("--config", type=Path, required=True, metavar="FILE")
    command.add_argument(
        "--format",
        choices=(*_FORMATS, "config"),
        help="lines for /etc/hosts, a response policy zone, one JSON document, or the newest "
        "configuration that worked (FILE may be wrong then); without it a table",
    )
    command.set_defaults(action=_lkg)


def _lkg(options: argparse.Namespace) -> int:
    try:
        if options.format == "config":
            return _print_configuration(options.config)
        # Secrets may be for the agent alone, and gone with it.
        config = read_alone(options.config)
        return _print_sets(config, options.config.parent, options.format)
    except ConfigError as error:
        return complain(*error.lines())
    except StoreError as error:
        return _nothing(str(error))


def _nothing(why: str) -> int:
    complain(f"vedette: {why}")
    return NOTHING


def _print_configuration(path: Path) -> int:
    with closing(Store(state_folder(path), read_only=True)) as store:
        kept = store.configurations()
    if not kept:
        return _nothing(f"{store.path} holds no configuration that has worked for long enough yet")
    sys.stdout.write(kept[0].text)
    return 0


def good_configuration(path: Path) -> list[str]:
    """Return the line that says how to get the last good text of the wrong config file *path*.

    There is none where none was kept.
    """
    try:
        with closing(Store(state_folder(path), read_only=True)) as store:
            kept = store.configurations()
    except StoreError:
        return []
    command = f"vedette lkg --config {shlex.quote(str(path))} --format config"
    return [
        f"vedette: the last good configuration was kept at {utc(newest.promoted_at)}, "
        f"to print it: {command}"
        for newest in kept[:1]
    ]


def _print_sets(config: Config, folder: Path, format_: str | None) -> int:
    with closing(Store(folder / config.agent.state_dir, read_only=True)) as store:
        sets = _watched(config, store.last_known_good())
    if not sets:
        after = config.agent.last_known_good_after
        return _nothing(
            f"{store.path} holds no good answers of what {config.agent.name} watches yet: "
            f"they are kept once they were good for {after:g} s"
        )
    if format_ is None:
        _draw(sets)
        return 0
    lines = list(_FORMATS[format_](sets, config.agent.name, SteadyClock().now()))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _watched(config: Config, kept: Sequence[Generation]) -> Sets:
    """Return the sets of the services' names and of the zones above them.

    Whatever the store remembers beyond that nobody has looked at for a while.
    """
    watched = {(dns.name, dns.type) for service in config.services for dns in service.dns}
    sets: dict[tuple[str, str], list[Generation]] = {}
    for good in kept:
        zone = good.type == DELEGATION and any(_within(name, good.name) for name, _ in watched)
        if zone or (good.name, good.type) in watched:
            sets.setdefault((good.name, good.type), []).append(good)
    return sets


def _within(name: str, zone: str) -> bool:
    return zone == "." or f".{name}".endswith(f".{zone}")


def _draw(sets: Sets) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("name", "type", "generation", "answers", "since"):
        table.add_column(column, overflow="fold", no_wrap=column == "since")
    for generations in sets.values():
        for age, good in enumerate(generations):
            row = (good.name, good.type, str(age), "\n".join(good.answers), utc(good.since))
            table.add_row(*(Text(cell, "" if age == 0 else "dim") for cell in row))
    console().print(table)


def _hosts(sets: Sets, agent: str, now: float) -> Iterator[str]:
    """Return lines of /etc/hosts."""
    yield f"# last-known-good addresses by {agent}, {utc(now)}"
    for (name, type_), (good, *_) in sets.items():
        if type_ not in ("A", "AAAA"):
            continue
        if not re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", name):
            yield f"# {name} is no host's name, so nothing here can stand for it"
            continue
        yield from (f"{address} {name}" for address in good.answers)


# Ignored in a policy zone, or what makes it a zone.
_NOT_LOCAL = frozenset(
    {"SOA", "NS", "DNAME", "DS", "DNSKEY", "CDS", "CDNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM"}
)


def _rpz(sets: Sets, agent: str, now: float) -> Iterator[str]:
    """Return a response policy zone; all owners are relative to its name, which its user chooses.

    Format: draft-vixie-dnsop-dns-rpz-00, local data behind QNAME triggers.
    """
    yield f"; last-known-good answers by {agent}, {utc(now)}"
    yield "; what else is asked of a name that stands here is answered with nothing"
    yield "$TTL 60"
    yield f"@ SOA localhost. hostmaster.localhost. {int(now)} 3600 600 86400 60"
    yield "@ NS localhost."
    for (name, type_), (good, *_) in sets.items():
        # A CNAME stands alone (RFC 1034 section 3.6.2), and an address is the better pin.
        crowded = type_ == "CNAME" and any(n == name and t != "CNAME" for n, t in sets)
        if type_ in _NOT_LOCAL or type_ == DELEGATION or name == "." or crowded:
            yield f"; no policy for {name} {type_}: {', '.join(good.answers)}"
        else:
            yield from (f"{name} {type_} {_absolute(type_, answer)}" for answer in good.answers)


def _absolute(type_: str, answer: str) -> str:
    """Return a record's text with every name in it absolute."""
    record = dns.rdata.from_text("IN", type_, answer, origin=dns.name.root, relativize=False)
    return record.to_text()


def _json(sets: Sets, agent: str, now: float) -> Iterator[str]:
    """Return one JSON document; times are epoch seconds."""
    names = [
        {
            "name": name,
            "type": type_,
            "generations": [
                {
                    "answers": good.answers,
                    "since": good.since,
                    "promoted_at": good.promoted_at,
                    "whole": good.whole,
                }
                for good in generations
            ],
        }
        for (name, type_), generations in sets.items()
    ]
    yield json.dumps({"agent": agent, "at": now, "last_known_good": names})


_FORMATS: Mapping[str, Callable[[Sets, str, float], Iterator[str]]] = {
    "hosts": _hosts,
    "rpz": _rpz,
    "json": _json,
}
