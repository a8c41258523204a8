"""Looks of DNS checks alone: one exchange with the server each, and its judgement.

A process of its own, whose CPU is taken from the first measured look to the last.
"""

import argparse
import asyncio
from collections.abc import Iterable, Iterator
from time import perf_counter, process_time

from tests.bench.sample import Sample, run_on
from tests.bench.zone import NAMES
from vedette.agent.clock import SteadyClock
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.resolver import StubResolver
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Look, Verdict

IN_FLIGHT = 50


def checks(server: str) -> Iterator[DnsCheck]:
    """Return checks of one name after another at *server*, without end."""
    means = Means(
        delegations=Delegations((), {}),
        system=lambda: (),
        resolve=StubResolver(lambda: (), {}).resolve,
        now=SteadyClock().now,
    )
    while True:
        for name in NAMES:
            settings = DnsSettings(name=name, type="A", servers=[server])
            yield DnsCheck(settings, means, seconds=5)


async def look_through(looks: Iterator[Look]) -> None:
    """Take each look of *looks* once, and end in an error where one is not OK."""
    for look in looks:
        finding = await look.once()
        if finding.verdict is not Verdict.OK:
            raise SystemExit(f"no figure: {finding.detail}")


async def measure(server: str, count: int, *, new: bool) -> None:
    """Take *count* looks, IN_FLIGHT at once; *new* ones never saw an answer before."""
    made = checks(server)
    looks = [next(made).looks()[0] for _ in range(count if new else IN_FLIGHT)]
    if new:
        shares: list[Iterable[Look]] = [looks[i::IN_FLIGHT] for i in range(IN_FLIGHT)]
    else:
        shares = [[look] * (count // IN_FLIGHT) for look in looks]
        await asyncio.gather(*(look_through(iter([look])) for look in looks))
    cpu, start = process_time(), perf_counter()
    await asyncio.gather(*(look_through(iter(share)) for share in shares))
    Sample(operations=count, cpu=process_time() - cpu, seconds=perf_counter() - start).tell()


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--loop", default="asyncio")
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--new", action="store_true")
    options = parser.parse_args()
    run_on(options.loop, measure(options.server, options.count, new=options.new))


if __name__ == "__main__":
    main()
