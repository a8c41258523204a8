"""What is counted between two marks, in the process that does the work."""

import gc
import os
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median_low
from types import CodeType, FrameType
from typing import Protocol

Figures = Mapping[str, int]

READ = {
    "messages_read": ("/dns/message.py", "from_wire"),
    "judged": ("/judge.py", "judge"),
    "configs_read": ("/config/reading.py", "parse"),
    "transactions": ("/memory/store.py", "write"),
}
"""Functions whose calls are a row of their own: the end of their file's path, and their name."""

LEAST = ("calls", "peak_octets")


class Gauge(Protocol):
    """Counts one thing from `start` to `stop`."""

    def start(self) -> None:
        """Begin to count."""

    def stop(self) -> Figures:
        """Return what was counted since."""


class Calls:
    """Calls of Python functions, and resumptions of coroutines and generators."""

    def __init__(self) -> None:
        self._made: Counter[CodeType] = Counter()

    def start(self) -> None:
        """Begin to count."""
        made = self._made = Counter()

        def heard(frame: FrameType, event: str, _argument: object) -> None:
            if event == "call":
                made[frame.f_code] += 1

        sys.setprofile(heard)

    def stop(self) -> Figures:
        """Return how many there were in all, and of some functions."""
        sys.setprofile(None)
        figures = dict.fromkeys(READ, 0)
        for row, (file, name) in READ.items():
            figures[row] = sum(
                number
                for code, number in self._made.items()
                if code.co_name == name and code.co_filename.endswith(file)
            )
        # One is that of stop() itself.
        return {"calls": self._made.total() - 1, **figures}


class Octets:
    """The most memory that was held besides what was held at the start."""

    def start(self) -> None:
        """Begin to count."""
        if not tracemalloc.is_tracing():
            gc.freeze()  # what is there by now need not be searched each time
            tracemalloc.start()
        gc.collect()
        tracemalloc.reset_peak()
        self._before = tracemalloc.get_traced_memory()[0]

    def stop(self) -> Figures:
        """Return it in octets."""
        return {"peak_octets": tracemalloc.get_traced_memory()[1] - self._before}


class Blocks:
    """Blocks of memory that were still there when all was over."""

    def start(self) -> None:
        """Begin to count."""
        if tracemalloc.is_tracing():
            tracemalloc.stop()
        gc.collect()
        self._before = sys.getallocatedblocks()

    def stop(self) -> Figures:
        """Return how many more there are."""
        gc.collect()
        return {"blocks_kept": max(0, sys.getallocatedblocks() - self._before)}


class Marks:
    """Marks for who traces the system calls: one that nothing else here makes."""

    def start(self) -> None:
        """Mark."""
        os.getsid(0)

    def stop(self) -> Figures:
        """Mark."""
        os.getsid(0)
        return {}


class Meter:
    """Takes each gauge's figures of so many operations, one gauge after another."""

    def __init__(self, gauges: Sequence[Gauge], operations: int, first: int) -> None:
        self._plan = [gauge for gauge in gauges for _ in range(operations)]
        self._taken: dict[str, list[int]] = {}
        self._first = first
        self._running: Gauge | None = None

    @property
    def is_over(self) -> bool:
        """Whether all has been counted."""
        return not self._plan and self._running is None

    def start(self) -> None:
        """An operation begins; the first ones, in which caches fill, are not counted."""
        if self._first:
            self._first -= 1
        elif self._plan:
            self._running = self._plan.pop(0)
            self._running.start()

    def stop(self) -> None:
        """It has ended."""
        running, self._running = self._running, None
        if running is not None:
            for row, figure in running.stop().items():
                self._taken.setdefault(row, []).append(figure)

    @property
    def figures(self) -> Figures:
        """Return what an operation takes: the median of each row, so that no hiccup counts.

        Of the rows in LEAST the least: what a busy machine disturbs only takes more of them.
        """
        return {
            row: min(taken) if row in LEAST else median_low(taken)
            for row, taken in self._taken.items()
        }


GAUGES: Mapping[str, Callable[[], Sequence[Gauge]]] = {
    "memory": lambda: [Calls(), Octets(), Blocks()],
    "system": lambda: [Marks()],
}
