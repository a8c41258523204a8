"""All that the first page says, gathered from the parts of the agent."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vedette.agent.alarms.fleet import Fleet
from vedette.agent.daemon import Agent
from vedette.agent.status.contents import Contents
from vedette.agent.status.deliveries import Deliveries, deliveries
from vedette.agent.status.feeds import FeedRow, Rpki, feed_row, rpki
from vedette.agent.status.peers import Peer, heard
from vedette.agent.status.services import Standing, standings
from vedette.agent.status.shares import History, Routes, routes
from vedette.agent.status.trouble import Head, Trouble, Troubles
from vedette.checks.finding import Verdict

FRESH_FOR = 1.0
"""Seconds for which readers share what was gathered."""
INCIDENTS, UNWELL, WELL = 10, 20, 60
"""How many incidents are shown whole, services that are not well, and names of those that are."""


class Mood(StrEnum):
    """The state of things in a word, the worst first."""

    BLIND = "blind"
    INCIDENT = "incident"
    WARNING = "warning"
    UNKNOWN = "unknown"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the first page says as of *now*; lists are cut, and what is cut is counted."""

    now: float
    mood: Mood
    headline: str
    troubles: Sequence[Trouble]
    others: Sequence[Head]
    unnamed: int
    maintenance: Sequence[str]
    store_failing: bool
    unwell: Sequence[Standing]
    more_unwell: int
    well: Sequence[Standing]
    more_well: int
    services: int
    checks: int
    counts: Counter[Verdict]
    routes: Routes
    peers: Sequence[Peer]
    feeds: Sequence[FeedRow]
    rpki: Rpki | None
    deliveries: Deliveries


class Gathering:
    """How all services of *agent* stand; those that ask within a second share the answer."""

    def __init__(self, agent: Agent, contents: Contents) -> None:
        self._agent = agent
        self._contents = contents
        self._one_at_a_time = asyncio.Lock()
        self._at = float("-inf")
        self._known: Sequence[Standing] = ()

    async def standings(self) -> Sequence[Standing]:
        """Return how each service stands, those that are not well first."""
        async with self._one_at_a_time:
            now = self._agent.now()
            if not 0 <= now - self._at < FRESH_FOR:
                checks = self._contents.checks
                self._known, self._at = await standings(checks, self._agent.ledger, now), now
            return self._known


def fleet_of(agent: Agent) -> Fleet:
    """Return all vantages as of now, as the engine judges them."""
    return Fleet(agent.ledgers, agent.engine.quorum, agent.plan.controls, agent.now())


async def overview(
    agent: Agent,
    contents: Contents,
    gathering: Gathering,
    troubles: Troubles,
    history: History,
) -> Overview:
    """Return what the first page says."""
    stand = await gathering.standings()
    fleet = fleet_of(agent)
    now, open_ = fleet.now, troubles.open()
    whole, others = [], []
    for incident in open_[:INCIDENTS]:
        whole.append(await troubles.trouble(incident, fleet))
        await asyncio.sleep(0)
    for incident in open_[INCIDENTS : 5 * INCIDENTS]:
        others.append(troubles.head(incident))
        await asyncio.sleep(0)
    counts: Counter[Verdict] = Counter()
    for one in stand:
        counts.update(one.counts)
    unwell = [one for one in stand if one.verdict is not Verdict.OK]
    well = stand[len(unwell) :]
    told = deliveries(agent.outbox)
    ails = bool(told.owed or told.refused or agent.journal.failing)
    unseen = any(one.unseen for one in stand)
    mood = _mood(
        whole,
        fleet,
        fails=ails or counts[Verdict.FAILING] > 0,
        unknown=unseen or counts[Verdict.UNKNOWN] > 0 or not agent.ready,
    )
    return Overview(
        now=now,
        mood=mood,
        headline=_headline(mood, len(open_)),
        troubles=whole,
        others=others,
        unnamed=len(open_) - len(whole) - len(others),
        maintenance=[str(one) for one in agent.maintenance.open(now)],
        store_failing=agent.journal.failing,
        unwell=unwell[:UNWELL],
        more_unwell=len(unwell) - len(unwell[:UNWELL]),
        well=well[:WELL],
        more_well=len(well) - len(well[:WELL]),
        services=sum(not one.is_control for one in stand),
        checks=sum(one.checks for one in stand),
        counts=counts,
        routes=await routes(contents.checks, agent.ledger, history, now),
        peers=heard(agent, fleet),
        feeds=[feed_row(feed.health(now), now) for feed in agent.plan.feeds],
        rpki=_rpki(agent, now),
        deliveries=told,
    )


def _mood(whole: Sequence[Trouble], fleet: Fleet, *, fails: bool, unknown: bool) -> Mood:
    if fleet.sights[fleet.own].blind.holds:
        return Mood.BLIND
    if any(not one.head.is_warning for one in whole):
        return Mood.INCIDENT
    if whole or fails:
        return Mood.WARNING
    return Mood.UNKNOWN if unknown else Mood.QUIET


def _headline(mood: Mood, count: int) -> str:
    if mood is Mood.BLIND:
        return "This vantage is blind"
    if count:
        return f"{count} open incident{'s' if count != 1 else ''}"
    if mood is Mood.UNKNOWN:
        return "No incident, and not everything is known"
    return "All quiet" if mood is Mood.QUIET else "No incident, and something fails"


def _rpki(agent: Agent, now: float) -> Rpki | None:
    if agent.plan.vrps is None or agent.roas is None:
        return None
    return rpki(agent.plan.vrps.health(now), agent.roas, now)
