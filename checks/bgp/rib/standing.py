"""What is said of one watched prefix: the counts, and which shares mean that something is wrong.

Rule: types only.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

from vedette.checks.bgp.reason import Reason
from vedette.checks.bgp.rib.foreign import Foreign

WITHDRAWN = 0.20
"""Zombies and late convergence keep up to a tenth of the peers on a dead route."""
PARTIALLY_WITHDRAWN = 0.50
RECOVERED = 0.80


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much of a prefix's baseline reaches it by an expected origin, and what is wrong with it.

    *of* counts the baseline's peers that we know about, *unknown* those whose session is down.
    *origins* and *neighbours* count peers per AS, foreign ones included; *announced* are the
    expected origins that enough peer ASes see. *conditions* maps what is wrong to since when, in
    the receiver's epoch seconds; what is withdrawn is not partially so.
    *in_doubt* are those that ended with sessions that were lost: they may go on.
    *fell_at* is when the share last went below that of a recovered prefix, None while it is not
    below; *collapsed*, whether half of the peers had no route at all since, and *drains*, whether
    that may come yet. *since* is the newest route, withdrawal or seed behind these numbers, in the
    feed's epoch seconds.
    *enough* is False where the baseline is too small to judge by.
    """

    share: float
    holding: int
    of: int
    unknown: int
    enough: bool
    origins: Mapping[int, int]
    announced: Set[int]
    neighbours: Mapping[int, int]
    collectors: int
    foreign: tuple[Foreign, ...]
    conditions: Mapping[Reason, float]
    in_doubt: Set[Reason]
    fell_at: float | None
    collapsed: bool
    drains: bool
    since: float

    @property
    def known(self) -> bool:
        """Whether enough of the baseline is left to judge by: at least half of it."""
        return self.enough and self.unknown * 2 <= self.of + self.unknown
