"""The seed: who holds a prefix, now or at a past time, by RIPEstat's bgp-state data call.

RIS Live sends no initial state, so without a seed a peer is unknown until its next update, which
for a stable prefix may take days. See https://stat.ripe.net/docs/02.data-api/bgp-state.html.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import aiohttp

from vedette.checks.bgp.path import Path, read_path
from vedette.checks.bgp.prefix import Peer, canonical, peer_of_source
from vedette.checks.bgp.update import END_OF_TIME
from vedette.checks.dates import of_iso
from vedette.checks.net import Endpoint

Read = TypeVar("Read")

MAX_BYTES = 8 * 1024 * 1024  # a prefix held by 360 peers takes 0.1 MB
SECONDS = 30.0
AT_ONCE = 4  # RIPEstat asks for at most 8 concurrent requests per address


class SeedError(Exception):
    """No seed could be had; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Seed:
    """Per prefix, which peers held it at *at* (epoch seconds); *skipped* rows were unreadable."""

    at: float
    routes: Mapping[str, Mapping[Peer, Path]]
    skipped: int = 0


def session(connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """Return a session to ask by, which connects by *connector*."""
    return aiohttp.ClientSession(connector=connector, headers={"User-Agent": "vedette"})


async def fetch(
    session: aiohttp.ClientSession, url: str, prefix: str, at: float | None = None
) -> Seed:
    """Ask who holds *prefix*, or held it *at* a past time, within 30 s and 8 MB; raise SeedError.

    RIPEstat takes the time as ISO 8601, in UTC.
    """
    query = {"resource": prefix}
    if at is not None:
        query["timestamp"] = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return parse(await ask(session, url, query))


async def ask(session: aiohttp.ClientSession, url: str, query: Mapping[str, str]) -> bytes:
    """Return what a data call at *url* answers, within 30 s and 8 MB; raise SeedError."""
    limit = aiohttp.ClientTimeout(total=SECONDS)
    query = {**query, "sourceapp": "vedette"}
    try:
        async with session.get(url, params=query, timeout=limit) as response:
            if response.status != 200:
                raise SeedError(f"{url} answered HTTP {response.status}")
            return await _bounded(response)
    except TimeoutError:
        raise SeedError(f"{url} did not answer within {SECONDS:.0f} s") from None
    except (aiohttp.ClientError, OSError) as exc:
        raise SeedError(f"{url} cannot be asked: {_why(exc)}") from None


def _why(error: aiohttp.ClientError | OSError) -> str:
    """Return what went wrong; aiohttp speaks of TLS where there is none."""
    if type(error) is aiohttp.ClientConnectorError and error.port is not None:
        number = error.os_error.errno or 0  # negative where a name has no address
        if number > 0:
            return f"cannot connect to {Endpoint(error.host, error.port)}: {os.strerror(number)}"
    return str(error) or type(error).__name__


async def each(prefixes: Iterable[str], ask: Callable[[str], Awaitable[bool]]) -> set[str]:
    """Ask about each of *prefixes*, four at once, and return those where it failed."""
    waiting, failed = list(prefixes)[::-1], set[str]()

    async def work() -> None:
        while waiting:
            prefix = waiting.pop()
            if not await ask(prefix):
                failed.add(prefix)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return failed


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BYTES:
            raise SeedError("the answer is larger than 8 MB")
    return bytes(body)


def parse(body: bytes) -> Seed:
    """Read a bgp-state answer; rows that cannot be read are skipped unless all are."""
    data = data_of(body)
    held, skipped = read_rows(data, "bgp_state", _held)
    routes: dict[str, dict[Peer, Path]] = {}
    for prefix, peer, path in held:
        routes.setdefault(prefix, {})[peer] = path
    return Seed(read_time(data.get("timestamp")), routes, skipped)


def _held(row: Mapping[str, Any]) -> tuple[str, Peer, Path]:
    peer, path = peer_of_source(row["source_id"]), read_path(row["path"])
    return canonical(row["target_prefix"]), peer, path


def read_rows(
    data: Mapping[str, Any], key: str, read: Callable[[Mapping[str, Any]], Read]
) -> tuple[list[Read], int]:
    """Return what is *read* of the rows, and how many cannot be; raise SeedError if none can."""
    rows = data.get(key)
    if not isinstance(rows, list):
        raise SeedError(f"the answer has no data.{key}")
    made, skipped = list[Read](), 0
    for row in rows:
        try:
            made.append(read(row))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError, SeedError):
            skipped += 1
    if rows and not made:
        raise SeedError(f"no row of the answer's data.{key} can be read")
    return made, skipped


def data_of(body: bytes) -> dict[str, Any]:
    """Return the data of any data call's answer; raise SeedError."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise SeedError("the answer is not JSON") from None
    if isinstance(document, dict) and document.get("status", "ok") != "ok":
        raise SeedError(f"the answer's status is {str(document['status'])[:50]!r}")
    data = document.get("data") if isinstance(document, dict) else None
    return data if isinstance(data, dict) else {}


def read_time(value: object, key: str = "timestamp") -> float:
    """Read ISO 8601, which RIPEstat writes in UTC without saying so, or epoch seconds."""
    try:
        if isinstance(value, str):
            value = of_iso(value)
        if isinstance(value, int | float) and abs(value) < END_OF_TIME:
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise SeedError(f"the answer's data.{key} cannot be read")
