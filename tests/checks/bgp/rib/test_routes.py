"""Who holds a prefix: seeds, updates, and their order."""

from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import FOREIGN, PATH, asn, counts, foreign, fresh, seeded, seen
from vedette.checks.bgp.watch import Watch, merged


def test_unseeded_is_none() -> None:
    """Before a seed nothing is said, whatever was announced."""
    routes = fresh()
    routes.announce(peer(1), PREFIX, PATH, 1)
    assert routes.standing(PREFIX) is None


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


def test_an_update_wins_over_a_seed() -> None:
    """What a peer said since the feed connected stands, even if the seed claims to be newer."""
    routes = fresh()
    routes.withdraw(peer(0), PREFIX, 101)
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 150, 150)
    assert counts(routes) == (9, 10, 0)
    assert routes.announce(peer(1), PREFIX, FOREIGN, 149)
    assert counts(routes) == (8, 10, 0)


def test_after_a_gap_the_newer_of_seed_and_update_wins() -> None:
    """Once the feed was lost, an older seed does not undo what a peer said before the gap."""
    routes = seeded()
    routes.withdraw(peer(0), PREFIX, 200)
    routes.lapse(200)
    assert routes.standing(PREFIX) is None
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 150, 150)
    assert counts(routes) == (9, 10, 0)
    routes.lapse(200)
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 250, 250)
    assert counts(routes) == (10, 10, 0)


def test_a_peer_missing_from_the_next_seed_has_lost_the_route() -> None:
    """A withdrawal during a gap shows in the seed after it, against the old baseline."""
    routes = seeded()
    routes.lapse(200)
    routes.seed(PREFIX, {peer(0): PATH}, 200, 200)
    assert counts(routes) == (1, 10, 0)


def test_late_updates_are_refused() -> None:
    """An update older than the peer's last is ignored and reported; one of the same time is not."""
    routes = seeded()
    assert routes.withdraw(peer(0), PREFIX, 105)
    assert not routes.announce(peer(0), PREFIX, PATH, 104)
    assert counts(routes) == (9, 10, 0)
    assert routes.announce(peer(0), PREFIX, PATH, 105)
    assert routes.announce(peer(0), "203.0.113.0/24", PATH, 1)


def test_merged() -> None:
    """Two checks of one prefix share a table with the origins of both."""
    one = Watch(PREFIX, frozenset({1}), frozenset({"192.0.2.0/25"}), frozenset({7}))
    two = Watch(PREFIX, frozenset({2}), frozenset(), frozenset({8}))
    both = Watch(PREFIX, frozenset({1, 2}), frozenset({"192.0.2.0/25"}), frozenset({7, 8}))
    assert merged([one, two]) == {PREFIX: both}
    learned = Watch(PREFIX, frozenset({2}))
    assert not merged([one, learned])[PREFIX].neighbours


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


PART = "192.0.2.128/25"
NEWS = {
    "announce": lambda routes, n, at: routes.announce(peer(n), PREFIX, PATH, at),
    "foreign": lambda routes, n, at: routes.announce(peer(n), PREFIX, FOREIGN, at),
    "leak": lambda routes, n, at: routes.announce(peer(n), PREFIX, (64511, 666, ORIGIN), at),
    "part": lambda routes, n, at: routes.announce(peer(n), PART, FOREIGN, at),
    "unpart": lambda routes, n, at: routes.withdraw(peer(n), PART, at),
    "withdraw": lambda routes, n, at: routes.withdraw(peer(n), PREFIX, at),
    "down": lambda routes, n, at: routes.peer_down(peer(n), at),
    "up": lambda routes, n, at: routes.peer_up(peer(n), at),
    "seed": lambda routes, n, at: routes.seeded_with(n, at, FOREIGN if n % 2 else PATH),
    "lapse": lambda routes, _n, at: routes.lapse(at),
}


def steps(*of: str) -> st.SearchStrategy[list[tuple[str, int, int]]]:
    """Return any news *of* these kinds, by which peer and when."""
    one = st.tuples(st.sampled_from(of), st.integers(0, 12), st.integers(90, 130))
    return st.lists(one, max_size=80)


@given(steps(*NEWS))
def test_share_is_a_share(news: list[tuple[str, int, int]]) -> None:
    """Whatever happens in whatever order, the share is between 0 and 1 and the counts add up."""
    routes = seeded()
    for kind, number, at in news:
        NEWS[kind](routes, number, at)
    if standing := routes.standing(PREFIX):
        assert 0 <= standing.share <= 1
        assert 0 <= standing.holding <= standing.of
        assert standing.of + standing.unknown >= 10


@given(steps(*sorted(NEWS.keys() - {"lapse"})))
def test_counts_are_those_of_a_recount(news: list[tuple[str, int, int]]) -> None:
    """What is counted as cells change is what counting all cells from the start would give."""
    routes = seeded()
    for kind, number, at in news:
        NEWS[kind](routes, number, at)
    held = routes.holders(PREFIX)
    standing = seen(routes)
    origins = [path[-1] for path in held.values()]
    assert standing.origins == {one: origins.count(one) for one in origins}
    baseline = routes.baseline(PREFIX, 0)
    assert standing.holding == sum(p in baseline and path[-1] == ORIGIN for p, path in held.items())
    own = [path[-2] for path in held.values() if path[-1] == ORIGIN]
    assert standing.neighbours == {one: own.count(one) for one in own}
    strangers = {asn(p) for p, path in held.items() if path[-1] == 64666}
    assert foreign(routes).get(("origin", PREFIX, 64666), 0) == len(strangers)
    for number in range(13):
        for prefix in (PREFIX, PART):
            routes.withdraw(peer(number), prefix, 200)
    assert (foreign(routes), routes._paths._numbers) == ({}, {})
