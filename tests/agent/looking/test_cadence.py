"""When checks look: on a grid of their own, in time, never twice at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar, copy_context
from itertools import chain, pairwise
from statistics import quantiles

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual import in_virtual_time, virtual
from vedette.agent.looking.cadence import (
    AT_ONCE,
    TOGETHER,
    Bell,
    Cadence,
    Turn,
    keep,
    next_due,
    phase,
)

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


Spans = list[tuple[float, float]]


async def turns(
    firsts: Sequence[float],
    once: Callable[[int], Awaitable[None]],
    seconds: float,
    every: float = 10,
    ticked: Callable[[float, int], None] = lambda _late, _missed: None,
) -> Sequence[Turn[int]]:
    """Have *once* called for so many *seconds* at the turns of each number, *firsts* from now."""
    clock = asyncio.get_running_loop().time
    made = [Turn(number, every) for number in range(len(firsts))]
    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            cadence = Cadence(lambda turn: once(turn.what), ticked, tasks)
            for turn, first in zip(made, firsts, strict=True):
                turn.begin(cadence, clock() + first)
            try:
                await asyncio.Event().wait()
            finally:
                cadence.end()
    except TimeoutError:
        return made
    raise AssertionError


@virtual
async def made(every: float, first: float, runs: list[float]) -> tuple[Spans, list]:
    """Return when turns that last *runs* seconds began and ended, and what was ticked."""
    spans: Spans = []
    ticks: list[tuple[float, int]] = []
    seconds = first + sum(run // every * every + every for run in runs)
    clock = asyncio.get_running_loop().time

    async def once(_number: int) -> None:
        began = clock()
        await asyncio.sleep(runs[len(spans)] if len(spans) < len(runs) else 0)
        spans.append((began, clock()))

    await turns([first], once, seconds, every, lambda *tick: ticks.append(tick))
    return spans[: len(runs)], ticks[: len(runs)]


def test_turns_are_on_time() -> None:
    """Turns begin at first + n * every, however long each takes within its interval."""
    spans, ticks = made(10, 3, [0, 9, 1, 5])

    assert [began for began, _ in spans] == pytest.approx([3, 13, 23, 33])
    assert [missed for _, missed in ticks] == [0, 0, 0, 0]


def test_an_overrun_skips_turns() -> None:
    """After a run that outlasts its interval the next free tick is taken, and skips are counted."""
    spans, ticks = made(10, 0, [25, 1])

    assert spans[1][0] == pytest.approx(30)
    assert [missed for _, missed in ticks] == [2, 0]


@given(st.lists(st.floats(0, 50), min_size=1, max_size=10), st.floats(0, 10))
def test_turns_never_overlap(runs: list[float], first: float) -> None:
    """No run begins before its predecessor ended, and none begins off the grid."""
    spans, ticks = made(10, first, runs)

    assert all(end <= began for (_, end), (began, _) in pairwise(spans))
    for began, _ in spans:
        assert round((began - first) / 10) * 10 == pytest.approx(began - first, abs=1e-6)
    assert all(0 <= lateness < 1e-6 for lateness, _ in ticks)


def rung(
    calls: list[float], runs: list[float], until: float, *, shared: bool
) -> tuple[Spans, list[tuple[float, int]]]:
    """Return when what is due every ten seconds, and rung for at *calls*, ran, and what was ticked.

    *shared* has turns at a cadence, where it may tick; else it is kept alone.
    """
    spans: Spans = []
    ticks: list[tuple[float, int]] = []

    async def main() -> None:
        clock = asyncio.get_running_loop().time

        async def once() -> None:
            began = clock()
            await asyncio.sleep(runs[len(spans) % len(runs)])
            spans.append((began, clock()))

        async def ring(bell: Bell) -> None:
            for at in calls:
                await asyncio.sleep(at - clock())
                bell.ring()
            await asyncio.sleep(until - clock())
            raise asyncio.CancelledError

        async with asyncio.TaskGroup() as tasks:
            if shared:
                turn = Turn(0, 10.0)
                ticked = lambda *tick: ticks.append(tick)  # noqa: E731
                turn.begin(Cadence(lambda _turn: once(), ticked, tasks), clock())
                await ring(turn)
            bell = Bell()
            tasks.create_task(keep(10, once, bell))
            await ring(bell)

    with suppress(asyncio.CancelledError):
        in_virtual_time(main())
    return spans, ticks


@pytest.mark.parametrize("shared", [False, True])
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
    at: list[float], runs: float, began: list[float], shared: bool
) -> None:
    """It runs when called, alone, and its ticks stay where they are."""
    spans, _ = rung(at, [runs], 28, shared=shared)

    assert [at for at, _ in spans] == pytest.approx(began)


@virtual
async def test_a_turn_runs_in_the_context_of_its_cadence() -> None:
    """What is set for who rings for it, as the sockets of another agent, is not its own."""
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")
    met: list[str] = []

    async def once(_turn: Turn[int]) -> None:
        met.append(mine.get())
        mine.set("the last turn's")

    mine.set("the cadence's")
    async with asyncio.TaskGroup() as tasks:
        turn = Turn(0, 10.0)
        cadence = Cadence(once, lambda _late, _missed: None, tasks)
        turn.begin(cadence, 0.0)
        await asyncio.sleep(1)
        other = copy_context()
        other.run(mine.set, "another's")
        other.run(turn.ring)
        await asyncio.sleep(1)
        cadence.end()
    assert met == ["the cadence's"] * 2


def test_a_call_is_no_late_tick() -> None:
    """Only ticks are counted, with their lateness and those that were skipped."""
    _, ticks = rung([4, 13], [5], 29, shared=True)

    assert ticks == [(0, 0), (0, 0), (0, 0)]


@given(
    st.lists(st.integers(0, 30).map(float), min_size=1, max_size=8),
    st.lists(st.integers(0, 100).map(lambda second: second + 0.6), max_size=8).map(sorted),
)
def test_turns_come_as_to_one_alone(runs: list[float], calls: list[float]) -> None:
    """Whoever has turns at a cadence of many begins as one that is kept alone."""
    (spans, _), (alone, _) = (rung(calls, runs, 120, shared=shared) for shared in (True, False))
    assert [*chain(*spans)] == pytest.approx([*chain(*alone)], abs=2 * TOGETHER)


@given(st.lists(st.floats(0.001, 9.9), min_size=1, max_size=AT_ONCE))
@virtual
async def test_ticks_come_together_in_few_wakings(firsts: list[float]) -> None:
    """Those of one cadence begin at their ticks or at most TOGETHER before, each at every one."""
    began: list[list[float]] = [[] for _ in firsts]
    clock = asyncio.get_running_loop().time

    async def once(number: int) -> None:
        began[number].append(clock())

    await turns(firsts, once, 29.95)
    for first, times in zip(firsts, began, strict=True):
        early = [first + 10 * n - at for n, at in enumerate(times)]
        assert len(early) == 3
        assert all(-1e-6 <= one <= TOGETHER + 1e-6 for one in early)
    wakings = sorted({at for times in began for at in times})
    assert all(later - sooner > TOGETHER - 1e-6 for sooner, later in pairwise(wakings))


@virtual
async def test_others_have_their_turn_while_thousands_are_due() -> None:
    """Of many that are due no more than AT_ONCE begin before the loop goes round."""
    begun: list[int] = []
    rounds: list[int] = []

    async def once(number: int) -> None:
        begun.append(number)

    async def watch() -> None:
        while True:
            rounds.append(len(begun))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    due = asyncio.create_task(turns([0.0] * 1000, once, 60, every=100))
    while len(begun) < 1000:  # noqa: ASYNC110 - virtual time stands still meanwhile
        await asyncio.sleep(0)
    watching.cancel()
    due.cancel()
    assert sorted(begun) == [*range(1000)]
    assert max(later - sooner for sooner, later in pairwise(rounds)) <= AT_ONCE


@virtual
async def test_between_its_turns_nothing_else_is_kept_of_one() -> None:
    """While nobody has a turn there is no task but the one that keeps the cadence."""
    tasks: list[int] = []

    async def once(_number: int) -> None:
        await asyncio.sleep(0.001)

    keeping = asyncio.create_task(turns([0.0] * 100, once, 60))
    await asyncio.sleep(5)
    tasks.append(len(asyncio.all_tasks()))
    keeping.cancel()
    assert tasks == [2]


def test_ticks_come_on_uvloop_too() -> None:
    """A loop whose timers of the past have no time of their own wakes all as well."""
    times = dict.fromkeys(range(10), 0)

    async def main() -> None:
        done = asyncio.Event()

        async def once(number: int) -> None:
            times[number] += 1
            if min(times.values()) == 3:
                done.set()

        firsts = [number / 1000 for number in times]
        keeping = asyncio.create_task(turns(firsts, once, 20, every=0.01))
        await done.wait()
        keeping.cancel()

    uvloop.run(main())
    assert min(times.values()) == 3
