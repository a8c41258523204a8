"""CPU seconds and octets of this process, as a measurement takes them."""

import gc
from collections.abc import Callable
from time import process_time

from tests.bench.sample import resident


def cpu_of(work: Callable[[], object], times: int = 3) -> float:
    """Return the CPU seconds of *work*, the least of so many *times*: a neighbour only adds."""
    took = []
    for _ in range(times):
        gc.collect()
        began = process_time()
        work()
        took.append(process_time() - began)
    return min(took)


def octets() -> int:
    """Return how many octets are resident once garbage is gone."""
    gc.collect()
    return resident()
