"""All alarms over several vantages: order, restarts, who counts, and who is missed."""

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.agent.observations import seen
from vedette.agent.alarms.agreement import Quorum, Vantage
from vedette.agent.alarms.alarm import DENIED, Evidence, State, without_dates
from vedette.agent.alarms.engine import Engine, Step
from vedette.agent.alarms.fleet import SILENT_AFTER
from vedette.agent.alarms.incidents import PATIENCE, Change
from vedette.agent.diagnoses.names import Diagnosis, Rule
from vedette.agent.diagnoses.table import blind_rule, rules_for
from vedette.agent.looking.timing import Timing
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.statements import keep_alarm, keep_incident
from vedette.agent.memory.store import Store
from vedette.checks.finding import Kind, Verdict
from vedette.exporters.page import Severity

OK, FAILING, UNKNOWN = Verdict
TIMING = Timing(every=1, timeout=1, hold=3, clear=5)
USUAL = Timing(every=30, timeout=5, hold=15, clear=600)
LONG = int(TIMING.hold + (1 + PATIENCE) * TIMING.clear) + 10  # every hold, wait and clear is over
STAY = int(2 * SILENT_AFTER) + LONG  # all of that after a silence, twice
PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
NAME = CheckKey("shop", Kind.DNS, "shop.example A")
BANK = CheckKey("bank", Kind.HTTP, "https://bank.example/")
CHECKS = [PAGE, NAME, BANK]
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
BAD = {Kind.HTTP: "timeout", Kind.DNS: "nodata"}
PLACE = {Kind.HTTP: "name", Kind.DNS: "authoritative"}
ALL = {
    "ber": Vantage("ber", "alfa", "eu"),
    "fra": Vantage("fra", "alfa", "eu"),
    "nyc": Vantage("nyc", "bravo", "us"),
    "sgp": Vantage("sgp", "charlie", "asia"),
}

Said = tuple[Verdict, ...] | None
"""What a vantage says of CHECKS and of CONTROL at one moment; None where nothing is heard of it."""
Moment = Mapping[str, Said]
Told = list[tuple[float, str, str, Change, Severity]]

sighted = st.tuples(*(st.sampled_from(Verdict) for _ in CHECKS), st.just(OK))
heard = st.tuples(*(st.sampled_from(Verdict) for _ in [*CHECKS, CONTROL]))
anything = st.none() | heard
WELL: Said = (OK, OK, OK, OK)
DOWN: Said = (FAILING, FAILING, FAILING, OK)
BLIND: Said = (FAILING, FAILING, FAILING, FAILING)
NOTHING: Said = (UNKNOWN, UNKNOWN, UNKNOWN, OK)


def timelines(**said: st.SearchStrategy[Said]) -> st.SearchStrategy[list[Moment]]:
    """Return moments, a second apart, in runs of some seconds; every vantage says *anything*."""
    moments = st.fixed_dictionaries(dict.fromkeys(ALL, anything) | said)
    return st.lists(st.tuples(moments, st.integers(1, 8)), min_size=1, max_size=6).map(
        lambda runs: [moment for moment, seconds in runs for _ in range(seconds)]
    )


def engine(
    own: str = "fra",
    *,
    checks: Sequence[CheckKey] = CHECKS,
    watched: Collection[str] = ALL,
    timing: Timing = TIMING,
    store: Store | None = None,
) -> Engine:
    """Return the engine of the agent *own*, which pages of the sight of those *watched*."""
    rules = [r for key in checks for r in rules_for(key, timing, Severity.CRITICAL)]
    return Engine(
        deployment="test",
        quorum=Quorum(own, ALL),
        rules=[*rules, *(blind_rule(name, timing) for name in watched)],
        controls=[CONTROL],
        memories=store.alarms() if store else None,
        incidents=store.open_incidents() if store else (),
    )


def ledgers(since: float = 0.0, names: Sequence[str] = tuple(ALL)) -> dict[str, Ledger]:
    return {name: Ledger(since) for name in names}


def look(ledger: Ledger, now: float, said: Said, timing: Timing = TIMING) -> None:
    """Take in a look at each check and at the control, if anything is heard."""
    for key, verdict in zip([*CHECKS, CONTROL], said or (), strict=bool(said)):
        word = BAD[key.kind] if verdict is FAILING else verdict
        ledger.add(key, timing, [seen(now, word, key=key, place=PLACE[key.kind])])


def told(now: float, step: Step) -> Told:
    return sorted((now, i.key, i.headline, change, i.severity) for i, change in step.changes)


def live(
    timeline: Sequence[Moment],
    made: Engine,
    heard: Mapping[str, Ledger] | None = None,
    start: int = 0,
) -> Iterator[Told]:
    """Yield what *made* tells people in each second of *timeline*."""
    heard = ledgers(start) if heard is None else heard
    for now, moment in enumerate(timeline, start):
        for name, said in moment.items():
            look(heard[name], now, said)
        yield told(now, made.step(heard, now))


def whole(steps: Iterator[Told]) -> Told:
    return [one for step in steps for one in step]


def states(made: Engine) -> dict[str, State]:
    return {id_: memory.state for id_, memory in made.memories.items()}


def everywhere(said: Said) -> Moment:
    return dict.fromkeys(ALL, said)


@settings(max_examples=30)
@given(timelines(), st.permutations(CHECKS), st.permutations(list(ALL)))
def test_order_within_an_instant_changes_nothing(
    timeline: list[Moment], checks: Sequence[CheckKey], names: Sequence[str]
) -> None:
    """However vantages, checks and looks of one instant are ordered, the alarms are the same."""
    timeline = [*timeline, *[timeline[-1]] * LONG]
    shuffled = [{name: moment[name] for name in names} for moment in timeline]
    one, other = engine(), engine(checks=checks, watched=names)

    assert list(live(timeline, one)) == list(live(shuffled, other, ledgers(names=names)))
    assert (one.memories, one.evidence, one.open) == (other.memories, other.evidence, other.open)


@settings(max_examples=30)
@given(timelines(nyc=sighted.map(lambda _: WELL), sgp=st.just(WELL)))
def test_two_agents_of_one_provider_are_one_voice(timeline: list[Moment]) -> None:
    """Whatever both agents of a provider say, nobody is paged while two others are well."""
    made = engine(watched=())

    assert not whole(live([*timeline, *[timeline[-1]] * LONG], made))
    assert State.ALARM not in states(made).values()


def test_two_providers_are_two_voices() -> None:
    """A fault that two providers see is paged at once, though another agent sees none."""
    said = whole(live([{**everywhere(WELL), "fra": DOWN, "nyc": DOWN}] * 20, engine()))

    assert [(key, severity) for _, key, _, _, severity in said] == [
        ("test/bank", Severity.CRITICAL),
        ("test/shop", Severity.CRITICAL),
    ]


@settings(max_examples=30)
@given(timelines(nyc=st.just(BLIND)), st.lists(sighted, min_size=1))
def test_what_a_blind_vantage_sees_counts_for_nothing(
    timeline: list[Moment], other: Sequence[Said]
) -> None:
    """A vantage whose controls fail may say of the rest what it likes: the pages are the same."""
    timeline = [*timeline, *[timeline[-1]] * LONG]
    changed = [
        {**moment, "nyc": (*(other[now % len(other)] or ())[: len(CHECKS)], FAILING)}
        for now, moment in enumerate(timeline)
    ]

    assert list(live(timeline, engine())) == list(live(changed, engine()))


@settings(max_examples=30)
@given(timelines(nyc=st.none()), anything)
def test_the_last_words_of_a_silent_vantage_count_for_nothing(
    timeline: list[Moment], last: Said
) -> None:
    """What was heard of a vantage before it fell silent changes nothing any more."""
    timeline = [*timeline, *[timeline[-1]] * LONG]
    start = int(SILENT_AFTER) + 10
    spoke, unheard = ledgers(), ledgers()
    look(spoke["nyc"], 0, last)
    look(unheard["nyc"], 0, NOTHING)

    assert list(live(timeline, engine(watched=()), spoke, start)) == list(
        live(timeline, engine(watched=()), unheard, start)
    )


def test_a_blind_vantage_makes_nothing_graver() -> None:
    """Bogus at one of three resolvers stays a warning, though a blind vantage sees all bogus."""
    made, heard, said = engine(checks=[NAME], watched=()), ledgers(), Told()
    for now in range(LONG):
        for name in ALL:
            words = ["bogus", *(["bogus", "bogus"] if name == "nyc" else [OK, OK])]
            looks = [
                seen(now, word, key=NAME, subject=str(i), place="recursive")
                for i, word in enumerate(words)
            ]
            heard[name].add(NAME, TIMING, looks)
            sight = FAILING if name == "nyc" else OK
            heard[name].add(CONTROL, TIMING, [seen(now, sight, key=CONTROL, place="name")])
        said += told(now, made.step(heard, now))

    assert [(headline, severity) for _, _, headline, _, severity in said] == [
        ("shop/dnssec_bogus/shop.example A", Severity.WARNING)
    ]


@pytest.mark.parametrize("missing", [BLIND, None], ids=["blind", "silent"])
def test_who_does_not_see_counts_neither_for_nor_against(missing: Said) -> None:
    """Two that see make a quorum beside one that does not, for a page and for its end."""
    down, well = ({"fra": said, "nyc": said, "sgp": missing} for said in (DOWN, WELL))
    said = whole(live([*[down] * 20, *[well] * 20], engine(watched=()), ledgers(names=[*down])))

    assert [(key, change) for _, key, _, change, _ in said] == [
        ("test/bank", Change.OPENED),
        ("test/shop", Change.OPENED),
        ("test/bank", Change.RESOLVED),
        ("test/shop", Change.RESOLVED),
    ]


@pytest.mark.parametrize("missing", [BLIND, None], ids=["blind", "silent"])
def test_who_is_left_alone_ends_nothing_that_a_quorum_paged(missing: Said) -> None:
    """Two saw it and see nothing now: it ends once one of them has seen it well too, for long."""
    seen_by = {"fra": WELL, "nyc": DOWN, "sgp": DOWN}
    alone = {"fra": WELL, "nyc": missing, "sgp": missing}
    both = {"fra": WELL, "nyc": WELL, "sgp": missing}
    made, heard, names = engine(watched=()), ledgers(names=[*alone]), {"test/bank", "test/shop"}
    burning = whole(live([*[seen_by] * 20, *[alone] * STAY], made, heard))
    assert {(key, change) for _, key, _, change, _ in burning} == {
        (key, Change.OPENED) for key in names
    }

    over = whole(live([both] * LONG, made, heard, 20 + STAY))
    assert {(key, change) for _, key, _, change, _ in over} == {
        (key, Change.RESOLVED) for key in names
    }
    assert min(now for now, *_ in over) >= 20 + STAY + TIMING.clear - 1  # a step is a second


@pytest.mark.parametrize(
    ("diagnosis", "ends"),
    [
        (Diagnosis.SERVICE_DOWN, False),
        (Diagnosis.RECORD_EMPTIED, False),
        (Diagnosis.PREFIX_WITHDRAWN, True),
    ],
)
def test_of_routes_who_is_left_alone_knows_enough(diagnosis: Diagnosis, ends: bool) -> None:
    """One feed sees what all feeds see; of the rest a vantage sees its own way there alone."""
    said = [Evidence(True, 0.0, TIMING.hold)]
    rule = Rule(
        diagnosis=diagnosis,
        service="shop",
        subject="one",
        severity=Severity.CRITICAL,
        key=None,
        hold=TIMING.hold,
        clear=TIMING.clear,
        judge=lambda _fleet: said[-1],
    )
    made, heard = (
        Engine(deployment="test", quorum=Quorum("fra", ALL), rules=[rule], controls=[CONTROL]),
        ledgers(),
    )
    (opened,) = whole(live([everywhere(WELL)] * 20, made, heard))
    said.append(DENIED)
    alone = everywhere(BLIND) | {"fra": WELL}
    over = whole(live([alone] * LONG, made, heard, 20))

    assert (opened[3], [change for *_, change, _ in over]) == (
        Change.OPENED,
        [Change.RESOLVED] if ends else [],
    )


def test_who_is_left_alone_ends_its_own_warning() -> None:
    """What a fleet that is short of its quorum has told by a warning, one ends as it began."""
    down, well = ({"fra": said, "nyc": BLIND, "sgp": BLIND} for said in (DOWN, WELL))
    said = whole(live([*[down] * 30, *[well] * LONG], engine(watched=()), ledgers(names=[*down])))

    assert {(key, change, severity) for _, key, _, change, severity in said} == {
        (key, change, Severity.WARNING)
        for key in ("test/bank", "test/shop")
        for change in (Change.OPENED, Change.RESOLVED)
    }


def restarted(timeline: Sequence[Moment], restart: int, folder: Path) -> Told:
    """Return what an engine tells that is started anew at *restart* from its store.

    What was heard before is gone: the ledgers are not kept.
    """
    store, made, heard, said = Store(folder), engine(), ledgers(), Told()
    for now, moment in enumerate(timeline):
        if now == restart:
            made, heard = engine(store=store), ledgers(now)
        for name, words in moment.items():
            look(heard[name], now, words)
        step = made.step(heard, now)
        said += told(now, step)
        store.write([keep_alarm(id_, without_dates(m)) for id_, m in step.alarms.items()])
        store.write([keep_incident(incident) for incident in step.incidents])
    store.close()
    return said


looking = st.sampled_from([WELL, DOWN, BLIND, (FAILING, OK, OK, OK), (OK, FAILING, OK, OK)])
# Who runs looks itself: without one since its start it would not know that it has a word in it.
known = {name: looking if name == "fra" else looking | st.none() for name in ALL}


@settings(max_examples=15)
@given(
    st.fixed_dictionaries(known),
    st.fixed_dictionaries(known),
    st.integers(0, 2 * STAY - 1),
)
def test_a_restart_at_any_point_changes_no_page(first: Moment, then: Moment, restart: int) -> None:
    """What stays for long enough is told the same, in the same order, over a restart at any time.

    What a restart may cost is time: a pending hold, and the good time until clear, start anew.
    """
    timeline = [*[first] * STAY, *[then] * STAY]
    ran_on = whole(live(timeline, engine()))
    with tempfile.TemporaryDirectory() as folder:
        anew = restarted(timeline, restart, Path(folder))

    for key in {key for _, key, *_ in [*ran_on, *anew]}:
        pages, again = ([p[2:] for p in said if p[1] == key] for said in (ran_on, anew))
        assert pages == again


@settings(max_examples=30)
@given(timelines(**dict.fromkeys(ALL, heard.filter(lambda said: said[-1] is not UNKNOWN))))
def test_agents_that_see_the_same_give_the_same_keys(timeline: list[Moment]) -> None:
    """Each agent of a fleet, from the same looks, tells the same under the same keys.

    Of each it must be told whether it sees: to one that is cut off, the unknown may see.
    """
    timeline = [*timeline, *[timeline[-1]] * LONG]
    by_agent = [list(live(timeline, engine(own, watched=()))) for own in ALL]

    assert all(said == by_agent[0] for said in by_agent)


def test_every_agent_names_the_blind_one_the_same() -> None:
    """The blind vantage and all others page it under one key, of its name."""
    moment = {**everywhere(WELL), "nyc": BLIND}
    for own in ALL:
        said = whole(live([moment] * (LONG * 2), engine(own)))
        assert [(key, change) for _, key, _, change, _ in said] == [("test/nyc", Change.OPENED)]


UNSEEN = st.sampled_from([BLIND, None])


@settings(max_examples=30)
@given(timelines(nyc=UNSEEN, sgp=UNSEEN))
def test_a_short_fleet_warns_only(timeline: list[Moment]) -> None:
    """While one provider alone sees, nothing is critical, whatever its agents say."""
    said = whole(live([*timeline, *[timeline[-1]] * LONG], engine()))

    assert {severity for *_, severity in said} <= {Severity.WARNING}


def test_a_short_fleet_warns_and_wakes_when_it_is_whole() -> None:
    """What one provider sees alone is told as a warning; once another sees it too, as critical."""
    alone = {**everywhere(None), "fra": DOWN}
    said = whole(live([*[alone] * LONG, *[alone | {"nyc": DOWN}] * 20], engine(watched=())))

    assert [(key, change, severity) for _, key, _, change, severity in said] == [
        ("test/bank", Change.OPENED, Severity.WARNING),
        ("test/shop", Change.OPENED, Severity.WARNING),
        ("test/bank", Change.REHEADLINED, Severity.CRITICAL),
        ("test/shop", Change.REHEADLINED, Severity.CRITICAL),
    ]


def test_a_short_fleet_that_was_wrong_wakes_nobody() -> None:
    """What one provider saw alone, and those that are back do not see, is never critical."""
    alone = {**everywhere(None), "fra": DOWN}
    whole_again = {**everywhere(WELL), "fra": DOWN}
    said = whole(live([*[alone] * LONG, *[whole_again] * LONG], engine(watched=())))

    assert {(change, severity) for *_, change, severity in said} == {
        (Change.OPENED, Severity.WARNING),
        (Change.RESOLVED, Severity.WARNING),
    }


def test_a_peer_never_heard_is_paged_once() -> None:
    """A peer that is configured and never comes is a warning, when its silence has lasted."""
    said = whole(live([{**everywhere(WELL), "nyc": None}] * STAY, engine()))

    assert [(key, change) for _, key, _, change, _ in said] == [("test/nyc", Change.OPENED)]
    assert said[0][0] > SILENT_AFTER


def test_a_peer_that_falls_silent_is_paged_until_it_is_back() -> None:
    """Silence is one warning, and ends when the peer is heard again and sees."""
    gone = {**everywhere(WELL), "nyc": None}
    timeline = [*[everywhere(WELL)] * 20, *[gone] * 200, *[everywhere(WELL)] * 20]
    said = whole(live(timeline, engine()))

    assert [(key, change, severity) for _, key, _, change, severity in said] == [
        ("test/nyc", Change.OPENED, Severity.WARNING),
        ("test/nyc", Change.RESOLVED, Severity.WARNING),
    ]
    assert said[0][0] > 20 + SILENT_AFTER - 1


@pytest.mark.parametrize("until_its_tick", [1, 30, 60])
def test_after_an_hour_asleep_nobody_is_paged(until_its_tick: int) -> None:
    """A machine that slept takes nobody's silence for granted before it could hear them."""
    made, heard = engine(), ledgers()
    list(live([everywhere(WELL)] * 20, made, heard))
    awake = 20 + 3600
    alone = {**everywhere(None), "fra": WELL}
    asleep = [everywhere(None)] * until_its_tick
    moments = [*asleep, *[alone] * 20, *[everywhere(WELL)] * STAY]

    assert not whole(live(moments, made, heard, awake))


class Sharing:
    """A fleet whose agents look every half minute and hear of each other three times a minute."""

    def __init__(self, phases: Mapping[str, int], lost: Callable[[int], bool]) -> None:
        self._phases, self._lost = phases, lost
        self._waiting: list[tuple[str, int]] = []
        self.heard = ledgers()

    def pass_to(self, now: int) -> None:
        """Let all agents look that are due, and hear of the others while the uplink is there."""
        for name, phase in self._phases.items():
            if (now - phase) % USUAL.every == 0 and name != "fra":
                self._waiting.append((name, now))
        since = now - int(USUAL.timeout)
        if (since - self._phases["fra"]) % USUAL.every == 0:
            look(self.heard["fra"], since, BLIND if self._lost(since) else WELL, USUAL)
        if now % 20 == 0 and not self._lost(now):
            for name, at in self._waiting:
                look(self.heard[name], at, WELL, USUAL)
            self._waiting.clear()


@settings(max_examples=30, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(
    st.fixed_dictionaries({name: st.integers(0, 29) for name in ALL}),
    st.integers(200, 260),
    st.integers(1, 600),
)
def test_own_uplink_lost_says_nothing_of_others(
    phases: Mapping[str, int], start: int, length: int
) -> None:
    """While our own uplink is lost, and when it is back, we page of ourselves alone."""
    fleet = Sharing(phases, lambda at: start <= at < start + length)
    made = engine(timing=USUAL)
    said = Told()
    for now in range(start + length + 300):
        fleet.pass_to(now)
        said += told(now, made.step(fleet.heard, now))

    assert {key for _, key, *_ in said} <= {"test/fra"}


@pytest.mark.parametrize("own", [BLIND, (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)])
@pytest.mark.parametrize("others", [WELL, BLIND, None])
def test_an_agent_sees_its_own_blindness(others: Said, own: Said) -> None:
    """One whose controls fail, or cannot be looked at, pages that and nothing else."""
    said = whole(live([{**everywhere(others), "fra": own}] * STAY, engine()))

    assert [(key, change) for _, key, _, change, _ in said] == [("test/fra", Change.OPENED)]


@pytest.mark.parametrize("missing", [BLIND, None], ids=["blind", "silent"])
def test_a_fleet_that_misses_one_spares_itself_too(missing: Said) -> None:
    """While one vantage does not see and all else is well, nothing of the services is judged."""
    made, heard = engine(watched=()), ledgers()
    timeline = [*[everywhere(WELL)] * 5, *[{**everywhere(WELL), "nyc": missing}] * LONG]
    list(live(timeline, made, heard))
    before = dict(made.memories)
    list(live(timeline[-5:], made, heard, len(timeline)))

    assert all(made.memories[id_] is memory for id_, memory in before.items())
