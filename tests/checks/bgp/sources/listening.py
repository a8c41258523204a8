"""A source followed by an intake whose updates are kept, for the tests of this folder."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.waiting import meanwhile, until
from vedette.checks.bgp.feed.feed import Source
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.update import Update


class Listening:
    """What a source has told so far."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._updates: list[Update] = []

    @property
    def updates(self) -> list[Update]:
        """All updates, the oldest first."""
        while items := self.intake.take(1_000_000):
            self._updates += [item for item in items if isinstance(item, Update)]
        return self._updates

    def of(self, kind: type) -> list[tuple[object, ...]]:
        """Return the updates of a *kind*, without peers and times."""
        leave = {"peer", "collector", "asn", "at", "whole_at", "early"}
        return [
            tuple(value for key, value in update._asdict().items() if key not in leave)
            for update in self.updates
            if isinstance(update, kind)
        ]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds of what was told: real servers take their time to meet."""
        await until(condition, lambda: f"{self.intake.last_error!r} {self.updates}")


@asynccontextmanager
async def listening(source: Source, now: Callable[[], float]) -> AsyncIterator[Listening]:
    """Follow *source* until the block ends; what it raises is raised here."""
    heard = Listening(Intake(now))
    async with meanwhile(source.follow(heard.intake)):
        yield heard
