"""What an agent takes over from the one before it, when its config file was read again.

Nobody forgets what was seen of a check that stays as it was: its hold goes on, nothing becomes
UNKNOWN, and feeds of routes are not left for a moment.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from vedette.agent.config import Config
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.plan import Plan
from vedette.checks.bgp.watch import merged


def unchanged(before: Plan, after: Plan) -> Sequence[CheckKey]:
    """Return the checks of *after* that look, and at times, just as in *before*."""
    known = {one.key: (one.settings, one.timing) for one in before.checks}
    return [one.key for one in after.checks if known.get(one.key) == (one.settings, one.timing)]


def hears_the_same(before: Config, after: Config) -> bool:
    """Whether the sources of routes of *before*, and the way there, are those of *after*."""

    def sources(config: Config) -> object:
        watched = merged(bgp.watch for service in config.services for bgp in service.bgp)
        return watched, config.feeds, config.rpki, config.paging.resolvers

    return sources(before) == sources(after)


class Lasting:
    """Work that goes on while one agent takes the place of another."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Future[None]] = {}

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Wait for *work*, which is begun unless it goes on already; who is cancelled leaves it."""
        task = self._tasks.get(name)
        if task is None or task.done():
            task = self._tasks[name] = asyncio.ensure_future(work())
        await asyncio.shield(task)

    async def end(self) -> None:
        """End all of it."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
