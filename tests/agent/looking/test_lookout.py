"""Who looks when a fault begins: in any phase the cause is seen before its symptom pages."""

import asyncio
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.observations import seen
from tests.virtual import in_virtual_time
from vedette.agent.alarms.engine import Engine
from vedette.agent.alarms.incidents import Change
from vedette.agent.config import parse
from vedette.agent.counts import Counts
from vedette.agent.looking import lookout as module
from vedette.agent.looking.cadence import keep
from vedette.agent.looking.confirm import BURST, RATE
from vedette.agent.looking.lookout import GATHERED, Lookout
from vedette.agent.memory.changes import Changes
from vedette.agent.memory.journal import Journal
from vedette.agent.memory.lastgood import LastKnownGood
from vedette.agent.memory.learning import Learning
from vedette.agent.memory.ledger import CheckKey, Ledger
from vedette.agent.memory.store import Store
from vedette.agent.plan import Plan, Planned, make
from vedette.checks.bgp.reason import Reason as BgpReason
from vedette.checks.dns.reason import Reason as DnsReason
from vedette.checks.finding import Finding, Kind, Look, Verdict
from vedette.checks.http.reason import Reason as HttpReason

OK, FAILING, _ = Verdict
EPOCH = 1_000_000.0
EVERY, HOLD, LASTS = 30.0, 15.0, 0.25
CONFIG = """\
agent: {name: here, domain: {provider: host}}
services:
  - name: shop
    dns: [{name: shop.example, servers: [authoritative]}]
    http: [{url: "https://shop.example/"}]
    bgp: [{prefix: 192.0.2.0/24, origins: [64500], every: 30s, hold: 15s}]
controls: {http: [{url: "https://control.example/"}]}
"""
NAME = CheckKey("shop", Kind.DNS, "shop.example A")
PAGE = CheckKey("shop", Kind.HTTP, "https://shop.example/")
ROUTE = CheckKey("shop", Kind.BGP, "192.0.2.0/24")
CONTROL = CheckKey("controls", Kind.HTTP, "https://control.example/")
_SUBJECTS = {NAME: ("ns1", "authoritative"), ROUTE: ("192.0.2.0/24", "ris-live")}


class Watched:
    """A check of something that breaks at a moment; every look takes a while, and is alone."""

    def __init__(self, key: CheckKey, breaks_at: float, now: Callable[[], float]) -> None:
        self.key, self.name, self.kind = key, key.check, key.kind
        self.looked_at: list[float] = []
        self._breaks_at, self._now, self._looking = breaks_at, now, False

    def looks(self) -> Sequence[Look]:
        subject, place = _SUBJECTS.get(self.key, ("by name", "name"))
        return [Look(subject, place, self._once)]

    async def _once(self) -> Finding:
        assert not self._looking, "two looks at once"
        self._looking, at = True, self._now()
        self.looked_at.append(at)
        await asyncio.sleep(LASTS)
        self._looking = False
        if at < self._breaks_at:
            return Finding(verdict=OK)
        facts = {"since": {BgpReason.WITHDRAWN.value: self._breaks_at}}
        reason = {
            Kind.DNS: DnsReason.NODATA,
            Kind.HTTP: HttpReason.DNS,
            Kind.BGP: BgpReason.WITHDRAWN,
        }[self.kind]
        return Finding(verdict=FAILING, reason=reason, facts=facts)


class Host:
    """An agent's looks and alarms, in virtual time; *breaks* has when each check begins to fail.

    *told* is what a peer says that it has just seen: when, of what, and whether it was well.
    """

    def __init__(
        self,
        config: str,
        breaks: Mapping[CheckKey, float],
        phases: Mapping[CheckKey, float],
        told: Sequence[tuple[float, CheckKey, Verdict]] = (),
        *,
        is_peer_blind: bool = False,
    ) -> None:
        self._phases = {str(key): at for key, at in phases.items()}
        self._breaks, self._config = breaks, config
        self._told, self._is_peer_blind = told, is_peer_blind
        self.opened: list[tuple[float, str]] = []
        self.checks: dict[CheckKey, Watched] = {}

    def run(self, seconds: float) -> "Host":
        with (
            tempfile.TemporaryDirectory() as folder,
            patch.object(module, "phase", lambda check, _own, _every: self._phases[check]),
        ):
            store = Store(Path(folder))
            in_virtual_time(self._live(store, seconds))
            store.close()
        return self

    def _plan(self, now: Callable[[], float]) -> Plan:
        made = make(parse(self._config, Path("x.yaml")), Path(), LastKnownGood(), now)
        planned = []
        for one in made.checks:
            if str(one.key) in self._phases:
                watched = Watched(one.key, EPOCH + self._breaks.get(one.key, 1e9), now)
                self.checks[one.key] = watched
                planned.append(Planned(one.key, one.timing, watched))
        return replace(made, checks=planned)

    async def _live(self, store: Store, seconds: float) -> None:
        clock = asyncio.get_running_loop().time

        def now() -> float:
            return EPOCH + clock()

        plan, counts = self._plan(now), Counts()
        ledgers = {"here": Ledger()}
        engine = Engine(
            deployment="test", quorum=plan.quorum, rules=plan.rules, controls=plan.controls
        )
        lookout = Lookout(
            own="here",
            plan=plan,
            ledgers=ledgers,
            learning=Learning(
                changes=Changes(store.pasts()),
                good=LastKnownGood(),
                journal=Journal(store),
                counts=counts,
            ),
            counts=counts,
            now=now,
            stopwatch=clock,
        )

        planned = {one.key: one for one in plan.checks}
        lookout.ledgers = {**ledgers, "there": (theirs := Ledger())}
        for at, key, verdict in self._told:
            looks = [seen(EPOCH + at, verdict, key=key)]
            asyncio.get_running_loop().call_at(at, lookout.hear, "there", planned[key], looks, 0.0)
        if self._is_peer_blind:
            theirs.disregard([])

        async def step() -> None:
            for incident, change in engine.step(ledgers, now()).changes:
                self.opened += [(clock(), incident.headline)] if change is Change.OPENED else []

        tasks = [asyncio.create_task(lookout.keep_looking())]
        tasks.append(asyncio.create_task(keep(1, step, lookout.certain)))
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in done), done
        for one in plan.checks:  # a late word calls for nothing any more
            lookout.hear("there", one, [seen(now(), FAILING, key=one.key)], 0.0)


phases = st.integers(0, 119).map(lambda quarter: quarter / 4)


@settings(max_examples=40)
@given(
    st.fixed_dictionaries(dict.fromkeys((NAME, PAGE, ROUTE, CONTROL), phases)),
    phases,
    st.sampled_from([NAME, ROUTE]),
)
def test_the_cause_has_the_headline_whatever_the_phases(
    phases: dict[CheckKey, float], at: float, cause: CheckKey
) -> None:
    """The first page names the cause, and opens within a cadence and a hold of the fault.

    Nobody can page before the controls were looked at, too.
    """
    begins = 60 + at
    breaks = {NAME: begins, PAGE: begins} | ({ROUTE: begins} if cause == ROUTE else {})
    host = Host(CONFIG, breaks, phases).run(begins + EVERY + HOLD + 30)

    ((opened_at, headline), *others) = host.opened
    diagnosis = "prefix_withdrawn" if cause == ROUTE else "record_emptied"
    assert headline == f"shop/{diagnosis}/{cause.check}"
    assert others == []
    assert opened_at <= begins + EVERY + HOLD + 2 + 3 * LASTS


@settings(max_examples=20)
@given(phases)
def test_what_is_certain_is_judged_at_once(at: float) -> None:
    """A page opens a tenth of a second after the look that fills the hold, whatever the second."""
    phases = {NAME: at, CONTROL: at}
    host = Host(CONFIG, {NAME: 60.0}, phases).run(60 + EVERY + HOLD + 5)

    ((opened_at, _),) = host.opened
    bad = [look - EPOCH for look in host.checks[NAME].looked_at if look >= EPOCH + 60]
    filled = next(look for look in bad if look >= bad[0] + HOLD)
    assert opened_at == pytest.approx(filled + LASTS + GATHERED)


@pytest.mark.parametrize("first", [NAME, PAGE, ROUTE], ids=lambda key: key.kind)
def test_others_are_looked_at_at_once_where_a_fault_begins(first: CheckKey) -> None:
    """The first bad look of any kind calls for one at all others, and moves none of their ticks."""
    phases = {NAME: 20.0, PAGE: 20.0, ROUTE: 20.0, CONTROL: 20.0} | {first: 5.0}
    host = Host(CONFIG, {first: 60.0}, phases).run(115)

    for key in phases.keys() - {first}:
        looks = [at - EPOCH for at in host.checks[key].looked_at]
        assert looks == pytest.approx([20, 50, 65 + LASTS, 80, 110])


def test_what_was_looked_at_since_is_not_called_for() -> None:
    """A check that fails for the same fault calls for controls, and for nobody else again."""
    phases = {NAME: 0.0, PAGE: 10.0, ROUTE: 15.0, CONTROL: 20.0}
    host = Host(CONFIG, {NAME: 60.0, PAGE: 65.0}, phases).run(85)

    for key, expected in ((ROUTE, [60.25, 75]), (CONTROL, [60.25, 70.25, 80])):
        looks = [at - EPOCH for at in host.checks[key].looked_at if at >= EPOCH + 60]
        assert looks == pytest.approx(expected)


TICKS = [20.0, 50.0, 80.0, 110.0]


@pytest.mark.parametrize(
    ("told", "extra"),
    [
        ([(60, OK)], []),
        ([(60, FAILING)], [60]),
        ([(60, FAILING), (61, FAILING), (62, FAILING)], [60]),  # it has been called for
        ([(60, FAILING), (61, OK), (70, FAILING), (71, OK)], [60]),  # once a cadence
        ([(60, FAILING), (61, OK), (91, FAILING)], [60, 91]),
        ([(50.2, FAILING)], [50.25]),  # our look was on its way, and may have been too early
    ],
    ids=str,
)
def test_what_a_peer_begins_to_see_fail_is_looked_at_at_once(
    told: Sequence[tuple[float, Verdict]], extra: Sequence[float]
) -> None:
    """Several must see a fault before it pages: nobody waits for his tick, nor looks more often."""
    words = [(at, NAME, verdict) for at, verdict in told]
    host = Host(CONFIG, {}, {NAME: 20.0, CONTROL: 20.0}, words).run(115)

    assert [at - EPOCH for at in host.checks[NAME].looked_at] == pytest.approx(
        sorted([*TICKS, *extra])
    )
    assert [at - EPOCH for at in host.checks[CONTROL].looked_at] == pytest.approx(TICKS)


def test_what_is_looked_at_seldom_is_called_for_once_a_minute() -> None:
    """A blip that a peer saw keeps nobody from a fault that it sees two minutes later."""
    seldom = CONFIG.replace("[authoritative]", "[authoritative], every: 10m")
    told = [(60, FAILING), (61, OK), (100, FAILING), (101, OK), (121, FAILING)]
    words = [(at, NAME, verdict) for at, verdict in told]
    host = Host(seldom, {}, {NAME: 20.0}, words).run(200)

    assert [at - EPOCH for at in host.checks[NAME].looked_at] == pytest.approx([20, 60, 121])


def test_the_word_of_a_peer_that_sees_nothing_calls_for_no_look() -> None:
    """All that a blind one looks at fails, and that is no news of the world."""
    host = Host(CONFIG, {}, {NAME: 20.0}, [(60, NAME, FAILING)], is_peer_blind=True).run(115)
    assert [at - EPOCH for at in host.checks[NAME].looked_at] == pytest.approx(TICKS)


def test_who_sees_it_already_looks_once_more_for_a_peer() -> None:
    """What the last to come sees must be seen by all meanwhile: looks of before are too old."""
    told = [(100, NAME, FAILING), (103, NAME, OK), (104, NAME, FAILING)]
    host = Host(CONFIG, {NAME: 40.0}, {NAME: 20.0, CONTROL: 20.0}, told).run(115)

    late = [at - EPOCH for at in host.checks[NAME].looked_at if at > EPOCH + 90]
    assert late == pytest.approx([100, 110])


def test_many_checks_of_one_target_are_no_storm() -> None:
    """A hundred names that fail at one server cost it its budget beside their own cadence."""
    names = [f"n{i}.example" for i in range(100)]
    config = CONFIG.replace(
        "[{name: shop.example, servers: [authoritative]}]",
        "[" + ", ".join(f"{{name: {name}, servers: [authoritative]}}" for name in names) + "]",
    )
    keys = [CheckKey("shop", Kind.DNS, f"{name} A") for name in names]
    for key in keys:
        _SUBJECTS[key] = _SUBJECTS[NAME]
    phases = {key: EVERY * i / len(keys) for i, key in enumerate(keys)}
    host = Host(config, dict.fromkeys(keys, 60.0), phases).run(120)
    looks = sum(len(host.checks[key].looked_at) for key in keys)

    usual = len(keys) * 120 / EVERY
    assert usual <= looks <= usual + BURST + RATE * 60 + 1
