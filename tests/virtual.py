"""Virtual time: a loop whose clock jumps to the next timer when nothing is ready.

Not for tests that touch a socket: the clock would not wait for the answer.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never waits; it leans on asyncio's private _run_once."""

    _now = 0.0

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._now

    def _run_once(self) -> None:
        if not self._ready:
            live = [timer.when() for timer in self._scheduled if not timer.cancelled()]
            self._now = max(self._now, min(live, default=self._now))
        super()._run_once()


def in_virtual_time(work: Coroutine[Any, Any, T]) -> T:
    """Run *work* to its end and return what it returns."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
