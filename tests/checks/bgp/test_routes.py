"""Who holds a prefix: seeds, updates, and sessions that vanish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from vedette.checks.bgp.routes import MEMORY, Routes, Visibility, merged

PATH = (64511, ORIGIN)
FOREIGN = (64511, 64666)


def seeded(count: int = 10, at: float = 100.0) -> Routes:
    routes = Routes({PREFIX: {ORIGIN}})
    routes.seed(PREFIX, {peer(n): PATH for n in range(count)}, at)
    return routes


def seen(routes: Routes) -> Visibility:
    visibility = routes.share(PREFIX, {ORIGIN})
    assert visibility is not None
    return visibility


def counts(routes: Routes) -> tuple[int, int, int]:
    visibility = seen(routes)
    return visibility.holding, visibility.of, visibility.unknown


def test_unseeded_is_none() -> None:
    """Before a seed nothing is said, whatever was announced."""
    routes = Routes({PREFIX: {ORIGIN}})
    routes.announce(peer(1), PREFIX, PATH, 1)
    assert routes.share(PREFIX, {ORIGIN}) is None


def test_withdrawals_lower_the_share() -> None:
    """A peer that withdraws stays in the denominator."""
    routes = seeded()
    for n in range(8):
        routes.withdraw(peer(n), PREFIX, 101 + n)
    assert counts(routes) == (2, 10, 0)
    assert (seen(routes).share, seen(routes).since) == (0.2, 108)


def test_a_foreign_origin_is_not_holding() -> None:
    """A peer that switches to another origin no longer reaches the prefix, and is counted there."""
    routes = seeded()
    routes.announce(peer(0), PREFIX, FOREIGN, 101)
    routes.announce(peer(50), PREFIX, FOREIGN, 101)
    assert counts(routes) == (9, 10, 0)
    assert seen(routes).origins == {ORIGIN: 9, 64666: 2}


def test_an_as_set_holds_by_any_member() -> None:
    """A route whose AS_SET contains the expected origin reaches it."""
    routes = seeded()
    routes.announce(peer(0), PREFIX, (64511, (64666, ORIGIN)), 101)
    assert counts(routes) == (10, 10, 0)


def test_a_new_holder_joins_the_baseline() -> None:
    """A peer first seen with an expected origin counts from then on."""
    routes = seeded()
    routes.announce(peer(50), PREFIX, PATH, 101)
    routes.withdraw(peer(50), PREFIX, 102)
    assert counts(routes) == (10, 11, 0)


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
    routes.seed(PREFIX, others, 200)
    assert counts(routes) == (9, 9, 1)
    routes.seed(PREFIX, others | {peer(0): PATH}, 99)
    assert counts(routes) == (9, 9, 1)
    routes.seed(PREFIX, others | {peer(0): PATH}, 300)
    assert counts(routes) == (10, 10, 0)


def test_down_before_the_first_seed() -> None:
    """A session lost while the seed was under way is unknown in it."""
    routes = Routes({PREFIX: {ORIGIN}})
    routes.peer_down(peer(0), 101)
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 100)
    assert counts(routes) == (9, 9, 1)


@pytest.mark.parametrize(("down", "known"), [(5, True), (6, False)])
def test_too_few_known_peers(down: int, known: bool) -> None:
    """With more than half of the baseline's sessions down there is no verdict."""
    routes = seeded()
    for n in range(down):
        routes.peer_down(peer(n), 101)
    assert seen(routes).known is known


def test_collector_down() -> None:
    """A lost collector takes all its peers, and only them, out of the count."""
    routes = seeded()
    routes.announce(peer(0, "rrc01"), PREFIX, PATH, 101)
    routes.collector_down("rrc00", 102)
    assert counts(routes) == (1, 1, 10)


def test_an_update_wins_over_a_seed() -> None:
    """What a peer said since the feed connected stands, even if the seed claims to be newer."""
    routes = Routes({PREFIX: {ORIGIN}})
    routes.withdraw(peer(0), PREFIX, 101)
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 150)
    assert counts(routes) == (9, 10, 0)
    assert routes.announce(peer(1), PREFIX, FOREIGN, 149)
    assert counts(routes) == (8, 10, 0)


def test_after_a_gap_the_newer_of_seed_and_update_wins() -> None:
    """Once the feed was lost, an older seed does not undo what a peer said before the gap."""
    routes = seeded()
    routes.withdraw(peer(0), PREFIX, 200)
    routes.lapse()
    assert routes.share(PREFIX, {ORIGIN}) is None
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 150)
    assert counts(routes) == (9, 10, 0)
    routes.lapse()
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 250)
    assert counts(routes) == (10, 10, 0)


def test_a_peer_missing_from_the_next_seed_has_lost_the_route() -> None:
    """A withdrawal during a gap shows in the seed after it, against the old baseline."""
    routes = seeded()
    routes.lapse()
    routes.seed(PREFIX, {peer(0): PATH}, 200)
    assert counts(routes) == (1, 10, 0)


def test_late_updates_are_refused() -> None:
    """An update older than the peer's last is ignored and reported; one of the same time is not."""
    routes = seeded()
    assert routes.withdraw(peer(0), PREFIX, 105)
    assert not routes.announce(peer(0), PREFIX, PATH, 104)
    assert counts(routes) == (9, 10, 0)
    assert routes.announce(peer(0), PREFIX, PATH, 105)
    assert routes.announce(peer(0), "203.0.113.0/24", PATH, 1)


def test_a_restart_during_an_outage_still_knows() -> None:
    """A stored baseline makes an empty seed a withdrawal; peers gone for a week do not count."""
    routes = Routes({PREFIX: {ORIGIN}})
    routes.restore(PREFIX, seeded().baseline(PREFIX, 1000), 2000)
    routes.restore(PREFIX, {peer(50): 2000 - MEMORY - 1}, 2000)
    routes.restore("203.0.113.0/24", {peer(1): 2000.0}, 2000)
    routes.seed(PREFIX, {peer(0): PATH}, 2000)
    assert counts(routes) == (1, 10, 0)


def test_long_lost_peers_leave_the_baseline_of_a_visible_prefix_only() -> None:
    """A peer without the route for a week is forgotten, unless the whole prefix is gone."""
    routes = seeded()
    routes.withdraw(peer(0), PREFIX, 101)
    routes.lapse()
    routes.seed(PREFIX, {peer(n): PATH for n in range(1, 10)}, 101 + MEMORY + 1)
    assert counts(routes) == (9, 9, 0)
    for at in (110 + MEMORY, 120 + 3 * MEMORY):
        routes.lapse()
        routes.seed(PREFIX, {}, at)
    assert counts(routes) == (0, 9, 0)


def test_merged() -> None:
    """Two checks of one prefix share a table with the origins of both."""
    assert merged([(PREFIX, [1]), (PREFIX, [2])]) == {PREFIX: frozenset({1, 2})}


STEP = st.tuples(
    st.sampled_from(["announce", "foreign", "withdraw", "down", "up", "seed", "lapse"]),
    st.integers(0, 12),
    st.integers(90, 130),
)


@given(st.lists(STEP, max_size=60))
def test_share_is_a_share(steps: list[tuple[str, int, int]]) -> None:
    """Whatever happens in whatever order, the share is between 0 and 1 and the counts add up."""
    routes = seeded()
    for step, number, at in steps:
        match step:
            case "announce":
                routes.announce(peer(number), PREFIX, PATH, at)
            case "foreign":
                routes.announce(peer(number), PREFIX, FOREIGN, at)
            case "withdraw":
                routes.withdraw(peer(number), PREFIX, at)
            case "down":
                routes.peer_down(peer(number), at)
            case "up":
                routes.peer_up(peer(number), at)
            case "seed":
                routes.seed(PREFIX, {peer(n): PATH for n in range(number)}, at)
            case _:
                routes.lapse()
    visibility = routes.share(PREFIX, {ORIGIN})
    if visibility is not None:
        assert 0 <= visibility.share <= 1
        assert 0 <= visibility.holding <= visibility.of
        assert visibility.of + visibility.unknown >= 10


@given(st.permutations([(n, n % 3) for n in range(12)]))
def test_order_of_distinct_peers_does_not_matter(steps: list[tuple[int, int]]) -> None:
    """News from different peers commute."""
    routes = seeded()
    for number, kind in steps:
        if kind == 0:
            routes.withdraw(peer(number), PREFIX, 101)
        elif kind == 1:
            routes.announce(peer(number), PREFIX, FOREIGN, 101)
        else:
            routes.peer_down(peer(number), 101)
    assert counts(routes) == (0, 7, 3)


@given(st.sets(st.integers(0, 9)))
def test_down_and_announced_again_restores(numbers: set[int]) -> None:
    """Sessions that drop and come back with their route leave everything as it was."""
    routes = seeded()
    for number in numbers:
        routes.peer_down(peer(number), 101)
    for number in numbers:
        routes.announce(peer(number), PREFIX, PATH, 102)
    assert counts(routes) == (10, 10, 0)
