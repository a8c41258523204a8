"""Composite alarms over a clock set back or forward, and a machine asleep, with mutes and quiet."""

import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from tests.agent.composite.test_restart import states
from tests.agent.composite.world import Round, World
from vedette.agent.alarms.incidents import Change
from vedette.agent.memory.store import Store
from vedette.checks.finding import Verdict

OK, FAILING, UNKNOWN = Verdict
HOUR, DAY = 3600, 86400
START = 30 * DAY + 100  # the window of this hour is over by then
SETTLED = 40
WAIT, EXTENSION = 20, 8
ROUNDS = [*product((OK, FAILING), repeat=3)]

ALARMS = f"""\
- name: one
  rule: ALARM("https://shop.example/")
  mute: [{{cron: "0 * * * *", duration: 60s}}]
- {{name: above, rule: 'ALARM(one) AND NOT ALARM("shop.example A")', hold: 4s, clear: 0s}}
- {{name: well, rule: 'OK("https://shop.example/") OR TRUE', hold: 5s}}
- {{name: unseen, rule: 'INSUFFICIENT_DATA("shop.example A")', missing: breaching, hold: 2s}}
- name: quiet
  rule: ALARM("https://shop.example/:timeout")
  hold: 1s
  clear: 0s
  suppressor: {{alarm: "https://bank.example/", wait: {WAIT}s, extension: {EXTENSION}s}}
  mute: [{{cron: "0 * * * *", duration: 60s}}]
"""

Said = list[tuple[float, str, Change]]


def asleep(first: Sequence[Round], then: Sequence[Round], hours: float) -> tuple[World, Said]:
    """Return what is told of *then* after a sleep, by seconds since its end."""
    world = World(ALARMS).live(first, START)
    awake = int(START + len(first) + hours * HOUR)
    before = len(world.said)
    world.live(then, awake)
    return world, [(at - awake, key, change) for at, key, change in world.said[before:]]


def restarted(first: Sequence[Round], then: Sequence[Round], hours: float) -> tuple[World, Said]:
    """Return what an agent tells of *then* whose clock stands otherwise than the last one's."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        World(ALARMS, store=store).live(first, START)
        awake = int(START + len(first) + hours * HOUR)
        world = World(ALARMS, store=store).live(then, awake)
        store.close()
    return world, [(at - awake, key, change) for at, key, change in world.said]


@pytest.mark.parametrize("round_", ROUNDS, ids=str)
@pytest.mark.parametrize(("live", "hours"), [(asleep, 1), (restarted, -1), (restarted, 24)])
def test_no_page_comes_of_the_clock(live, hours: int, round_: Round) -> None:
    """Where all goes on as it was, nobody is told anything, and all stay in their states."""
    first = [round_] * SETTLED
    world, said = live(first, first, hours)

    assert said == []
    assert states(world) == states(World(ALARMS).live(first * 2, START))


@pytest.mark.parametrize(("first", "then"), [*product(ROUNDS[::3], ROUNDS)], ids=str)
def test_nothing_stalls_after_a_clock_was_set(first: Round, then: Round) -> None:
    """What happens after a start tells the same, to the second, wherever the clock stands."""
    rounds = [first] * SETTLED, [first] * 8 + [then] * (SETTLED + WAIT)
    _, expected = restarted(*rounds, 0)

    assert restarted(*rounds, -1)[1] == restarted(*rounds, 24)[1] == expected


@pytest.mark.parametrize("then", ROUNDS, ids=str)
def test_nothing_stalls_after_a_sleep(then: Round) -> None:
    """Some time after a sleep all is as it would be without."""
    first, later = [(OK, FAILING, OK)] * SETTLED, [then] * (SETTLED + WAIT)
    ran_on, slept = asleep(first, later, 0)[0], asleep(first, later, 1)[0]

    assert states(slept) == states(ran_on)
    assert slept.engine.open.keys() == ran_on.engine.open.keys()


@pytest.mark.parametrize("hours", [-1, 0, 24])
def test_a_wait_is_no_longer_for_a_clock_set_back(hours: int) -> None:
    """A period of quiet that was on ends by its length from the start on, and pages once."""
    bad = (OK, FAILING, OK)
    first = [*[(OK, OK, OK)] * 20, *[bad] * 6]
    _, said = restarted(first, [bad] * (SETTLED + WAIT), hours)

    ((at, change),) = [(at, change) for at, key, change in said if key == "test/quiet"]
    assert change is Change.OPENED
    assert at <= WAIT
