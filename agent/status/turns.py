"""Long work in short steps: everybody else gets a turn of the loop between two of them."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

STEP = 400
"""Things that are gone through in one turn: about a millisecond of work."""

T = TypeVar("T")


async def in_turns(things: Iterable[T]) -> AsyncIterator[T]:
    """Yield *things*, and let everybody else do something after every STEP of them.

    All may change between two turns: what may shrink or grow is copied before it is gone through.
    """
    for number, thing in enumerate(things, 1):
        yield thing
        if number % STEP == 0:
            await asyncio.sleep(0)
