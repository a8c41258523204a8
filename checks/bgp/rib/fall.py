"""How far a prefix has fallen, and since when.

Rule: no I/O, no clock; time is passed in.
"""

from dataclasses import dataclass

from vedette.checks.bgp.rib.standing import PARTIALLY_WITHDRAWN, RECOVERED, WITHDRAWN

SETTLES = 30.0
"""Seconds for which paths settle: a share that is lower for less than that says nothing."""
DRAINS = 120.0
"""Seconds in which a prefix that is withdrawn goes on from its first lost peers to half of them."""
_NEVER = float("-inf")


@dataclass(slots=True)
class Fall:
    """*at* is when the share went below that of a recovered prefix, None while it is not below.

    *halved_at* is since when it is known that half of the peers are gone, and *gone_at* that nearly
    all are; *collapsed*, whether half had no route at all since *at*, not even a stranger's;
    *recovered_at*, when that was last over; *lost_at*, since when the feed is not heard.
    """

    at: float | None = None
    halved_at: float | None = None
    gone_at: float | None = None
    collapsed: bool = False
    drains: bool = False
    recovered_at: float = _NEVER
    lost_at: float | None = None

    def review(self, share: float, now: float, *, taken: float, known: bool) -> None:
        """Note the *share* as of *now*, and that *taken* by strangers; *known*: of enough peers."""
        self._leave_out_the_gap(now)
        if share >= RECOVERED:
            self.recovered_at = now if self.collapsed else self.recovered_at
            self.at, self.collapsed = None, False
        elif self.at is None:
            self.at = now
        # More have no route at all than one to a stranger: these are not what the others lost.
        is_fresh = self.at is not None and now < self.at + DRAINS
        self.drains = is_fresh and share + 2 * taken < 1.0
        if not known or share > PARTIALLY_WITHDRAWN:
            self.halved_at = self.gone_at = None
            return
        # What strangers took did not go first: it may be they who made the prefix fall.
        self.collapsed = self.collapsed or share + taken <= PARTIALLY_WITHDRAWN
        if self.halved_at is None or (share > WITHDRAWN and self._was_withdrawn(now)):
            self.halved_at = now
        if share > WITHDRAWN:
            self.gone_at = None
        elif self.gone_at is None:
            self.gone_at = now

    def _was_withdrawn(self, now: float) -> bool:
        """Whether all but a few were gone for so long that it comes back from a withdrawal."""
        return self.gone_at is not None and now - self.gone_at >= SETTLES

    def lapse(self, now: float) -> None:
        """Note that the feed was lost: what is seen after it counts on from what was seen before.

        A feed that is lost again and again would otherwise never see anything for long.
        """
        self.lost_at = now if self.lost_at is None else self.lost_at

    def _leave_out_the_gap(self, now: float) -> None:
        if self.lost_at is None:
            return
        gap, self.lost_at = max(0.0, now - self.lost_at), None
        if self.halved_at is not None:
            self.halved_at += gap
        if self.gone_at is not None:
            self.gone_at += gap
