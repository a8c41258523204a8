"""Time that passes only where nothing is left to do."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vedette.agent.replay.loop import BEGINNING, StalledError, VirtualLoop


def test_an_hour_passes_at_once() -> None:
    """A sleep takes its time by the loop's clock, and none by any other."""
    loop = VirtualLoop()

    async def sleep() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    assert loop.run_until_complete(sleep()) == BEGINNING + 3600
    loop.close()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 20), max_size=30), st.data())
def test_timers_run_in_their_order(delays: list[int], data: st.DataObject) -> None:
    """By time, and at the same time in the order in which they were asked for; cancelled never."""
    cancelled = data.draw(st.sets(st.integers(0, len(delays) - 1))) if delays else set()
    loop, seen = VirtualLoop(), list[int]()
    timers = [loop.call_later(delay, seen.append, i) for i, delay in enumerate(delays)]
    for i in cancelled:
        timers[i].cancel()
    loop.run_until_complete(asyncio.sleep(30))
    loop.close()

    expected = sorted((d, i) for i, d in enumerate(delays) if i not in cancelled)
    assert seen == [i for _, i in expected]


def test_a_timeout_ends_what_never_comes() -> None:
    """The deadlines of asyncio hold."""
    loop = VirtualLoop()

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await loop.create_future()
        return loop.time()

    assert loop.run_until_complete(wait()) == BEGINNING + 5
    loop.close()


def test_waiting_without_end_is_a_fault() -> None:
    """It neither hangs nor ends in silence."""
    loop = VirtualLoop()
    never = loop.create_future()

    with pytest.raises(StalledError, match="never comes"):
        loop.run_until_complete(never)
    never.cancel()
    loop.close()
