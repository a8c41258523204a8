"""How much is judged when: counts, which hold on any machine."""

import pytest

from tests.agent.composite.world import BANK, CHECKS, SHOP, Round, World
from vedette.agent.alarms.alarm import State
from vedette.checks.finding import Verdict

OK, FAILING, UNKNOWN = Verdict
WELL, SHOP_BAD, ALL_BAD = (OK, OK, OK), (OK, FAILING, OK), (FAILING,) * 3

ALARMS = """\
- {name: one, rule: 'ALARM("https://shop.example/")'}
- {name: above, rule: 'ALARM(one) AND NOT INSUFFICIENT_DATA("shop.example A")', hold: 5s}
- {name: top, rule: ALARM(above) OR ALARM(well), clear: 9s}
- {name: well, rule: 'NOT OK("https://bank.example/")', mute: [{cron: "1 0 * * *", duration: 60s}]}
- {name: some, rule: 'AT_LEAST(2, NOT OK, ("shop.example A", "https://bank.example/", top))'}
- name: quiet
  rule: ALARM("https://shop.example/:timeout")
  suppressor: {alarm: one, wait: 4s, extension: 6s}
- {name: standard, rule: 'ALARM("shop/service_down/https://shop.example/")', service: shop}
- {name: constant, rule: 'FALSE OR INSUFFICIENT_DATA("https://bank.example/")'}
"""


class Counted:
    """A world whose rules are counted when they are judged, or thought of."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(ALARMS)
        self.judged: list[str] = []
        self.told: list[str] = []
        composites = self.world.engine.composites
        for name, seen in (("_judge", self.judged), ("_announce", self.told)):
            monkeypatch.setattr(composites, name, self._noting(getattr(composites, name), seen))

    @staticmethod
    def _noting(method, seen: list[str]):
        def noted(id_: str, *more: object):
            seen.append(id_)
            return method(id_, *more)

        return noted

    def live(self, round_: Round, start: int, seconds: int) -> None:
        self.world.live([round_] * seconds, start)

    def step(self, now: int, round_: Round | None = None) -> tuple[list[str], list[str]]:
        """Step once, after a look if there is one; return what was judged and thought of."""
        self.judged.clear()
        self.told.clear()
        if round_ is not None:
            self.world.look(now, round_)
        self.world.step(now)
        return sorted(self.judged), sorted(self.told)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


@pytest.mark.parametrize("round_", [WELL, SHOP_BAD, ALL_BAD], ids=["well", "some", "all"])
def test_nothing_is_judged_while_nothing_happens(counted: Counted, round_: Round) -> None:
    """Once holds and periods are over, a second judges nothing, whether alarms fire or not."""
    counted.live(round_, 0, 50)
    states = {memory.state for memory in counted.world.engine.composites.memories.values()}

    assert (State.ALARM in states) == (round_ is not WELL)
    assert counted.step(50) == counted.step(51, round_) == counted.step(52, round_) == ([], [])


def test_news_of_a_check_is_judged_by_those_that_name_it(counted: Counted) -> None:
    """One check that begins to fail has those rules judged that name it, and no others."""
    counted.live(WELL, 0, 50)

    assert counted.step(50, SHOP_BAD)[0] == ["one", "quiet"]
    assert counted.step(51, SHOP_BAD)[0] == ["one", "quiet"]
    # Their hold of three seconds is over: so is that of the standard alarm, and `above` begins.
    counted.step(52, SHOP_BAD)
    assert counted.step(53, SHOP_BAD)[0] == ["above", "one", "quiet", "standard"]
    assert counted.step(54, SHOP_BAD)[0] == []


def test_time_alone_has_those_judged_whose_time_has_come(counted: Counted) -> None:
    """A hold over another alarm, and a clear, are judged again when they end, and not before."""
    counted.live(WELL, 0, 50)
    counted.live(SHOP_BAD, 50, 4)
    bad = {now: counted.step(now, SHOP_BAD)[0] for now in range(54, 70)}
    well = {now: counted.step(now, WELL)[0] for now in range(70, 100)}

    assert {now: judged for now, judged in bad.items() if judged} == {
        55: ["above", "some", "top"],  # failing since 50, which is all that top waits for
    }
    assert {now: judged for now, judged in well.items() if judged} == {
        71: ["one", "quiet"],  # the good look before may have been chance: it said nothing new
        72: ["one", "quiet"],  # few enough of the newest looks failed
        76: ["above", "one", "quiet", "standard"],
        80: ["above", "standard", "top"],
        88: ["some", "top"],
    }


def test_what_a_pending_alarm_reads_is_looked_at_with_each_look(counted: Counted) -> None:
    """Looks at what is to fill a hold are waited for, and those at others are not."""
    engine = counted.world.engine
    counted.live(WELL, 0, 50)
    assert not any(engine.awaits("here", key) for key in CHECKS)
    counted.step(50, SHOP_BAD)
    assert engine.awaits("here", SHOP)
    assert not engine.awaits("here", BANK)
