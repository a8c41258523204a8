"""Vantages that see nothing, or are not heard yet: what ends without them, and what does not."""

import pytest

from tests.agent.alarms.test_fleet_engine import (
    BLIND,
    CHECKS,
    CONTROL,
    DOWN,
    NAME,
    PAGE,
    STAY,
    TIMING,
    WELL,
    Said,
    ledgers,
    live,
    look,
    whole,
)
from tests.agent.composite.world import CONTROLLED, World
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.alarm import Memory, State
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.diagnoses.table import rules_for
from vedette.agent.memory.ledger import Ledger
from vedette.checks.finding import Verdict
from vedette.exporters.page import Severity

OK, FAILING, _ = Verdict
FIVE = {name: Vantage(name, f"of {name}") for name in "abcde"}


def of_five(*incidents: Incident) -> Engine:
    """Return the engine of one of five agents, with what was open before its restart."""
    rules = [rule for key in CHECKS for rule in rules_for(key, TIMING, Severity.CRITICAL)]
    return Engine(
        deployment="test", quorum=Quorum("a", FIVE), rules=rules, controls=[CONTROL],
        incidents=incidents,
        memories={id_: Memory(State.ALARM) for one in incidents for id_ in one.members},
    )  # fmt: skip


@pytest.mark.parametrize("missing", [BLIND, None], ids=["blind", "silent"])
def test_where_enough_see_the_rest_keeps_no_page_open(missing: Said) -> None:
    """A page ends, and the next outage pages, though as many as must agree see nothing."""
    down, well = (dict.fromkeys(FIVE, said) | dict.fromkeys("de", missing) for said in (DOWN, WELL))
    timeline = [*[down] * 20, *[well] * STAY, *[down] * 20]
    said = whole(live(timeline, of_five(), ledgers(names=[*FIVE])))

    assert [change for _, key, _, change, _ in said if key == "test/shop"] == [
        Change.OPENED, Change.RESOLVED, Change.OPENED,
    ]  # fmt: skip


def test_a_quorum_s_word_is_over_with_the_alarm() -> None:
    """What a quorum has ended and who is left alone sees anew, who is left alone ends."""
    runs = [(dict.fromkeys(FIVE, DOWN), 20), (dict.fromkeys(FIVE, WELL), STAY)]
    runs += [({"a": said} | dict.fromkeys("bcde"), STAY) for said in (WELL, DOWN, WELL)]
    timeline = [moment for moment, seconds in runs for _ in range(seconds)]
    said = whole(live(timeline, of_five(), ledgers(names=[*FIVE])))

    assert [(change, severity) for _, key, _, change, severity in said if key == "test/shop"] == [
        (change, severity)
        for severity in (Severity.CRITICAL, Severity.WARNING)
        for change in (Change.OPENED, Change.RESOLVED)
    ]


@pytest.mark.parametrize("clear", ["0s", "5s"])
def test_who_is_left_alone_ends_no_alarm_of_a_users_own_that_a_quorum_paged(clear: str) -> None:
    """As with the diagnoses: it ends once enough see it well."""
    rule = f"- {{name: mine, rule: 'ALARM(\"https://shop.example/\")', clear: {clear}}}"
    world = World(rule, peers=[Vantage("b", "b"), Vantage("c", "c")])
    for now in range(400):
        world.look(now, (OK, OK, OK))
        for peer in "bc":
            if now < 50 or now >= 200:
                world.look(now, (OK, FAILING if now < 300 else OK, OK), vantage=peer)
        world.step(now)

    (_, opened), (ended, resolved) = world.of("mine")
    assert (opened, resolved) == (Change.OPENED, Change.RESOLVED)
    assert ended >= 300


def test_nor_one_that_asks_besides_who_sees() -> None:
    """Beside a check, naming a vantage makes an alarm no less a matter of the quorum."""
    rule = 'ALARM("https://shop.example/") AND NOT ALARM("here/vantage_blind/here")'
    peers = [Vantage("b", "b"), Vantage("c", "c")]
    world = World(f"- {{name: mine, rule: '{rule}', clear: 5s}}", config=CONTROLLED, peers=peers)
    for now in range(200):
        for name in world.ledgers:
            if name == "here" or now < 50:
                world.look(now, (OK, OK if name == "here" else FAILING, OK), name)
                world.look_at_control(now, vantage=name)
        world.step(now)

    assert [change for _, change in world.of("mine")] == [Change.OPENED]


def test_a_restart_makes_no_warning_grave() -> None:
    """What only warns, and has joined a critical page, one agent may end after a restart too."""
    down, mild = (f"shop/service_{how}/{PAGE.check}" for how in ("down", "degraded"))
    timeline = [{"a": WELL} | dict.fromkeys("bcde")] * STAY
    for members, ends in (({down: 0.0, mild: 0.0}, False), ({mild: 0.0}, True)):
        left = Incident("test/shop", "shop", next(iter(members)), 0.0, members, ())
        said = whole(live(timeline, of_five(left), ledgers(names=[*FIVE])))
        assert [change for *_, change, _ in said] == [Change.RESOLVED] * ends


def test_what_was_taken_over_at_a_reload_becomes_too_old_as_before() -> None:
    """A check at which nobody looks any more is unknown after a reload too."""
    before, after = Ledger(), Ledger()
    look(before, 0, WELL)
    after.take_over(before, [*CHECKS, CONTROL])

    assert all(after.is_stale(key, 100) for key in CHECKS)
    assert after.fresh_until(PAGE, 0) == before.fresh_until(PAGE, 0)
    assert not after.is_stale(NAME, 0)
