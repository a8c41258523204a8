"""Virtual time: a loop whose clock jumps to the next timer when nothing is ready.

Not for tests that touch a socket: the clock would not wait for the answer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


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


def virtual(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Have *work*, a test or a part of one, run in virtual time whenever it is called."""

    @wraps(work)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return in_virtual_time(work(*args, **kwargs))

    return run
