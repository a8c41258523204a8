"""`vedette bgp init --asn N`: the `bgp:` part of a config from RIPEstat, for a person to check."""

import argparse
import asyncio
import ipaddress
import sys
from collections.abc import Iterator, Mapping, Sequence

from vedette.agent.cli.output import complain
from vedette.agent.clock import utc
from vedette.checks.bgp.path import read_asn
from vedette.checks.bgp.prefix import version_of
from vedette.checks.bgp.ripestat import state as ripestat
from vedette.checks.bgp.ripestat.announced import (
    Announced,
    Neighbours,
    Prefixes,
    fetch_neighbours,
    fetch_prefixes,
)
from vedette.checks.settings import without_password

NAME = "bgp init"
URL = "https://stat.ripe.net/data"
MOST_NEIGHBOURS = 50
"""An AS with more of them, or with so many that come and go, had better let them be learned."""
_FAILED = 1


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        NAME,
        description="Write the `bgp:` part of a service for all that an AS announces, as RIPEstat "
        "saw it in two weeks. Check each line: what was announced by mistake is in it too.",
        allow_abbrev=False,
    )
    command.add_argument("--asn", type=_asn, required=True, metavar="N")
    command.add_argument("--url", default=URL, help=f"another RIPEstat (default {URL})")
    command.set_defaults(action=_init)


def _asn(text: str) -> int:
    try:
        asn = read_asn(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if asn == 0:
        raise argparse.ArgumentTypeError("AS0 announces nothing (RFC 7607)")
    return asn


def _init(options: argparse.Namespace) -> int:
    try:
        url, asn = without_password(options.url).rstrip("/"), options.asn
    except ValueError as error:
        return complain(f"vedette {NAME}: --url: {error}")
    if not url.startswith(("http://", "https://")):
        return complain(
            f"vedette {NAME}: --url {url}: expected a URL with the scheme http or https"
        )
    try:
        prefixes, neighbours = asyncio.run(_ask(url, asn))
    except ripestat.SeedError as error:
        complain(f"vedette {NAME}: nothing could be learned of AS{asn}: {error}")
        return _FAILED
    if not prefixes.announced:
        complain(
            f"vedette {NAME}: AS{asn} announced nothing that RIPEstat saw between "
            f"{utc(prefixes.begins_at)} and {utc(prefixes.ends_at)}: is the number right?"
        )
        return _FAILED
    sys.stdout.writelines(f"{line}\n" for line in written(asn, url, prefixes, neighbours))
    return 0


async def _ask(url: str, asn: int) -> tuple[Prefixes, Neighbours]:
    async with ripestat.session() as session:
        return await fetch_prefixes(session, url, asn), await fetch_neighbours(session, url, asn)


def written(asn: int, url: str, prefixes: Prefixes, neighbours: Neighbours) -> Iterator[str]:
    """Return the lines of the part: YAML, with a comment on where each value is from."""
    now = [one for one in prefixes.announced if _is_current(one, prefixes)]
    yield f"# What AS{asn} announces, as RIPEstat saw it: check each line, then put this under a"
    yield "# service of your config. Whoever else may originate a prefix belongs into its origins."
    yield "#"
    yield f"# prefix, more_specifics: {url}/announced-prefixes/data.json?resource=AS{asn}"
    yield f"#   {utc(prefixes.begins_at)} to {utc(prefixes.ends_at)}, seen by 10 peers or more"
    yield f"# neighbours: {url}/asn-neighbours/data.json?resource=AS{asn}"
    yield f"#   {utc(neighbours.at)}: ASes that stand before AS{asn} in AS paths"
    yield from _doubts(neighbours, prefixes)
    yield "bgp:" if now else "bgp: []"
    allowed = {version: _neighbours(neighbours, version) for version in (4, 6)}
    parts = _parts([one.prefix for one in now])
    for one in now:
        if len(one.spans) > 1:
            yield f"  # it came and went: announced anew at {utc(one.spans[-1][0])}"
        yield f'  - prefix: "{one.prefix}"'
        yield f"    origins: [{asn}]"
        if parts[one.prefix]:
            listed = ", ".join(f'"{part}"' for part in parts[one.prefix])
            yield f"    more_specifics: [{listed}]"
        if allowed[version_of(one.prefix)]:
            yield f"    neighbours: [{', '.join(map(str, allowed[version_of(one.prefix)]))}]"
    for one in prefixes.announced:
        if one not in now:
            ended = f" since {utc(one.spans[-1][1])}" if one.spans else ""
            yield f"  # {one.prefix} is not announced any more{ended}"


def _is_current(one: Announced, prefixes: Prefixes) -> bool:
    return bool(one.spans) and one.spans[-1][1] >= prefixes.ends_at


def _doubts(neighbours: Neighbours, prefixes: Prefixes) -> Iterator[str]:
    """Return what a person has to decide."""
    unsure = [str(one.asn) for one in neighbours.neighbours if not one.certain]
    if unsure:
        yield "#   not in it are peers of RIPE's collectors that nobody else was seen behind: add"
        yield f"#   those that are yours: {', '.join(unsure)}"
    for version in (4, 6):
        number = sum(bool(one.certain and one.routes[version]) for one in neighbours.neighbours)
        if number > MOST_NEIGHBOURS:
            yield f"#   {number} for IPv{version} are left out: without a list they are learned"
            yield "#   (who forges the origin and draws most peers away is taken for a new one)"
    if skipped := prefixes.skipped + neighbours.skipped:
        yield f"# {skipped} rows of the answers could not be read"


def _neighbours(neighbours: Neighbours, version: int) -> Sequence[int]:
    certain = [one.asn for one in neighbours.neighbours if one.certain and one.routes[version]]
    return certain if len(certain) <= MOST_NEIGHBOURS else []


def _parts(prefixes: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Return for each prefix those inside it."""
    networks = {ipaddress.ip_network(prefix): prefix for prefix in prefixes}
    parts: dict[str, list[str]] = {prefix: [] for prefix in prefixes}
    for network, prefix in networks.items():
        for length in range(network.prefixlen):
            cover = networks.get(network.supernet(new_prefix=length))
            if cover is not None:
                parts[cover].append(prefix)
    return parts
