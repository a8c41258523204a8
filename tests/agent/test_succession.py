"""One agent takes the place of another: no page is late or doubled, and nothing is forgotten."""

import asyncio
import gc
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.agent.observations import seen, series
from tests.virtual import in_virtual_time, virtual
from vedette.agent import daemon
from vedette.agent.clock import SteadyClock
from vedette.agent.config import Config
from vedette.agent.daemon import Agent
from vedette.agent.looking.runner import RunnerReason
from vedette.agent.memory.changes import Changes
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.memory.store import Store
from vedette.agent.peers import wire
from vedette.agent.plan import Plan
from vedette.agent.succession import Lasting, hears_the_same, unchanged
from vedette.agent.surroundings import Surroundings
from vedette.checks.dns.reason import Reason
from vedette.checks.finding import Finding, Kind, Look, Verdict
from vedette.exporters.page import Delivery, Outcome, Page


@pytest.fixture(autouse=True, scope="module")
def quick() -> Iterator[None]:
    """Collect no garbage at each start: that takes longer here than all that an agent does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemon, "_spare_the_loop", lambda: None)
        yield


BEGAN = 1_780_000_000.0
EVERY, HOLD, CLEAR = 30.0, 15.0, 40.0
END = 400.0
KEY = CheckKey("shop", Kind.DNS, "shop.example A")
EMPTY = Finding(verdict=Verdict.FAILING, reason=Reason.NODATA)


def config(**more: Any) -> Config:
    """Return the config of the agent, with *more* blocks."""
    blocks: dict[str, Any] = {
        "agent": {"name": "fra-1", "domain": {"provider": "here"}},
        "defaults": {"every": f"{EVERY}s", "hold": f"{HOLD}s", "clear": f"{CLEAR}s"},
        "services": [{"name": "shop", "dns": [{"name": "shop.example"}]}],
        "pagers": [{"pagerduty": {"routing_key_file": "key"}}],
    }
    return Config.model_validate(blocks | more)


@dataclass
class Desk:
    """A pager that takes a while for each page, and remembers when it had each."""

    now: Callable[[], float]
    takes: float = 0.0
    got: list[tuple[float, str]] = field(default_factory=list)
    name: str = "pagerduty"

    async def send(self, page: Page) -> Delivery:
        """Take *page*: whoever does not wait for the answer has sent it all the same."""
        self.got.append((self.now() - BEGAN, page.action))
        await asyncio.sleep(self.takes)
        return Delivery(outcome=Outcome.DELIVERED)

    async def close(self) -> None:
        """There is nothing to give back."""


@dataclass(frozen=True)
class Scripted:
    """A check that gives *finding* while *bad* says so."""

    bad: Callable[[], bool]
    finding: Finding = EMPTY
    name: str = KEY.check
    kind: Kind = KEY.kind

    def looks(self) -> Sequence[Look]:
        """Return the one server to look at."""

        async def once() -> Finding:
            return self.finding if self.bad() else Finding(verdict=Verdict.OK)

        return [Look("192.0.2.1", "authoritative", once)]


@dataclass
class World:
    """Virtual time, a record that is empty for some of it, a pager, and one agent after another."""

    folder: Path
    empty: tuple[float, float]
    takes: float = 0.0
    finding: Finding = EMPTY
    known: list[Verdict] = field(default_factory=list)
    """What is known of the record at the beginning of each reign but the first."""

    def __post_init__(self) -> None:
        clock = asyncio.get_running_loop().time
        started = clock()
        self.now = SteadyClock(lambda: BEGAN + clock() - started, clock).now
        self.desk = Desk(self.now, self.takes)
        self.around = Surroundings(
            clock=SteadyClock(lambda: BEGAN + clock() - started, clock),
            stopwatch=clock,
            pagers=lambda *_: [self.desk],
        )

    def _bad(self) -> bool:
        return self.empty[0] <= self.now() - BEGAN < self.empty[1]

    def agent(self, said: Config, before: Agent | None = None) -> Agent:
        """Return the agent of *said*, whose looks are scripted."""
        made = Agent(said, self.folder, None, self.around, before)
        for planned in made.plan.checks:
            object.__setattr__(planned, "check", Scripted(self._bad, self.finding))
        return made

    async def lives(self, reloads: Mapping[float, Config], first: Config | None = None) -> Agent:
        """Run one agent after another until the end; each reload is at its time."""
        agent = self.agent(first or config())
        for at, said in [*sorted(reloads.items()), (END, None)]:
            over = asyncio.Event()
            running = asyncio.create_task(agent.run(over))
            await asyncio.sleep(max(0.0, BEGAN + at - self.now()))
            agent.heir = said
            over.set()
            await running
            if said is not None:
                agent = self.agent(said, agent)
                self.known += [one.verdict(self.now()) for one in agent.ledger.of(KEY)]
        return agent


def told(
    empty: tuple[float, float],
    reloads: Mapping[float, Config],
    takes: float = 0.0,
    *,
    first: Config | None = None,
    **more: Any,
) -> list[tuple[float, str]]:
    """Return when which pages were sent."""

    async def live() -> list[tuple[float, str]]:
        with TemporaryDirectory() as folder:
            world = World(Path(folder), empty, takes, **more)
            await world.lives(reloads, first)
            return world.desk.got

    return in_virtual_time(live())


@settings(max_examples=12)
@given(
    began=st.floats(35, 100),
    lasted=st.floats(1, HOLD - 3) | st.floats(EVERY + HOLD + 5, 150),
    reloads=st.lists(st.floats(30, 350), max_size=4),
    takes=st.sampled_from([0.0, 3.0]),
)
def test_reloads_change_no_page(
    began: float, lasted: float, reloads: list[float], takes: float
) -> None:
    """In the midst of a hold, an alarm, a clear time or a page: as many pages, as early."""
    empty = (began, began + lasted)
    without = told(empty, {}, takes)
    seen = told(empty, dict.fromkeys(reloads, config()), takes)
    assert [action for _, action in seen] == [action for _, action in without]
    # An agent steps each second from its own start on, and waits for the page underway.
    for (at, _), (wanted, _) in zip(seen, without, strict=True):
        assert at <= wanted + 2 + takes * len(reloads)


BREACHING = config(
    alarms=[{"name": "mine", "rule": f'ALARM("{KEY.check}")', "missing": "breaching"}]
)


@settings(max_examples=8)
@given(began=st.floats(35, 100), reloads=st.lists(st.floats(30, 250), max_size=4))
@example(began=50.0, reloads=[80.0])
@example(began=35.0, reloads=[30.0, 30.000000000000004])
def test_reloads_delay_nothing_that_is_made_of_what_is_missing(
    began: float, reloads: list[float]
) -> None:
    """What was heard before a reload was heard: nobody waits anew until all could be."""
    unseen = Finding(verdict=Verdict.UNKNOWN, reason=RunnerReason.OVERRUN)
    ((wanted, _),) = told((began, END), {}, first=BREACHING, finding=unseen)
    ((at, _),) = told(
        (began, END), dict.fromkeys(reloads, BREACHING), first=BREACHING, finding=unseen
    )
    assert at <= wanted + 2


def test_a_new_check_is_not_missing_before_it_could_be_heard(tmp_path: Path) -> None:
    """An alarm that takes what is missing for bad waits for the first look of a new check."""
    more = {"name": "more", "dns": [{"name": "more.example"}]}
    shop = {"name": "shop", "dns": [{"name": "shop.example"}]}
    alarm = {"name": "mine", "rule": 'ALARM("more.example A")', "missing": "breaching"}
    slow = config(services=[shop, more], alarms=[alarm], defaults={"every": "5m", "hold": "1s"})
    assert told((END, END), {60.0: slow}) == []


MUTED = config(maintenance=[{"cron": "* * * * *", "duration": "2m"}])


@settings(max_examples=8)
@given(at=st.floats(160, 200))
def test_a_window_that_a_reload_ends_pages_nothing_that_is_over(at: float) -> None:
    """What is mended in it was seen in it alone; what still fails pages."""
    assert told((50, 155), {at: config()}, first=MUTED) == []
    assert [action for _, action in told((50, END), {at: config()}, first=MUTED)] == ["trigger"]


@virtual
async def test_what_comes_back_into_the_config_begins_anew(tmp_path: Path) -> None:
    """An alarm that was in ALARM when it was taken out says nothing before it is judged."""
    others = [{"name": "other", "dns": [{"name": "other.example"}]}]
    world = World(tmp_path, (40, END))
    agent = await world.lives({})
    assert agent.engine.firing.of("shop")
    without = world.agent(config(services=others), agent)
    assert not without.store.alarms().keys() - without.engine.memories
    again = world.agent(config(), without)
    assert not again.engine.firing.of("shop")
    for one in (without, again):
        one.store.close()


def test_a_fault_pages_without_reloads() -> None:
    """What the reloads are held against is no silence: a fault pages and resolves."""
    assert [action for _, action in told((40, 140), {})] == ["trigger", "resolve"]


def test_a_hold_goes_on_over_reloads_of_each_second() -> None:
    """However often the file is read again, the page comes as soon as the hold is over."""
    ((without, _), _) = told((40, 140), {})
    every = {float(at): config() for at in range(30, 120)}
    ((seen, _), _) = told((40, 140), every)
    assert seen <= without + 2


@virtual
async def test_nothing_becomes_unknown(tmp_path: Path) -> None:
    """At each reload what was seen before is still believed, and an alarm is still one."""
    world = World(tmp_path, (40, 1000))
    last = await world.lives({float(at): config() for at in range(35, 300, 7)})
    assert len(world.known) == len(range(35, 300, 7))
    assert Verdict.UNKNOWN not in world.known
    assert last.engine.firing.of("shop")


@virtual
async def test_what_stays_is_known_and_what_changes_is_not(tmp_path: Path) -> None:
    """Looks, counts and readiness outlive a reload; a check with other settings begins anew."""
    world = World(tmp_path, (40, 140))
    first = await world.lives({})
    same = world.agent(config(), first)
    same.store.close()
    other = {"name": "shop", "dns": [{"name": "shop.example", "min_records": 2}]}
    changed = world.agent(config(services=[other]), first)
    changed.store.close()
    assert len(same.ledger.of(KEY)) == 1
    assert same.ready
    assert same.counts.runs > 10
    assert changed.ledger.of(KEY) == ()
    assert changed.ready


@virtual
async def test_only_equal_settings_and_times_are_unchanged(tmp_path: Path) -> None:
    """A check keeps its looks where the whole config leaves it as it was, wherever that is said."""
    world = World(tmp_path, (0, 0))

    def planned(said: Config) -> Plan:
        agent = world.agent(said)
        agent.store.close()
        return agent.plan

    plan = planned(config())
    variants: Mapping[str, tuple[dict[str, Any], bool]] = {
        "the same": ({}, True),
        "another severity": (
            {"services": [{"name": "shop", "severity": "warning",
                           "dns": [{"name": "shop.example"}]}]}, True,
        ),
        "a service more": (
            {"services": [{"name": "shop", "dns": [{"name": "shop.example"}]},
                          {"name": "more", "dns": [{"name": "more.example"}]}]}, True,
        ),
        "another hold": ({"defaults": {"every": "30s", "hold": "20s", "clear": "40s"}}, False),
        "other answers": (
            {"services": [{"name": "shop",
                           "dns": [{"name": "shop.example", "allowed": ["192.0.2.0/24"]}]}]},
            False,
        ),
        "another name": (
            {"services": [{"name": "store", "dns": [{"name": "shop.example"}]}]}, False,
        ),
    }  # fmt: skip
    for what, (blocks, stays) in variants.items():
        assert (KEY in unchanged(plan, planned(config(**blocks)))) is stays, what


def test_feeds_stay_while_routes_are_watched_as_before() -> None:
    """Only another source, way there, prefix or origin makes the agent listen anew."""
    bgp = {"name": "prefix", "bgp": [{"prefix": "192.0.2.0/24", "origins": [64500]}]}
    shop = {"name": "shop", "dns": [{"name": "shop.example"}]}
    before = config(services=[bgp])
    assert hears_the_same(before, config(services=[shop, bgp]))
    assert not hears_the_same(before, config(services=[shop]))
    assert not hears_the_same(before, config(services=[bgp], feeds=[{"mrt": {"files": "x.mrt"}}]))
    other = {"name": "prefix", "bgp": [{"prefix": "192.0.2.0/24", "origins": [64501]}]}
    assert not hears_the_same(before, config(services=[other]))
    paging = {"resolvers": ["192.0.2.53"]}
    assert not hears_the_same(before, config(services=[bgp], paging=paging))


async def test_lasting_work_outlives_who_waits_for_it() -> None:
    """Who is cancelled leaves the work to the next, which finds it going on; its end ends it."""
    begun, ended = [], []

    async def work() -> None:
        begun.append(1)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(1)

    lasting = Lasting()
    for _ in range(3):
        waiting = asyncio.create_task(lasting.keep("feed", work))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert (begun, ended) == ([1], [])
    await lasting.end()
    assert ended == [1]


async def test_lasting_work_that_failed_is_begun_again() -> None:
    """A bug in the work is told to who waits, and the next begins it anew."""
    begun = []

    async def work() -> None:
        begun.append(1)
        raise ValueError("bug")

    lasting = Lasting()
    for _ in range(2):
        with pytest.raises(ValueError, match="bug"):
            await lasting.keep("feed", work)
    assert len(begun) == 2


@virtual
async def test_an_agent_that_was_replaced_is_let_go(tmp_path: Path) -> None:
    """Reloads leave nothing behind: of twenty agents, all but the last are gone."""
    alive: list[weakref.ref[Agent]] = []
    world = World(tmp_path, (0, 0))
    making = world.agent

    def agent(said: Config, before: Agent | None = None) -> Agent:
        made = making(said, before)
        alive.append(weakref.ref(made))
        return made

    world.agent = agent  # type: ignore[method-assign]
    last = await world.lives({float(at): config() for at in range(1, 20)})
    gc.unfreeze()
    gc.collect()
    assert len(alive) == 20
    assert [one() for one in alive if one() is not None] == [last]


def pasts(count: int) -> Changes:
    """Return what so many checks showed, of which nothing is kept yet."""
    changes = Changes()
    for number in range(count):
        key = CheckKey("shop", Kind.DNS, f"{number}.example A")
        one = series(seen(BEGAN, key=key, answers=("192.0.2.1",)), key=key)
        changes.see(key, [one])
    return changes


@settings(max_examples=12)
@given(count=st.integers(0, 900), turns=st.integers(0, 6), reloads=st.booleans())
def test_what_is_being_kept_at_the_end_is_kept(count: int, turns: int, reloads: bool) -> None:
    """Wherever an agent ends in keeping what it learned, all of it is kept, and no error told."""

    async def live(folder: Path) -> tuple[int, bool]:
        agent, over = World(folder, (0, 0)).agent(config()), asyncio.Event()
        object.__setattr__(agent.learning, "changes", pasts(count))
        running = asyncio.create_task(agent.run(over))
        await asyncio.sleep(1)
        agent.heir = config() if reloads else None
        keeping = asyncio.create_task(agent._keep_baselines())
        for _ in range(turns):
            await asyncio.sleep(0)
        over.set()
        await asyncio.gather(running, keeping)
        with closing(Store(folder / "state")) as store:
            return len(store.pasts()), agent.journal.failing

    with TemporaryDirectory() as folder:
        assert in_virtual_time(live(Path(folder))) == (count, False)


@dataclass
class Telling(Desk):
    """A pager that is told of a change, and never answers."""

    asked: list[str] = field(default_factory=list)

    async def tell(self, change: str, source: str, at: float) -> Delivery | None:
        """Hear *change*, and leave who tells it waiting."""
        self.asked.append(f"{change} ({source}, {at > 0})")
        await asyncio.Event().wait()
        return None


@virtual
async def test_an_end_amid_an_announcement_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is stopped while a receiver has not answered to what is no page says nothing of it."""
    world = World(tmp_path, (0, 0))
    world.desk = desk = Telling(world.now)
    agent, over = Agent(config(), tmp_path, "its text", world.around), asyncio.Event()
    for planned in agent.plan.checks:
        object.__setattr__(planned, "check", Scripted(lambda: False))
    running = asyncio.create_task(agent.run(over))
    await asyncio.sleep(2)
    over.set()
    await running
    await asyncio.sleep(1)
    assert len(desk.asked) == 1
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@virtual
async def test_what_pagers_took_is_told_after_a_reload_or_a_restart(tmp_path: Path) -> None:
    """Peers hear of the triggers of an agent that is gone, from the one in its place."""
    world = World(tmp_path, (40, 340))
    first = await world.lives({})
    told = []
    for before in (first, None):
        agent = world.agent(config(), before)
        answer = wire.decode(await agent.exchange.offer.answer("", 0))
        told.append([(o.pager, o.key) for o in wire.decode_accepted(answer.accepted)])
        agent.store.close()
    assert told == [[("pagerduty", "vedette/shop")]] * 2
