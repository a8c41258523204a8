"""Any alarms over checks, standard alarms and each other: none is passed over that has changed."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.alarms.test_agenda import (
    CHECKS,
    CONTROL,
    FEED,
    NAME,
    OTHER,
    PAGE,
    PLACES,
    ROUTE,
    SECOND,
    STANDARD,
    VANTAGES,
    Agent,
    Moment,
    agree,
    any_times,
    looks_of,
    timelines,
    timing,
    treated,
)
from tests.agent.composite.rules import rules
from vedette.agent.alarms.engine import Engine
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.looking.timing import Timing
from vedette.checks.finding import Verdict
from vedette.checks.settings import Missing

LEAVES = (
    *(key.check for key in (NAME, PAGE, ROUTE, OTHER)),
    *(f"{NAME.check}:{reason}" for reason in ("nodata", "timeout")),
    f"{PAGE.check}:timeout",
    *(f"{ROUTE.check}:{reason}" for reason in ("withdrawn", "origin")),
    *STANDARD,
)
WINDOWS = (
    {"cron": "1 0 * * *", "duration": "60s"},
    {"cron": "*/2 * * * *", "duration": "90s"},
    {"cron": "* * * * *", "duration": "120s"},
)
periods = st.sampled_from(("0s", "3s", "8s", "40s"))


@st.composite
def dense(
    draw: st.DrawFn,
    *states: str,
    leaves: Sequence[str] = LEAVES,
    missing: Sequence[Missing] = tuple(Missing),
) -> list[AlarmSettings]:
    """Return alarms that name much of each other, asking about *states* where any are given."""
    count = draw(st.integers(2, 7))
    names = [f"a{n}" for n in range(count)]
    made = []
    for n, name in enumerate(names):
        below = st.sampled_from(names[:n] or leaves) | st.sampled_from(leaves)
        alarm: dict[str, Any] = {
            "name": name,
            "rule": str(draw(rules(*states, constants=not states, some=below))),
            "hold": draw(periods),
            "clear": draw(periods),
            "missing": draw(st.sampled_from(missing)),
            "service": draw(st.sampled_from((None, None, "shop", "bank"))),
            "mute": draw(st.lists(st.sampled_from(WINDOWS), max_size=1)),
        }
        if draw(st.booleans()):
            other = draw(st.sampled_from([*names, *leaves]))
            wait, extension = draw(periods), draw(periods)
            alarm["suppressor"] = {"alarm": other, "wait": wait, "extension": extension}
        made.append(AlarmSettings.model_validate(alarm))
    return made


@settings(max_examples=40, deadline=None)
@given(
    st.just([]) | dense(),
    timelines(),
    any_times(timing(), timing(hold=9), timing(5, hold=0), timing(1, clear=7)),
    st.tuples(st.integers(0, 60), st.integers(0, 120)),
)
def test_what_is_passed_over_would_have_changed_nothing(
    alarms: list[AlarmSettings], timeline: list[Moment], times: Any, muted: tuple[int, int]
) -> None:
    """Whatever the alarms ask, an engine tells what one does that judges everything each second.

    So does one that is not even stepped where it says that nothing is due.
    """
    agree(timeline, times, muted, alarms)


def live(
    agent: Agent,
    timeline: Sequence[Moment],
    times: Timing,
    order: Sequence[Any] = (),
    start: int = 0,
) -> list[Any]:
    """Return what an agent tells in each second of *timeline*; looks come in *order*."""
    said, began = [], {}
    for second, moment in enumerate(timeline, start):
        for vantage, key in order or moment:
            if looks := looks_of(second, vantage, key, moment[vantage, key], began):
                agent.hear(vantage, key, treated(times, key), looks)
        said.append(agent.step(second + 0.5, frozenset()))
    return said


def known(agent: Agent) -> tuple[Any, ...]:
    """Return all that an agent goes by, and what it told."""
    engine = agent.engine
    return engine.memories, engine.evidence, engine.open, engine.composites.announced


orders = st.permutations([(name, key) for name in VANTAGES for key in CHECKS])


@settings(max_examples=15, deadline=None)
@given(dense(), timelines(), any_times(timing()), orders)
def test_the_same_looks_give_the_same_alarms(
    alarms: list[AlarmSettings], timeline: list[Moment], times: Timing, order: Sequence[Any]
) -> None:
    """Stepping is deterministic, and in whatever order looks of one instant come, it is the same.

    That goes for standard alarms and a user's own, their evidence, their pages and their quiet,
    however what is missing is taken.
    """
    one, again, other = (Agent(Engine, times, alarms) for _ in range(3))
    said = live(one, timeline, times)

    assert live(again, timeline, times) == said
    assert live(other, timeline, times, order) == said
    assert known(one) == known(again) == known(other)


SIGHTED = {(name, key): key in (CONTROL, SECOND) for name in VANTAGES for key in CHECKS}
UNSEEN: Moment = {
    (name, key): (
        1,
        dict.fromkeys(PLACES[key.kind], (Verdict.OK if sees else Verdict.UNKNOWN, 0.1)),
    )
    for (name, key), sees in SIGHTED.items()
}
OF_CHECKS = [leaf for leaf in LEAVES if FEED.check not in leaf and "blind" not in leaf]
SETTLED = 200  # seconds that let every hold, clear, wait, extension and window run out


@settings(max_examples=15, deadline=None)
@given(
    dense("ALARM", "OK", leaves=OF_CHECKS, missing=(Missing.MISSING, Missing.IGNORE)),
    timelines(),
    st.sampled_from((Missing.MISSING, Missing.IGNORE)),
)
def test_unknown_alone_changes_nothing(
    alarms: list[AlarmSettings], timeline: list[Moment], missing: Missing
) -> None:
    """Where nobody knows anything any more, no alarm moves, and no page opens or ends.

    But for rules that ask just that, and checks and alarms that take it for bad or good. Feeds and
    blindness are apart: their silence is news, and the controls are seen well. So is an alarm with
    a suppressor: of one that nobody knows to be in ALARM it is told what it hid until then.
    """
    times = timing(missing=missing)
    agent = Agent(Engine, times, alarms)
    controls = {of: what for of, what in UNSEEN.items() if SIGHTED[of]}
    live(agent, [*timeline, *[timeline[-1] | controls] * SETTLED], times)
    before = {
        id_: state
        for id_, (state, _) in agent.states.items()
        if not id_.startswith("feed") and "vantage_blind" not in id_
    }
    said = live(agent, [UNSEEN] * SETTLED, times, start=len(timeline) + SETTLED)

    after = {id_: state for id_, (state, _) in agent.states.items() if id_ in before}
    assert after == before
    suppressed = {one.name for one in alarms if one.suppressor}
    moved = {
        (headline, change)
        for told in said
        for key, headline, change, _ in told
        if key != "test/feed" and headline not in suppressed and "vantage_blind" not in headline
    }
    assert {change for _, change in moved} <= {"reheadlined"}, moved
