"""100,000 probes each of a page, of a page over TLS, and of a name through /probe: `make soak`.

Exits with 1 where descriptors or tasks were left over, or where memory grew.
"""

import argparse
import asyncio
import gc
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from aiohttp import web

from tests.bench import peers, zone
from tests.bench.http_looks import IN_FLIGHT, fetch_through
from tests.bench.sample import heard, resident
from tests.bench.web import page
from vedette.agent.blackbox.handlers import Exporter, Prober
from vedette.agent.blackbox.limits import lenient
from vedette.agent.blackbox.loaded import Loaded
from vedette.agent.blackbox.lookup import SystemResolver
from vedette.agent.cli.process import run_loop
from vedette.agent.clock import SteadyClock
from vedette.checks.http.request import Request
from vedette.checks.http.target import parse_url
from vedette.checks.http.tls import TlsSettings

GROWTH = 4 << 20
"""Octets by which the process may grow after a tenth of the probes."""
CLOSING = 5.0
"""Seconds within which connections end that the client has closed."""

Probing = Callable[[int], Awaitable[None]]
"""Makes so many probes, and ends in an error where one fails."""


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds while no probe is on its way."""

    octets: int
    descriptors: int
    sockets: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"{self.octets / 2**20:.1f} MB, {self.descriptors} descriptors "
            f"({self.sockets} sockets), {self.tasks} tasks"
        )


def held() -> Held:
    """Count it now."""
    gc.collect()
    files = list(_open_files())
    sockets = sum(file.startswith("socket:") for file in files)
    return Held(resident(), len(files), sockets, len(asyncio.all_tasks()))


def _open_files() -> Iterator[str]:
    for file in Path("/proc/self/fd").iterdir():
        try:
            yield str(file.readlink())
        except FileNotFoundError:  # the one by which they are listed
            continue


@asynccontextmanager
async def pages(*, secure: bool) -> AsyncIterator[Probing]:
    """Fetch one page of an nginx, each time on a connection of its own."""
    with page(secure=secure) as (url, authority):
        tls = TlsSettings(ca_file=str(authority))
        request = Request(target=parse_url(url), tls=tls, protocols=("http/1.1",))

        async def fetch(count: int) -> None:
            shares = (fetch_through(request, count // IN_FLIGHT) for _ in range(IN_FLIGHT))
            await asyncio.gather(*shares)

        yield fetch


@asynccontextmanager
async def drop_in() -> AsyncIterator[Probing]:
    """Serve /probe here, and have another process ask it for a name of an NSD."""
    with zone.server() as at, tempfile.TemporaryDirectory() as name:
        file, clock = Path(name) / "blackbox.yml", SteadyClock()
        file.write_text(peers.MODULE)
        prober = Prober(
            Loaded(file, clock.now),
            resolve=SystemResolver().resolve,
            permit=lenient((), ()),
            now=clock.now,
        )
        runner = web.ServerRunner(web.Server(Exporter(prober, "").answer, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        ask = partial(_ask, runner, f"/probe?module=dns&target={at}")
        try:
            await ask(100)  # so that the thread for the client is there
            yield ask
        finally:
            await runner.cleanup()


async def _ask(runner: web.ServerRunner, path: str, count: int) -> None:
    asked = ("127.0.0.1", runner.addresses[0][1], path, "--expect", "probe_success 1")
    await asyncio.to_thread(heard, "load", *asked, "--count", count)
    async with asyncio.timeout(CLOSING):
        while runner.server and runner.server.connections:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)


CASES: Mapping[str, Callable[[], AbstractAsyncContextManager[Probing]]] = {
    "HTTP": partial(pages, secure=False),
    "HTTPS": partial(pages, secure=True),
    "/probe, DNS": drop_in,
}


async def soak(name: str, count: int, wrong: list[str]) -> None:
    """Make *count* probes, print what was held after a tenth and at the end, and add to *wrong*."""
    start, tenth = perf_counter(), count // 10
    async with CASES[name]() as probe:
        await probe(tenth)
        early = held()
        await probe(count - tenth)
        late = held()
    print(f"{name}: {count:,} probes in {perf_counter() - start:.0f} s")
    print(f"  after a tenth: {early}", f"  at the end:    {late}", sep="\n")
    wrong.extend(f"{name}: {what}" for what in left(early, late))


def left(early: Held, late: Held) -> Iterator[str]:
    """Return what must not be."""
    for what in ("descriptors", "sockets", "tasks"):
        before, after = getattr(early, what), getattr(late, what)
        if before != after:
            yield f"{after} {what} at the end, {before} after a tenth"
    if late.octets - early.octets > GROWTH:
        yield f"memory grew by {(late.octets - early.octets) / 2**20:.1f} MB"


def main() -> int:
    """Make the probes and print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak_probes", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="probes of each kind")
    options = parser.parse_args()
    wrong: list[str] = []
    for name in CASES:
        run_loop(soak(name, options.count, wrong))
    for what in wrong:
        print(what)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
