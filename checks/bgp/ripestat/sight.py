"""One look at a prefix by RIPEstat alone: who has it, by which path, and who had it a day ago."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace

import aiohttp

from vedette.checks.bgp.feed.seeding import PAST
from vedette.checks.bgp.judge import judge
from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.routes import LEAST, Routes
from vedette.checks.bgp.ripestat import state as ripestat
from vedette.checks.bgp.ripestat.state import Seed, SeedError
from vedette.checks.bgp.watch import Watch
from vedette.checks.finding import Fact, Finding, Verdict

FEED = "ripestat"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen: *holders* have a route, *lost* had one a day ago, *parts* are more-specifics.

    *at* and *past_at* are the times of the two tables in epoch seconds; None where one could not
    be had. Beyond what every finding about a prefix has, its facts are `holding_by_collector` and
    `lost_by_collector` (to peers), `table_at` and `past_table_at`.
    """

    finding: Finding
    holders: Mapping[Peer, Path]
    lost: Set[Peer]
    parts: Mapping[str, Mapping[Peer, Path]]
    at: float | None = None
    past_at: float | None = None


async def ask_ripestat(watch: Watch, url: str, now: float) -> Sight:
    """Judge *watch* once; the baseline are the peers that have a route, or had one a day ago.

    Without the table of a day ago, only those that have one still are. *now* is epoch seconds.
    """
    async with ripestat.session() as session:
        present, past = await asyncio.gather(
            _table(session, url, watch.prefix), _table(session, url, watch.prefix, now - PAST)
        )
    if isinstance(present, SeedError):
        detail = f"nothing is known about {watch.prefix}: {present}"
        facts = {"feed": FEED}
        unknown = Finding(
            verdict=Verdict.UNKNOWN, reason=Reason.UNSEEDED, detail=detail, facts=facts
        )
        return Sight(unknown, {}, frozenset(), {})
    return _sight(watch, present, None if isinstance(past, SeedError) else past)


async def _table(
    session: aiohttp.ClientSession, url: str, prefix: str, at: float | None = None
) -> Seed | SeedError:
    try:
        return await ripestat.fetch(session, url, prefix, at)
    except SeedError as error:
        return error


def _sight(watch: Watch, present: Seed, past: Seed | None) -> Sight:
    holders = present.routes.get(watch.prefix, {})
    before = past.routes.get(watch.prefix, {}) if past else {}
    peers = holders.keys() | before.keys()
    # Of a prefix that hardly anybody ever had, the few must be enough.
    routes = Routes([watch], least=max(1, min(LEAST, len(peers))))
    routes.remember(watch.prefix, before, present.at)
    for prefix in {watch.prefix, *present.routes}:
        routes.seed(prefix, present.routes.get(prefix, {}), present.at, present.at)
    finding = judge(watch, routes.standing(watch.prefix), feed=FEED)
    lost = before.keys() - holders.keys()
    facts: dict[str, Fact] = {
        "holding_by_collector": _by_collector(holders),
        "lost_by_collector": _by_collector(lost),
        "table_at": present.at,
        "past_table_at": past.at if past else None,
    }
    return Sight(
        replace(finding, facts={**finding.facts, **facts}),
        holders,
        lost,
        {prefix: rows for prefix, rows in present.routes.items() if prefix != watch.prefix},
        present.at,
        past.at if past else None,
    )


def _by_collector(peers: Iterable[Peer]) -> dict[str, float]:
    counts = Counter(peer.collector for peer in peers)
    return {name: float(counts[name]) for name in sorted(counts)}
