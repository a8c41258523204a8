"""What is announced inside a watched prefix."""

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import FOREIGN, PATH, WATCH, Told, asn, foreign, seeded, since
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.watch import Watch


@pytest.mark.parametrize(
    ("part", "path", "reason"),
    [
        ("192.0.2.0/25", (1, 7, ORIGIN), None),
        ("192.0.2.0/25", (1, 7, 64666), "more_specific"),
        ("192.0.2.0/25", (1, 666, ORIGIN), "path"),
        ("192.0.2.128/25", (1, 7, ORIGIN), "more_specific"),
        ("192.0.2.128/25", (1, 7, 64666), "more_specific"),
        ("203.0.113.0/24", (1, 7, 64666), None),
    ],
)
def test_parts(part: str, path: Path, reason: str | None) -> None:
    """A more-specific is fine when declared, by an allowed origin, through an allowed neighbour."""
    watch = Watch(PREFIX, frozenset({ORIGIN}), frozenset({"192.0.2.0/25"}), frozenset({7}))
    routes = Told([watch])
    routes.seed(PREFIX, {peer(n): (asn(peer(n)), 7, ORIGIN) for n in range(100)}, 100, 100)
    for n in range(3):
        assert reason not in since(routes)
        routes.announce(peer(n), part, path, 201 + n)
    assert since(routes) == ({reason: 203} if reason else {})
    for n in range(3):
        routes.withdraw(peer(n), part, 301)
    assert (since(routes), tuple(routes.parts)) == ({}, ())


def test_a_part_belongs_to_the_longest_prefix_that_covers_it() -> None:
    """A watched prefix inside a watched prefix is judged for itself, and so are its parts."""
    inner = Watch("192.0.2.0/25", frozenset({ORIGIN}))
    routes = Told([WATCH, inner])
    for prefix in (PREFIX, inner.prefix):
        routes.seed(prefix, {peer(n): (asn(peer(n)), *PATH) for n in range(10)}, 100, 100)
    for n in range(3):
        routes.announce(peer(n), "192.0.2.64/26", FOREIGN, 201)
    assert not since(routes)
    standing = routes.standing(inner.prefix)
    assert standing is not None
    assert Reason.MORE_SPECIFIC in standing.conditions


def test_a_lost_session_takes_its_parts_along() -> None:
    """What a peer announced inside the prefix is unknown once its session is down."""
    routes = seeded()
    for n in range(3):
        routes.announce(peer(n), "192.0.2.0/25", FOREIGN, 201)
    routes.peer_down(peer(0), 202)
    assert not since(routes)


@pytest.mark.parametrize("is_over", [False, True])
def test_what_comes_late_changes_no_part(is_over: bool) -> None:
    """Of what a peer says of a part the newest counts, in whatever order it comes."""
    part, key = "192.0.2.0/25", ("more_specific", "192.0.2.0/25", 64666)
    routes = seeded(100)
    for n in range(50):
        news = [
            lambda p: routes.announce(p, part, FOREIGN, 202 - is_over),
            lambda p: routes.withdraw(p, part, 201 + is_over),
        ]
        assert [tell(peer(n)) for tell in (reversed(news) if is_over else news)] == [True, False]
    assert foreign(routes).get(key, 0) == (0 if is_over else 50)
    routes.lapse(205)
    routes.seeded_with(100, 210)
    assert routes.announce(peer(60), part, FOREIGN, 200)
    routes.peer_down(peer(60), 212)
    assert not routes.announce(peer(60), part, FOREIGN, 211)
    assert routes.announce(peer(60), part, FOREIGN, 212)


def held(part: str, count: int) -> dict[Peer, Path]:
    return {peer(n): (asn(peer(n)), *FOREIGN) for n in range(count)} if part else {}


@pytest.mark.parametrize("left", [0, 10])
def test_an_old_table_brings_no_part_back(left: int) -> None:
    """What was withdrawn live stays gone, whether others have the part or not, and over a gap."""
    part = "192.0.2.0/25"
    routes = seeded(100)
    for n in range(50):
        routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 201)
    for n in range(left, 50):
        routes.withdraw(peer(n), part, 300)
    for gap in (False, True):
        if gap:
            routes.lapse(305)
        routes.seed(part, held(part, 50), 250, 310)
        routes.seeded_with(100, 310)
        assert foreign(routes).get(("more_specific", part, 64666), 0) == left
    routes.seed(part, held(part, 50), 320, 330)
    assert foreign(routes)["more_specific", part, 64666] == 50


def test_what_is_said_of_a_part_live_or_later_wins_over_a_table() -> None:
    """A table neither brings back what was withdrawn since, nor takes away what is newer."""
    part = "192.0.2.0/25"
    key = Reason.MORE_SPECIFIC, part, 64666
    routes = seeded(100)
    for n in range(4):
        routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 201)
    routes.lapse(205)
    routes.seeded_with(100, 210)
    routes.seed(part, {}, 190, 210)
    assert foreign(routes) == {key: 4}
    routes.withdraw(peer(0), part, 300)
    routes.announce(peer(7), part, (asn(peer(7)), *FOREIGN), 300)
    routes.seed(part, held(part, 4), 310, 320)
    assert foreign(routes) == {key: 4}


def test_a_part_is_asked_for_until_a_table_speaks_for_the_gap() -> None:
    """A table from before the gap does not say who has a part after it; one from after it does."""
    part = "192.0.2.0/25"
    routes = seeded(100)
    for n in range(50):
        routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 201)
    assert not routes.outdated_parts(90)
    routes.lapse(205)
    for at in (150, 250):  # the gap is over at 300
        routes.seed(part, held(part, 50), at, 310)
        assert list(routes.outdated_parts(300)) == [part]
    routes.announce(peer(0), part, (asn(peer(0)), *FOREIGN), 305)
    assert list(routes.outdated_parts(300)) == [part]
    routes.seed(part, held(part, 2), 310, 320)
    assert not routes.outdated_parts(300)
    routes.seed(part, {}, 310, 320)
    routes.seeded_with(100, 320)
    assert not routes.outdated_parts(300)
    assert foreign(routes) == {("more_specific", part, 64666): 1}
