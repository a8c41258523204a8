"""Composite alarms over a restart, in any order of what is seen, and where little changes."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.composite.world import CHECKS, CONFIG, HEARD, Round, World
from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.incidents import Change
from vedette.agent.memory.ledger import WINDOW, Ledger
from vedette.agent.memory.store import Store
from vedette.checks.finding import Verdict
from vedette.checks.settings import Missing

OK, FAILING, UNKNOWN = Verdict
# Seconds that let every hold, clear, wait and extension run out, after what failed now and then has
# left the window by which a service is degraded: a restarted agent may not have seen that.
LONG = int(WINDOW) + 40

ALARMS = """\
- name: both
  rule: ALARM("shop.example A") AND ALARM("https://bank.example/")
- name: two
  rule: AT_LEAST(2, ALARM, ("shop.example A", "https://shop.example/", "https://bank.example/"))
  hold: 1s
  clear: 3s
- {name: above, rule: ALARM(two) AND NOT ALARM(both), hold: 0s, clear: 0s}
- {name: well, rule: OK("https://shop.example/"), missing: notBreaching}
- {name: unseen, rule: INSUFFICIENT_DATA("shop.example A"), missing: ignore}
- {name: breaching, rule: ALARM("https://shop.example/:timeout"), missing: breaching, hold: 0s}
- {name: good, rule: ALARM("https://shop.example/"), missing: notBreaching, clear: 0s}
- {name: standard, rule: NOT OK("shop/service_down/https://shop.example/"), service: bank}
- name: quiet
  rule: ALARM("https://shop.example/")
  hold: 0s
  clear: 0s
  suppressor: {alarm: two, wait: 4s, extension: 3s}
- name: quieter
  rule: ALARM("https://bank.example/")
  suppressor: {alarm: "shop.example A", wait: 2s, extension: 5s}
  mute: [{cron: "1 0 * * *", duration: 60s}]
"""
# What a restart costs no time: what fails has done so in the ledger, and nothing clears slowly.
SWIFT = """\
- {name: one, rule: ALARM("https://shop.example/"), clear: 0s}
- {name: both, rule: ALARM(one) AND ALARM("https://bank.example/"), hold: 2s, clear: 0s}
- name: quiet
  rule: ALARM("https://shop.example/:timeout") OR ALARM("shop.example A:nodata")
  hold: 1s
  clear: 0s
  suppressor: {alarm: "https://bank.example/", wait: 6s, extension: 4s}
- name: quieter
  rule: ALARM(one)
  clear: 0s
  suppressor: {alarm: both, wait: 3s, extension: 7s}
  mute: [{cron: "0 0 * * *", duration: 60s}]
"""


def timelines(*verdicts: Verdict) -> st.SearchStrategy[list[Round]]:
    """Return any rounds; most last for some seconds."""
    rounds = st.tuples(*(st.sampled_from(verdicts) for _ in CHECKS))
    runs = st.lists(st.tuples(rounds, st.integers(1, 12)), max_size=8)
    return runs.map(lambda runs: [round_ for round_, seconds in runs for _ in range(seconds)])


def live_twice(
    alarms: str,
    rounds: Sequence[Round],
    restart: int,
    *,
    forget: bool,
    start: int = 0,
    config: str = CONFIG,
) -> tuple[World, list[tuple[float, str, Change]], bool]:
    """Live through *rounds*, and begin again from the store at *restart*; say if all came back."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        before = World(alarms, config=config, store=store).live(rounds[:restart], start)
        after = World(
            alarms, config=config, store=store, ledgers=None if forget else before.ledgers
        )
        same = (
            after.engine.open == before.engine.open
            and after.engine.composites.announced == before.engine.composites.announced
            and states(after) == states(before)
        )
        after.live(rounds[restart:], start + restart)
        store.close()
    return after, [*before.said, *after.said], same


def states(world: World) -> dict[str, State]:
    return {id_: memory.state for id_, memory in world.engine.memories.items()}


@settings(max_examples=40)
@given(timelines(OK, FAILING), st.data())
def test_a_restart_changes_nothing_that_is_told(rounds: list[Round], data: st.DataObject) -> None:
    """Pages are the same, to the second, whenever it is started anew amid what goes on.

    Where clearing takes time, that time begins anew: what was good before is not remembered.
    """
    restart = data.draw(st.integers(0, len(rounds)))
    ran_on = World(SWIFT).live(rounds, start=100)
    _, said, same = live_twice(SWIFT, rounds, restart, forget=False, start=100)

    names = {f"test/{name}" for name in ("one", "both", "quiet", "quieter")}
    assert same
    assert [row for row in said if row[1] in names] == [
        row for row in ran_on.said if row[1] in names
    ]


@settings(max_examples=40)
@given(timelines(*Verdict), st.data())
def test_a_restart_neither_forgets_nor_repeats(rounds: list[Round], data: st.DataObject) -> None:
    """Over a restart that forgets all looks, states stay, and pages open and end in turn."""
    restart = data.draw(st.integers(0, len(rounds)))
    world, said, same = live_twice(ALARMS, rounds, restart, forget=True)

    assert same
    for key in {key for _, key, _ in said}:
        changes = [change for _, other, change in said if other == key]
        ends = [change for change in changes if change is not Change.REHEADLINED]
        turns = [Change.OPENED, Change.RESOLVED] * len(ends)
        assert ends == turns[: len(ends)]
        assert (changes[-1] is not Change.RESOLVED) == (key in world.engine.open)


@settings(max_examples=20)
@given(
    timelines(*Verdict),
    st.tuples(*(st.sampled_from([OK, FAILING]) for _ in CHECKS)),
    st.data(),
)
def test_a_restart_ends_in_the_same_state(
    rounds: list[Round], last: Round, data: st.DataObject
) -> None:
    """Some time after a restart all is as it would be without.

    All but the pages of what is suppressed: whether a page was there when the suppressor came, and
    stays for as long as that does, is history that a restarted agent may not have seen. So is
    whether a page ended before the next fault came, since a clear begins anew, and thereby which
    fault has the service's own key and the headline: the services are the same that have a page.
    """
    whole = [*rounds, *[last] * LONG]
    restart = data.draw(st.integers(0, len(rounds)))
    ran_on = World(ALARMS).live(whole)
    restarted, _, _ = live_twice(ALARMS, whole, restart, forget=True)

    assert states(restarted) == states(ran_on)
    suppressed = {"test/quiet", "test/quieter"}
    paged = [
        {one.service for key, one in world.engine.open.items() if key not in suppressed}
        for world in (restarted, ran_on)
    ]
    assert paged[0] == paged[1]


STAY = 60
"""Seconds that let every hold, clear, wait and extension run out."""


@settings(max_examples=20)
@given(timelines(*Verdict), timelines(*Verdict), st.data())
def test_a_restart_is_forgotten_once_all_was_well(
    before: list[Round], after: list[Round], data: st.DataObject
) -> None:
    """What comes after that is told the same, to the second and the key, as without a restart."""
    rounds = [*before, *[(OK, OK, OK)] * LONG, *after]
    restart = data.draw(st.integers(0, len(before)))
    ran_on = World(ALARMS).live(rounds)
    restarted, _, _ = live_twice(ALARMS, rounds, restart, forget=True)

    well = len(before) + LONG
    told = [[row for row in world.said if row[0] >= well] for world in (restarted, ran_on)]
    assert told[0] == told[1]
    assert restarted.engine.open.keys() == ran_on.engine.open.keys()


rounds_ = st.tuples(*(st.sampled_from(Verdict) for _ in CHECKS))


@settings(max_examples=20)
@given(rounds_, rounds_, st.sampled_from(Missing), st.integers(0, 2 * STAY - 1))
def test_a_restart_at_any_point_changes_no_page(
    first: Round, then: Round, missing: Missing, restart: int
) -> None:
    """What stays for long enough is told the same over a restart that forgets all looks.

    That goes for standard alarms and a user's own, however they take what is missing.
    """
    rounds = [*[first] * STAY, *[then] * STAY]
    config = CONFIG.replace("clear: 5s", f"clear: 5s, missing: {missing}")
    ran_on = World(ALARMS, config=config).live(rounds).said
    _, restarted, _ = live_twice(ALARMS, rounds, restart, forget=True, config=config)

    for key in {key for _, key, _ in [*ran_on, *restarted]} - {"test/quiet", "test/quieter"}:
        pages, again = ([c for _, k, c in said if k == key] for said in (ran_on, restarted))
        assert pages == again, key


@settings(max_examples=40)
@given(timelines(*Verdict))
@example([(FAILING, FAILING, OK)] * 20)
def test_started_with_nothing_seen_it_says_nothing(rounds: list[Round]) -> None:
    """Until the first looks could be there, no rule changes anything, whatever it asks."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        before = World(ALARMS, store=store).live(rounds)
        after = World(ALARMS, store=store)
        steps = [after.step(len(rounds) + second) for second in range(HEARD)]
        store.close()

    assert not any(step.alarms for step in steps)
    assert states(after) == states(before)
    assert not any(change is Change.RESOLVED for _, _, change in after.said)


@given(timelines(*Verdict), st.permutations(ALARMS.split("\n- ")))
@settings(max_examples=40)
def test_the_order_in_the_file_changes_nothing(rounds: list[Round], parts: list[str]) -> None:
    """Alarms give the same states and pages in whatever order they are written."""
    text = "\n".join(f"- {part.removeprefix('- ').rstrip()}" for part in parts) + "\n"
    one, other = World(ALARMS).live(rounds), World(text).live(rounds)

    assert sorted(one.said) == sorted(other.said)
    assert states(one) == states(other)
    assert one.engine.composites.announced == other.engine.composites.announced


def test_an_alarm_that_left_the_config_ends() -> None:
    """The page of an alarm that is no longer configured resolves, and its state is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        World(ALARMS, store=store).live([(FAILING, OK, FAILING)] * 10)
        after = World("[]", config=CONFIG, store=store, ledgers={"here": Ledger()})
        after.step(10)
        store.close()

    assert after.of("both") == [(10, Change.RESOLVED)]
    assert "both" not in after.engine.memories


BELOW = "shop/service_down/https://shop.example/"
ESCALATED = "- {{name: mine, rule: 'ALARM(\"{below}\")', hold: 5m, clear: 0s}}"
THROUGH = (
    "- {{name: below, rule: 'ALARM(\"{below}\")', missing: ignore, clear: 0s, severity: info}}\n"
)


@pytest.mark.parametrize("asleep", [0, 3600])
@pytest.mark.parametrize(("then", "opens"), [(OK, False), (FAILING, True), (None, True)])
@pytest.mark.parametrize(
    "alarms",
    [ESCALATED.format(below=BELOW), THROUGH.format(below=BELOW) + ESCALATED.format(below="below")],
    ids=["over a diagnosis", "over an alarm over it"],
)
def test_what_is_remembered_pages_nobody_before_it_can_be_seen(
    tmp_path: Path, alarms: str, then: Verdict | None, opens: bool, asleep: int
) -> None:
    """A restart while a fault clears opens no page by it, unless looks show it, or show nothing."""
    config, store = CONFIG.replace("clear: 5s", "clear: 10m"), Store(tmp_path)
    well, bad = (OK, OK, OK), (OK, FAILING, OK)
    World(alarms, config=config, store=store).live([*[well] * 10, *[bad] * 100, *[well] * 300])

    after, start = World(alarms, config=config, store=store), 410 + asleep
    for now in range(start, start + 100):
        if then and now >= start + 10:
            after.look(now, (OK, then, OK))
        after.step(now)
    store.close()
    assert [at >= start + 10 for at, _ in after.of("mine")] == [True] * opens
