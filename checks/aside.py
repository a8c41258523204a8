"""Work that may never end, beside the loop: nobody waits for its thread, not even at the exit."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def aside(work: Callable[[], T]) -> asyncio.Future[T]:
    """Do *work* in a thread of its own, and return the future of its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    # Whether or not somebody still waits for it.
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, error = None, None
        try:
            result = work()
        except Exception as fault:  # noqa: BLE001 - it is for who waits
            error = fault
        with suppress(RuntimeError):  # the loop has been closed meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    try:
        # Threads of the loop's executor are joined when the process ends.
        Thread(target=run, daemon=True).start()
    except RuntimeError as error:  # this host has none to spare now
        settle(None, error)
    return future
