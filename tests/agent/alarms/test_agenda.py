"""What is judged when: an engine that spares itself tells what one does that judges everything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.observations import seen
from tests.agent.thorough import ForgetfulLedger, ThoroughEngine, ThoroughStepper
from vedette.agent.alarms import engine as module
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.alarm import State
from vedette.agent.alarms.engine import Engine, Step
from vedette.agent.composite.alarm import composites, layer_of
from vedette.agent.composite.link import Nameable, link
from vedette.agent.composite.settings import AlarmSettings
from vedette.agent.composite.stepper import Stepper
from vedette.agent.diagnoses.names import Layer
from vedette.agent.diagnoses.table import blind_rule, feed_rule, rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.checks.finding import Kind, Observation, Verdict
from vedette.checks.settings import CheckSettings, Missing
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
NAME = CheckKey("shop", Kind.DNS, "shop.example A")
PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
FEED = CheckKey("feed", Kind.BGP, "feed")
OTHER = CheckKey("bank", Kind.DNS, "bank.example A")
CONTROL = CheckKey("controls", Kind.DNS, "control.example A")
SECOND = CheckKey("controls", Kind.HTTP, "https://control.example/")
CHECKS = (NAME, PAGE, ROUTE, FEED, OTHER, CONTROL, SECOND)
VANTAGES = {
    "fra": Vantage("fra", "alfa", "eu"),
    "nyc": Vantage("nyc", "bravo", "us"),
    "sgp": Vantage("sgp", "charlie", "asia"),
}
PLACES: Mapping[Kind, Sequence[tuple[str, str]]] = {
    Kind.DNS: (
        ("authoritative", "192.0.2.1"),
        ("authoritative", "192.0.2.2"),
        ("recursive", "9.9.9.9"),
    ),
    Kind.HTTP: (("name", "by name"), *(("address", f"203.0.113.{i}") for i in (1, 2, 3))),
    Kind.BGP: (("feed", "feed"),),
}
WORDS = {
    Kind.DNS: (OK, UNKNOWN, "nodata", "timeout", "servfail", "bogus", "wrong_answer"),
    Kind.HTTP: (OK, UNKNOWN, "timeout", "tls_untrusted"),
    Kind.BGP: (OK, UNKNOWN, "withdrawn", "origin", "path"),
}
STANDARD = (
    "shop/service_down/https://shop.example/",
    "shop/record_emptied/shop.example A",
    "shop/prefix_withdrawn/192.0.2.0/24",
    "nyc/vantage_blind/nyc",
    "feed/feed_stale/feed",
)
"""Standard alarms that rules may name."""

Said = tuple[int, Mapping[tuple[str, str], tuple[Verdict | str, float]]] | None
"""Seconds between two looks, and what each subject shows and how long it takes; None: silence."""
Moment = Mapping[tuple[str, CheckKey], Said]


def said_of(key: CheckKey) -> st.SearchStrategy[Said]:
    """Say OK of all, the same of all, or something of each; or nothing at all."""
    words = st.sampled_from(WORDS[key.kind])
    took = st.sampled_from((0.0, 0.1, 0.1, 0.1, 0.7, 2.0)) if key is PAGE else st.just(0.1)
    each = st.fixed_dictionaries(dict.fromkeys(PLACES[key.kind], st.tuples(words, took)))
    same = words.map(lambda word: dict.fromkeys(PLACES[key.kind], (word, 0.1)))
    well = st.just(dict.fromkeys(PLACES[key.kind], (OK, 0.1)))
    paces = st.sampled_from((1, 2, 2, 3))
    return st.one_of(*[st.tuples(paces, what) for what in (well, well, same, each)], st.none())


sayings = {(name, key): said_of(key) for name in VANTAGES for key in CHECKS}
lasting = st.sampled_from((1, 2, 3, 5, 8, 13, 40, 90))


@st.composite
def timelines(draw: st.DrawFn) -> list[Moment]:
    """Return moments, a second apart: every now and then some of what is said changes."""
    moment: dict[tuple[str, CheckKey], Said] = {
        of: (2, dict.fromkeys(PLACES[of[1].kind], (OK, 0.1))) for of in sayings
    }
    timeline: list[Moment] = [moment] * draw(st.integers(0, 20))
    for _ in range(draw(st.integers(1, 7))):
        key = draw(st.sampled_from(CHECKS))
        whole = draw(st.booleans())  # all see the same, or one sees something else
        names = [*VANTAGES] if whole else [draw(st.sampled_from([*VANTAGES]))]
        said = draw(said_of(key))
        moment = moment | {(name, key): said for name in names}
        timeline += [moment] * draw(lasting)
    return timeline


def timing(
    every: float = 2,
    *,
    hold: float = 4,
    clear: float = 20,
    missing: Missing = Missing.MISSING,
) -> Timing:
    return Timing(every=every, timeout=1, hold=hold, clear=clear, missing=missing)


def treated(times: Timing, key: CheckKey) -> Timing:
    """Return *times* as they are of *key*: of routes and controls nothing is taken for granted."""
    taken = key in (NAME, PAGE, OTHER)
    return times if taken else replace(times, missing=Missing.MISSING)


def engine(kind: type[Engine], times: Timing, alarms: Sequence[AlarmSettings] = ()) -> Engine:
    controls = [CONTROL, SECOND]
    rules = [
        rule
        for key in (NAME, PAGE, ROUTE, OTHER)
        for rule in rules_for(key, times, Severity.CRITICAL, controls)
    ]
    return kind(
        deployment="test",
        quorum=Quorum("fra", VANTAGES),
        rules=[*rules, feed_rule(FEED, times), *(blind_rule(n, times) for n in VANTAGES)],
        controls=controls,
        hosts={"feed": ("shop",)},
        composites=stepper(ThoroughStepper if kind is ThoroughEngine else Stepper, times, alarms),
    )


def stepper(kind: type[Stepper], times: Timing, alarms: Sequence[AlarmSettings]) -> Stepper:
    keys = [NAME, PAGE, ROUTE, OTHER]
    layers = {str(key): layer_of(key) for key in keys} | dict.fromkeys(STANDARD, Layer.SERVICE)
    known = {key.check: [Nameable(str(key), WORDS[key.kind][2:])] for key in keys}
    links = link(alarms, known | {id_: [Nameable(id_)] for id_ in STANDARD})
    made = composites(alarms, links, CheckSettings(), layers)
    return kind(made, {key: treated(times, key) for key in keys})


class Agent:
    """An engine with what it has heard; a *lazy* one steps only where that may change something."""

    def __init__(
        self,
        kind: type[Engine],
        times: Timing,
        alarms: Sequence[AlarmSettings] = (),
        *,
        lazy: bool = False,
    ) -> None:
        forgetful = kind is ThoroughEngine
        self.engine, self._lazy = engine(kind, times, alarms), lazy
        self.ledgers = {n: (ForgetfulLedger if forgetful else Ledger)(0.0) for n in VANTAGES}
        self._is_due, self._versions, self._muted = True, [], frozenset()

    def hear(self, vantage: str, key: CheckKey, times: Timing, looks: list[Observation]) -> None:
        self.ledgers[vantage].add(key, times, looks)
        self._is_due |= self.engine.awaits(vantage, key)

    def step(self, now: float, muted: frozenset[str]) -> list[Any]:
        versions = [one.version for one in self.ledgers.values()]
        due = self._is_due or versions != self._versions or self.engine.due(self.ledgers) <= now
        if self._lazy and not due and muted == self._muted:
            return []
        step = self.engine.step(self.ledgers, now, muted)
        self._versions = [one.version for one in self.ledgers.values()]
        self._is_due, self._muted = False, muted
        return told(step)

    @property
    def states(self) -> dict[str, tuple[State, float]]:
        return {
            id_: (memory.state, memory.began_at if memory.state is State.ALARM else 0.0)
            for id_, memory in self.engine.memories.items()
        }


def told(step: Step) -> list[Any]:
    return sorted((i.key, i.headline, change, i.severity) for i, change in step.changes)


def looks_of(
    now: float, vantage: str, key: CheckKey, said: Said, began: dict[Any, float]
) -> list[Observation]:
    """Return a round, if it is due; routes are said to be wrong since they first were."""
    if said is None or now % said[0]:
        return []
    looks = []
    for (place, subject), (word, seconds) in said[1].items():
        of, facts = (vantage, key, subject, word), {}
        for other in [one for one in began if one[:3] == of[:3] and one != of]:
            del began[other]
        if key is ROUTE and not isinstance(word, Verdict):
            facts = {"since": {word: began.setdefault(of, now)}}
        look = seen(now, word, key=key, subject=subject, place=place, seconds=seconds, **facts)
        looks.append(look)
    return looks


def agree(
    timeline: Sequence[Moment],
    times: Timing,
    muted: tuple[int, int] = (0, 0),
    alarms: Sequence[AlarmSettings] = (),
) -> list[Any]:
    """Assert that all kinds of agents tell the same and are in the same states, and return what.

    So are the *alarms* of a user's own, and what people were told of them.
    """
    agents = (
        Agent(ThoroughEngine, times, alarms),
        Agent(Engine, times, alarms),
        Agent(Engine, times, alarms, lazy=True),
    )
    began: dict[Any, float] = {}
    said = []
    for second, moment in enumerate(timeline):
        now = second + 0.5
        for (vantage, key), what in moment.items():
            looks = looks_of(second, vantage, key, what, began)
            for agent in agents if looks else ():
                agent.hear(vantage, key, treated(times, key), looks)
        quiet = frozenset({"shop"}) if muted[0] <= second < muted[1] else frozenset()
        first, *others = [agent.step(now, quiet) for agent in agents]
        said += first
        for agent, other in zip(agents[1:], others, strict=True):
            assert other == first, second
            assert agent.states == agents[0].states, second
            assert agent.engine.open == agents[0].engine.open, second
            announced = [one.engine.composites.announced for one in (agent, agents[0])]
            assert announced[0] == announced[1], second
    return said


def any_times(*some: Timing) -> st.SearchStrategy[Timing]:
    """Return each of *some* with each way to take what is missing."""
    return st.builds(
        lambda times, missing: replace(times, missing=missing),
        st.sampled_from(some),
        st.sampled_from(Missing),
    )


@settings(max_examples=12, deadline=None)
@given(timelines(), st.integers(0, 5))
def test_what_is_seen_between_the_parts_of_a_step_the_next_one_judges(
    timeline: list[Moment], part: int
) -> None:
    """Looks that come while a step is under way are passed over by no later one.

    As soon as nothing more comes, the same holds as for an engine that judges all anew.
    """
    times = timing()
    whole, parted = Agent(ThoroughEngine, times), Agent(Engine, times)
    began: dict[Any, float] = {}
    for second, moment in enumerate(timeline):
        late: list[tuple[str, CheckKey, list[Observation]]] = []
        for number, ((vantage, key), what) in enumerate(moment.items()):
            looks = looks_of(second, vantage, key, what, began)
            if looks and number % 6 == part:
                late.append((vantage, key, looks))
            elif looks:
                whole.hear(vantage, key, times, looks)
                parted.hear(vantage, key, times, looks)
        for vantage, key, looks in late:
            whole.hear(vantage, key, times, looks)
        with patch.object(module, "AT_ONCE", 1):
            for _ in parted.engine.parts(parted.ledgers, second + 0.5):
                if late:
                    vantage, key, looks = late.pop()
                    parted.hear(vantage, key, times, looks)
        for vantage, key, looks in late:
            parted.hear(vantage, key, times, looks)
        for agent in (whole, parted):
            agent.engine.step(agent.ledgers, second + 0.9)
        expected, holds = (
            {id_: one.holds for id_, one in agent.engine.evidence.items() if one.holds}
            for agent in (whole, parted)
        )
        assert holds == expected, second


WELL: Moment = {(n, k): (2, dict.fromkeys(PLACES[k.kind], (OK, 0.1))) for n, k in sayings}


def everywhere(key: CheckKey, said: Said) -> Moment:
    """Return a moment at which all vantages say the same of one check, and the rest is well."""
    return {**WELL, **{(name, key): said for name in VANTAGES}}


def test_good_time_ends_where_nobody_looks_any_more() -> None:
    """An alarm of a check that falls silent before it has cleared stays, though nothing is seen."""
    bad = everywhere(NAME, (1, dict.fromkeys(PLACES[Kind.DNS], ("nodata", 0.1))))
    timeline = [*[WELL] * 10, *[bad] * 20, *[WELL] * 10, *[everywhere(NAME, None)] * 60]

    assert [change for _, _, change, _ in agree(timeline, timing())] == ["opened"]


def test_what_came_and_went_is_forgotten_in_time() -> None:
    """Looks at a page that are all well end what failed too often, once that was long ago."""
    well, bad = (
        everywhere(PAGE, (1, dict.fromkeys(PLACES[Kind.HTTP], (word, 0.1))))
        for word in (OK, "timeout")
    )
    timeline = [*[well] * 10, *[bad, *[well] * 4] * 6, *[well] * 120]
    changes = [change for _, _, change, _ in agree(timeline, timing(1, hold=3))]

    assert changes == ["opened", "resolved"]
