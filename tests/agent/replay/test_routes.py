"""Which peer holds which route, second by second."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.replay.made import PREFIX, change, document, scenario, watched
from vedette.agent.replay.routes import Class, PrefixRoutes, RouteWorld, address
from vedette.agent.replay.scenario import Route

OWN = Class(64500, None)
FOREIGN = Class(64999, None)


def _route(origin: int, share: float, path_has: list[int] | None = None) -> Route:
    return Route(origin=origin, share=share, rpki="valid", path_has=path_has)


def _table(peers: int = 100, share: float = 1.0) -> PrefixRoutes:
    table = PrefixRoutes(PREFIX, peers, [])
    table.change(-900.0, 0.0, [_route(64500, share)])
    return table


def _count(held: list[Class | None], one: Class | None) -> int:
    return sum(has == one for has in held)


@given(st.integers(1, 800))
def test_every_peer_has_a_rank_of_its_own(peers: int) -> None:
    """Ranks are a permutation, also where 197 divides the number of peers."""
    ranks = PrefixRoutes(PREFIX, peers, []).ranks

    assert sorted(ranks) == list(range(peers))
    assert ranks[-1] == (peers - 1) * (199 if peers % 197 == 0 else 197) % peers


@pytest.mark.parametrize(
    ("at", "held"), [(-1, 100), (0, 100), (30, 75), (60, 50), (120, 0), (500, 0)]
)
def test_a_share_moves_in_a_straight_line(at: float, held: int) -> None:
    """Between the change and its end the share is in proportion to the time passed."""
    table = _table()
    table.change(0.0, 120.0, [])

    assert _count(table.held(at), OWN) == held


def test_a_change_starts_from_the_shares_of_that_moment() -> None:
    """What is half-way down goes up again from there."""
    table = _table()
    table.change(0.0, 100.0, [])
    table.change(50.0, 50.0, [_route(64500, 1.0)])

    assert [_count(table.held(at), OWN) for at in (49.0, 50.0, 75.0, 100.0)] == [51, 50, 75, 100]


def test_classes_follow_each_other_in_file_order() -> None:
    """The ranks of a class follow those of the one before it; who is left has no route."""
    table = _table(10)
    table.change(0.0, 0.0, [_route(64999, 0.3), _route(64500, 0.5)])
    by_rank = dict(zip(table.ranks, table.held(0.0), strict=True))

    assert [by_rank[rank] for rank in range(10)] == [FOREIGN] * 3 + [OWN] * 5 + [None] * 2


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 90), st.floats(0, 1), st.floats(0, 1)),
        max_size=5,
    )
)
def test_the_shifts_lead_to_what_is_held(phases: list[tuple[int, int, float, float]]) -> None:
    """Whoever applies all shifts up to a time has what the world has then."""
    table = _table(40)
    for at, over, own, foreign in sorted(phases):
        total = max(1.0, own + foreign)
        table.change(at, over, [_route(64500, own / total), _route(64999, foreign / total)])
    held = table.held(-1.0)
    shifts = list(table.shifts())

    assert [at for at, _ in shifts] == sorted(at for at, _ in shifts)
    for _, group in shifts:
        for shift in group:
            assert held[shift.peer] != shift.now
            held[shift.peer] = shift.now
    assert held == table.held(1000.0)


@pytest.mark.parametrize(
    ("neighbours", "path_has", "expected"),
    [
        ([], None, (4200000003, 64511, 64500)),
        ([64701, 64702], None, (4200000003, 64702, 64500)),
        ([64701], [64801, 64802], (4200000003, 64801, 64802, 64500)),
    ],
)
def test_a_path_ends_as_the_class_says(
    neighbours: list[int], path_has: list[int] | None, expected: tuple[int, ...]
) -> None:
    """Without a path of its own a class has one filler, by rank out of the declared neighbours."""
    table = PrefixRoutes(PREFIX, 10, neighbours)
    one = Class(64500, None if path_has is None else tuple(path_has))

    assert table.ranks[3] == 1
    assert table.path(3, one) == expected


@pytest.mark.parametrize(
    ("peer", "expected"), [(0, "198.18.0.1"), (249, "198.18.0.250"), (250, "198.18.1.1")]
)
def test_a_peer_has_an_address(peer: int, expected: str) -> None:
    """Two hundred and fifty peers share the third octet."""
    assert address(peer) == expected


def test_a_more_specific_has_the_peers_of_its_cover() -> None:
    """Before its first change nobody holds it; then a share of the cover's peers does."""
    inner = "198.51.100.128/25"
    routes = [{"origin": 64999, "share": 0.5, "rpki": "invalid"}]
    happens = change(10, bgp={"prefix": inner, "over_s": 0, "routes": routes})
    world = RouteWorld(scenario(happens, of=watched(document(), peers=60)))

    assert _count(world.prefixes[inner].held(9.9), None) == 60
    assert _count(world.prefixes[inner].held(10.0), FOREIGN) == 30
    assert world.validity(9.9) == {(PREFIX, 64500): "valid"}
    assert world.validity(10.0)[(inner, 64999)] == "invalid"


def test_a_part_of_a_prefix_that_nobody_watches_has_its_peers_too() -> None:
    """What the world holds beside the watched prefixes is no fault of the file."""
    made, part = watched(document(), peers=60), "203.0.113.0/25"
    made["healthy"]["bgp"].append({"prefix": "203.0.113.0/24", "peers": 40, "routes": []})
    world = RouteWorld(
        scenario(change(10, bgp={"prefix": part, "over_s": 0, "routes": []}), of=made)
    )

    assert world.prefixes[part].peers == 40
