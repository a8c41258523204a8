"""Who holds a prefix: seeds, updates, and sessions that vanish."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.bgp.made import ORIGIN, PREFIX, peer
from vedette.checks.bgp.judge import holds
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.baseline import LASTING, MEMORY
from vedette.checks.bgp.rib.fall import SETTLES
from vedette.checks.bgp.rib.neighbours import PROBATION
from vedette.checks.bgp.rib.routes import TELLING, Routes
from vedette.checks.bgp.rib.silence import BELIEVED
from vedette.checks.bgp.rib.standing import Standing
from vedette.checks.bgp.update import Announce, CollectorDown, EndOfRib, PeerState, Withdraw
from vedette.checks.bgp.watch import Watch, merged

PATH = (64511, ORIGIN)
FOREIGN = (64511, 64666)
WATCH = Watch(PREFIX, frozenset({ORIGIN}))


class Told(Routes):
    """Routes with a word for each kind of news, as of the time that it speaks of."""

    def announce(self, peer: Peer, prefix: str, path: Path, at: float) -> bool:
        return self.apply(Announce(peer, asn(peer), prefix, path, at), at)

    def withdraw(self, peer: Peer, prefix: str, at: float) -> bool:
        return self.apply(Withdraw(peer, asn(peer), prefix, at), at)

    def peer_down(self, peer: Peer, at: float) -> None:
        self.apply(PeerState(peer, False, at), at)

    def peer_up(self, peer: Peer, at: float) -> None:
        self.apply(PeerState(peer, True, at), at)

    def seeded_with(self, count: int, at: float, path: Path = PATH) -> None:
        self.seed(PREFIX, {peer(n): (asn(peer(n)), *path) for n in range(count)}, at, at)


def asn(peer: Peer) -> int:
    """Every peer of these tests is an AS of its own."""
    _, _, c, d = (int(part) for part in peer.address.split("."))
    return 4_200_000_000 + c * 256 + d


def fresh(**options: bool) -> Told:
    return Told([WATCH], **options)


def seeded(count: int = 10, at: float = 100.0) -> Told:
    routes = fresh()
    routes.seeded_with(count, at)
    return routes


def seen(routes: Told) -> Standing:
    standing = routes.standing(PREFIX)
    assert standing is not None
    return standing


def counts(routes: Told) -> tuple[int, int, int]:
    standing = seen(routes)
    return standing.holding, standing.of, standing.unknown


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


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_new_holder_joins_the_baseline_after_an_hour(is_quiet: bool) -> None:
    """A peer counts once it has held a right route for an hour, whether it speaks then or not."""
    routes = seeded()
    routes.announce(peer(50), PREFIX, PATH, 101)
    routes.review(PREFIX, 3000)
    assert counts(routes) == (10, 10, 0)
    if is_quiet:
        routes.review(PREFIX, 101 + LASTING)
    else:
        routes.announce(peer(50), PREFIX, PATH, 101 + LASTING)
    assert counts(routes) == (11, 11, 0)


@pytest.mark.parametrize("end", [None, FOREIGN])
def test_who_holds_a_route_for_less_is_none_of_the_baseline(end: Path | None) -> None:
    """A prefix that was seen more widely for a while, also at a new table, is whole after that."""
    routes = seeded(90)
    for n in range(90, 300):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 200)
    routes.lapse()
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
    assert seen(routes).known is known


def test_collector_down() -> None:
    """A lost collector takes all its peers, and only them, out of the count."""
    routes = seeded()
    routes.restore(PREFIX, {peer(0, "rrc01"): 100.0}, 100)
    routes.announce(peer(0, "rrc01"), PREFIX, PATH, 101)
    routes.apply(CollectorDown("rrc00", 102), 102)
    assert counts(routes) == (1, 1, 10)


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
    routes.lapse()
    assert routes.standing(PREFIX) is None
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 150, 150)
    assert counts(routes) == (9, 10, 0)
    routes.lapse()
    routes.seed(PREFIX, {peer(n): PATH for n in range(10)}, 250, 250)
    assert counts(routes) == (10, 10, 0)


def test_a_peer_missing_from_the_next_seed_has_lost_the_route() -> None:
    """A withdrawal during a gap shows in the seed after it, against the old baseline."""
    routes = seeded()
    routes.lapse()
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
    routes.lapse()
    routes.seed(PREFIX, {peer(n): PATH for n in range(1, 10)}, 101 + MEMORY + 1, 101 + MEMORY + 1)
    assert counts(routes) == (9, 9, 0)
    for at in (110 + MEMORY, 120 + 3 * MEMORY):
        routes.lapse()
        routes.seed(PREFIX, {}, at, at)
    assert counts(routes) == (0, 9, 0)


def test_merged() -> None:
    """Two checks of one prefix share a table with the origins of both."""
    one = Watch(PREFIX, frozenset({1}), frozenset({"192.0.2.0/25"}), frozenset({7}))
    two = Watch(PREFIX, frozenset({2}), frozenset(), frozenset({8}))
    both = Watch(PREFIX, frozenset({1, 2}), frozenset({"192.0.2.0/25"}), frozenset({7, 8}))
    assert merged([one, two]) == {PREFIX: both}
    learned = Watch(PREFIX, frozenset({2}))
    assert not merged([one, learned])[PREFIX].neighbours


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
                routes.seed(PREFIX, {peer(n): PATH for n in range(number)}, at, at)
            case _:
                routes.lapse()
    standing = routes.standing(PREFIX)
    if standing is not None:
        assert 0 <= standing.share <= 1
        assert 0 <= standing.holding <= standing.of
        assert standing.of + standing.unknown >= 10


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


def foreign(routes: Told) -> dict[tuple[str, str, int], int]:
    return {(str(row.reason), row.prefix, row.asn): row.asns for row in seen(routes).foreign}


def since(routes: Told) -> dict[str, float]:
    return {str(reason): at for reason, at in seen(routes).conditions.items()}


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


def test_a_gap_begins_every_condition_anew() -> None:
    """What was wrong before the feed was lost is wrong since the seed after it, not before."""
    routes = seeded()
    for n in range(9):
        routes.withdraw(peer(n), PREFIX, 201)
    routes.lapse()
    routes.announce(peer(20), PREFIX, PATH, 210)
    routes.seed(PREFIX, {peer(9): PATH}, 500, 505)
    assert since(routes) == {"withdrawn": 505}


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


def test_leftover_routes_end_a_hijack() -> None:
    """A tenth of the peers that had the foreign route may keep it: they are zombies."""
    routes = seeded(100)
    for n in range(50):
        routes.announce(peer(n), PREFIX, FOREIGN, 201)
    for n in range(5, 50):
        routes.announce(peer(n), PREFIX, PATH, 301)
    assert foreign(routes) == {("origin", PREFIX, 64666): 5}
    assert not since(routes)


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


def test_what_a_lost_session_said_is_believed_for_a_day() -> None:
    """A session that never comes back, and leftovers of what was over, hold nothing open."""
    routes = seeded(100)
    for n in range(60):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *FOREIGN), 201)
    for n in range(5, 60):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), *PATH), 301)
    routes.peer_down(peer(0), 302)
    assert holds(Reason.ORIGIN, seen(routes)) is False
    for n in range(5, 8):
        routes.announce(peer(n), PREFIX, (asn(peer(n)), 64667), 401)
    for n in range(5, 8):
        routes.peer_down(peer(n), 402)
    assert holds(Reason.ORIGIN, seen(routes)) is None
    routes.announce(peer(50), PREFIX, (asn(peer(50)), *PATH), 402 + BELIEVED)
    assert holds(Reason.ORIGIN, seen(routes)) is False


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
        assert holds(Reason.MORE_SPECIFIC, seen(routes)) is None
        tell(routes)
        assert holds(Reason.MORE_SPECIFIC, seen(routes)) is False
        assert not tuple(routes.parts)


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
    routes.lapse()
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
            routes.lapse()
        routes.seed(part, held(part, 50), 250, 310)
        routes.seeded_with(100, 310)
        assert foreign(routes).get(("more_specific", part, 64666), 0) == left
    routes.seed(part, held(part, 50), 320, 330)
    assert foreign(routes)["more_specific", part, 64666] == 50


def test_a_part_is_asked_for_until_a_table_speaks_for_the_gap() -> None:
    """A table from before the gap does not say who has a part after it; one from after it does."""
    part = "192.0.2.0/25"
    routes = seeded(100)
    for n in range(50):
        routes.announce(peer(n), part, (asn(peer(n)), *FOREIGN), 201)
    assert not routes.outdated_parts(90)
    routes.lapse()
    for at in (150, 250):  # the gap is over at 300
        routes.seed(part, held(part, 50), at, 310)
        assert list(routes.outdated_parts(300)) == [part]
    routes.announce(peer(0), part, (asn(peer(0)), *FOREIGN), 305)
    routes.seed(part, {}, 310, 320)
    routes.seeded_with(100, 320)
    assert not routes.outdated_parts(300)
    assert foreign(routes) == {("more_specific", part, 64666): 1}


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
        routes.lapse()
        routes.seed(PREFIX, routes.holders(PREFIX), 40_000, 40_000)
    for hour in range(24):
        routes.review(PREFIX, 300 + 3600 * hour)
        assert since(routes)
    routes.review(PREFIX, 202 + PROBATION)
    routes.review(PREFIX, 1202 + PROBATION)
    assert not since(routes)
    assert 777 in routes.neighbours(PREFIX)


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


def router(neighbour: int) -> Told:
    """Return routes of a router whose peer has told of the prefix, and not that this is all."""
    routes = Told([WATCH], least=1, learn=True)
    routes.peer_up(peer(0), 99)
    routes.announce(peer(0), PREFIX, (neighbour, ORIGIN), 100)
    return routes


def test_a_direct_peer_is_one_voice() -> None:
    """Peers that are neighbours themselves do not add up to a foreign one."""
    routes = Told([Watch(PREFIX, frozenset({ORIGIN}), neighbours=frozenset({7}))])
    routes.seed(PREFIX, {peer(n): (asn(peer(n)), ORIGIN) for n in range(10)}, 100, 100)
    assert not since(routes)


def test_learning_without_a_seed() -> None:
    """A prefix that nobody seeded is judged by what was seen of it, once three peers had it."""
    routes = fresh(learn=True)
    assert routes.standing(PREFIX) is None
    for n in range(2):
        routes.announce(peer(n), PREFIX, PATH, 101)
        routes.withdraw(peer(n), PREFIX, 102)
    assert not seen(routes).known
    assert not since(routes)
    routes.announce(peer(2), PREFIX, PATH, 103)
    assert (seen(routes).known, counts(routes)) == (True, (1, 3, 0))


def test_end_of_rib_turns_silence_into_no_route() -> None:
    """A session that came back is unknown until it has sent all; then what it left out is gone."""
    routes = seeded()
    routes.peer_down(peer(0), 101)
    routes.apply(PeerState(peer(0), True, 102), 102)
    routes.apply(EndOfRib(peer(0), 6, 103), 103)
    assert counts(routes) == (9, 9, 1)
    routes.apply(EndOfRib(peer(0), 4, 103), 103)
    assert counts(routes) == (9, 10, 0)


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


def told_all(count: int) -> Told:
    """Return routes that heard the whole tables of *count* peers; three of them have the prefix."""
    routes = fresh(learn=True)
    for n in range(count):
        if n < 3:
            routes.announce(peer(n), PREFIX, PATH, 100)
        routes.apply(EndOfRib(peer(n), 4, 100), 100)
    return routes


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


NEWS = st.tuples(
    st.sampled_from(["announce", "foreign", "leak", "part", "unpart", "withdraw", "down", "seed"]),
    st.integers(0, 12),
    st.integers(90, 130),
)


@given(st.lists(NEWS, max_size=80))
def test_counts_are_those_of_a_recount(steps: list[tuple[str, int, int]]) -> None:
    """What is counted as cells change is what counting all cells from the start would give."""
    routes = seeded()
    part = "192.0.2.128/25"
    paths = {"announce": PATH, "foreign": FOREIGN, "leak": (64511, 666, ORIGIN)}
    for step, number, at in steps:
        match step:
            case "part":
                routes.announce(peer(number), part, FOREIGN, at)
            case "unpart":
                routes.withdraw(peer(number), part, at)
            case "withdraw":
                routes.withdraw(peer(number), PREFIX, at)
            case "down":
                routes.peer_down(peer(number), at)
            case "seed":
                routes.seeded_with(number, at, FOREIGN if number % 2 else PATH)
            case _:
                routes.announce(peer(number), PREFIX, paths[step], at)
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


def test_a_remembered_peer_whose_session_is_down_is_unknown() -> None:
    """A seed that does not list a peer of a collector that is down takes no route from it."""
    routes = fresh()
    routes.apply(PeerState(peer(9), False, 90), 90)
    routes.remember(PREFIX, [peer(n) for n in range(10)], 50)
    routes.seeded_with(9, 100)
    standing = routes.standing(PREFIX)
    assert standing is not None
    assert (standing.holding, standing.of, standing.unknown) == (9, 9, 1)


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
