"""Who is told of what, and when a second channel is.

Rule: pure; no I/O, no clock; time is passed in.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vedette.exporters.page import Action, Page, Severity

BACKUP_AFTER = 60.0
"""Seconds for which a page may be unaccepted before the second channel gets it too."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which pages a pager takes: those of *services* and *severities*, None for all.

    With *backup_of* it takes only what that pager has not accepted in time, or has refused.
    """

    pager: str
    services: frozenset[str] | None = None
    severities: frozenset[Severity] | None = None
    backup_of: str | None = None


class Routes:
    """The routes of a config, of which *watched* are the services.

    What pages under another name is about the agents themselves (a blind vantage, a silent feed or
    peer, a drill), or an alarm of a user's own that is of no service: it concerns everybody, and no
    route by service keeps it from a pager.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        watched: Collection[str] = (),
        backup_after: float = BACKUP_AFTER,
    ) -> None:
        self._routes = tuple(routes)
        self._watched = frozenset(watched)
        self.backup_after = backup_after

    def first(self, page: Page) -> Sequence[str]:
        """Return the pagers that get *page* at once."""
        return [r.pager for r in self._routes if r.backup_of is None and self._takes(r, page)]

    def backups(self, pager: str, page: Page) -> Sequence[str]:
        """Return the pagers that get *page* where *pager* does not take it.

        A second channel that does not want the page passes the duty on to its own.
        """
        found: list[str] = []
        for route in self._routes:
            if route.backup_of == pager:
                found += (
                    [route.pager] if self._takes(route, page) else self.backups(route.pager, page)
                )
        return list(dict.fromkeys(found))

    def backup_at(self, pager: str, page: Page, queued_at: float) -> float | None:
        """Return when the second channels get what *pager* has not accepted, None for never.

        Only a call for help is worth a second channel; its end goes wherever it went.
        """
        if page.action is not Action.TRIGGER or not self.backups(pager, page):
            return None
        return queued_at + self.backup_after

    def _takes(self, route: Route, page: Page) -> bool:
        if route.severities is not None and page.severity not in route.severities:
            return False
        if route.services is None or page.service not in self._watched:
            return True
        return page.service in route.services
