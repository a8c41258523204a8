"""The other agents of the fleet, and when they were last heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet
from vedette.agent.daemon import Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another agent; *seen_seconds_ago* is None before it was ever heard.

    *error* says in a sentence why its word does not count or may soon not, *notes* what else should
    be mended; both are empty where nothing is.
    """

    name: str
    provider: str
    seen_seconds_ago: float | None
    error: str = ""
    notes: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether its word has become too old to count."""
        return self.seen_seconds_ago is None or self.seen_seconds_ago > SILENT_AFTER


def heard(agent: Agent, fleet: Fleet) -> Sequence[Peer]:
    """Return the other vantages by what was heard from them."""
    return [_peer(agent, fleet, name) for name in agent.ledgers if name != agent.config.agent.name]


def _peer(agent: Agent, fleet: Fleet, name: str) -> Peer:
    ledger, follower = agent.ledgers[name], agent.exchange.followers.get(name)
    error, notes = (follower.standing.error, follower.standing.notes) if follower else ("", [])
    if not ledger.is_empty and fleet.sights[name].blind.holds:
        error = "its own controls fail: its word does not count"
    return Peer(
        name=name,
        provider=agent.plan.quorum.vantages[name].provider,
        seen_seconds_ago=None if ledger.is_empty else max(0.0, fleet.now - ledger.newest_at),
        error=error,
        notes="; ".join(notes),
    )
