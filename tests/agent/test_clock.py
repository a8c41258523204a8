"""Clocks that jump and machines that sleep: no page because of it, and no stall after it."""

from collections.abc import Callable

import pytest

from tests.agent.composite.world import CHECKS, CONFIG, World
from vedette.agent.alarms.incidents import Change
from vedette.agent.clock import SteadyClock
from vedette.agent.looking.cadence import next_due
from vedette.checks.finding import Verdict

OK, FAILING, _ = Verdict
HOUR, DAY = 3600.0, 86400.0
ALARMS = """\
- {name: both, rule: 'ALARM("shop.example A") AND ALARM("https://bank.example/")'}
- {name: well, rule: 'NOT OK("https://shop.example/")', hold: 0s}
- {name: unseen, rule: 'INSUFFICIENT_DATA("shop.example A")', hold: 0s}
- {name: breaching, rule: 'ALARM("shop.example A")', missing: breaching, hold: 0s}
- name: quiet
  rule: ALARM("https://shop.example/")
  suppressor: {alarm: "https://bank.example/", wait: 10s, extension: 10s}
"""


class Host:
    """A machine whose wall clock and monotonic clock a test moves."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_800_000_000.0, 5_000.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.monotonic)
        self.world = World(ALARMS, config=CONFIG)

    def live(self, seconds: int, bad: bool = False) -> None:
        for _ in range(seconds):
            self.wall += 1
            self.monotonic += 1
            now = self.clock.now()
            self.world.look(now, [FAILING if bad else OK] * len(CHECKS))
            self.world.step(now)

    def set_back(self) -> None:
        self.wall -= HOUR

    def set_forward(self) -> None:
        self.wall += DAY

    def sleep(self) -> None:
        """Sleep as Linux does: the monotonic clock stands still meanwhile."""
        self.wall += HOUR

    def pause(self) -> None:
        """Sleep as a virtual machine may: the monotonic clock has gone on; nobody looked yet."""
        self.wall += HOUR
        self.monotonic += HOUR
        self.world.step(self.clock.now())


jumps = pytest.mark.parametrize(
    "jump", [Host.set_back, Host.set_forward, Host.sleep, Host.pause], ids=lambda f: f.__name__
)


@jumps
def test_no_page_because_of_it(jump: Callable[[Host], None]) -> None:
    """While all is well, a jump pages nobody, whatever the rules ask."""
    host = Host()
    host.live(30)
    jump(host)
    host.live(30)

    assert host.world.said == []


@jumps
def test_no_resolve_because_of_it(jump: Callable[[Host], None]) -> None:
    """A fault that lasts through a jump stays one page."""
    host = Host()
    host.live(30, bad=True)
    opened = list(host.world.said)
    jump(host)
    host.live(30, bad=True)

    assert host.world.said == opened
    assert {change for _, _, change in opened} == {Change.OPENED}


@jumps
def test_no_stall_after_it(jump: Callable[[Host], None]) -> None:
    """After a jump a fault pages, and ends, as soon as ever."""

    def paged(host: Host) -> list[tuple[float, str, Change]]:
        begin = host.clock.now()
        host.live(30, bad=True)
        host.live(60)
        return [(at - begin, key, change) for at, key, change in host.world.said]

    steady, jumped = Host(), Host()
    for host in (steady, jumped):
        host.live(30)
    jump(jumped)
    jumped.live(10)
    steady.live(10)

    assert paged(jumped) == paged(steady)


@pytest.mark.parametrize("every", [1.0, 30.0])
def test_the_cadence_goes_on_after_a_sleep(every: float) -> None:
    """What was due an hour long is looked at once, and again at its next tick."""
    due, missed = next_due(100.0, 100.0 + HOUR, every)

    assert 100.0 + HOUR < due <= 100.0 + HOUR + every
    assert missed == HOUR // every
