"""Clocks that jump and machines that sleep: no page because of it, and no stall after it."""

import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.agent.composite.world import CHECKS, CONFIG, World
from tests.servers.process import free_port
from tests.servers.receiver import receiver
from tests.servers.webhook import WebhookReceiver
from tests.waiting import meanwhile, until
from vedette.agent.alarms.incidents import Change
from vedette.agent.clock import SteadyClock
from vedette.agent.config import read
from vedette.agent.daemon import Agent
from vedette.agent.looking.cadence import next_due
from vedette.agent.surroundings import Surroundings
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
    """A machine whose wall clock a test moves, and the time since its boot."""

    def __init__(self) -> None:
        self.wall, self.passed = 1_800_000_000.0, 5_000.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.passed)
        self.world = World(ALARMS, config=CONFIG)

    def live(self, seconds: int, bad: bool = False) -> None:
        for _ in range(seconds):
            self.wall += 1
            self.passed += 1
            now = self.clock.now()
            self.world.look(now, [FAILING if bad else OK] * len(CHECKS))
            self.world.step(now)

    def set_back(self) -> None:
        self.wall -= HOUR

    def set_forward(self) -> None:
        self.wall += DAY

    def sleep(self) -> None:
        """Sleep for an hour, and judge before anybody looks."""
        self.wall += HOUR
        self.passed += HOUR
        self.world.step(self.clock.now())

    def freeze(self) -> None:
        """Stand still for an hour as a virtual machine may, whose host tells it nothing."""
        self.wall += HOUR


jumps = pytest.mark.parametrize(
    "jump", [Host.set_back, Host.set_forward, Host.sleep, Host.freeze], ids=lambda f: f.__name__
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


def test_the_time_asleep_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is suspended counts it, as its kernel does: windows and dates go by that."""
    awake, asleep = 500.0, 0.0
    clocks = {time.CLOCK_MONOTONIC: lambda: awake, time.CLOCK_BOOTTIME: lambda: awake + asleep}
    monkeypatch.setattr(time, "clock_gettime", lambda which: clocks[which]())
    clock = SteadyClock(lambda: 1_800_000_000.0)
    asleep += HOUR

    assert clock.now() == 1_800_000_000.0 + HOUR


def test_a_window_of_an_hour_asleep_is_over() -> None:
    """Who sleeps through a window of maintenance is woken by what fails after it."""
    host = Host()
    begin = datetime.fromtimestamp(host.clock.now() + 60, UTC)
    window = f'maintenance: [{{cron: "{begin:%M %H} * * *", duration: 30m}}]'
    host.world = World(ALARMS, config=f"{CONFIG}{window}\n")
    host.live(90)
    in_it = bool(host.world.maintenance.open(host.clock.now()))
    host.sleep()
    host.live(30, bad=True)

    assert in_it
    assert {change for _, _, change in host.world.said} == {Change.OPENED}


def test_how_wrong_it_is_can_be_told() -> None:
    """A host whose clock was mended since is as far ahead; to have slept makes no difference."""
    host = Host()
    host.sleep()
    assert host.clock.lag() == 0

    host.set_forward()
    assert host.clock.lag() == DAY


@pytest.mark.parametrize("every", [1.0, 30.0])
def test_the_cadence_goes_on_after_a_sleep(every: float) -> None:
    """What was due an hour long is looked at once, and again at its next tick."""
    due, missed = next_due(100.0, 100.0 + HOUR, every)

    assert 100.0 + HOUR < due <= 100.0 + HOUR + every
    assert missed == HOUR // every


SENDS = """\
agent: {{name: fra-1, domain: {{provider: hetzner}}}}
services: [{{name: shop, dns: [{{name: shop.example}}]}}]
peers:
  - {{name: nyc-1, url: "http://127.0.0.1:1", domain: {{provider: other}}, token_file: token}}
remediation:
  - name: flip
    diagnoses: [record_emptied]
    enabled: true
    webhook: {{url: "{hook}", secret_file: secret}}
remote_write: {{url: "http://127.0.0.1:{port}/api/v1/write", every: 1s}}
"""


async def test_what_receivers_hold_to_their_clocks_is_dated_by_the_walls(tmp_path: Path) -> None:
    """After a sleep an agent lags: its samples and its remedies would be refused as too old."""
    (tmp_path / "token").write_text(f"{'t' * 32}")
    (tmp_path / "secret").write_text(f"whsec_{b64encode(b'k' * 32).decode()}")
    path, port = tmp_path / "vedette.yaml", free_port()
    async with receiver(port) as samples, WebhookReceiver(b"k" * 32, time.time()) as hook:
        path.write_text(SENDS.format(hook=hook.url, port=port))
        clock = SteadyClock(lambda: time.time() - DAY)
        agent = Agent(read(path), tmp_path, None, Surroundings(clock=clock))
        agent.remote.lines = lambda: ["a 1\n"]
        async with meanwhile(agent.remote.run()):
            await until(lambda: samples.times("a"))
            well, said = await agent.remedies._acts["flip"].do({"incident": "v/shop"})
        await agent.remote.close()
        await agent.remedies.close()
        agent.store.close()

    assert samples.times("a")[0] / 1000 == pytest.approx(time.time(), abs=60)
    assert (well, said) == (True, "accepted")
