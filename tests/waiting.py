"""What a test waits for, and what runs meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress

PATIENCE = 15.0
"""Seconds that nothing here takes; only a failing test waits for them."""


async def until(
    condition: Callable[[], object | Awaitable[object]],
    why: Callable[[], str] = str,
    patience: float = PATIENCE,
) -> None:
    """Poll *condition* until it holds; fail with *why* after *patience*."""
    give_up = time.monotonic() + patience
    while True:
        holds = condition()
        if isinstance(holds, Awaitable):
            holds = await holds
        if holds:
            return
        assert time.monotonic() < give_up, f"waited {patience:g} s in vain\n{why()}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def meanwhile(work: Coroutine[object, object, object]) -> AsyncIterator[None]:
    """Do *work* until the block ends; what it raises is raised here."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
