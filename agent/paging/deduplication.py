"""What peers have told pagers under the same keys: what of ours to hold, to leave, to say again.

Agents that agree page the same. A trigger that is over, as its resolve waits behind it, would wake
people again where a peer's page has come and gone: it is held until the peers can have said so, and
not sent once one has. A resolve that comes late would end what a peer has opened since: it is not
sent either. Where one did end what burns, whoever sees it burn calls again.
Rule: no I/O, no clock; time is passed in.
"""

import math

from vedette.agent.memory.pages import Row
from vedette.agent.paging.queue import Queue, Waiting
from vedette.agent.peers.hearsay import Hearsay

HELD_FOR = 30.0
"""Seconds for which peers may say that they have told of what is over, and so need not be told; and
within which agents see an end that is one."""
TURN = 5.0
"""Seconds between the turns of agents with what is over: they see an end a few seconds apart, and
hear of each other within one."""
TURNS = 6
AHEAD = 60.0
"""Seconds by which a peer may have paged the same before us."""
WORD = 1.0
"""Seconds by which it may be wrong when a peer's page was taken."""


class Deduplication:
    """Of the pages in *queue*, by what *hearsay* knows of peers.

    Each agent has another *turn*, so that who comes later has heard of who came before.
    """

    def __init__(self, hearsay: Hearsay, queue: Queue, *, turn: int, began_at: float) -> None:
        self._hearsay, self._queue, self._began_at = hearsay, queue, began_at
        self._held_for = HELD_FOR + min(turn, TURNS - 1) * TURN

    def held_until(self, resolve: Row) -> float:
        """Return from when on the trigger before *resolve* goes out, though it is over."""
        return max(resolve.queued_at, self._began_at) + self._held_for

    def retried_from(self, trigger: Row) -> float:
        """Return from when on to send *trigger* again that its pager has not taken.

        Where a peer has called, somebody knows: there is no hurry, and it may be over soon.
        """
        is_told = self._hearsay.caller(trigger.pager, trigger.page.key, trigger.queued_at - AHEAD)
        return trigger.queued_at + self._held_for if is_told else -math.inf

    def moot(self, pager: str, key: str, taken_at: float | None) -> tuple[Waiting, str] | None:
        """Return what is next of *key* and need not be sent, and why; None where it must be.

        *taken_at* is when *pager* took a trigger of ours that is not resolved; None for none.
        """
        if stale := self._queue.stale(pager, key):
            peer = self._hearsay.caller(pager, key, stale.row.queued_at - AHEAD)
            return (stale, f"told by peer {peer}") if peer else None
        if taken_at is None:
            # Of ours nothing is open there: this would end what peers have opened, and it burns.
            over = self._queue.begun_again(pager, key)
            return (over, "begun again") if over else None
        late = self._queue.ending(pager, key)
        # Of two that have called after the end, each would leave it to the other.
        if late is None or taken_at > late.row.queued_at:
            return None
        peer = self._hearsay.caller(pager, key, late.row.queued_at + WORD)
        return (late, f"called for by peer {peer} since") if peer else None

    def again_at(self, pager: str, key: str, taken_at: float) -> float:
        """Return from when on to call again, as a peer has ended what *pager* took *taken_at*.

        Infinity where none has, or where somebody has called since.
        """
        ended_at = self._hearsay.ended_at(pager, key)
        if ended_at < taken_at - WORD or self._hearsay.caller(pager, key, ended_at):
            return math.inf
        return ended_at + self._held_for
