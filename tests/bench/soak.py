"""Mutated messages by the hundred thousand through what reads them, with all processors.

Exits with 1 where a case raised, took too long, or where memory grew.
"""

import argparse
import gc
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter, thread_time
from types import FrameType

from tests.bench.sample import resident

GROWTH = 16 << 20
"""Octets by which a process may grow after its first tenth: what one large message leaves."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of message: *treat* a seed's case, and say in a word what became of it.

    *how* says in words what a case is. No case may take more CPU seconds than *slowest*; it is
    given up after *hangs* of them.
    """

    name: str
    treat: Callable[[int], str]
    how: Callable[[int], str]
    slowest: float
    hangs: float


@dataclass(slots=True)
class Tally:
    """What one process saw of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, 0)
    """CPU seconds, and the case that took them."""
    early: int = 0
    """Octets resident after a tenth, and at the end."""
    late: int = 0


class HangError(Exception):
    """A case was given up."""


def _give_up(hangs: float, _signal: int, _frame: FrameType | None) -> None:
    raise HangError(f"it had not ended after {hangs:g} s of CPU")


def _resident() -> int:
    gc.collect()
    return resident()


def soak(kind: Kind, cases: Sequence[int]) -> Tally:
    """Treat *cases* in this process."""
    tally, tenth = Tally(), len(cases) // 10
    signal.signal(signal.SIGVTALRM, partial(_give_up, kind.hangs))
    for number, seed in enumerate(cases):
        _treat(kind, seed, tally)
        if number == tenth:
            tally.early = _resident()
    tally.late = _resident()
    return tally


def _treat(kind: Kind, seed: int, tally: Tally) -> None:
    start = thread_time()
    signal.setitimer(signal.ITIMER_VIRTUAL, kind.hangs)
    try:
        tally.outcomes[kind.treat(seed)] += 1
    except Exception as error:  # noqa: BLE001 - every exception is what we look for
        tally.outcomes["fault"] += 1
        tally.faults.append(f"{kind.name} case {seed} ({kind.how(seed)}): {error!r}")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    tally.slowest = max(tally.slowest, (thread_time() - start, seed))


def told(kind: Kind, tallies: Sequence[Tally]) -> Iterator[str]:
    """Return the figures of one kind in lines."""
    outcomes = sum((tally.outcomes for tally in tallies), Counter[str]())
    yield f"{kind.name}:"
    for name, count in outcomes.most_common():
        yield f"  {name:<20} {count:>10,}"
    seconds, seed = max(tally.slowest for tally in tallies)
    yield (
        f"  slowest: {seconds:.3f} s of CPU (at most {kind.slowest:g}): case {seed} "
        f"({kind.how(seed)})"
    )
    for tally in tallies:
        grown = (tally.late - tally.early) / 2**20
        early, late = tally.early / 2**20, tally.late / 2**20
        yield f"  memory: {early:.1f} MB after a tenth, {late:.1f} MB at the end ({grown:+.1f})"


def faults(kind: Kind, tallies: Sequence[Tally]) -> Iterator[str]:
    """Return what must not be."""
    for tally in tallies:
        yield from tally.faults
        seconds, seed = tally.slowest
        if seconds > kind.slowest:
            yield f"{kind.name} case {seed} took {seconds:.1f} s of CPU"
        if tally.late - tally.early > GROWTH:
            yield f"{kind.name}: memory grew by {(tally.late - tally.early) >> 20} MB"


def main(module: str, kinds: Sequence[Kind], count: int, about: str) -> int:
    """Treat *count* cases of each of *kinds* and print the figures; return the exit status.

    *module* is what a case is repeated with, *about* what it says of itself.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--count", type=int, default=count, help="of each kind")
    parser.add_argument("--first", type=int, help="the first case; at random without it")
    options = parser.parse_args()
    first = random.randrange(10**9) if options.first is None else options.first
    processes, start = os.cpu_count() or 1, perf_counter()
    print(f"{options.count:,} mutated messages of each kind from case {first} on")
    shares = [range(first + n, first + options.count, processes) for n in range(processes)]
    wrong = list[str]()
    with ProcessPoolExecutor(processes) as pool:
        for kind in kinds:
            tallies = list(pool.map(partial(soak, kind), shares))
            print(*told(kind, tallies), sep="\n")
            wrong += faults(kind, tallies)
    print(f"{perf_counter() - start:.0f} s", *wrong[:SHOWN], sep="\n")
    if wrong:
        again = f"python -m {module} --first CASE --count 1"
        print(f"{len(wrong)} faults; repeat a case with {again}")
    return 1 if wrong else 0
