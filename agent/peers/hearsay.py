"""What peers say that pagers have accepted of late: calls for help, and their ends.

Rule: pure; time is passed in.
"""

import math
from collections.abc import Callable, Set

from vedette.exporters.page import Action

MOST = 4096
"""Keys at pagers that are remembered: who says more makes the oldest be forgotten."""


class Hearsay:
    """By pager and key, who has newest had a page accepted; *heard* is told of each word.

    Pagers of one name are taken to be the same, as their agents share the block `pagers`.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[Action, str, str], tuple[float, str]] = {}
        self.heard: Callable[[str, str], None] = lambda _pager, _key: None

    def hear(self, peer: str, pager: str, key: str, at: float, action: Action) -> None:
        """Take in that *pager* has accepted *action* of *key* from *peer*, *at* our epoch."""
        before = self._newest.pop((action, pager, key), (at, peer))
        self._newest[action, pager, key] = max(before, (at, peer))
        if len(self._newest) > MOST:
            del self._newest[next(iter(self._newest))]
        self.heard(pager, key)

    def caller(self, pager: str, key: str, since: float) -> str | None:
        """Return the peer whose trigger of *key* was accepted *since* then; None for nobody."""
        at, peer = self._newest.get((Action.TRIGGER, pager, key), (-math.inf, ""))
        return peer if at >= since else None

    def callers(self, key: str) -> Set[str]:
        """Return the peers whose calls under *key* stand: of whose ends nothing was heard."""
        return {
            peer
            for (action, pager, of), (at, peer) in self._newest.items()
            if of == key and action is Action.TRIGGER and at > self.ended_at(pager, key)
        }

    def ended_at(self, pager: str, key: str) -> float:
        """Return when a peer's resolve of *key* was accepted; minus infinity for never."""
        return self._newest.get((Action.RESOLVE, pager, key), (-math.inf, ""))[0]
