"""The other agents of the fleet, and when they were last heard."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vedette.agent.alarms.fleet import SILENT_AFTER, Fleet
from vedette.agent.daemon import Agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another agent; *seen_seconds_ago* is None before it was ever heard.

    *error* says in a sentence why it is not heard, empty where nothing is wrong.
    """

    name: str
    provider: str
    seen_seconds_ago: float | None
    error: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether its word has become too old to count."""
        return self.seen_seconds_ago is None or self.seen_seconds_ago > SILENT_AFTER


Peers = Callable[[], Sequence[Peer]]
"""Tells how the other agents are now."""


def heard(agent: Agent, fleet: Fleet) -> Sequence[Peer]:
    """Return the other vantages by what was heard from them."""
    return [
        Peer(
            name=name,
            provider=agent.plan.quorum.vantages[name].provider,
            seen_seconds_ago=None if ledger.is_empty else max(0.0, fleet.now - ledger.newest_at),
            error="its own controls fail: its word does not count"
            if not ledger.is_empty and fleet.sights[name].blind.holds
            else _trouble(agent, name),
        )
        for name, ledger in agent.ledgers.items()
        if name != agent.config.agent.name
    ]


def _trouble(agent: Agent, name: str) -> str:
    """Return what is wrong with the way to a peer, and what should be mended."""
    follower = agent.exchange.followers.get(name)
    if follower is None:
        return ""
    return "; ".join(filter(None, [follower.standing.error, *follower.standing.notes]))
