"""Whole incidents: the agent's own code in a made world."""

from typing import Any

import pytest

from tests.agent.replay.made import (
    PREFIX,
    SHOP,
    change,
    document,
    name_change,
    scenario,
    watched,
)
from vedette.agent.replay.desk import Shown
from vedette.agent.replay.incident import play
from vedette.agent.replay.report import report
from vedette.agent.replay.timeline import WIDTH, timeline


def _pages(*timeline: dict[str, object], of: dict[str, Any] | None = None) -> list[Shown]:
    played = play(scenario(*timeline, of=of))

    assert not played.faults
    return played.desk.pages


def _routes(share: float) -> list[dict[str, object]]:
    return [{"origin": 64500, "share": share, "rpki": "valid"}] if share else []


def _withdrawn(at: float, over: float = 0.0, share: float = 0.0) -> dict[str, object]:
    return change(at, bgp={"prefix": PREFIX, "over_s": over, "routes": _routes(share)})


def test_a_quiet_world_pages_nobody() -> None:
    """Nor does it show a bug."""
    assert _pages(of=watched(document())) == []


def test_agents_that_look_seldom_are_not_taken_for_silent() -> None:
    """They tell each other that they live, as peers do."""
    assert _pages(of=document() | {"cadence": {"dns_s": 300, "http_s": 300}, "end_s": 900}) == []


def test_a_delegation_to_strangers_is_seen_where_the_parent_alone_is_asked() -> None:
    """Servers of which this world knows no address are no evidence that ours are down."""
    made = document()
    ours = ["ns1.shop.example", "ns2.shop.example"]
    made["watch"]["dns"] = [
        {
            "name": "shop.example",
            "type": "NS",
            "servers": ["parent"],
            "min_records": 1,
            "allowed": ours,
            "dnssec": False,
        }
    ]
    strangers = ["ns1.stranger.example", "ns2.stranger.example"]
    (page,) = _pages(
        name_change(0, name="shop.example", type="NS", at="parent", answers=strangers), of=made
    )

    assert page.diagnosis == "delegation_changed"
    assert "ns1.stranger.example" in page.summary


@pytest.mark.parametrize("declared", [True, False])
def test_a_move_to_declared_name_servers_pages_nobody(declared: bool) -> None:
    """What `allowed` of a zone names may serve it, and other checks of the zone go by that too."""
    made, new = document(), ["ns1.new.example", "ns2.new.example"]
    ours = ["ns1.shop.example", "ns2.shop.example"]
    zone = {"name": "shop.example", "type": "NS", "servers": ["parent"], "min_records": 1}
    made["watch"]["dns"].append(
        {**zone, "allowed": [*ours, *new] if declared else ours, "dnssec": False}
    )
    made["healthy"]["zones"].append(
        {"zone": "example", "ns": [{"name": "a.nic.example", "address": "192.0.2.4"}]}
    )
    made["end_s"] = 1500
    moves = [
        name_change(t, name="shop.example", type="NS", at=at, answers=to)
        for t, to in ((0, ours + new), (900, new))
        for at in ("authoritative", "parent")
    ]
    pages = _pages(*moves, of=made)

    assert [page.diagnosis for page in pages] == ([] if declared else ["delegation_changed"])


def test_an_emptied_record_is_the_headline() -> None:
    """Of one page for all agents, with the page that fails by name beside it."""
    (page,) = _pages(name_change(0))

    assert page.diagnosis == "record_emptied"
    assert page.subject == "www.shop.example A"
    assert 0 < page.opened_at <= 120
    assert "service_down" in page.symptoms
    assert "203.0.113.1" in page.summary  # the address that was good still serves


def test_an_incident_ends_after_the_good_minutes() -> None:
    """The page resolves when all has been well for as long as the config says."""
    made = document() | {"end_s": 1500}
    (page,) = _pages(name_change(0), name_change(300, answers="same"), of=made)

    assert page.resolved_at is not None
    assert 900 <= page.resolved_at <= 1000


def test_the_same_scenario_gives_the_same_report() -> None:
    """Chance is the same each time."""
    made = scenario(name_change(0), of=watched(document()))
    first, second = report(play(made)), report(play(made))

    assert first["pages"]
    assert first["pages"] == second["pages"]


def test_a_withdrawn_prefix_is_seen_through_the_feed() -> None:
    """Frames reach the real feed; every agent says the same."""
    (page,) = _pages(_withdrawn(0), of=watched(document()))

    assert page.diagnosis == "prefix_withdrawn"
    assert 30 <= page.opened_at <= 60


def test_a_stranger_that_shows_where_a_prefix_goes_is_no_hijack() -> None:
    """Who lose it first show a dormant route of another AS, before a fifth of all have lost it."""
    stranger = [{"origin": 64666, "share": 0.2, "rpki": "notfound"}]
    gone = change(0, bgp={"prefix": PREFIX, "over_s": 20, "routes": stranger})
    (page,) = _pages(gone, of=watched(document()))

    assert page.diagnosis == "prefix_withdrawn"
    assert "see it by AS64666" in page.summary


@pytest.mark.parametrize("seconds", [120, 300])
def test_a_stranger_that_shows_while_a_prefix_drains_is_no_hijack(seconds: int) -> None:
    """Nor does it where minutes pass from the first peers that lose the prefix to the last."""
    own = {"origin": 64500, "share": 0.65, "rpki": "valid"}
    stranger = {"origin": 64666, "share": 0.08, "rpki": "notfound"}
    third, routes = seconds // 3, ([own, stranger], [stranger | {"share": 0.15}])
    changes = (
        change(third * n, bgp={"prefix": PREFIX, "over_s": third * (n + 1), "routes": one})
        for n, one in enumerate(routes)
    )
    (page,) = _pages(*changes, of=watched(document()) | {"end_s": 900})

    assert [one.diagnosis for one in page.history] == ["prefix_withdrawn"]


@pytest.mark.parametrize(
    ("share", "is_taken"), [(0.58, True), (0.93, True), (0.1, False), (0.4, False)]
)
def test_a_hijack_that_grows_wakes_once(share: float, is_taken: bool) -> None:
    """What peers lose to the stranger joins its page at any time; what they just lose does not."""
    own = 0.07 if share > 0.9 else 0.4

    def taken(at: float, own: float, share: float) -> dict[str, object]:
        stranger = {"origin": 64666, "share": share, "rpki": "invalid"}
        return change(at, bgp={"prefix": PREFIX, "over_s": 20, "routes": [*_routes(own), stranger]})

    made = watched(document()) | {"end_s": 1500}
    pages = _pages(taken(0, 0.9, 0.1), taken(900, own, share), of=made)

    also = [] if is_taken else ["prefix_partially_withdrawn"]
    assert [page.diagnosis for page in pages] == ["origin_hijack", *also]


def test_a_reset_collector_withdraws_nothing() -> None:
    """Its peers are unknown, and the others still hold the prefix."""
    reset = {"source": "ris-live", "state": "one_collector_reset", "collector": "rrc01"}
    back = {"source": "ris-live", "state": "up"}
    made = watched(document()) | {"end_s": 400}

    assert _pages(change(0, feed=reset), change(200, feed=back), of=made) == []


def test_nothing_is_said_of_routes_while_the_feed_is_silent() -> None:
    """The feed itself is paged, as a warning."""
    made = watched(document()) | {"end_s": 300}
    down = change(0, feed={"source": "ris-live", "state": "down"})
    pages = _pages(down, _withdrawn(10), of=made)

    assert {page.diagnosis for page in pages} == {"feed_stale"}


def test_shared_ledgers_tell_what_own_ones_would() -> None:
    """Agents that hear the same share what they keep of it; a clock of its own sets one apart."""
    apart = change(0, vantage={"agents": "all", "clock_s": 0})

    shared, own = _pages(name_change(0)), _pages(apart, name_change(0))

    assert shared
    assert shared == own


def test_a_page_waits_for_the_uplink() -> None:
    """What an agent cannot hand over shows when it can, and not before."""
    made = document() | {"agents": document()["agents"][:1], "end_s": 900}
    down, up = (
        change(t, vantage={"agents": ["one"], "uplink": word})
        for t, word in ((0, "down"), (300, "up"))
    )
    pages = _pages(down, up, of=made)

    assert all(page.opened_at >= 300 for page in pages)


def test_who_was_cut_off_pages_under_the_key_of_the_others() -> None:
    """The first fault had the service's key, and is over: the second has its own at all agents."""
    down, up = (
        change(t, vantage={"agents": ["one"], "uplink": word})
        for t, word in ((0, "down"), (2700, "up"))
    )
    silent = name_change(60, at="authoritative", error="timeout")
    empty = name_change(960, at="authoritative")
    made = document() | {"end_s": 3600}
    pages = _pages(down, silent, empty, up, of=made)

    told = {page.diagnosis: page.resolved_at is None for page in pages}
    assert told == {"vantage_blind": False, "authoritative_down": False, "record_emptied": True}
    assert len(pages) == len(told)


@pytest.mark.parametrize("offset", [-3600.0, 86400.0])
def test_a_clock_that_jumps_changes_nothing(offset: float) -> None:
    """An agent's time is what its clock showed at the start, and what has passed since."""
    made = document() | {"end_s": 300}
    jumps = change(0, vantage={"agents": "all", "clock_s": offset})

    assert _pages(jumps, of=made) == []


def test_a_certificate_that_is_refused_has_its_name() -> None:
    """TLS is there by its outcome."""
    refused = change(0, http={"url": SHOP, "agents": "all", "error": "tls"})
    (page,) = _pages(refused)

    assert page.diagnosis == "certificate_invalid"


def test_the_timeline_fits_a_terminal() -> None:
    """Every line has at most 80 columns, and tells world and pager in order."""
    made = document() | {"title": "a title " * 20}
    lines = list(timeline(play(scenario(name_change(0), of=made))))

    assert max(map(len, lines)) <= WIDTH
    told = [line for line in lines if " T+" in line]
    assert told[0].split() == ["T+0:00:00", "world", "made"]
    assert any("PAGE" in line and "critical" in line for line in told)
    assert any(line.endswith("still open at the end") for line in lines)


def test_the_timeline_has_the_first_line_of_each_headline() -> None:
    """What the page said before it was headed otherwise is told too."""
    http = change(0, http={"url": SHOP, "agents": "all", "error": "timeout"})
    played = play(scenario(http, name_change(300), of=document() | {"end_s": 900}))
    (page,) = played.desk.pages
    told = " ".join(" ".join(timeline(played)).split())

    assert [head.diagnosis for head in page.history] == ["service_down", "record_emptied"]
    assert all(head.summary[:40] in told for head in page.history)


def test_a_report_has_what_scoring_needs() -> None:
    """Times in seconds after the start, and the whole run as its length."""
    made = report(play(scenario(name_change(0))))
    (page,) = made["pages"]  # type: ignore[misc]

    assert made["scenario"] == "made"
    assert made["virtual_seconds"] == 1020
    assert page["severity"] == "critical"
    assert page["resolved_s"] is None
    assert {"diagnosis", "at_s"} == set(page["symptoms"][0])


def test_no_page_opens_in_a_declared_window() -> None:
    """What fails in it pages nobody; what still fails after it does."""
    made = document() | {"end_s": 400}
    window = [change(at, maintenance={"active": on}) for at, on in ((0, True), (300, False))]
    (page,) = _pages(window[0], name_change(10), window[1], of=made)

    assert 300 <= page.opened_at <= 320

    short = _pages(window[0], name_change(10), name_change(60, answers="same"), window[1], of=made)
    assert short == []
