"""How far a prefix has fallen, and since when."""

from dataclasses import replace

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import (
    FOREIGN,
    PATH,
    asn,
    fresh,
    seeded,
    seen,
    since,
)
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.fall import DRAINS, SETTLES
from vedette.checks.bgp.update import Withdraw


def test_conditions_begin_with_the_news_that_makes_them_true() -> None:
    """At half of the peers it is partial, at a fifth withdrawn, each from its own moment on."""
    routes = seeded()
    for n in range(8):
        routes.changed.clear()
        routes.withdraw(peer(n), PREFIX, 201 + n)
        assert bool(routes.changed) is (n in {2, 4, 7}), n  # at 2 it falls below recovered
    assert since(routes) == {"withdrawn": 208}
    assert seen(routes).fell_at == 203
    for n in range(8):
        routes.announce(peer(n), PREFIX, PATH, 301 + n)
    assert (since(routes), seen(routes).fell_at) == ({}, None)


def test_half_gone_counts_from_the_first_half_on() -> None:
    """A peer that comes and goes at the border of withdrawn restarts no hold of half gone."""
    routes = seeded()
    for n in range(8):
        routes.withdraw(peer(n), PREFIX, 201)
    for at in range(220, 400, 20):
        assert since(routes) == {"withdrawn": at - 19}
        routes.announce(peer(0), PREFIX, PATH, at)
        assert since(routes) == {"partially_withdrawn": 201}
        routes.withdraw(peer(0), PREFIX, at + 1)
    for n in range(4):
        routes.announce(peer(n), PREFIX, PATH, 500)
    assert not since(routes)
    routes.withdraw(peer(0), PREFIX, 600)
    assert since(routes) == {"partially_withdrawn": 600}


@pytest.mark.parametrize(("gone_for", "since_"), [(SETTLES - 1, 201), (SETTLES, 201 + SETTLES)])
def test_what_comes_back_from_a_withdrawal_is_half_gone_since_then(
    gone_for: float, since_: float
) -> None:
    """The minutes of a withdrawal, which pages by itself, make no page of its recovery."""
    routes = seeded()
    for n in range(8):
        routes.withdraw(peer(n), PREFIX, 201)
    assert since(routes) == {"withdrawn": 201}
    routes.announce(peer(0), PREFIX, PATH, 201 + gone_for)

    assert since(routes) == {"partially_withdrawn": since_}


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        (Withdraw, Reason.WITHDRAWN),
        (Withdraw, Reason.PARTIALLY_WITHDRAWN),
        (FOREIGN, Reason.ORIGIN),
        (FOREIGN, Reason.MORE_SPECIFIC),
        ((777, ORIGIN), Reason.PATH),
    ],
)
@pytest.mark.parametrize("gaps", [1, 3])
def test_gaps_count_for_no_hold(news: Path | type[Withdraw], reason: Reason, gaps: int) -> None:
    """The seconds in which the feed was heard add up; those of the gaps between them do not."""
    routes = seeded(100)
    prefix = "192.0.2.0/25" if reason is Reason.MORE_SPECIFIC else PREFIX
    for n in range({Reason.WITHDRAWN: 90, Reason.PARTIALLY_WITHDRAWN: 70}.get(reason, 10)):
        if news is Withdraw:
            routes.withdraw(peer(n), prefix, 201)
        else:
            routes.announce(peer(n), prefix, (asn(peer(n)), *news), 201)
    assert since(routes) == {reason: 201}
    held = routes.holders(PREFIX)
    for gap in range(gaps):
        routes.lapse(210 + 300 * gap)
        routes.lapse(220 + 300 * gap)
        routes.announce(peer(120), PREFIX, (asn(peer(120)), *PATH), 230 + 300 * gap)
        assert routes.standing(PREFIX) is None
        routes.seed(PREFIX, held, 500 + 300 * gap, 501 + 300 * gap)
    assert since(routes) == {reason: 201 + 291 * gaps}
    routes.seeded_with(100, 2000)
    routes.lapse(2010)
    routes.seed(PREFIX, {}, 2020, 2020)
    assert since(routes)["withdrawn"] == 2020


def test_a_restart_in_a_withdrawal_keeps_the_order() -> None:
    """A foreign origin that surfaced in a collapse is no cause of it after a restart either."""
    routes = seeded(100)
    for n in range(12, 100):
        routes.withdraw(peer(n), PREFIX, 201)
    for n in range(12):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *FOREIGN), 240)
    again = fresh()
    fall = replace(routes.fall(PREFIX))
    again.restore(PREFIX, routes.baseline(PREFIX, 400), 500, fall=fall)
    again.seed(PREFIX, routes.holders(PREFIX), 500, 505)
    for one in (routes, again):
        assert holds(Reason.WITHDRAWN, seen(one))
        assert holds(Reason.ORIGIN, seen(one)) is None


def test_what_a_collapse_let_show_counts_from_the_recovery_on() -> None:
    """A foreign origin that outlasts the collapse it showed in is a fault of its own from then."""
    routes = seeded(20)
    for n in range(18):
        routes.withdraw(peer(n), PREFIX, 201)
    for n in range(3):
        routes.announce(peer(n), PREFIX, FOREIGN, 210 + n)
    assert since(routes) == {"withdrawn": 201, "origin": 212}
    assert seen(routes).collapsed
    for n in range(3, 18):
        routes.announce(peer(n), PREFIX, PATH, 301)
    assert (since(routes), seen(routes).collapsed) == ({"origin": 301}, False)


@pytest.mark.parametrize(
    ("lost", "taken", "after", "drains"),
    [
        (25, 5, DRAINS - 1, True),
        (25, 5, DRAINS, False),  # who lost some peers for long can be hijacked at the others
        (30, 0, DRAINS - 1, True),
        (15, 15, DRAINS - 1, False),  # peers that a stranger took are not gone
        (5, 40, DRAINS - 1, False),
        (18, 2, DRAINS - 1, False),  # it has not fallen
    ],
)
def test_a_prefix_drains_while_more_peers_have_no_route_than_a_strangers(
    lost: int, taken: int, after: float, drains: bool
) -> None:
    """For two minutes after its fall it may be on its way to a collapse, if it is no stranger's."""
    routes = seeded(100)
    for n in range(lost):
        routes.withdraw(peer(n), PREFIX, 201)
    for n in range(lost, lost + taken):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *FOREIGN), 201)
    routes.review(PREFIX, 201 + after)

    assert seen(routes).drains is drains
