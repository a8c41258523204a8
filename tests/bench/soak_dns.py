"""A million mutated replies through match, parse and judge: `make soak`; see docs/performance.md.

Exits with 1 where a reply raised, gave no reason, took too long, or where memory grew.
"""

import argparse
import gc
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter, thread_time
from types import FrameType

from tests.bench.sample import resident
from tests.checks.dns.mutations import mutated, outcome

SLOWEST = 1.0
"""CPU seconds that no reply may take; one of 64 KB, full of records, takes a quarter of it."""
HANGS = 20.0
"""CPU seconds after which a reply is given up."""
GROWTH = 16 << 20
"""Octets by which a process may grow after its first tenth: what one large reply leaves behind."""
SHOWN = 10


@dataclass(slots=True)
class Tally:
    """What one process saw."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)
    """CPU seconds, and the case that took them."""
    early: int = 0
    """Octets resident after a tenth, and at the end."""
    late: int = 0


class HangError(Exception):
    """A case was given up."""


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise HangError(f"it had not ended after {HANGS:g} s of CPU")


def _resident() -> int:
    gc.collect()
    return resident()


def soak(cases: Sequence[int]) -> Tally:
    """Treat *cases* in this process."""
    tally, tenth = Tally(), len(cases) // 10
    signal.signal(signal.SIGVTALRM, _give_up)
    for number, seed in enumerate(cases):
        _treat(seed, tally)
        if number == tenth:
            tally.early = _resident()
    tally.late = _resident()
    return tally


def _treat(seed: int, tally: Tally) -> None:
    case = mutated(seed)
    start = thread_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
    try:
        tally.outcomes[outcome(case)] += 1
    except Exception as error:  # noqa: BLE001 - every exception is what we look for
        tally.outcomes["fault"] += 1
        tally.faults.append(f"case {seed} ({', '.join(case.how)}): {error!r}")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    tally.slowest = max(tally.slowest, (thread_time() - start, seed))


def told(tallies: Sequence[Tally]) -> Iterator[str]:
    """Return the figures in lines."""
    outcomes = sum((tally.outcomes for tally in tallies), Counter[str]())
    for name, count in outcomes.most_common():
        yield f"{name:<20} {count:>10,}"
    seconds, seed = max(tally.slowest for tally in tallies)
    how = ", ".join(mutated(seed).how)
    yield f"slowest: {seconds:.3f} s of CPU (at most {SLOWEST:g}): case {seed} ({how})"
    for tally in tallies:
        grown = (tally.late - tally.early) / 2**20
        early, late = tally.early / 2**20, tally.late / 2**20
        yield f"memory: {early:.1f} MB after a tenth, {late:.1f} MB at the end ({grown:+.1f})"


def faults(tallies: Sequence[Tally]) -> Iterator[str]:
    """Return what must not be."""
    for tally in tallies:
        yield from tally.faults
        if tally.slowest[0] > SLOWEST:
            yield f"case {tally.slowest[1]} took {tally.slowest[0]:.1f} s of CPU"
        if tally.late - tally.early > GROWTH:
            yield f"memory grew by {(tally.late - tally.early) >> 20} MB"


def main() -> int:
    """Treat the cases with all processors and print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak_dns", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--first", type=int, help="the first case; at random without it")
    options = parser.parse_args()
    first = random.randrange(10**9) if options.first is None else options.first
    processes, start = os.cpu_count() or 1, perf_counter()
    print(f"{options.count:,} mutated replies from case {first} on, in {processes} processes")
    shares = [range(first + n, first + options.count, processes) for n in range(processes)]
    with ProcessPoolExecutor(processes) as pool:
        tallies = list(pool.map(soak, shares))
    print(*told(tallies), f"{perf_counter() - start:.0f} s", sep="\n")
    wrong = list(faults(tallies))
    print(*wrong[:SHOWN], sep="\n")
    if wrong:
        again = "python -m tests.bench.soak_dns --first CASE --count 1"
        print(f"{len(wrong)} faults; repeat a case with {again}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
