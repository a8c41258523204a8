"""Who may stand next to the origin: leaks and failovers."""

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import (
    PATH,
    Told,
    asn,
    foreign,
    fresh,
    router,
    seeded,
    since,
    told_all,
)
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.neighbours import PROBATION
from vedette.checks.bgp.update import EndOfRib
from vedette.checks.bgp.watch import Watch


def test_neighbours_are_those_of_the_seed() -> None:
    """Without a list, a new neighbour at three peer ASes is foreign until its probation is over."""
    routes = seeded(100)
    for n in range(3):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 666, 666, ORIGIN, ORIGIN), 201 + n)
    assert foreign(routes) == {("path", PREFIX, 666): 3}
    assert since(routes) == {"path": 203}
    routes.seeded_with(100, 205)
    assert since(routes) == {"path": 203}
    held = routes.holders(PREFIX)
    routes.seed(PREFIX, held, 205 + PROBATION, 205 + PROBATION)
    assert not since(routes)
    assert 666 in routes.neighbours(PREFIX)


def test_a_failover_is_no_leak() -> None:
    """When most peers come by a new neighbour, the old one is down, and nothing is leaked."""
    routes = seeded(10)
    for n in range(10):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 777, ORIGIN), 201)
    assert not since(routes)
    assert foreign(routes) == {("path", PREFIX, 777): 10}


def test_a_leak_to_those_who_had_no_route_is_no_failover() -> None:
    """Where the old peers stay, a new neighbour leaks, to however many new ones."""
    routes = seeded(30)
    for n in range(30, 100):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 777, ORIGIN), 201)
    assert since(routes) == {"path": 201}


def test_a_failover_that_ends_is_a_leak_only_when_it_lasts() -> None:
    """Peers that have not come back yet are no leak since the failover, but since its end."""
    routes = seeded(10)
    for n in range(10):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 777, ORIGIN), 201)
    for n in range(5, 10):
        assert not since(routes)
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 1000 + n)
    assert since(routes) == {"path": 1009}
    for n in range(3):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 1011)
    assert not since(routes)


@pytest.mark.parametrize("has_gaps", [False, True])
def test_a_new_neighbour_is_right_after_a_day_without_news(has_gaps: bool) -> None:
    """The probation ends by time alone, without a seed, and a gap of the feed restarts nothing."""
    routes = seeded(100)
    for n in range(20):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 777, ORIGIN), 201)
    if has_gaps:
        routes.lapse(202)
        routes.seed(PREFIX, routes.holders(PREFIX), 40_000, 40_000)
    for hour in range(24):
        routes.review(PREFIX, 300 + 3600 * hour)
        assert since(routes)
    routes.review(PREFIX, 202 + PROBATION)
    routes.review(PREFIX, 1202 + PROBATION)
    assert not since(routes)
    assert 777 in routes.neighbours(PREFIX)


def test_only_what_stood_its_probation_is_right() -> None:
    """A neighbour that came back, or came later, is foreign still, and so is an origin of an AS

    that has become a neighbour.
    """
    routes, end = seeded(100), 201 + PROBATION
    for first, path, at in ((0, (777, ORIGIN), 201), (3, (778, ORIGIN), 201), (6, (7, 777), 201)):
        for n in range(first, first + 3):
            routes.announce(peer(n), PREFIX, (asn(peer(n)), *path), at)
    for path, at in ((PATH, 301), ((778, ORIGIN), 5000)):
        for n in range(3, 5):
            routes.announce(peer(n), PREFIX, (asn(peer(n)), *path), at)
    for n in range(9, 12):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 779, ORIGIN), 6000)
    routes.review(PREFIX, end + 1000)
    assert foreign(routes) == {
        (Reason.ORIGIN, PREFIX, 777): 3,
        (Reason.PATH, PREFIX, 778): 3,
        (Reason.PATH, PREFIX, 779): 3,
    }
    assert since(routes) == {Reason.ORIGIN: 201, Reason.PATH: 5000}


def test_a_declared_list_of_neighbours_is_kept_to() -> None:
    """With a list, a foreign neighbour is foreign wherever most peers are, and stays so."""
    routes = Told([Watch(PREFIX, frozenset({ORIGIN}), neighbours=frozenset({7}))])
    routes.seed(PREFIX, {peer(n): (asn(peer(n)), 8, ORIGIN) for n in range(10)}, 100, 100)
    routes.review(PREFIX, 100 + 2 * PROBATION)
    assert since(routes) == {"path": 100}


def test_neighbours_are_those_of_a_table_that_nobody_seeds() -> None:
    """A RIB dump, once it is complete, makes another neighbour foreign just as a seed does."""
    routes = told_all(20)
    for n in range(20):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 666 if n < 3 else PATH[0], ORIGIN), 9000)
    assert since(routes) == {"path": 9000}
    assert set(routes.neighbours(PREFIX)) == {PATH[0]}


def test_a_few_sessions_that_begin_anew_are_no_table() -> None:
    """Without a RIB dump, what two peers have told says little of the neighbours of twenty."""
    routes = fresh(learn=True)
    for n in range(20):
        routes.announce(peer(n), PREFIX, PATH, 100)
    for n in range(3):
        routes.apply(EndOfRib(peer(n), 4, 101), 101)
    assert not routes.neighbours(PREFIX)


def test_where_each_peer_is_believed_alone_only_a_list_makes_a_neighbour_foreign() -> None:
    """A router's peer may go by another neighbour on any day, and one is enough to page."""
    routes = router(7)
    routes.apply(EndOfRib(peer(0), 4, 101), 101)
    routes.announce(peer(0), PREFIX, (666, ORIGIN), 9000)
    assert (routes.neighbours(PREFIX), since(routes)) == ({}, {})


def test_a_direct_peer_is_one_voice() -> None:
    """Peers that are neighbours themselves do not add up to a foreign one."""
    routes = Told([Watch(PREFIX, frozenset({ORIGIN}), neighbours=frozenset({7}))])
    routes.seed(PREFIX, {peer(n): (asn(peer(n)), ORIGIN) for n in range(10)}, 100, 100)
    assert not since(routes)
