"""What an AS announces, and who passes it on, as RIPEstat saw it.

See https://stat.ripe.net/docs/02.data-api/announced-prefixes.html and asn-neighbours.html.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from vedette.checks.bgp.path import read_asn
from vedette.checks.bgp.prefix import canonical
from vedette.checks.bgp.ripestat.state import ask, data_of, read_rows, read_time


@dataclass(frozen=True, slots=True)
class Announced:
    """A prefix, and the times between which it was announced, the newest last; epoch seconds."""

    prefix: str
    spans: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Prefixes:
    """All that an AS announced between two times, in epoch seconds."""

    begins_at: float
    ends_at: float
    announced: Sequence[Announced]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An AS that stands before another in AS paths, and over how many routes of each IP version.

    *certain* is False where only peers of a route collector were seen there, each by itself.
    """

    asn: int
    routes: Mapping[int, int]
    certain: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who passes an AS's routes on, as of *at*, those of the most routes first."""

    at: float
    neighbours: Sequence[Neighbour]
    skipped: int = 0


async def fetch_prefixes(session: aiohttp.ClientSession, url: str, asn: int) -> Prefixes:
    """Ask what *asn* announced in the last two weeks; *url* ends in `/data`; raise SeedError."""
    call = f"{url}/announced-prefixes/data.json"
    return read_prefixes(await ask(session, call, {"resource": f"AS{asn}"}))


async def fetch_neighbours(session: aiohttp.ClientSession, url: str, asn: int) -> Neighbours:
    """Ask who passes on what *asn* announces; *url* ends in `/data`; raise SeedError."""
    call = f"{url}/asn-neighbours/data.json"
    return read_neighbours(await ask(session, call, {"resource": f"AS{asn}"}))


def read_prefixes(body: bytes) -> Prefixes:
    """Read an announced-prefixes answer; rows that cannot be read are skipped unless all are."""
    data = data_of(body)
    announced, skipped = read_rows(data, "prefixes", _announced)
    begins_at, ends_at = (_time(data, f"query_{key}time") for key in ("start", "end"))
    return Prefixes(begins_at, ends_at, announced, skipped)


def read_neighbours(body: bytes) -> Neighbours:
    """Read an asn-neighbours answer; rows that cannot be read are skipped unless all are."""
    data = data_of(body)
    rows, skipped = read_rows(data, "neighbours", _neighbour)
    neighbours = [row for row in rows if row is not None]
    neighbours.sort(key=lambda n: (-sum(n.routes.values()), n.asn))
    return Neighbours(_time(data, "query_endtime"), neighbours, skipped)


def _time(data: Mapping[str, Any], key: str) -> float:
    return read_time(data.get(key), key)


def _announced(row: Mapping[str, Any]) -> Announced:
    spans = [(_time(line, "starttime"), _time(line, "endtime")) for line in row["timelines"]]
    return Announced(canonical(row["prefix"]), tuple(sorted(spans)))


def _neighbour(row: Mapping[str, Any]) -> Neighbour | None:
    """Return a neighbour; None for one behind the AS, which passes its routes on (`right`)."""
    kind = str(row["type"])
    if kind == "right":
        return None
    routes = {4: int(row["v4_peers"]), 6: int(row["v6_peers"])}
    return Neighbour(read_asn(row["asn"]), routes, kind == "left")
