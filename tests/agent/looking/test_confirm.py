"""Extra looks at what has just begun to fail: when they begin, when they end, and their budget."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.observations import TIMING, seen, series
from tests.virtual import in_virtual_time, virtual
from vedette.agent.looking.confirm import (
    BURST,
    EVERY,
    Budget,
    began_now,
    doubtful,
    look_until_certain,
)
from vedette.agent.memory.ledger import Series
from vedette.checks.finding import Verdict

OK, FAILING, UNKNOWN = Verdict


class World:
    """A target that fails while it is down, and a clock that only sleeping moves."""

    def __init__(self, down: Sequence[float], every: float = 30) -> None:
        self.now, self.looks = 0.0, list[float]()
        self._every = every
        self._from, self._until = down
        self.series: Series = series(seen(-30, OK))

    async def look(self) -> None:
        self.looks.append(self.now)
        failing = self._from <= self.now < self._until
        self.series.add(seen(self.now, FAILING if failing else OK))

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def once(self, budget: Budget) -> None:
        await look_until_certain(
            self.look,
            lambda: doubtful([self.series], self.now),
            budget,
            lambda: self.now,
            self._every,
            self.sleep,
        )


@pytest.mark.parametrize(
    ("down", "looks"),
    [
        ((5, 9), [0]),  # nobody looked while it was down
        (
            (0, 8),
            [*range(10)],
        ),  # a blip of eight seconds: eight bad looks, and two that see it over
        ((0, 99), [*range(16)]),  # a fault is certain when bad looks span a hold
    ],
)
async def test_it_looks_every_second_until_it_is_certain(
    down: tuple[float, float], looks: list[float]
) -> None:
    """From the first bad look on, until it is over or has lasted for a hold."""
    world = World(down)
    await world.once(Budget())
    assert world.looks == looks
    spans = [one.started_at for one in world.series.looks if one.finding.verdict is FAILING]
    assert (bool(spans) and spans[-1] - spans[0] >= TIMING.hold) == (down == (0, 99))


@pytest.mark.parametrize(
    ("looks", "doubted"),
    [
        ([(0, OK)], False),
        ([(0, FAILING)], True),
        ([(0, UNKNOWN)], False),
        ([(0, FAILING), (5, UNKNOWN)], False),  # we could not look: looking harder will not help
        ([(-60, FAILING), (0, FAILING)], False),
        ([(-60, FAILING), (-30, OK), (0, FAILING)], True),
        ([(-5, FAILING), (0, OK)], True),  # chance, where most looks fail
        ([(-5, FAILING), (-4, OK), (0, OK)], False),
        ([(-6, FAILING), (-5, OK), (-4, FAILING), (0, OK)], True),
        ([(-20, FAILING), (-5, FAILING), (0, OK)], False),  # it was certain before
        ([(-19, FAILING), (-7, FAILING)], True),  # each look took long: not seen for a hold yet
        ([(-22, FAILING), (-16, FAILING)], False),  # no look was left
    ],
)
def test_what_is_doubtful(looks: list[tuple[float, Verdict]], doubted: bool) -> None:
    """A subject is from its first bad look until it was seen for a hold, or to be well twice."""
    assert bool(doubtful([series(*(seen(at, v) for at, v in looks))], 0)) is doubted


@virtual
async def test_checks_of_one_target_share_its_budget() -> None:
    """Five hundred checks that fail at one server look at it again no more often than one does.

    What is left trickles on, so that one of them is certain when the hold is over.
    """
    budget, worlds = Budget(), [Sleeping((0, 99)) for _ in range(500)]
    await asyncio.gather(*(world.once(budget) for world in worlds))
    extra = sum(len(world.looks) - 1 for world in worlds)
    assert BURST <= extra <= BURST + 0.2 * (TIMING.hold + TIMING.timeout + 2 * EVERY)
    assert any(world.looks[-1] >= TIMING.hold for world in worlds)


def test_a_cadence_needs_no_budget() -> None:
    """A check that looks every five seconds goes on with that where nothing is left."""
    budget, world = Budget(burst=0, rate=0), Sleeping((0, 99), every=5)
    in_virtual_time(world.once(budget))

    assert world.looks == [0, 5, 10, 15]


class Sleeping(World):
    """A world of which several sleep at the same time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.now += seconds


@pytest.mark.parametrize(
    ("looks", "began_at"),
    [
        ([(0, OK)], None),
        ([(0, FAILING)], 0),
        ([(0, UNKNOWN)], None),
        ([(0, OK), (30, FAILING)], 30),
        ([(0, FAILING), (1, FAILING)], None),
        ([(0, FAILING), (5, UNKNOWN), (10, FAILING)], None),
        ([(0, FAILING), (5, OK), (10, FAILING)], 10),
    ],
)
def test_a_fault_begins_with_the_first_bad_look(
    looks: list[tuple[float, Verdict]], began_at: float | None
) -> None:
    """A look says so that is bad when none before it was since the last good one."""
    assert began_now([series(*(seen(at, v) for at, v in looks))]) == began_at


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=200))
def test_a_budget_is_kept(steps: list[tuple[str, int]]) -> None:
    """However it is asked, a target gets no more looks than the burst and what the rate adds."""
    budget, now, taken = Budget(burst=5, rate=0.5), 0, {"a": 0, "b": 0}
    for target, pause in steps:
        now += pause
        taken[target] += budget.take([target], now)
        assert taken[target] <= 5 + 0.5 * now
