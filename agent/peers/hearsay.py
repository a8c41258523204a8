"""What peers say that pagers have accepted of late, so that nobody is woken for what is over.

Rule: pure; time is passed in.
"""

from collections.abc import Callable

MOST = 4096
"""Keys at pagers that are remembered: who says more makes the oldest be forgotten."""


class Hearsay:
    """By pager and key, who has newest had a trigger accepted; *heard* is told of each word.

    Pagers of one name are taken to be the same, as their agents share the block `pagers`.
    """

    def __init__(self) -> None:
        self._newest: dict[tuple[str, str], tuple[float, str]] = {}
        self.heard: Callable[[str, str], None] = lambda _pager, _key: None

    def hear(self, peer: str, pager: str, key: str, at: float) -> None:
        """Take in that *pager* has accepted a trigger of *key* from *peer*, *at* our epoch."""
        before = self._newest.pop((pager, key), (at, peer))
        self._newest[pager, key] = max(before, (at, peer))
        if len(self._newest) > MOST:
            del self._newest[next(iter(self._newest))]
        self.heard(pager, key)

    def teller(self, pager: str, key: str, since: float) -> str | None:
        """Return the peer whose trigger of *key* was accepted *since* then; None for nobody."""
        at, peer = self._newest.get((pager, key), (float("-inf"), ""))
        return peer if at >= since else None
