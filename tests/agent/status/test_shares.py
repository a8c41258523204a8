"""The share of peers over an hour: every step is kept, within bounds, and drawn as it was."""

import pytest

from tests.agent.observations import TIMING, seen
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.status.shares import HEIGHT, SPAN, STEPS, History, plot, routes
from vedette.checks.finding import Kind, Verdict

KEY = CheckKey("net", Kind.BGP, "192.0.2.0/24")
CHECKS = {"net": [KEY]}


def look(ledger: Ledger, at: float, share: float | None) -> None:
    facts = {} if share is None else {"share": share, "holding": int(share * 300), "of": 300}
    verdict = Verdict.UNKNOWN if share is None else Verdict.OK
    found = [seen(at, verdict, key=KEY, subject=KEY.check, place="ris-live", **facts)]
    ledger.add(KEY, TIMING, found)


async def test_steps_outlive_the_looks() -> None:
    """A fall of the share is still seen when the ledger has forgotten the looks of before."""
    ledger = Ledger()
    history = History(lambda: CHECKS, ledger)
    for at in range(0, 2000, 10):
        look(ledger, float(at), 1.0 if at < 100 else 0.25)
        await history.take()
    (series,) = ledger.of(KEY)

    assert history.of(series, 2000.0) == [(0.0, 1.0), (100.0, 0.25), (2000.0, 0.25)]


async def test_an_hour_and_no_more() -> None:
    """Steps of more than an hour ago are gone but for what then stood, and there are never many."""
    ledger = Ledger()
    history = History(lambda: CHECKS, ledger)
    look(ledger, 0.0, 0.5)
    for at in range(10, 100_000, 10):
        look(ledger, float(at), 0.9 if at % 20 else 1.0)
        if at % 100 == 0:
            await history.take()
    (series,) = ledger.of(KEY)
    steps = history.of(series, 100_000.0)

    assert len(steps) <= STEPS + 1
    assert steps[0][0] >= 100_000 - SPAN


async def test_forgets_what_is_no_longer_watched() -> None:
    """A prefix that no check names leaves nothing behind."""
    ledger, checks = Ledger(), {"net": [KEY]}
    history = History(lambda: checks, ledger)
    look(ledger, 0.0, 0.5)
    await history.take()
    del checks["net"]
    await history.take()

    assert not history._steps


def test_a_plot_is_a_step_line() -> None:
    """A share stands until the next one, at a height in proportion, and the words say the same."""
    drawn = plot([(0.0, 1.0), (60.0, 0.0), (120.0, 0.5)])

    assert drawn is not None
    assert drawn.line == f"M0.0 2.0H92.0V{HEIGHT - 2:.1f}H184.0V18.0"
    assert drawn.area.endswith(f"V{HEIGHT}z")
    assert drawn.said == "share of the peers over 2 minutes: 100 % at first, 0 % at least, 50 % now"


@pytest.mark.parametrize("points", [[], [(0.0, None)], [(0.0, None), (9.0, None)]])
def test_nothing_known_is_not_drawn(points: list[tuple[float, float | None]]) -> None:
    """Where no share was known there is no picture that could be taken for one."""
    assert plot(points) is None


def test_the_unknown_is_a_gap() -> None:
    """The line ends where the share was not known, and begins anew."""
    drawn = plot([(0.0, 1.0), (50.0, None), (100.0, 1.0)])

    assert drawn is not None
    assert drawn.line == "M0.0 2.0H92.0M184.0 2.0"
    assert drawn.area.count("z") == 2


async def test_the_worst_first() -> None:
    """What fails stands before what is well, and all are counted."""
    ledger = Ledger()
    keys = [CheckKey("net", Kind.BGP, f"192.0.{n}.0/24") for n in range(30)]
    for key in keys:
        word = "withdrawn" if key is keys[-1] else Verdict.OK
        ledger.add(key, TIMING, [seen(0.0, word, key=key, place="ris-live", share=1.0)])
    found = await routes({"net": keys}, ledger, History(lambda: {"net": keys}, ledger), 1.0)

    assert found.total == 30
    assert found.shown[0].prefix == "192.0.29.0/24"
    assert len(found.shown) < 30
