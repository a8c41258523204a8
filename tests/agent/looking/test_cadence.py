"""When checks look: on a grid of their own, in time, never twice at once."""

import asyncio
from itertools import pairwise
from statistics import quantiles

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual import in_virtual_time
from vedette.agent.looking.cadence import TOGETHER, Bell, Ticks, keep, next_due, phase

intervals = st.floats(0.5, 86400)


@given(st.text(), st.text(), intervals)
def test_phase_is_stable_and_within_the_interval(check: str, vantage: str, every: float) -> None:
    """A check's phase is in [0, every) and the same after each restart."""
    assert 0 <= phase(check, vantage, every) < every
    assert phase(check, vantage, every) == phase(check, vantage, every)


def test_phases_are_spread() -> None:
    """Many checks are spread over the whole interval, and so are the vantages of one check."""
    for phases in (
        [phase(f"check {i}", "here", 1.0) for i in range(1000)],
        [phase("check", f"vantage {i}", 1.0) for i in range(1000)],
    ):
        assert quantiles(phases, n=4) == pytest.approx([0.25, 0.5, 0.75], abs=0.06)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 3600))
def test_next_due_is_the_next_tick_of_the_grid(due: int, now: int, every: int) -> None:
    """The next tick is on the grid, not past, the earliest such, and what was missed is counted."""
    tick, missed = next_due(due, now, every)

    assert (tick - due) % every == 0
    assert tick == due + every * (missed + 1)
    assert tick > max(due, now)
    assert missed == 0 or tick - every <= now


def kept(every: float, first: float, runs: list[float]) -> tuple[list, list]:
    """Return when runs that last *runs* seconds began and ended, and what was ticked."""
    spans: list[tuple[float, float]] = []
    ticks: list[tuple[float, int]] = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        done = asyncio.Event()

        async def once() -> None:
            began = clock()
            await asyncio.sleep(runs[len(spans)])
            spans.append((began, clock()))

        def ticked(lateness: float, missed: int) -> None:
            ticks.append((lateness, missed))
            if len(ticks) == len(runs):
                done.set()

        task = asyncio.create_task(keep(every, first, once, ticked))
        await done.wait()
        task.cancel()

    in_virtual_time(main())
    return spans, ticks


def test_keep_is_on_time() -> None:
    """Runs begin at first + n * every, however long each takes within its interval."""
    spans, ticks = kept(10, 3, [0, 9, 1, 5])

    assert [began for began, _ in spans] == pytest.approx([3, 13, 23, 33])
    assert [missed for _, missed in ticks] == [0, 0, 0, 0]


def test_keep_skips_after_an_overrun() -> None:
    """After a run that outlasts its interval the next free tick is taken, and skips are counted."""
    spans, ticks = kept(10, 0, [25, 1])

    assert spans[1][0] == pytest.approx(30)
    assert [missed for _, missed in ticks] == [2, 0]


@given(st.lists(st.floats(0, 50), min_size=1, max_size=10), st.floats(0, 10))
def test_keep_never_overlaps(runs: list[float], first: float) -> None:
    """No run begins before its predecessor ended, and none begins off the grid."""
    spans, ticks = kept(10, first, runs)

    assert all(end <= began for (_, end), (began, _) in pairwise(spans))
    for began, _ in spans:
        assert round((began - first) / 10) * 10 == pytest.approx(began - first, abs=1e-6)
    assert all(0 <= lateness < 1e-6 for lateness, _ in ticks)


def called(at: list[float], runs: float, until: float, every: float = 10) -> tuple[list, list]:
    """Return when runs of *runs* seconds began by *until*, called *at* times, and the ticks."""
    began: list[float] = []
    ticks: list[tuple[float, int]] = []

    async def main() -> None:
        clock, bell = asyncio.get_running_loop().time, Bell()

        async def once() -> None:
            began.append(clock())
            await asyncio.sleep(runs)

        ticked = lambda lateness, missed: ticks.append((lateness, missed))  # noqa: E731
        task = asyncio.create_task(keep(every, 0, once, ticked, bell))
        for moment in at:
            await asyncio.sleep(moment - clock())
            bell.ring()
        await asyncio.sleep(until - clock())
        task.cancel()

    in_virtual_time(main())
    return began, ticks


@pytest.mark.parametrize(
    ("at", "runs", "began"),
    [
        ([], 1, [0, 10, 20]),
        ([4], 1, [0, 4, 10, 20]),  # a call moves no tick
        ([4, 4.5, 4.7], 1, [0, 4, 5, 10, 20]),  # calls meanwhile are one
        ([0.5], 1, [0, 1, 10, 20]),  # it runs never twice at once
        ([8], 5, [0, 8, 20]),  # a run that lasts until a tick is that one
    ],
)
def test_a_call_is_heard_between_the_ticks(
    at: list[float], runs: float, began: list[float]
) -> None:
    """It runs when called, alone, and its ticks stay where they are."""
    assert called(at, runs, 25)[0] == pytest.approx(began)


def test_a_call_is_no_late_tick() -> None:
    """Only ticks are counted, with their lateness and those that were skipped."""
    _, ticks = called([4, 13], 5, 29)

    assert ticks == [(0, 0), (0, 0), (0, 0)]


@given(st.lists(st.floats(0.001, 9.9), min_size=1, max_size=20))
def test_ticks_come_together_in_few_wakings(firsts: list[float]) -> None:
    """Those who share ticks begin at theirs or at most TOGETHER before, each at every one.

    Only what is due already as it is said waits for nobody.
    """
    began: list[list[float]] = [[] for _ in firsts]

    async def main() -> None:
        clock, ticks = asyncio.get_running_loop().time, Ticks()

        async def run(number: int) -> None:
            async def once() -> None:
                began[number].append(clock())

            await keep(10, firsts[number], once, lambda _late, _missed: None, None, ticks)

        tasks = [asyncio.create_task(run(number)) for number in range(len(firsts))]
        await asyncio.sleep(29.95)
        for task in tasks:
            task.cancel()

    in_virtual_time(main())
    for first, times in zip(firsts, began, strict=True):
        early = [first + 10 * n - at for n, at in enumerate(times)]
        assert len(early) == 3
        assert all(-1e-6 <= one <= TOGETHER + 1e-6 for one in early)
    wakings = sorted({at for times in began for at in times})
    assert all(later - sooner > TOGETHER - 1e-6 for sooner, later in pairwise(wakings))


def test_a_cancelled_wait_wakes_nobody_else() -> None:
    """Who is cancelled while he waits leaves the others their ticks."""
    began: list[float] = []

    async def main() -> None:
        clock, ticks = asyncio.get_running_loop().time, Ticks()

        async def once() -> None:
            began.append(clock())

        first, second = (
            asyncio.create_task(keep(10, at, once, lambda *_: None, None, ticks)) for at in (1, 2)
        )
        await asyncio.sleep(0.5)
        first.cancel()
        await asyncio.sleep(12.5)
        second.cancel()

    in_virtual_time(main())
    assert began == pytest.approx([2, 12])


def test_ticks_come_on_uvloop_too() -> None:
    """A loop whose timers of the past have no time of their own wakes all as well."""
    times = dict.fromkeys(range(10), 0)

    async def main() -> None:
        ticks = Ticks()

        async def run(number: int) -> None:
            async def once() -> None:
                times[number] += 1
                if min(times.values()) == 3:
                    done.set()

            await keep(0.01, number / 1000, once, lambda _late, _missed: None, None, ticks)

        done = asyncio.Event()
        tasks = [asyncio.create_task(run(number)) for number in times]
        async with asyncio.timeout(20):
            await done.wait()
        for task in tasks:
            task.cancel()

    uvloop.run(main())
    assert min(times.values()) == 3
