"""Which collectors speak, and which sessions are up."""

import pytest

from tests.checks.bgp.made import peer
from vedette.checks.bgp.feed.health import CollectorHealth
from vedette.checks.bgp.feed.sessions import Sessions
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.rib.peers import MOST

AFTER = 180.0


def test_up_and_down_by_collector() -> None:
    """A peer is counted once, where it was last; any word of it shows its session up."""
    sessions = Sessions()
    sessions.heard(peer(0), 1)
    sessions.heard(peer(0), 2)
    sessions.down(peer(1), 3)
    sessions.heard(peer(0, "rrc01"), 4)
    sessions.down(peer(0), 5)
    sessions.heard(peer(1), 6)
    assert sessions.is_down(peer(0))
    assert not sessions.is_down(peer(1))
    assert not sessions.is_down(peer(0, "rrc07"))
    assert sessions.health() == {
        "rrc00": CollectorHealth(1, 1, 6), "rrc01": CollectorHealth(1, 0, 4)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("last", "other", "silent"),
    [
        (0, 181, ["rrc00"]),
        (2, 181, []),
        (0, 122, ["rrc00"]),
        (0, 120, []),  # nobody speaks: that is the feed's silence
    ],
)
def test_a_collector_is_silent_only_while_another_speaks(
    last: float, other: float, silent: list[str]
) -> None:
    """Silence counts by the time since the last word, and only beside somebody's voice."""
    sessions = Sessions()
    sessions.heard(peer(0), last)
    sessions.heard(peer(0, "rrc01"), other)
    assert list(sessions.silent(181, AFTER)) == silent


def test_a_lost_collector_is_lost_and_found_once() -> None:
    """A collector that is known to be down is not silent again, and returns by a word of a peer."""
    sessions = Sessions()
    sessions.heard(peer(0), 0)
    sessions.heard(peer(0, "rrc01"), 500)
    sessions.collector_down("rrc00", 500)
    assert list(sessions.silent(500, AFTER)) == []
    assert sessions.health()["rrc00"] == CollectorHealth(0, 1, 0, silent=True)
    assert sessions.heard(peer(0), 501)
    assert not sessions.heard(peer(0), 502)
    assert sessions.health()["rrc00"] == CollectorHealth(1, 0, 502)


def test_no_more_sessions_than_a_feed_may_have() -> None:
    """Made-up peers and collectors do not fill the memory."""
    sessions = Sessions()
    for number in range(MOST + 5):
        sessions.heard(Peer("a", str(number)), 1)
        sessions.down(Peer(str(number), "b"), 1)
    health = sessions.health()
    assert sum(row.up + row.down for row in health.values()) == MOST
    assert len(health) == MOST


def test_a_collector_that_is_expected_and_never_speaks() -> None:
    """One that a table lists has as long to speak as one that has spoken; it may be lost before."""
    sessions = Sessions()
    sessions.expect(["rrc00", "rrc01"], 0)
    assert list(sessions.silent(500, AFTER)) == []
    sessions.heard(peer(0), 500)
    assert list(sessions.silent(500, AFTER)) == ["rrc01"]
    assert not sessions.lose_unheard("rrc00", 500)
    assert sessions.lose_unheard("rrc01", 500)
    assert not sessions.lose_unheard("rrc01", 500)
    assert sessions.is_down(peer(7, "rrc01"))
    assert sessions.health()["rrc01"] == CollectorHealth(0, 0, None, silent=True)
