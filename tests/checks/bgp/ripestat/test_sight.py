"""One look by RIPEstat alone: who has a prefix, who has lost it, and what that means."""

from tests.checks.bgp.made import ORIGIN, PREFIX, address, rows
from tests.servers.rislive import ris_live
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.ripestat.sight import Sight, ask_ripestat
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Verdict

WATCH = Watch(PREFIX, frozenset({ORIGIN}))
NOW, PRESENT, PAST = 1_781_627_400.0, "2026-06-16T16:30:00", "2026-06-15T16:30:00"


async def sight(
    now: list, past: list | None, watch: Watch = WATCH, parts: dict[str, list] | None = None
) -> Sight:
    """Return the sight of *watch* where RIPEstat has *now*, *parts*, and had *past*."""
    async with ris_live() as server:
        server.seed(PREFIX, now, PRESENT)
        for prefix, listed in (parts or {}).items():
            state = server.seeds[PREFIX]["data"]["bgp_state"]
            state += [{"target_prefix": prefix, "source_id": s, "path": p} for s, p in listed]
        if past is not None:
            server.past(PREFIX, past, PAST)
        else:
            server.pasts[PREFIX] = "nothing"
        seen = await ask_ripestat(watch, server.seed_url, NOW)
        assert server.violations == []
        assert server.past_requests == [(PREFIX, PAST)]
    return seen


async def test_all_have_it() -> None:
    """Where everybody has a route who had one a day ago, the prefix is well."""
    seen = await sight(rows(10), rows(10))
    assert (seen.finding.verdict, len(seen.holders), seen.lost) == (Verdict.OK, 10, set())
    assert seen.finding.facts["holding_by_collector"] == {"rrc00": 10}
    assert seen.finding.facts["lost_by_collector"] == {}
    assert (seen.at, seen.past_at) == (NOW, NOW - 86400)


async def test_who_had_it_a_day_ago_counts() -> None:
    """A prefix that one in ten still has is withdrawn, and those who lost it are known."""
    seen = await sight(rows(1), rows(10))
    assert (seen.finding.reason, seen.finding.facts["share"]) == (Reason.WITHDRAWN, 0.1)
    assert {peer.address for peer in seen.lost} == {address(n) for n in range(1, 10)}
    assert seen.finding.facts["lost_by_collector"] == {"rrc00": 9}


async def test_without_a_past_the_present_is_judged() -> None:
    """Where the table of a day ago cannot be had, those who have the prefix are judged."""
    seen = await sight(rows(10), None)
    assert (seen.finding.verdict, seen.past_at) == (Verdict.OK, None)


async def test_nobody_has_it() -> None:
    """A prefix that nobody has, now or a day ago, is withdrawn: silence is failing."""
    seen = await sight([], [])
    assert seen.finding.reason is Reason.WITHDRAWN


async def test_a_prefix_of_few_peers_is_judged_by_them() -> None:
    """Where only two peers ever had a route, two are enough."""
    assert (await sight(rows(2), rows(2))).finding.verdict is Verdict.OK
    assert (await sight([], rows(2))).finding.reason is Reason.WITHDRAWN


async def test_a_foreign_origin_and_a_part() -> None:
    """Three peer ASes make a foreign origin or part a fault; one that lies alone does not."""

    def strangers(count: int) -> list:
        return [(f"01-{address(n)}", [64600 + n, 64666]) for n in range(count)]

    alone = await sight([*rows(10), *strangers(1)], rows(10))
    assert alone.finding.verdict is Verdict.OK
    assert alone.finding.facts["foreign_origins"] == {"64666": 1}
    some = await sight([*rows(10), *strangers(3)], rows(10))
    assert some.finding.reason is Reason.ORIGIN
    part = "192.0.2.0/25"
    inside = await sight(rows(10), rows(10), parts={part: strangers(3)})
    assert inside.finding.reason is Reason.MORE_SPECIFIC
    assert len(inside.parts[part]) == 3


async def test_no_table_is_unknown() -> None:
    """What RIPEstat does not tell, or tells too long, is unknown with the cause."""
    async with ris_live() as server:
        refused = await ask_ripestat(WATCH, server.seed_url, NOW)
        server.seeds[PREFIX] = "x" * (9 * 1024 * 1024)
        large = await ask_ripestat(WATCH, server.seed_url, NOW)
    nobody = await ask_ripestat(WATCH, "http://127.0.0.1:1/data.json", NOW)
    for seen in (refused, large, nobody):
        assert (seen.finding.verdict, seen.finding.reason) == (Verdict.UNKNOWN, Reason.UNSEEDED)
    assert "HTTP 500" in refused.finding.detail
    assert "larger than 8 MB" in large.finding.detail
