"""Fetches over HTTP alone: each on a connection of its own, to an nginx of the benchmark's.

A process of its own, whose CPU is taken from the first measured fetch to the last.
"""

import argparse
import asyncio
from collections.abc import Sequence
from time import perf_counter, process_time

from tests.bench.sample import Sample, run_on
from vedette.checks.http.fetch import Fetch
from vedette.checks.http.request import Request
from vedette.checks.http.target import parse_url
from vedette.checks.http.tls import TlsSettings

IN_FLIGHT = 20
_SECONDS = 5


async def _nothing(_host: str) -> Sequence[str]:
    raise AssertionError("the host of the URL is an address")


async def fetch_through(request: Request, count: int) -> None:
    """Fetch *request* again and again, and end in an error where the answer is not 200."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        until = loop.time() + _SECONDS
        fetch = Fetch(request, resolve=_nothing, until=until, timeout=_SECONDS)
        response = await fetch.run()
        if response.status != 200 or not fetch.facts:
            raise SystemExit(f"no figure: the answer was {response.status}")


async def measure(request: Request, count: int) -> None:
    """Fetch *count* times, IN_FLIGHT at once."""
    await fetch_through(request, IN_FLIGHT)
    cpu, start = process_time(), perf_counter()
    await asyncio.gather(*(fetch_through(request, count // IN_FLIGHT) for _ in range(IN_FLIGHT)))
    Sample(operations=count, cpu=process_time() - cpu, seconds=perf_counter() - start).tell()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--ca-file")
    parser.add_argument("--protocol", default="http/1.1")
    options = parser.parse_args()
    request = Request(
        target=parse_url(options.url),
        tls=TlsSettings(ca_file=options.ca_file),
        protocols=(options.protocol,),
    )
    run_on(options.loop, measure(request, options.count))


if __name__ == "__main__":
    main()
