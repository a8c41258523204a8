"""Which peers count for a prefix: who joins, who leaves, and who only has it for a while."""

import pytest

from tests.checks.bgp.made import PREFIX, peer
from tests.checks.bgp.rib.told import (
    FOREIGN,
    PATH,
    asn,
    counts,
    fresh,
    seeded,
    seen,
    since,
    told_all,
)
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.baseline import LASTING, MEMORY, TENDED
from vedette.checks.bgp.update import EndOfRib


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_new_holder_joins_the_baseline_after_an_hour(is_quiet: bool) -> None:
    """A peer counts once it has held a right route for an hour, whether it speaks then or not."""
    routes = seeded()
    routes.announce(peer(50), PREFIX, PATH, 1000)
    routes.review(PREFIX, 1000 + LASTING - TENDED)
    assert counts(routes) == (10, 10, 0)
    if is_quiet:
        routes.review(PREFIX, 1000 + LASTING)
    else:
        routes.announce(peer(50), PREFIX, PATH, 1000 + LASTING)
    assert counts(routes) == (11, 11, 0)


@pytest.mark.parametrize("end", [None, FOREIGN])
def test_who_holds_a_route_for_less_is_none_of_the_baseline(end: Path | None) -> None:
    """A prefix that was seen more widely for a while, also at a new table, is whole after that."""
    routes = seeded(90)
    for n in range(90, 300):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 200)
    routes.lapse(800)
    routes.seed(PREFIX, routes.holders(PREFIX), 900, 900)
    for n in range(90, 300):
        if end:
            routes.announce(peer(n), PREFIX, (asn(peer(n)), *end), 1400)
        else:
            routes.withdraw(peer(n), PREFIX, 1400)
    routes.review(PREFIX, 100_000)
    assert counts(routes) == (90, 90, 0)
    assert Reason.PARTIALLY_WITHDRAWN not in seen(routes).conditions


def test_a_prefix_that_was_new_joins_with_all_its_peers() -> None:
    """Where nobody had the prefix, those who announce it first are its baseline at once."""
    routes = seeded(0)
    assert since(routes) == {"withdrawn": 100}
    for n in range(10):
        routes.announce(peer(n), PREFIX, PATH, 200 + n)
    assert (counts(routes), since(routes)) == ((10, 10, 0), {})


def test_a_prefix_that_was_wider_for_long_is_whole_after_a_week() -> None:
    """Peers that held it for more than an hour are forgotten too, without a new table."""
    routes = seeded(90)
    for n in range(90, 300):
        routes.announce(peer(n), PREFIX, PATH, 200)
    routes.review(PREFIX, 8000)
    for n in range(90, 300):
        routes.withdraw(peer(n), PREFIX, 9000)
    assert since(routes) == {"partially_withdrawn": 9000}
    routes.review(PREFIX, 9001 + MEMORY)
    assert (counts(routes), since(routes)) == ((90, 90, 0), {})


def test_a_restart_during_an_outage_still_knows() -> None:
    """A stored baseline makes an empty seed a withdrawal; peers gone for a week do not count."""
    routes = fresh()
    routes.restore(PREFIX, seeded().baseline(PREFIX, 1000), 2000)
    routes.restore(PREFIX, {peer(50): 2000 - MEMORY - 1}, 2000)
    routes.restore("203.0.113.0/24", {peer(1): 2000.0}, 2000)
    routes.seed(PREFIX, {peer(0): PATH}, 2000, 2000)
    assert counts(routes) == (1, 10, 0)


def test_long_lost_peers_leave_the_baseline_of_a_visible_prefix_only() -> None:
    """A peer without the route for a week is forgotten, unless the whole prefix is gone."""
    routes = seeded()
    routes.withdraw(peer(0), PREFIX, 101)
    routes.lapse(200)
    routes.seed(PREFIX, {peer(n): PATH for n in range(1, 10)}, 101 + MEMORY + 1, 101 + MEMORY + 1)
    assert counts(routes) == (9, 9, 0)
    for at in (110 + MEMORY, 120 + 3 * MEMORY):
        routes.lapse(at)
        routes.seed(PREFIX, {}, at, at)
    assert counts(routes) == (0, 9, 0)


@pytest.mark.parametrize("restarts", [False, True])
def test_who_lost_the_route_counts_for_a_week_from_then_on(restarts: bool) -> None:
    """A peer is of the baseline for a week after it held the prefix, also over a restart."""
    routes, day = seeded(at=10 * MEMORY), MEMORY / 7
    routes.withdraw(peer(0), PREFIX, 11 * MEMORY)
    if restarts:
        at, held = 11 * MEMORY + day, {peer(n): PATH for n in range(2, 10)}
        before, routes = routes, fresh()
        routes.restore(PREFIX, before.baseline(PREFIX, at), at + 60)
        routes.seed(PREFIX, held, at + 60, at + 60)
    routes.review(PREFIX, 12 * MEMORY - day)
    assert counts(routes) == (9 - restarts, 10, 0)
    routes.review(PREFIX, 12 * MEMORY + day / 2)
    assert counts(routes) == (9 - restarts, 9, 0)


def test_learning_without_a_seed() -> None:
    """A prefix that nobody seeded is judged by what was seen of it, once three peers had it."""
    routes = fresh(learn=True)
    assert not seen(routes).enough
    for n in range(2):
        routes.announce(peer(n), PREFIX, PATH, 101)
        routes.withdraw(peer(n), PREFIX, 102)
    assert not seen(routes).known
    assert not since(routes)
    routes.announce(peer(2), PREFIX, PATH, 103)
    assert (seen(routes).known, counts(routes)) == (True, (1, 3, 0))


@pytest.mark.parametrize("end", [None, FOREIGN])
def test_path_hunting_makes_no_baseline_of_a_learned_table_wider(end: Path | None) -> None:
    """Peers that had told all, and have the route for a while, count only while they have it."""
    routes = told_all(20)
    for n in range(3, 20):
        routes.announce(peer(n), PREFIX, PATH, 9000)
    assert counts(routes) == (20, 20, 0)
    assert len(routes.baseline(PREFIX, 9000)) == 3
    for n in range(3, 20):
        if end:
            routes.announce(peer(n), PREFIX, end, 9060)
        else:
            routes.withdraw(peer(n), PREFIX, 9060)
    assert (counts(routes), since(routes).get(Reason.WITHDRAWN)) == ((3, 3, 0), None)


@pytest.mark.parametrize("resets", [False, True])
def test_who_takes_over_from_others_counts(resets: bool) -> None:
    """A failover to peers that had told all is no withdrawal; what is lost after an hour is one."""
    routes = told_all(20)
    for n in range(3, 20):
        if resets:
            routes.peer_down(peer(n), 8000)
            routes.peer_up(peer(n), 8001)
        routes.announce(peer(n), PREFIX, PATH, 9000)
    for n in range(3):
        routes.withdraw(peer(n), PREFIX, 9010)
    assert counts(routes) == (17, 20, 0)
    if not resets:
        routes.review(PREFIX, 9000 + LASTING)
    for n in range(3, 20):
        routes.withdraw(peer(n), PREFIX, 9100 if resets else 9001 + LASTING)
    assert counts(routes) == (0, 20, 0)


@pytest.mark.parametrize("learn", [False, True])
def test_what_a_restart_remembers_is_unknown_until_it_is_heard_of(learn: bool) -> None:
    """A peer of the stored baseline has lost nothing until it says so, or has told all."""
    routes = fresh(learn=learn)
    routes.restore(PREFIX, {peer(n): 90.0 for n in range(5)}, 100)
    if not learn:
        routes.seed(PREFIX, {peer(0): PATH}, 100, 100)
        assert counts(routes) == (1, 5, 0)
        return
    routes.announce(peer(0), PREFIX, PATH, 101)
    routes.peer_up(peer(1), 102)
    assert (seen(routes).known, counts(routes), since(routes)) == (False, (1, 1, 4), {})
    for n in range(1, 5):
        routes.apply(EndOfRib(peer(n), 4, 103), 103)
    assert counts(routes) == (1, 5, 0)
    assert since(routes) == {Reason.WITHDRAWN: 103}


@pytest.mark.parametrize("count", [100, 20, 4])
def test_what_a_hijacker_took_is_no_collapse(count: int) -> None:
    """A hijack after a small old loss, or of a prefix with few peers, is the cause of the fall."""
    routes = seeded(count)
    for n in range(-(-count * 22 // 100)):
        routes.withdraw(peer(n), PREFIX, 201)
    assert seen(routes).fell_at == 201
    for n in range(count * 9 // 10):
        routes.announce(peer(n), PREFIX, FOREIGN, 2001)
    standing = seen(routes)
    assert standing.share <= 0.25
    assert not standing.collapsed
    assert holds(Reason.ORIGIN, standing)
