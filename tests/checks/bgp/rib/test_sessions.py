"""Sessions that are lost, come back, and tell their tables anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import (
    FOREIGN,
    PATH,
    WATCH,
    Told,
    asn,
    counts,
    foreign,
    fresh,
    router,
    seeded,
    seen,
    since,
)
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.baseline import MEMORY
from vedette.checks.bgp.rib.routes import SETTLING, TELLING
from vedette.checks.bgp.update import CollectorDown, EndOfRib, PeerState
from vedette.checks.bgp.watch import Watch

V6_WATCH = Watch("2001:db8::/32", frozenset({ORIGIN}))


def test_peer_down_is_unknown_until_it_announces() -> None:
    """A lost session leaves both numerator and denominator, and comes back with its route."""
    routes = seeded()
    routes.peer_down(peer(0), 101)
    assert counts(routes) == (9, 9, 1)
    routes.peer_up(peer(0), 102)
    assert counts(routes) == (9, 9, 1)
    routes.announce(peer(0), PREFIX, PATH, 103)
    assert counts(routes) == (10, 10, 0)


def test_down_peers_and_newer_seeds() -> None:
    """A seed that is silent about a down peer says nothing; one that lists it, later, does."""
    routes = seeded()
    routes.peer_down(peer(0), 101)
    others = {peer(n): PATH for n in range(1, 10)}
    routes.seed(PREFIX, others, 200, 200)
    assert counts(routes) == (9, 9, 1)
    routes.seed(PREFIX, others | {peer(0): PATH}, 99, 99)
    assert counts(routes) == (9, 9, 1)
    routes.seed(PREFIX, others | {peer(0): PATH}, 300, 300)
    assert counts(routes) == (10, 10, 0)


def test_the_loss_of_a_session_and_what_it_said_come_in_any_order() -> None:
    """What a peer said after its session came back stands, and what it said before is refused."""
    routes = seeded()
    routes.announce(peer(0), PREFIX, PATH, 300)
    routes.peer_down(peer(0), 250)
    assert counts(routes) == (10, 10, 0)
    routes.peer_down(peer(1), 300)
    routes.peer_down(peer(1), 250)
    assert not routes.withdraw(peer(1), PREFIX, 299)
    assert counts(routes) == (9, 9, 1)


@pytest.mark.parametrize("spoke", ["of the prefix", "of a part", "of its session"])
def test_a_table_counts_who_has_spoken_since_the_session_was_lost(spoke: str) -> None:
    """A loss that is told late marks nobody down who has spoken since, so a table takes its route.

    Those that are down would be unknown for as long as the prefix is gone.
    """
    routes = seeded()
    for n in range(10):
        if spoke == "of the prefix":
            routes.announce(peer(n), PREFIX, PATH, 200)
        elif spoke == "of a part":
            routes.withdraw(peer(n), "192.0.2.0/25", 200)
        else:
            routes.peer_up(peer(n), 200)
        routes.peer_down(peer(n), 150)
    routes.lapse(200)
    routes.seed(PREFIX, {}, 300, 300)
    assert counts(routes) == (0, 10, 0)


def test_down_before_the_first_seed() -> None:
    """A session lost while the seed was under way is unknown in it."""
    routes = fresh()
    routes.peer_down(peer(0), 101)
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 100, 100)
    assert counts(routes) == (9, 9, 1)


@pytest.mark.parametrize(("down", "known"), [(5, True), (6, False)])
def test_too_few_known_peers(down: int, known: bool) -> None:
    """With more than half of the baseline's sessions down there is no verdict."""
    routes = seeded()
    for n in range(down):
        routes.peer_down(peer(n), 101)
    for n in range(down, 10):
        routes.withdraw(peer(n), PREFIX, 102)
    assert seen(routes).known is bool(since(routes)) is known


def test_collector_down() -> None:
    """A lost collector takes all its peers, and only them, out of the count."""
    routes = seeded()
    routes.restore(PREFIX, {peer(0, "rrc01"): 100.0}, 100)
    routes.announce(peer(0, "rrc01"), PREFIX, PATH, 101)
    routes.apply(CollectorDown("rrc00", 102), 102)
    assert counts(routes) == (1, 1, 10)


def test_a_prefix_is_lost_where_the_sessions_of_the_rest_are_down_too() -> None:
    """Peers without the route leave no baseline of which too few are known to have it still."""
    routes = seeded(at=10 * MEMORY)
    for n in range(2, 6):
        routes.withdraw(peer(n), PREFIX, 10 * MEMORY + 1)
    for n in range(6, 10):
        routes.peer_down(peer(n), 10 * MEMORY + 2)
    routes.review(PREFIX, 12 * MEMORY)
    assert counts(routes) == (2, 6, 4)


@given(st.sets(st.integers(0, 9)))
def test_down_and_announced_again_restores(numbers: set[int]) -> None:
    """Sessions that drop and come back with their route leave everything as it was."""
    routes = seeded()
    for number in numbers:
        routes.peer_down(peer(number), 101)
    for number in numbers:
        routes.announce(peer(number), PREFIX, PATH, 102)
    assert counts(routes) == (10, 10, 0)


def test_end_of_rib_turns_silence_into_no_route() -> None:
    """A session that came back is unknown until it has sent all; then what it left out is gone."""
    routes = seeded()
    routes.peer_down(peer(0), 101)
    routes.apply(PeerState(peer(0), True, 102), 102)
    routes.apply(EndOfRib(peer(0), 6, 103), 103)
    assert counts(routes) == (9, 9, 1)
    routes.apply(EndOfRib(peer(0), 4, 103), 103)
    assert counts(routes) == (9, 10, 0)


def test_a_dump_ends_what_it_does_not_list() -> None:
    """What a peer told of before a whole dump is gone; what it told of since, or of v6, is not."""
    part = "192.0.2.0/25"
    routes = Told([WATCH, V6_WATCH], least=1, learn=True)
    for n, at in ((0, 100), (1, 300)):
        for prefix, path in ((PREFIX, PATH), (part, FOREIGN), (V6_WATCH.prefix, PATH)):
            routes.announce(peer(n), prefix, path, at)
    assert (counts(routes), set(since(routes))) == ((2, 2, 0), {"more_specific"})
    for n in (0, 1):
        routes.apply(EndOfRib(peer(n), 4, 310, None), 310)
    assert (counts(routes), set(since(routes))) == ((2, 2, 0), {"more_specific"})
    for n in (0, 1):
        routes.apply(EndOfRib(peer(n), 4, 310, 200), 310)
    assert counts(routes) == (1, 2, 0)
    assert foreign(routes) == {("more_specific", part, 64666): 1}
    assert routes.announce(peer(0), PREFIX, PATH, 201)
    standing = routes.standing(V6_WATCH.prefix)
    assert standing is not None
    assert (standing.holding, standing.of) == (2, 2)


def test_a_dump_speaks_for_a_session_that_was_down_before_it() -> None:
    """Who is in a dump was up when it began, though nobody told of that."""
    routes = router(7)
    routes.peer_down(peer(0), 150)
    routes.apply(EndOfRib(peer(0), 4, 310, 140), 310)
    assert counts(routes) == (0, 0, 1)
    routes.apply(EndOfRib(peer(0), 4, 310, 200), 310)
    assert counts(routes) == (0, 1, 0)


@pytest.mark.parametrize("restarts", [False, True])
def test_a_session_that_never_ends_its_table_has_an_hour_for_it(restarts: bool) -> None:
    """Who is back without the prefix, and tells no End-of-RIB, has none; what comes late counts."""
    part = "192.0.2.0/25"
    routes = router(7)
    routes.announce(peer(0), part, FOREIGN, 101)
    if restarts:
        before, routes = routes, Told([WATCH], least=1, learn=True)
        routes.restore(PREFIX, before.baseline(PREFIX, 102), 102)
    else:
        routes.peer_down(peer(0), 102)
        assert seen(routes).in_doubt == {Reason.MORE_SPECIFIC}
    routes.apply(PeerState(peer(0), True, 103), 203)  # what a file tells is old already
    routes.review(PREFIX, 202 + TELLING)
    assert counts(routes) == (0, 0, 1)
    routes.review(PREFIX, 203 + TELLING)
    assert (counts(routes), since(routes)) == ((0, 1, 0), {"withdrawn": 203 + TELLING})
    assert not seen(routes).in_doubt
    assert routes.announce(peer(0), PREFIX, (7, ORIGIN), 104)
    assert counts(routes) == (1, 1, 0)


def test_an_end_that_comes_early_is_waited_with() -> None:
    """What a session that has just begun ends may be its first routes: it has five minutes more."""
    routes = router(7)
    for n in (0, 1):
        routes.peer_down(peer(n), 102)
        routes.peer_up(peer(n), 103)
    routes.apply(EndOfRib(peer(0), 4, 104, early=True), 104)
    routes.apply(EndOfRib(peer(0), 6, 105, early=True), 105)
    routes.review(PREFIX, 103 + SETTLING)
    assert counts(routes) == (0, 0, 1)
    routes.review(PREFIX, 105 + SETTLING)
    assert counts(routes) == (0, 1, 0)
    routes.announce(peer(1), PREFIX, (7, ORIGIN), 500)
    assert counts(routes) == (1, 2, 0)


def test_only_who_tells_whole_tables_has_an_hour_for_it() -> None:
    """Where others seed, the silence of a session that is back says nothing of a prefix."""
    routes = seeded()
    routes.peer_down(peer(0), 101)
    routes.peer_up(peer(0), 102)
    routes.review(PREFIX, 102 + 2 * TELLING)
    assert counts(routes) == (9, 9, 1)


@pytest.mark.parametrize("is_known", [False, True])
def test_a_session_that_begins_has_ended_before(is_known: bool) -> None:
    """What a peer had before its session came up is unknown, also where nobody told of its end."""
    part = "192.0.2.0/25"
    routes = seeded()
    for n in range(3):
        routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 101)
        if is_known:
            routes.peer_down(peer(n), 102)
        routes.peer_up(peer(n), 103)
        routes.announce(peer(n), PREFIX, PATH, 104)
    assert (counts(routes), foreign(routes)) == ((10, 10, 0), {})
    routes.announce(peer(3), PREFIX, PATH, 104)
    for n in (3, 4):  # what a table said of the other is as good as it was
        routes.peer_up(peer(n), 105)
    assert counts(routes) == (9, 9, 1)
    routes.apply(EndOfRib(peer(3), 4, 106), 106)
    assert counts(routes) == (9, 10, 0)
    routes.announce(peer(0), part, FOREIGN, 107)
    routes.peer_up(peer(0), 106)
    assert foreign(routes) == {("more_specific", part, 64666): 1}


def test_a_remembered_peer_whose_session_is_down_is_unknown() -> None:
    """A seed that does not list a peer of a collector that is down takes no route from it."""
    routes = fresh()
    routes.apply(PeerState(peer(9), False, 90), 90)
    routes.remember(PREFIX, [peer(n) for n in range(10)], 50)
    routes.seeded_with(9, 100)
    standing = routes.standing(PREFIX)
    assert standing is not None
    assert (standing.holding, standing.of, standing.unknown) == (9, 9, 1)
