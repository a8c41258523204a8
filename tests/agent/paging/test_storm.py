"""Storms: a handful of pages however much fails, every incident covered, every page resolved."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.incidents import Change, Incident
from vedette.agent.memory.statements import keep_storm
from vedette.agent.memory.store import Store
from vedette.agent.paging.storm import GATHERED_FOR, MOST, TOLD_EVERY, WITHIN, Grade, Storm, Storms
from vedette.exporters.page import Action, Severity

CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def incident(name: str, severity: Severity = CRITICAL, at: float = 0.0) -> Incident:
    """Return the incident of the service *name*."""
    id_ = f"{name}/record_emptied/{name} A"
    return Incident(f"v/{name}", name, id_, at, {id_: at}, ((id_, at),), None, severity)


@dataclass
class Receiver:
    """What a pager would show: open pages by key, and when each was opened."""

    open: set[str] = field(default_factory=set)
    opened: list[tuple[float, str]] = field(default_factory=list)
    triggers: list[tuple[float, str]] = field(default_factory=list)

    def trigger(self, key: str, now: float) -> None:
        """Take a trigger."""
        self.triggers.append((now, key))
        if key not in self.open:
            self.opened.append((now, key))
        self.open.add(key)

    def resolve(self, key: str) -> None:
        """Take a resolve: of something that is open."""
        assert key in self.open
        self.open.remove(key)


@dataclass
class Life:
    """Incidents that open and resolve, an agent that decides, and a receiver."""

    storms: Storms = field(default_factory=Storms)
    kept: dict[Grade, Storm] = field(default_factory=dict)
    open: dict[str, Incident] = field(default_factory=dict)
    receiver: Receiver = field(default_factory=Receiver)
    waiting: dict[str, float] = field(default_factory=dict)
    """Incidents that nobody was told of yet, and since when."""

    def step(self, now: float, changes: Sequence[tuple[Incident, Change]] = ()) -> None:
        """Do what the agent does with the *changes* of a step."""
        for one, change in changes:
            if change is Change.RESOLVED:
                del self.open[one.key]
                self.waiting.pop(one.key, None)
            else:
                self.open[one.key] = one
                self.waiting.setdefault(one.key, now)
        telling = self.storms.step(self.open, changes, now)
        for one, change in telling.incidents:
            if change is Change.RESOLVED:
                self.receiver.resolve(one.key)
            else:
                self.receiver.trigger(one.key, now)
                self.waiting.pop(one.key, None)
        for roll_up in telling.roll_ups:
            key = f"v/storm/{roll_up.grade}"
            if roll_up.action is Action.RESOLVE:
                self.receiver.resolve(key)
            else:
                assert roll_up.members
                self.receiver.trigger(key, now)
                for one in roll_up.members:
                    self.waiting.pop(one.key, None)
        self.kept |= telling.changed

    def restart(self) -> None:
        """Begin again from what was kept, as JSON gives it back."""
        self.storms = Storms(
            {grade: Storm(**json.loads(json.dumps(asdict(s)))) for grade, s in self.kept.items()}
        )

    def opens(self, now: float, *names: str, severity: Severity = CRITICAL) -> None:
        """Open the incidents of services in one step."""
        self.step(now, [(incident(name, severity, now), Change.OPENED) for name in names])

    def resolves(self, now: float, *names: str) -> None:
        """Resolve the incidents of services in one step."""
        self.step(now, [(self.open[f"v/{name}"], Change.RESOLVED) for name in names])

    def is_covered(self, one: Incident) -> bool:
        """Whether a page that is open tells of an incident."""
        roll_ups = {f"v/storm/{g}" for g in Grade if self.storms.covers(one.key)}
        return bool(self.receiver.open & (roll_ups or {one.key}))


MANY = [f"s{n:03d}" for n in range(500)]


def test_five_hundred_at_once_are_a_handful_of_pages() -> None:
    """The first few page by themselves, the others are one page, and all of them resolve."""
    life = Life()
    life.opens(0, *MANY)
    assert life.receiver.open == {f"v/{name}" for name in MANY[:MOST]}
    life.step(GATHERED_FOR)
    assert len(life.receiver.opened) == MOST + 1
    assert all(map(life.is_covered, life.open.values()))
    life.resolves(700, *MANY)
    assert life.receiver.open == set()
    assert len(life.receiver.triggers) == MOST + 1
    life.step(800)
    assert life.storms.step({}, [], 900).roll_ups == []


def test_what_is_open_no_longer_after_a_restart_is_in_no_roll_up() -> None:
    """An incident that the state has lost is told of no more, and keeps no page open."""
    life = Life()
    life.opens(0, *MANY)
    life.step(GATHERED_FOR)
    life.restart()
    life.open = {f"v/{name}": life.open[f"v/{name}"] for name in MANY[-3:]}
    now = 2 * GATHERED_FOR + TOLD_EVERY
    life.step(now)
    life.step(now + GATHERED_FOR)
    assert life.storms.members(Grade.CRITICAL) == life.open.keys()
    life.open = {}
    life.step(now + 2 * GATHERED_FOR + TOLD_EVERY)
    assert "v/storm/critical" not in life.receiver.open


def test_a_roll_up_waits_for_the_rest() -> None:
    """What opens within the first seconds of a storm is in the first words about it."""
    life = Life()
    life.opens(0, *MANY[:7])
    life.opens(GATHERED_FOR - 1, *MANY[7:400])
    told = life.storms.step(life.open, [], GATHERED_FOR).roll_ups
    assert [len(one.members) for one in told] == [400 - MOST]


def test_a_roll_up_is_told_anew_once_a_minute_at_most() -> None:
    """A storm that grows each second is told each minute; one that does not change is not."""
    life = Life()
    for now in range(300):
        life.opens(float(now), MANY[now])
    for now in range(300, 1000):
        life.step(float(now))
    told = [at for at, key in life.receiver.triggers if "storm" in key]
    assert told == [MOST + GATHERED_FOR + TOLD_EVERY * n for n in range(len(told))]
    assert len(told) == 6


def test_who_survives_a_storm_keeps_its_page() -> None:
    """The roll-up stays open, told anew, for as long as one of its members is."""
    life = Life()
    life.opens(0, *MANY[:10])
    life.step(10)
    life.resolves(800, *MANY[:9])
    life.step(800 + GATHERED_FOR)
    assert life.receiver.open == {"v/storm/critical"}
    assert life.receiver.triggers[-1] == (800 + GATHERED_FOR, "v/storm/critical")
    life.resolves(900, MANY[9])
    assert life.receiver.open == set()


def test_what_has_changed_is_told_when_peers_can_have_said_that_theirs_is_over() -> None:
    """What ends the roll-up of one agent changes that of another: told at once, it would wake."""
    life = Life()
    life.opens(0, *MANY[:10])
    life.step(10)
    life.resolves(800, *MANY[:9])
    for now in range(801, 900):
        life.step(float(now))
    assert [at for at, key in life.receiver.triggers if "storm" in key][1:] == [800 + GATHERED_FOR]


def test_a_new_emergency_pages_by_itself_once_it_is_quiet() -> None:
    """Ten minutes after the last opening what opens has its own page, though the storm lasts."""
    life = Life()
    life.opens(0, *MANY[:10])
    life.opens(WITHIN - 1, "late")
    life.step(WITHIN + 10)
    assert "v/late" not in life.receiver.open
    life.opens(3 * WITHIN, "other")
    assert {"v/other", "v/storm/critical"} <= life.receiver.open


def test_what_comes_and_goes_is_no_storm() -> None:
    """A service that fails six times in ten minutes has its own page each time."""
    life = Life()
    for now in range(0, 600, 60):
        life.opens(now, "flaps")
        life.resolves(now + 30, "flaps")
    assert [key for _, key in life.receiver.triggers] == ["v/flaps"] * 10


def test_warnings_hide_no_emergency() -> None:
    """However many warnings there are, a critical incident pages by itself."""
    life = Life()
    life.opens(0, *MANY[:100], severity=WARNING)
    life.opens(1, "grave")
    assert "v/grave" in life.receiver.open


def test_a_warning_that_becomes_grave_leaves_the_roll_up_of_warnings() -> None:
    """Who was told of it among warnings is paged by its own name once it is critical."""
    life = Life()
    life.opens(0, *MANY[:10], severity=WARNING)
    life.step(GATHERED_FOR)
    grave = replace(life.open["v/s009"], severity=CRITICAL)
    life.step(100, [(grave, Change.REHEADLINED)])
    assert "v/s009" in life.receiver.open
    life.resolves(900, *MANY[:10])
    assert life.receiver.open == set()


def test_the_order_of_arrival_within_a_step_changes_nothing() -> None:
    """Agents with equal evidence page under equal keys: the gravest first, then by name."""
    first, second = Life(), Life()
    first.opens(0, *MANY)
    second.opens(0, *reversed(MANY))
    assert first.receiver.open == second.receiver.open
    assert first.kept == second.kept


def test_a_clock_set_back_neither_hides_nor_delays() -> None:
    """After a restart with a clock an hour behind, what opens has a page as if nothing had been."""
    life = Life()
    life.opens(7200, *MANY[:10])
    life.restart()
    life.opens(3600, *MANY[10:20])
    life.step(3600 + GATHERED_FOR)
    assert all(map(life.is_covered, life.open.values()))


Timeline = list[tuple[float, Mapping[int, tuple[bool, bool]], bool]]
"""Seconds to the next step, which services fail then and gravely, and whether a restart follows."""

timelines = st.lists(
    st.tuples(
        st.sampled_from([1.0, 1.0, 2.0, 30.0, 200.0, 700.0]),
        st.dictionaries(st.integers(0, 30), st.tuples(st.booleans(), st.booleans()), max_size=31),
        st.booleans(),
    ),
    max_size=25,
)


def changes(life: Life, fail: Mapping[int, tuple[bool, bool]], now: float) -> Iterator[tuple]:
    """Yield what becomes of incidents: they open, become grave, change their headline, resolve."""
    for number, (fails, grave) in fail.items():
        name = f"s{number:02d}"
        before = life.open.get(f"v/{name}")
        severity = CRITICAL if grave else WARNING
        if before is None and fails:
            yield incident(name, severity, now), Change.OPENED
        elif before is not None and fails:
            graver = CRITICAL in (before.severity, severity)
            yield (
                replace(before, severity=CRITICAL if graver else WARNING),
                Change.REHEADLINED,
            )
        elif before is not None:
            yield before, Change.RESOLVED


def lived(timeline: Timeline, *, restarts: bool) -> Life:
    """Return the life of a timeline, checked at each step."""
    life, now = Life(), 0.0
    for seconds, fail, restart in timeline:
        now += seconds
        life.step(now, list(changes(life, fail, now)))
        if restart and restarts:
            life.restart()
        check(life, now)
    end = now + 2 * TOLD_EVERY
    life.step(end)
    assert not life.waiting
    assert all(map(life.is_covered, life.open.values()))
    life.step(end + 1, [(one, Change.RESOLVED) for one in list(life.open.values())])
    assert life.receiver.open == set()
    return life


def check(life: Life, now: float) -> None:
    """Hold what must be true after every step."""
    for grade in Grade:
        of_grade = [key for key in life.receiver.open if key.endswith(f"storm/{grade}")]
        assert bool(of_grade) <= bool(any(map(life.storms.covers, life.open)))
    for at, _ in life.receiver.opened:
        pages = {k for t, k in life.receiver.opened if at <= t < at + WITHIN and "storm" not in k}
        assert len(pages) <= len(Grade) * MOST
    roll_ups = [(t, k) for t, k in life.receiver.triggers if "storm" in k]
    for at, key in roll_ups:
        assert [k for t, k in roll_ups if at <= t < at + TOLD_EVERY].count(key) == 1
    assert all(now - since < TOLD_EVERY + 700 for since in life.waiting.values())


@given(timelines)
def test_life_of_storms(timeline: Timeline) -> None:
    """At any moment: few pages in any ten minutes, no incident without one, none left open."""
    lived(timeline, restarts=False)


@given(timelines)
def test_a_restart_at_any_point_changes_nothing(timeline: Timeline) -> None:
    """With restarts after some steps the receiver is told the same at the same time."""
    without, with_ = lived(timeline, restarts=False), lived(timeline, restarts=True)
    assert without.receiver == with_.receiver


@given(timelines, st.data())
def test_agents_that_differ_leave_no_incident_uncovered(timeline: Timeline, data) -> None:
    """Two agents that step apart: at the receiver each open incident is covered by one of them."""
    lives, desk, now = (Life(), Life()), set(), 0.0
    for seconds, fail, _ in timeline:
        now += seconds
        for life in data.draw(st.permutations(lives)):
            before = len(life.receiver.triggers), set(life.receiver.open)
            some = data.draw(st.sets(st.sampled_from([*fail] or [0])))
            for part in (some, {*fail} - some):
                life.step(now, list(changes(life, {n: fail[n] for n in part if n in fail}, now)))
            desk |= {key for _, key in life.receiver.triggers[before[0] :]}
            desk -= before[1] - life.receiver.open
        for key in lives[0].open.keys() & lives[1].open.keys():
            told = [life for life in lives if key not in life.waiting]
            covers = {
                f"v/storm/{grade}" if life.storms.covers(key) else key
                for life in told
                for grade in Grade
            }
            assert len(told) < 2 or desk & covers


@pytest.mark.parametrize("grade", Grade)
def test_a_storm_is_kept(tmp_path: Path, grade: Grade) -> None:
    """What the store gives back goes on as what was kept."""
    store = Store(tmp_path)
    opened = {"a": 1.0, "b": 2.0}
    storm = Storm(opened, members=("a", "b"), stale_since=3.0, told_at=4.0, is_open=True)
    store.write([keep_storm(grade, storm)])
    (found,) = store.storms().items()
    store.close()
    assert found[0] is grade
    assert asdict(found[1]) == {**asdict(storm), "members": ["a", "b"]}
