"""What happens to one's own ROAs: told once, and never guessed while no list is believed."""

import json
from collections.abc import Iterable, Sequence

import pytest

from tests.agent.observations import KEY
from vedette.agent.config import Config
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.routes.roas import REVIEWED_EVERY, Roas, RouteState, watched
from vedette.checks.bgp.rpki.payloads import Scope, Vrp, Vrps
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Kind

PREFIX, ORIGIN = "192.0.2.0/24", 64500
ROUTE = CheckKey("shop", Kind.BGP, PREFIX)
WATCH = Watch(PREFIX, frozenset({ORIGIN}))
WITHIN = 7200.0
OWN = Vrp(PREFIX, ORIGIN, 24, "ripe")
WIDE = Vrp("192.0.0.0/16", 64999, 16, "ripe")
PART = Vrp("192.0.2.128/25", 64998, 25, "ripe")


def vrps(*rows: Vrp, prefixes: Iterable[str] = (PREFIX,)) -> Vrps:
    return Vrps(rows, Scope(prefixes))


def told(roas: Roas, listed: Vrps | None, now: float) -> list[tuple[str, str]]:
    """Return the names and subjects of the events of one review."""
    return [(event.name, event.subject) for event in roas.review(listed, now)]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        ([OWN], [OWN], []),
        ([OWN], [OWN._replace(expires=9e9)], []),
        ([OWN], [OWN, WIDE], [("roa_changed", f"{WIDE}")]),
        ([OWN, WIDE], [OWN], [("roa_changed", f"{WIDE}")]),
        ([OWN], [OWN, PART], [("roa_changed", f"{PART}")]),
        (
            [OWN],
            [],
            [("roa_changed", f"{OWN}"), ("roa_missing", f"{PREFIX} AS{ORIGIN}")],
        ),
        ([OWN], [OWN._replace(max_length=25)], [("roa_changed", f"{PREFIX}-25 AS{ORIGIN}")]),
    ],
    ids=["the same", "a new end", "above", "no more above", "inside", "gone", "longer"],
)
def test_changes_between_two_lists(
    before: Sequence[Vrp], after: Sequence[Vrp], events: list[tuple[str, str]]
) -> None:
    """A VRP above, at or inside a watched prefix that comes, goes or changes is one event."""
    roas = Roas({ROUTE: WATCH}, WITHIN)
    assert told(roas, vrps(*before), 0) == []
    newer = vrps(*after)
    assert told(roas, newer, 1) == events
    assert told(roas, newer, 2) == []
    assert told(roas, newer, 2 + REVIEWED_EVERY) == []


def test_an_event_names_its_check_and_says_all_in_a_sentence() -> None:
    """What goes into the record can be read without the list of VRPs."""
    events = Roas({ROUTE: WATCH}, WITHIN).review(vrps(WIDE), 7.0)
    assert [str(event) for event in events] == [
        f"roa_missing shop/{PREFIX}: {PREFIX} AS64500: fault no ROA lets AS64500 announce {PREFIX},"
        " and it is invalid by 192.0.0.0/16-16 AS64999: create one at the registry"
    ]
    assert events[0].at == 7.0


def test_time_alone_brings_an_end_near() -> None:
    """A ROA that is about to end is told once, though no list is new, and again after a renewal."""
    roas, end = Roas({ROUTE: WATCH}, WITHIN), 10_000.0
    listed = vrps(OWN._replace(expires=end))
    assert told(roas, listed, 0) == []
    assert told(roas, listed, end - WITHIN - 1) == []
    expiring = [("roa_expiring", f"{PREFIX} AS{ORIGIN}")]
    assert told(roas, listed, end - WITHIN + REVIEWED_EVERY) == expiring
    assert told(roas, listed, end - REVIEWED_EVERY) == []
    renewed = vrps(OWN._replace(expires=3 * end))
    assert told(roas, renewed, end) == []
    assert told(roas, renewed, 3 * end - WITHIN) == expiring


def test_what_is_unknown_is_neither_changed_nor_missing() -> None:
    """A list that is stale for a while tells nothing, and what comes next is held against it."""
    roas = Roas({ROUTE: WATCH}, WITHIN)
    route = PREFIX, ORIGIN
    assert roas.routes[route].state is RouteState.UNKNOWN
    assert told(roas, None, 0) == []
    told(roas, vrps(OWN._replace(expires=9e9)), 1)
    assert (roas.routes[route].state, roas.routes[route].expires_at) == (RouteState.VALID, 9e9)
    assert told(roas, None, 2) == []
    assert roas.routes[route].state is RouteState.UNKNOWN
    assert told(roas, vrps(OWN), 3) == []
    assert told(roas, None, 4) == []
    assert [name for name, _ in told(roas, vrps(), 5)] == ["roa_changed", "roa_missing"]
    assert roas.routes[route].state is RouteState.NOT_FOUND


def test_each_check_has_its_own_events() -> None:
    """A ROA that two prefixes need is told for both; a prefix beside it has nothing of it."""
    other, beside = "192.0.3.0/24", "198.51.100.0/24"
    keys = {p: CheckKey("shop", Kind.BGP, p) for p in (PREFIX, other, beside)}
    watches = {key: Watch(p, frozenset({ORIGIN})) for p, key in keys.items()}
    common, apart = Vrp("192.0.2.0/23", ORIGIN, 24), Vrp(beside, ORIGIN, 24)
    roas = Roas(watches, WITHIN)
    told(roas, vrps(common, apart, prefixes=keys), 0)
    events = roas.review(vrps(apart, prefixes=keys), 1)
    assert sorted((e.name, e.check) for e in events) == [
        ("roa_changed", PREFIX),
        ("roa_changed", other),
        ("roa_missing", PREFIX),
        ("roa_missing", other),
    ]


@pytest.mark.parametrize("rows", [[], [OWN], [OWN, WIDE]], ids=len)
def test_a_restart_tells_only_what_changed_meanwhile(rows: Sequence[Vrp]) -> None:
    """What was told is not told again, and what changed while nobody looked is."""
    first, second = (Roas({ROUTE: WATCH}, WITHIN) for _ in range(2))
    assert first.kept() == {}
    told(first, vrps(*rows), 0)
    second.restore(json.loads(json.dumps(first.kept())))
    assert told(second, vrps(*rows), 1) == []
    third = Roas({ROUTE: WATCH}, WITHIN)
    third.restore(json.loads(json.dumps(second.kept())))
    assert told(third, vrps(*rows, PART), 2) == [("roa_changed", f"{PART}")]


def test_prefixes_that_are_watched_anew_have_no_past() -> None:
    """What was kept for fewer prefixes says nothing of the VRPs of more."""
    before, after = Roas({ROUTE: WATCH}, WITHIN), "198.51.100.0/24"
    told(before, vrps(OWN), 0)
    new = CheckKey("shop", Kind.BGP, after)
    both = Roas({ROUTE: WATCH, new: Watch(after, frozenset({ORIGIN}))}, WITHIN)
    both.restore(before.kept())
    assert told(both, vrps(OWN, Vrp(after, ORIGIN, 24), prefixes=(PREFIX, after)), 1) == []


@pytest.mark.parametrize(
    "kept",
    [{"vrps": [["nowhere", 1, 24]]}, {"vrps": [[1]]}, {"told": [["a", "b", [["late", 1]]]]}, []],
)
def test_what_is_damaged_is_a_sentence(kept: object) -> None:
    """A damaged row is refused as such, and nothing is taken from it."""
    roas = Roas({ROUTE: WATCH}, WITHIN)
    with pytest.raises(ValueError, match="the stored ROAs cannot be read"):
        roas.restore(kept)
    assert roas.kept() == {}


def test_the_watched_are_those_of_the_config() -> None:
    """Each bgp check of each service is followed, and nothing else."""
    bgp = [{"prefix": PREFIX, "origins": [ORIGIN]}]
    config = Config.model_validate(
        {
            "agent": {"name": "here", "domain": {"provider": "host"}},
            "services": [{"name": "shop", "dns": [{"name": "shop.example"}], "bgp": bgp}],
        }
    )
    assert watched(config) == {ROUTE: WATCH}
    assert KEY not in watched(config)
