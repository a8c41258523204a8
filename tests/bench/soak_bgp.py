"""100,000 mutated messages each of BGP, MRT and BMP through their readers: `make soak`.

Exits with 1 where a message raised, was told unfit or left others out in silence, took too long, or
where memory grew.
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
from pathlib import Path
from time import perf_counter, thread_time
from types import FrameType

from tests.checks.bgp.wire.mutations import case_of, outcome

KINDS = ("update", "mrt", "bmp")
SLOWEST = 0.5
"""CPU seconds that no case may take; 500 prefixes read in four ways take a hundredth."""
HANGS = 10.0
"""CPU seconds after which a case is given up."""
GROWTH = 16 << 20
"""Octets by which a process may grow after its first tenth."""
SHOWN = 10


@dataclass(slots=True)
class Tally:
    """What one process saw of one kind."""

    kind: str
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
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def soak(kind: str, cases: Sequence[int]) -> Tally:
    """Read *cases* in this process."""
    tally, tenth = Tally(kind), len(cases) // 10
    signal.signal(signal.SIGVTALRM, _give_up)
    for number, seed in enumerate(cases):
        _read(seed, tally)
        if number == tenth:
            tally.early = _resident()
    tally.late = _resident()
    return tally


def _read(seed: int, tally: Tally) -> None:
    case = case_of(tally.kind, seed)
    start = thread_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS)
    try:
        tally.outcomes[outcome(case)] += 1
    except Exception as error:  # noqa: BLE001 - every exception is what we look for
        tally.outcomes["fault"] += 1
        tally.faults.append(f"{tally.kind} case {seed}: {error!r}")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    tally.slowest = max(tally.slowest, (thread_time() - start, seed))


def told(tallies: Sequence[Tally]) -> Iterator[str]:
    """Return the figures of one kind in lines."""
    outcomes = sum((tally.outcomes for tally in tallies), Counter[str]())
    counts = ", ".join(f"{name} {count:,}" for name, count in outcomes.most_common())
    seconds, seed = max(tally.slowest for tally in tallies)
    grown = max(tally.late - tally.early for tally in tallies) / 2**20
    yield f"{tallies[0].kind:<8}{counts}"
    yield f"        slowest {seconds:.3f} s of CPU (case {seed}); memory {grown:+.1f} MB at most"


def faults(tallies: Sequence[Tally]) -> Iterator[str]:
    """Return what must not be."""
    for tally in tallies:
        yield from tally.faults
        if tally.slowest[0] > SLOWEST:
            yield f"{tally.kind} case {tally.slowest[1]} took {tally.slowest[0]:.1f} s of CPU"
        if tally.late - tally.early > GROWTH:
            yield f"{tally.kind}: memory grew by {(tally.late - tally.early) >> 20} MB"


def main() -> int:
    """Read the cases with all processors and print the figures; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak_bgp", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="of each kind")
    parser.add_argument("--first", type=int, help="the first case; at random without it")
    options = parser.parse_args()
    first = random.randrange(10**9) if options.first is None else options.first
    processes, start = os.cpu_count() or 1, perf_counter()
    print(f"{options.count:,} mutated messages of each kind from case {first} on")
    shares = [range(first + n, first + options.count, processes) for n in range(processes)]
    wrong = list[str]()
    with ProcessPoolExecutor(processes) as pool:
        for kind in KINDS:
            tallies = list(pool.map(soak, [kind] * processes, shares))
            print(*told(tallies), sep="\n")
            wrong += faults(tallies)
    print(f"{perf_counter() - start:.0f} s", *wrong[:SHOWN], sep="\n")
    if wrong:
        print(f"{len(wrong)} faults; repeat a case with --first CASE --count 1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
