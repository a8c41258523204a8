"""From updates to events: what is told, when in the data's own time, and what is not."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from vedette.agent.alarms.alarm import Evidence, Memory, State, step
from vedette.agent.routes.detector import Detector
from vedette.agent.routes.events import RouteEvent
from vedette.agent.routes.prefixalarms import Times
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.rpki.payloads import Scope, Vrp, Vrps
from vedette.checks.bgp.update import Announce, PeerState, Update, Withdraw
from vedette.checks.bgp.watch import Watch

FOREIGN = 64666
T0 = 1_000_000.0
PEERS = 20
PART = "192.0.2.0/25"


def held(numbers: Iterable[int], at: float, origin: int = ORIGIN, prefix: str = PREFIX) -> Any:
    """Return that these peers, each of an AS of its own, have *prefix* by *origin*."""
    return [
        Announce(peer(n), 64000 + n, prefix, (64000 + n, 64400, origin), T0 + at) for n in numbers
    ]


def lost(numbers: Iterable[int], at: float, prefix: str = PREFIX) -> list[Update]:
    return [Withdraw(peer(n), 64000 + n, prefix, T0 + at) for n in numbers]


def detector(
    watch: Watch | None = None, times: Times | None = None, vrps: Vrps | None = None
) -> Detector:
    watch = watch or Watch(PREFIX, frozenset({ORIGIN}))
    return Detector(Routes([watch], learn=True), {watch.prefix: times or Times()}, vrps)


def events(
    *groups: Sequence[Update],
    until: float,
    **how: Any,
) -> list[RouteEvent]:
    """Return what happened, after all peers had the prefix for a minute, up to *until*."""
    machine = detector(**how)
    seen = []
    for update in (*held(range(PEERS), -60), *(u for group in groups for u in group)):
        seen += machine.take(update)
    return seen + machine.advance(T0 + until)


def told(*groups: Sequence[Update], until: float, **how: Any) -> list[tuple[float, str]]:
    """Return the times, since the start, and the names of what happened."""
    return [(e.at - T0, str(e.name)) for e in events(*groups, until=until, **how)]


ALL, MOST, HALF = range(PEERS), range(16), range(10)


@pytest.mark.parametrize(
    ("groups", "until", "expected"),
    [
        ([lost(MOST, 0)], 29.9, []),
        ([lost(MOST, 0)], 30, [(30, "withdrawn")]),
        ([lost(range(15), 0)], 100, []),
        ([lost(HALF, 0)], 119.9, []),
        ([lost(HALF, 0)], 120, [(120, "partially_withdrawn")]),
        ([lost(HALF, 0), lost(range(10, 16), 100)], 130, [(130, "withdrawn")]),
        ([lost(HALF, 0), lost(range(10, 16), 100)], 500, [(130, "withdrawn")]),
        ([lost(range(9), 0)], 500, []),
        ([lost(MOST, 0), held(MOST, 29)], 500, []),
        ([lost(MOST, 0), held(MOST, 30)], 500, [(30, "withdrawn")]),
    ],
    ids=[
        "not yet", "for 30 s", "more than a fifth is left", "half, not yet", "half, for 120 s",
        "withdrawn comes before partly", "and is then the word", "more than half is left",
        "back just in time", "back too late",
    ],
)  # fmt: skip
def test_a_share_that_lasts_is_an_event(groups: Any, until: float, expected: Any) -> None:
    """A fifth for 30 s is withdrawn, a half for 120 s partly so, and nothing sooner is either."""
    assert told(*groups, until=until) == expected


def test_a_gap_in_the_data_delays_no_event() -> None:
    """When nothing is heard for hours the event has its own time, before what ended it."""
    seen = told(lost(MOST, 0), held(MOST, 7200), until=7200)
    assert seen == [(30, "withdrawn")]


def test_a_gap_in_the_data_invents_no_event() -> None:
    """A share that was back before the gap does not last over the gap."""
    assert told(lost(MOST, 0), held(MOST, 10), held([0], 7200), until=9000) == []


def test_what_is_due_before_an_update_of_the_same_second_is_told() -> None:
    """An event is due within a second: what ends the fault half a second later is too late."""
    assert told(lost(MOST, 0.2), held(MOST, 30.7), until=40) == [(pytest.approx(30.2), "withdrawn")]


def test_it_has_recovered_when_four_fifths_have_had_it_for_the_clear_time() -> None:
    """Three fifths are neither well nor ill; the clear time begins with four fifths."""
    seen = told(lost(ALL, 0), held(range(12), 100), held(range(12, 16), 300), until=899)
    assert seen == [(30, "withdrawn")]
    seen = told(lost(ALL, 0), held(range(12), 100), held(range(12, 16), 300), until=900)
    assert seen == [(30, "withdrawn"), (900, "recovered")]
    short = Times(hold=10, clear=60)
    seen = told(lost(ALL, 0), held(ALL, 300), until=900, times=short)
    assert seen == [(10, "withdrawn"), (360, "recovered")]


def test_what_comes_and_goes_is_told_once() -> None:
    """A prefix that is dark and back every few minutes is one withdrawal and one recovery."""
    flaps = [
        flap for n in range(20) for flap in (lost(ALL, 600 * n), held(ALL, 600 * n + 200 + 10 * n))
    ]
    last = 600 * 19 + 200 + 190
    assert told(*flaps, until=last + 10_000) == [(30, "withdrawn"), (last + 600, "recovered")]


def test_peers_whose_sessions_end_have_not_withdrawn() -> None:
    """A collector that loses all its peers says nothing about the prefix."""
    downs = [PeerState(peer(n), False, T0) for n in ALL]
    assert told(downs, until=500) == []


def test_late_news_does_not_turn_time_back() -> None:
    """An update of the past, as of a second file, neither ends a fault nor moves its time."""
    seen = told(lost(MOST, 0), held([19], 40), held(MOST, -30), until=100)
    assert seen == [(30, "withdrawn")]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([held(range(3), 0, FOREIGN)], [(5, "origin")]),
        ([held(range(2), 0, FOREIGN)], []),
        ([held(range(3), 0, FOREIGN), held(range(3), 4)], []),
        ([held(range(3), 0, FOREIGN), held(range(3), 60)], [(5, "origin"), (660, "gone")]),
        ([[u._replace(asn=64000) for u in held(range(100, 109), 0, FOREIGN)]], []),
        (
            [held(range(3), 0, FOREIGN), held(range(3, 6), 9, 64667)],
            [(5, "origin"), (14, "origin")],
        ),
    ],
    ids=["three ASes", "two ASes", "for a moment", "and gone", "one AS, nine sessions", "two"],
)
def test_a_foreign_origin_is_one_at_three_peer_ases(groups: Any, expected: Any) -> None:
    """Three peer ASes have to say so for five seconds, and each foreign AS is told by itself."""
    assert told(*groups, until=2000) == expected


def test_a_hijack_that_takes_the_prefix_over_leads() -> None:
    """The origin is told before the loss that it causes, and both are."""
    seen = events(*(held([n], n, FOREIGN) for n in ALL), until=500)
    assert [str(e.name) for e in seen] == ["origin", "withdrawn"]
    assert seen[0].origins == {ORIGIN: 13, FOREIGN: 7}
    assert "AS64666" in seen[1].detail
    assert "after the loss" not in seen[1].detail


def test_an_origin_that_shows_when_the_own_route_is_gone_is_a_symptom() -> None:
    """It has no event of its own, and is named in that of the withdrawal."""
    [event] = events(lost(ALL, 0), held(range(6), 10, FOREIGN), until=5000)
    assert (event.at - T0, str(event.name)) == (30, "withdrawn")
    assert event.origins == {FOREIGN: 6}
    assert "6 peers had it by AS64666, which came after the loss began" in event.detail


def test_a_slow_withdrawal_makes_no_hijack_of_what_shows_in_its_midst() -> None:
    """Between four fifths and a half nobody knows yet; what comes then is waited for."""
    seen = told(lost(range(5), 0), held(range(4), 20, FOREIGN), lost(range(5, 20), 60), until=500)
    assert seen == [(90, "withdrawn")]


def test_a_symptom_that_stays_when_the_own_route_is_back_is_an_event() -> None:
    """Two minutes after four fifths have the own route again, the foreign one is a fault."""
    seen = told(lost(ALL, 0), held(range(4), 10, FOREIGN), held(range(4, 20), 900), until=1400)
    assert seen == [(30, "withdrawn"), (1020, "origin")]


def test_a_foreign_more_specific_is_told_at_the_first_peer_and_again_at_three() -> None:
    """One peer is an event after a second; three peer ASes are a second one, and more none."""
    seen = events(*(held([n], 10 * n, FOREIGN, PART) for n in range(6)), until=500)
    assert [(e.at - T0, str(e.name), e.prefix, e.peers) for e in seen] == [
        (1, "more_specific", PART, 1),
        (20, "more_specific", PART, 3),
    ]
    assert seen[1].origins == {FOREIGN: 3}
    assert seen[1].share == 1
    assert "part of 192.0.2.0/24, is announced by AS64666" in seen[1].detail


def test_three_peers_at_once_are_one_event() -> None:
    """Who has told of enough peers has told all."""
    seen = told(held(range(6), 0, FOREIGN, PART), lost(range(6), 60, PART), until=5000)
    assert seen == [(1, "more_specific"), (660, "gone")]


def test_a_more_specific_of_a_prefix_that_nobody_announces_is_seen() -> None:
    """Nothing is known of the prefix itself: no share is told, and the event is."""
    machine = detector()
    for update in held(range(4), 0, FOREIGN, PART):
        machine.take(update)
    [event] = machine.advance(T0 + 60)
    assert (event.prefix, event.share, event.of, event.peers) == (PART, None, 0, 4)


def test_a_more_specific_on_purpose_is_no_event_but_anothers_is() -> None:
    """A listed one may be announced by an expected origin, and by nobody else."""
    watch = Watch(PREFIX, frozenset({ORIGIN}), frozenset({PART}))
    assert told(held(ALL, 0, ORIGIN, PART), until=900, watch=watch) == []
    assert told(held(ALL, 0, FOREIGN, PART), until=90, watch=watch) == [(1, "more_specific")]


def test_a_leftover_does_not_hold_the_end_back() -> None:
    """A more-specific that one peer keeps is over for all others, and its leftover is named."""
    seen = events(held(range(10), 0, FOREIGN, PART), lost(range(1, 10), 60, PART), until=5000)
    assert [(e.at - T0, str(e.name)) for e in seen] == [(1, "more_specific"), (660, "gone")]
    assert seen[1].detail.endswith("no more; it began 11 min ago; 1 peer still sees it")


def test_a_neighbour_that_is_not_listed_is_a_leak() -> None:
    """Somebody who is none of its neighbours passes the prefix on, at three peer ASes."""
    watch = Watch(PREFIX, frozenset({ORIGIN}), neighbours=frozenset({64400}))
    leak = [u._replace(path=(u.asn, FOREIGN, ORIGIN)) for u in held(range(4), 0)]
    [event] = events(leak, until=60, watch=watch)
    assert (event.at - T0, str(event.name)) == (5, "path")
    assert "by AS64666, which is none of its neighbours" in event.detail


def test_a_seed_speaks_for_peers_that_have_not_spoken() -> None:
    """What the seed lists is the baseline: a loss is one although nobody announced before."""
    machine = detector()
    machine.seed({PREFIX: {peer(n): (64000 + n, ORIGIN) for n in ALL}}, T0)
    seen = [event for update in lost(MOST, 10) for event in machine.take(update)]
    seen += machine.advance(T0 + 40)
    assert [(e.at - T0, str(e.name), e.of) for e in seen] == [(40, "withdrawn", PEERS)]


@given(
    st.lists(
        st.tuples(st.integers(1, 90), st.booleans(), st.integers(0, 5), st.integers(1, 6)),
        max_size=40,
    )
)
def test_stepping_when_due_tells_what_stepping_each_second_tells(
    moves: list[tuple[int, bool, int, int]],
) -> None:
    """Withdrawals have the times at which alarms stepped every second would change."""
    updates = list(held(range(6), -1))
    at = 0
    for wait, has, first, count in moves:
        at += wait
        numbers = range(first, min(first + count, 6))
        updates += held(numbers, at) if has else lost(numbers, at)
    ends = at + 200
    machine = detector(times=Times(hold=30, clear=60))
    seen = [e for update in updates for e in machine.take(update)] + machine.advance(T0 + ends)
    ours = [(e.at - T0, str(e.name)) for e in seen if e.name != "partially_withdrawn"]
    had_partial = any(e.name == "partially_withdrawn" for e in seen)
    expected = _by_the_second(updates, ends)
    if had_partial:  # a recovery then may be that of the partial withdrawal
        ours = [one for one in ours if one[1] == "withdrawn"]
        expected = [one for one in expected if one[1] == "withdrawn"]
    assert ours == expected


def _by_the_second(updates: list[Update], ends: int) -> list[tuple[float, str]]:
    """Step one alarm every second: the naive way."""
    routes = Routes([Watch(PREFIX, frozenset({ORIGIN}))], learn=True)
    memory, seen, waiting = Memory(), [], list(updates)
    for second in range(-1, ends + 1):
        standing = routes.standing(PREFIX)
        for phase in ("before", "after"):
            if phase == "after":
                while waiting and waiting[0].at <= T0 + second:
                    routes.apply(waiting.pop(0), T0 + second)
                standing = routes.standing(PREFIX)
            if standing is None:
                continue
            bad = holds(Reason.WITHDRAWN, standing) if standing.known else None
            since = standing.conditions.get(Reason.WITHDRAWN, 0.0)
            evidence = Evidence(bad, since, T0 + second)
            after = step(memory, evidence, hold=30, clear=60, now=T0 + second)
            was, memory = memory, after
            if was.state is not State.ALARM and memory.state is State.ALARM:
                seen.append((float(second), "withdrawn"))
            elif was.state is State.ALARM and memory.state is State.OK:
                seen.append((float(second), "recovered"))
    return seen


def validator(*vrps: Vrp) -> Vrps:
    return Vrps(vrps, Scope([PREFIX]))


def test_an_own_route_that_is_invalid_is_told_once_while_somebody_has_it() -> None:
    """Nothing changes with the prefix, and yet its route is invalid; where it is gone it is not."""
    vrps = validator(Vrp(PREFIX, FOREIGN, 24))
    assert told(held([0], 900), until=2000, vrps=vrps) == [(-30, "rpki_invalid")]
    assert told(held([0], 900), until=2000, vrps=validator(Vrp(PREFIX, ORIGIN, 24))) == []
    machine = Detector(Routes([Watch(PREFIX, frozenset({ORIGIN}))]), {PREFIX: Times()}, vrps)
    machine.seed({PREFIX: {}}, T0)
    assert [str(event.name) for event in machine.advance(T0 + 60)] == ["withdrawn"]


def test_what_the_rpki_says_of_a_foreign_route_is_told_with_it() -> None:
    """It decides nothing about the event: a valid route may be foreign just as well."""
    for validity, vrp in (("invalid", Vrp(PREFIX, ORIGIN, 24)), ("valid", Vrp(PART, FOREIGN, 25))):
        [event] = events(held(ALL, 0, FOREIGN, PART), until=90, vrps=validator(vrp))
        assert str(event.name) == "more_specific"
        assert f"; by RPKI it is {validity};" in event.detail


def test_events_come_in_the_order_of_their_times() -> None:
    """Whatever is due when, nothing is told before what happened earlier."""
    prefixes = [f"192.0.{n}.0/24" for n in range(2, 12)]
    watches = [Watch(prefix, frozenset({ORIGIN})) for prefix in prefixes]
    machine = Detector(Routes(watches, learn=True), {p: Times() for p in prefixes})
    updates = [u for p in prefixes for u in held(range(5), -60, prefix=p)]
    for n, prefix in enumerate(reversed(prefixes)):
        updates += lost(range(5), n, prefix=prefix)
        updates += held(range(3), n + 0.5, FOREIGN, prefix=prefix)
    updates.sort(key=lambda update: update.at)
    seen = [e for update in updates for e in machine.take(update)] + machine.advance(T0 + 9000)
    assert len(seen) >= len(prefixes)
    assert all(before.at <= after.at for before, after in pairwise(seen))
