"""Nothing grows faster than its work: held by counts, which are the same on every machine."""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count

import pytest

from tests.bench.growth import alarms, kept, made, shown
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.daemon import Agent
from vedette.agent.memory.store import Store
from vedette.agent.paging.storm import Storms
from vedette.agent.serving.web import Metrics
from vedette.exporters.metrics import slices
from vedette.exporters.page import Action

SIZE = 30
TENFOLD = 10.5
"""How many times the calls ten times the work may take."""

Work = Callable[[], object]


def calls(work: Work) -> int:
    """Return how many functions *work* calls, in Python and in C."""
    counted = count()

    def note(_frame: object, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
            next(counted)

    gc.collect()
    gc.disable()  # what it finalizes is not of this work
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return next(counted)


@contextmanager
def filled(size: int) -> Iterator[Agent]:
    """Give an agent whose checks were all looked at; a tenth of them fails."""
    with made.agent(size) as agent:
        made.fill(agent, failing=size // 10)
        agent.step()
        yield agent


@contextmanager
def stepping(size: int, of_service: int) -> Iterator[Work]:
    """Give a minute of steps in which so many rules fail and heal."""
    keys = dict(alarms.standard(size, of_service))
    engine = alarms.engine_of([rule for some in keys.values() for rule in some])
    yield partial(alarms.stepped, engine, [*keys], fail=True)


@contextmanager
def composed(size: int) -> Iterator[Work]:
    """Give the same of composite alarms."""
    yield partial(alarms.composed, size, fail=True)


@contextmanager
def metrics(size: int) -> Iterator[Work]:
    """Give one writing of all metrics."""
    with filled(size) as agent:
        lines = Metrics(agent).lines
        yield lambda: [*slices(lines())]


@contextmanager
def page(size: int) -> Iterator[Work]:
    """Give one document of the status page."""
    with filled(size) as agent:
        yield shown.asking(agent)


@contextmanager
def exchange(size: int) -> Iterator[Work]:
    """Give what a peer is told that comes anew."""
    yield lambda: shown.exchange(size)


@contextmanager
def outbox(size: int, action: Action) -> Iterator[Work]:
    """Give the delivery of so many pages."""
    yield lambda: asyncio.run(kept.delivered(size, action))


@contextmanager
def storm(size: int) -> Iterator[Work]:
    """Give the steps in which so many incidents open, and are resolved one after the other."""

    def rage() -> None:
        storms = Storms()
        open_ = {f"k{n}": Incident(f"k{n}", f"s{n}", "r", 0, {"r": 0}, ()) for n in range(size)}
        storms.step(open_, [(one, Change.OPENED) for one in open_.values()], 0)
        storms.step({}, [(one, Change.RESOLVED) for one in open_.values()], 60)

    yield rage


@contextmanager
def plan(size: int) -> Iterator[Work]:
    """Give the reading of a config and the building of its agent."""

    def make() -> None:
        with made.agent(size):
            pass

    yield make


@pytest.mark.parametrize(
    "prepare",
    [
        pytest.param(partial(stepping, of_service=10), id="step"),
        pytest.param(partial(stepping, of_service=1), id="step of many services"),
        pytest.param(partial(stepping, of_service=10**6), id="step of one service"),
        pytest.param(composed, id="composite alarms"),
        pytest.param(metrics, id="metrics"),
        pytest.param(page, id="status page"),
        pytest.param(exchange, id="peers"),
        pytest.param(partial(outbox, action=Action.TRIGGER), id="pages"),
        pytest.param(partial(outbox, action=Action.RESOLVE), id="resolves"),
        pytest.param(storm, id="storm"),
        pytest.param(plan, id="plan"),
    ],
)
def test_ten_times_the_work_takes_ten_times_the_calls(prepare):
    """Ten times the rules, checks or pages take at most about ten times the calls of functions."""
    with prepare(SIZE) as work:
        work()  # what is made once and kept is no growth
    counts = []
    for size in (SIZE, 10 * SIZE):
        with ExitStack() as stack:
            counts.append(calls(stack.enter_context(prepare(size))))

    assert counts[1] <= TENFOLD * counts[0], counts


def steps_of(store: Store, work: Work) -> int:
    """Return how many instructions of its machine SQLite needs for *work*."""
    counted = count()
    store._db.set_progress_handler(lambda: next(counted) and None, 1)
    work()
    store._db.set_progress_handler(None, 1)
    return next(counted)


def test_what_is_kept_costs_no_reader(tmp_path):
    """To show one incident with its pages and events takes as long beside ten times as many."""
    counts = []
    for size in (100, 1000):
        store = Store(tmp_path / str(size))
        store._db.execute("PRAGMA synchronous = OFF")
        one = kept.remember(store, size)[-1]

        def show(store: Store = store, one: Incident = one) -> None:
            assert store.incidents(one.opened_at, one.opened_at + 1.0) == [one]
            assert len(store.sent(one)) == 2
            assert store.events(one.service, one.opened_at, one.opened_at + 60)
            assert store.open_incidents() == []

        counts.append(steps_of(store, show))
        store.close()

    assert counts[1] <= 1.1 * counts[0], counts
