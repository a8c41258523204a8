"""When a check looks: on the monotonic loop clock, at a phase of its own, never twice at once."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable


def phase(check: str, vantage: str, every: float) -> float:
    """Return seconds in [0, every): spread by a hash of the names, so that restarts keep it."""
    digest = hashlib.blake2b(f"{vantage}\0{check}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * every


def next_due(due: float, now: float, every: float) -> tuple[float, int]:
    """Return the first tick after *due* that is not past at *now*, and how many were missed."""
    missed = max(0, int((now - due) // every))
    return due + every * (missed + 1), missed


async def keep(
    every: float,
    first: float,
    once: Callable[[], Awaitable[None]],
    ticked: Callable[[float, int], None],
    called: asyncio.Event | None = None,
) -> None:
    """Call *once* every *every* seconds, *first* seconds from now, for ever, and when *called*.

    A run that outlasts its interval makes its successors wait for the next free tick; *ticked*
    is told each tick's lateness in seconds and how many ticks were skipped after it. A run that was
    called moves no tick, unless it lasts until one, and is that one then.
    """
    clock = asyncio.get_running_loop().time
    called = called or asyncio.Event()
    due = clock() + first
    while True:
        was_called = await _called_before(due, called)
        lateness = 0.0 if was_called else max(0.0, clock() - due)
        await once()
        if not was_called or clock() >= due:
            due, missed = next_due(due, clock(), every)
            ticked(lateness, missed)


async def _called_before(due: float, called: asyncio.Event) -> bool:
    """Wait until *due*, or until *called*, and return whether it was called."""
    try:
        async with asyncio.timeout_at(due):
            await called.wait()
    except TimeoutError:
        return False
    called.clear()
    return True
