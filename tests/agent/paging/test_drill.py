"""The page drill: begun by cron, proved by each pager, and an alarm where one does not answer."""

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.paging.desk import DELIVERED, REJECTED, RETRY
from vedette.agent.config.drill import DrillSettings
from vedette.agent.memory.pages import Row
from vedette.agent.memory.statements import keep_drill
from vedette.agent.memory.store import Store
from vedette.agent.paging.drill import AGAIN_AFTER, Drill, Phase
from vedette.agent.paging.drillpages import Drills
from vedette.agent.paging.ended import Ended
from vedette.exporters.page import Action, Delivery, Outcome, Page, Severity

MONDAY = 4 * 86400.0 + 9 * 3600
"""09:00 of Monday, 5 January 1970."""
WEEK = 7 * 86400.0
SETTINGS = DrillSettings(cron="0 9 * * 1", within=120)


class Life:
    """An agent's drills, and pagers that answer as they are told to."""

    def __init__(self, **answers: Delivery) -> None:
        self.answers = answers
        self.ended: list[Ended] = []
        self.pages: list[tuple[float, str, str]] = []
        self.sent: list[Page] = []
        self.kept: Drill | None = None
        self.start(0)

    def start(self, now: float, settings: DrillSettings | None = SETTINGS) -> None:
        """Begin, or begin again with what was kept."""
        self.ended.clear()
        self.drills = Drills(
            settings, deployment="v", agent="fra-1", pagers=list(self.answers),
            remembered=self.kept, now=now,
        )  # fmt: skip

    def run(self, since: float, until: float, every: float = 10.0) -> None:
        """Step from *since* until *until*."""
        now = since
        while now <= until:
            pages, drill = self.drills.step(self.ended[-50:], now)
            self.kept = drill or self.kept
            for page in pages:
                self.pages.append((now, page.key, page.action))
                self.sent.append(page)
                for name, delivery in self.answers.items():
                    if delivery.outcome is not Outcome.RETRY:
                        row = Row(len(self.ended), name, page, now)
                        self.ended.append(Ended(row, now, delivery))
            now += every


def test_a_drill_triggers_and_resolves_and_is_dated() -> None:
    """At nine on Monday one incident at severity info is triggered and resolved, by each pager."""
    life = Life(pd=DELIVERED, mail=DELIVERED)
    life.run(0, MONDAY + 3600)
    assert life.pages == [
        (MONDAY, "v/drill/fra-1", "trigger"), (MONDAY + 10, "v/drill/fra-1", "resolve"),
    ]  # fmt: skip
    assert {page.severity for page in life.sent} == {Severity.INFO}
    assert life.drills.drill.succeeded == {"pd": MONDAY + 20, "mail": MONDAY + 20}


@pytest.mark.parametrize(
    ("answer", "after", "why"),
    [
        (REJECTED, 20.0, "its trigger was refused: "),
        (RETRY, 130.0, "its trigger was not accepted within 120 s"),
    ],
)
def test_a_pager_that_does_not_take_it_is_an_alarm(
    answer: Delivery, after: float, why: str
) -> None:
    """A page of its own says through what is left which pager did not take the drill, and why."""
    life = Life(pd=answer, mail=DELIVERED)
    life.run(0, MONDAY + 600)
    assert life.pages[-1] == (MONDAY + after, "v/fra-1/page_drill", "trigger")
    page = life.sent[-1]
    assert (page.severity, page.diagnosis) == (Severity.ERROR, "page_drill")
    assert page.details["failed"] == [f"pd: {why}"]
    assert page.details["came_through"] == ["mail"]
    assert list(life.drills.drill.succeeded) == ["mail"]


def test_a_failed_drill_is_repeated_until_it_comes_through() -> None:
    """Each hour it is tried again; the alarm resolves with the first that comes through."""
    life = Life(pd=REJECTED)
    life.run(0, MONDAY + 2 * AGAIN_AFTER + 600)
    life.answers["pd"] = DELIVERED
    life.run(MONDAY + 2 * AGAIN_AFTER + 610, MONDAY + 4 * AGAIN_AFTER)
    alarms = [(at, action) for at, key, action in life.pages if "page_drill" in key]
    assert alarms == [
        (MONDAY + 20, "trigger"),
        (MONDAY + AGAIN_AFTER + 20, "trigger"),
        (MONDAY + 2 * AGAIN_AFTER + 20, "trigger"),
        (MONDAY + 3 * AGAIN_AFTER + 20, "resolve"),
    ]


def test_what_was_missed_is_one_drill() -> None:
    """After three weeks of sleep one drill is made at once, and the next on its day."""
    life = Life(pd=DELIVERED)
    life.run(0, 100)
    asleep_until = MONDAY + 3 * WEEK - 3600
    life.start(asleep_until)
    life.run(asleep_until, MONDAY + 3 * WEEK + 3600)
    begun = [at for at, _, action in life.pages if action == "trigger"]
    assert begun == [asleep_until, MONDAY + 3 * WEEK]


def test_by_a_new_calendar_nothing_was_missed() -> None:
    """Who moves a drill to an hour that is over this week, or has it anew, sees it at that hour."""
    life = Life(pd=DELIVERED)
    life.run(0, MONDAY + 600)
    life.start(MONDAY + 7200, DrillSettings(cron="0 10 * * 1"))
    life.run(MONDAY + 7200, MONDAY + 7300)
    life.start(MONDAY + 7400, None)
    life.run(MONDAY + 7400, MONDAY + 7500)
    life.start(MONDAY + 3 * WEEK + 600)
    life.run(MONDAY + 3 * WEEK + 600, MONDAY + 4 * WEEK, every=600)
    begun = [at for at, _, action in life.pages if action == "trigger"]
    assert begun == [MONDAY, MONDAY + 4 * WEEK]


def test_a_failed_drill_takes_back_no_success() -> None:
    """When a pager last took a drill stays known while it takes none, unless it is gone."""
    life = Life(pd=DELIVERED, mail=DELIVERED)
    life.run(0, MONDAY + 3600, every=600)
    (succeeded_at,) = set(life.drills.drill.succeeded.values())
    life.answers = {"pd": REJECTED}
    life.start(MONDAY + WEEK - 3600)
    life.run(MONDAY + WEEK - 3600, MONDAY + WEEK + 3000, every=600)
    assert set(life.drills.drill.failed) == {"pd"}
    assert life.drills.drill.succeeded == {"pd": succeeded_at}


def test_a_clock_that_was_ahead_puts_no_drill_off() -> None:
    """What began by a clock that was years ahead is followed by a drill on its next day."""
    life = Life(pd=DELIVERED)
    life.kept = Drill(began_at=MONDAY + 500 * WEEK, calendar="0 9 * * 1 UTC")
    life.start(MONDAY - 3600)
    life.run(MONDAY - 3600, MONDAY + 600)
    assert [at for at, _, action in life.pages if action == "trigger"] == [MONDAY]


@pytest.mark.parametrize("seconds", [0, 5, 10, 15])
def test_a_restart_in_a_drill_begins_it_anew(seconds: float) -> None:
    """Whatever was under way when the agent ended, the drill comes to an end and is resolved."""
    life = Life(pd=DELIVERED)
    life.run(0, MONDAY)
    life.run(MONDAY + 5, MONDAY + seconds, every=5)
    life.start(MONDAY + 60)
    life.run(MONDAY + 60, MONDAY + 600)
    assert life.pages[-1][2] == "resolve"
    assert life.drills.drill.phase is Phase.OVER
    assert life.drills.drill.succeeded["pd"] > MONDAY


def test_answers_to_older_drills_prove_nothing() -> None:
    """What was accepted last week does not stand for what is asked now."""
    life = Life(pd=DELIVERED)
    life.run(0, MONDAY + 600)
    life.answers["pd"] = RETRY
    life.run(MONDAY + WEEK, MONDAY + WEEK + 600)
    assert list(life.drills.drill.failed) == ["pd"]


@given(
    st.lists(st.sampled_from([DELIVERED, RETRY, REJECTED]), min_size=1, max_size=4),
    st.lists(st.integers(0, 400), max_size=4),
)
def test_every_drill_ends(answers: list[Delivery], restarts: list[int]) -> None:
    """Whatever pagers say and whenever the agent restarts, a resolve follows each trigger."""
    life, now = Life(**{f"p{n}": answer for n, answer in enumerate(answers)}), MONDAY
    for seconds in restarts:
        life.run(now, now + seconds)
        now += seconds + 1
        life.start(now)
    life.run(now, now + 1000)
    actions = [action for _, key, action in life.pages if "drill/" in key]
    assert actions[-1] == Action.RESOLVE
    alarms = [action for _, key, action in life.pages if "page_drill" in key]
    came_through = all(one is DELIVERED for one in answers)
    assert bool(alarms) is not came_through


@pytest.mark.parametrize(
    ("answer", "seconds", "ends"),
    [(RETRY, 200.0, ["v/fra-1/page_drill"]), (DELIVERED, 5.0, ["v/drill/fra-1"])],
)
def test_what_stands_of_drills_ends_with_their_settings(
    answer: Delivery, seconds: float, ends: list[str]
) -> None:
    """Who takes drills out of the config has their page, or their alarm, ended at the start."""
    life = Life(pd=answer)
    life.run(0, MONDAY + seconds)
    for _ in range(2):
        left = Drills(
            None, deployment="v", agent="fra-1", pagers=["pd"], remembered=life.kept, now=MONDAY
        )
        pages, kept = left.step((), MONDAY + 300)
        assert [(page.key, page.action) for page in pages] == [(key, "resolve") for key in ends]
        assert left.step((), MONDAY + 301) == ([], None)
        life.kept, ends = kept or life.kept, []


def test_no_pager_no_drill() -> None:
    """An agent without pagers has nothing to prove, and alarms nobody."""
    life = Life()
    life.run(0, MONDAY + 600)
    assert life.pages == []


def test_a_drill_is_kept(tmp_path: Path) -> None:
    """What the store gives back is what was kept."""
    drill = Drill(1.0, Phase.RESOLVED, 2.0, ("a",), {"b": "why"}, True, {"a": 3.0}, "0 9 * * 1 UTC")
    store = Store(tmp_path)
    assert store.drill() is None
    store.write([keep_drill(drill)])
    found = store.drill()
    store.close()
    assert found is not None
    assert asdict(found) == {**asdict(drill), "accepted": ["a"]}
