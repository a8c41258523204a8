"""Foreign ASes, and what lost sessions had said of them."""

import pytest

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from tests.checks.bgp.rib.told import (
    FOREIGN,
    PATH,
    asn,
    foreign,
    seeded,
    seen,
    since,
)
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import MOST
from vedette.checks.bgp.rib.silence import BELIEVED
from vedette.checks.bgp.update import Announce, EndOfRib


def test_a_foreign_origin_counts_at_three_peer_ases() -> None:
    """Two peers, or one AS over many sessions, are no hijack; the third AS makes it one."""
    routes = seeded(100)
    for n in range(2):
        routes.announce(peer(n), PREFIX, FOREIGN, 201)
    for collector in ("rrc01", "rrc02", "rrc03"):
        routes.apply(Announce(peer(0, collector), asn(peer(0)), PREFIX, FOREIGN, 202), 202)
    assert foreign(routes) == {("origin", PREFIX, 64666): 2}
    assert not since(routes)
    routes.announce(peer(2), PREFIX, FOREIGN, 203)
    assert since(routes) == {"origin": 203}
    routes.withdraw(peer(2), PREFIX, 204)
    assert not since(routes)


@pytest.mark.parametrize("prefix", [PREFIX, "192.0.2.0/25"])
def test_strangers_that_take_turns_are_there_all_the_time(prefix: str) -> None:
    """One whose next comes before the last one goes restarts no hold; after a pause it does."""
    routes = seeded(100)
    for turn in range(3):
        for n in range(5):
            path = (asn(peer(n)), 64511, 64700 + turn)
            routes.announce(peer(n + 5 * turn), prefix, path, 201 + 20 * turn)
        for n in range(5 * turn):
            routes.withdraw(peer(n), prefix, 202 + 20 * turn)
        assert list(since(routes).values()) == [201]
    for n in range(15):
        routes.withdraw(peer(n), prefix, 260)
    assert not since(routes)
    for n in range(5):
        routes.announce(peer(n), prefix, (asn(peer(n)), *FOREIGN), 270)
    assert list(since(routes).values()) == [270]


def test_leftover_routes_end_a_hijack() -> None:
    """A tenth of the peers that had the foreign route may keep it: they are zombies."""
    routes = seeded(100)
    for n in range(50):
        routes.announce(peer(n), PREFIX, FOREIGN, 201)
    for n in range(5, 50):
        routes.announce(peer(n), PREFIX, PATH, 301)
    assert foreign(routes) == {("origin", PREFIX, 64666): 5}
    assert not since(routes)


@pytest.mark.parametrize("prefix", [PREFIX, "192.0.2.0/25"])
def test_leftover_routes_hide_no_second_hijack(prefix: str) -> None:
    """Beside the zombies of a wide hijack, a small one by the same AS counts as the first did."""
    routes = seeded(400)
    for n in range(300):
        routes.announce(peer(n), prefix, FOREIGN, 201)
    for n in range(4, 300):
        routes.withdraw(peer(n), prefix, 301)
    reason = "origin" if prefix == PREFIX else "more_specific"
    for n in (300, 301):
        routes.announce(peer(n), prefix, FOREIGN, 5000)
    assert reason not in since(routes)
    routes.announce(peer(302), prefix, FOREIGN, 5001)
    assert since(routes)[reason] == 5001
    routes.withdraw(peer(302), prefix, 5002)
    assert reason not in since(routes)


FOREIGN_ROUTES = [
    (Reason.ORIGIN, PREFIX, FOREIGN),
    (Reason.MORE_SPECIFIC, "192.0.2.0/25", FOREIGN),
    (Reason.PATH, PREFIX, (64999, ORIGIN)),
]


@pytest.mark.parametrize(("reason", "prefix", "path"), FOREIGN_ROUTES)
@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_foreign_route_whose_sessions_are_lost_is_not_over(
    reason: Reason, prefix: str, path: Path, lost: int
) -> None:
    """What peers said of a stranger is neither so nor over from their loss until they speak."""
    routes = seeded(100)
    for n in range(3):
        routes.announce(peer(n), prefix, (asn(peer(n)), *path), 201)
    assert holds(reason, seen(routes)) is True
    for n in range(lost):
        routes.peer_down(peer(n), 301)
        routes.peer_down(peer(n), 302)  # its collector is told to be down too
        assert holds(reason, seen(routes)) is None
    for n in range(lost):
        assert holds(reason, seen(routes)) is None
        routes.announce(peer(n), prefix, (asn(peer(n)), *path), 401)
    assert holds(reason, seen(routes)) is True
    for n in range(lost):
        routes.peer_down(peer(n), 501)
    routes.withdraw(peer(0), prefix, 601)
    assert holds(reason, seen(routes)) is False


@pytest.mark.parametrize(("reason", "prefix", "path"), FOREIGN_ROUTES)
@pytest.mark.parametrize("later", [0, 1000])
def test_withdrawals_of_a_session_that_goes_down_end_nothing(
    reason: Reason, prefix: str, path: Path, later: float
) -> None:
    """What is withdrawn as the session goes down may go on; what was so long before is over."""
    routes = seeded(100)
    for n in range(3):
        routes.announce(peer(n), prefix, (asn(peer(n)), *path), 201)
    for n in range(3):
        routes.withdraw(peer(n), prefix, 301)
    assert holds(reason, seen(routes)) is False
    for n in range(3):
        routes.peer_down(peer(n), 301 + later)
    assert holds(reason, seen(routes)) is (False if later else None)


@pytest.mark.parametrize("lost", [1, 5])
def test_what_a_lost_session_said_is_believed_for_a_day(lost: int) -> None:
    """A session that never comes back, and leftovers of what was over, hold nothing open."""
    routes = seeded(100)
    for n in range(60):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *FOREIGN), 201)
    for n in range(5, 60):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 301)
    for n in range(lost):
        routes.peer_down(peer(n), 302)
    assert holds(Reason.ORIGIN, seen(routes)) is False
    for n in range(5, 8):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 64667), 401)
    for n in range(5, 8):
        routes.peer_down(peer(n), 402)
    assert holds(Reason.ORIGIN, seen(routes)) is None
    routes.announce(peer(50), PREFIX, (asn(peer(50)), *PATH), 402 + BELIEVED)
    assert holds(Reason.ORIGIN, seen(routes)) is False


def test_each_lost_session_is_believed_for_a_day_of_its_own() -> None:
    """What was said by sessions that were lost later is believed for longer."""
    routes = seeded(100)
    for first, path, reason in ((0, (64666,), "origin"), (3, (777, ORIGIN), "path")):
        for n in range(first, first + 3):
            routes.announce(peer(n), PREFIX, (asn(peer(n)), *path), 201)
        assert reason in since(routes)
    for n in range(6):
        routes.peer_down(peer(n), 302 if n < 3 else 5000)
    for now, origin, path in ((301, None, None), (302, False, None), (4999, False, None)):
        routes.review(PREFIX, now + BELIEVED)
        standing = seen(routes)
        assert (holds(Reason.ORIGIN, standing), holds(Reason.PATH, standing)) == (origin, path)
    routes.review(PREFIX, 5000 + BELIEVED)
    assert holds(Reason.PATH, seen(routes)) is False


def test_a_flood_of_strangers_is_counted_to_a_limit() -> None:
    """So many are kept, those of the most peers are told first, and all are gone when it ends."""
    routes = seeded(0)
    for n in range(MOST + 5):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 100_000 + n), 201)
    for n in range(MOST + 5, MOST + 8):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 100_500), 202)
    listed = seen(routes).foreign
    assert (len(listed), listed[0].asn, listed[0].asns) == (MOST, 100_500, 4)
    for n in range(MOST + 8):
        routes.withdraw(peer(n), PREFIX, 301)
    assert (seen(routes).foreign, seen(routes).origins) == ((), {})


def test_a_table_tells_what_lost_sessions_have_of_a_part() -> None:
    """Once a session is up, a later table without its part, or its End-of-RIB, ends the doubt."""
    part = "192.0.2.0/25"
    for tell in (
        lambda routes: routes.seed(part, {}, 500, 500),
        lambda routes: [routes.apply(EndOfRib(peer(n), 4, 500), 500) for n in range(3)],
    ):
        routes = seeded(100)
        for n in range(3):
            routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 201)
        for n in range(3):
            routes.peer_down(peer(n), 301)
        tell(routes)
        assert holds(Reason.MORE_SPECIFIC, seen(routes)) is None
        assert routes.doubted == {PREFIX, part}
        for n in range(3):
            routes.peer_up(peer(n), 400)
        routes.seed(part, {}, 290, 400)
        for n in range(3):
            routes.apply(EndOfRib(peer(n), 6, 400), 400)
        assert holds(Reason.MORE_SPECIFIC, seen(routes)) is None
        tell(routes)
        assert holds(Reason.MORE_SPECIFIC, seen(routes)) is False
        assert not tuple(routes.parts)
