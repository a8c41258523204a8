"""What peers have told pagers under the same keys: what of ours to hold, to leave, to say again.

Agents that agree page the same. A trigger that is over, as its resolve waits behind it, would wake
people again where a peer's page has come and gone: it is held until the peers can have said so, and
not sent once one has. A resolve that comes late would end what a peer has opened since: it is not
sent either. Where one did end what burns, whoever sees it burn calls again. Who was cut off, or
comes when a peer has ended it, calls late for nothing but what it still sees.
Rule: no I/O, no clock; time is passed in.
"""

import math
from collections.abc import Callable, Collection, Iterator

from vedette.agent.diagnoses.names import Diagnosis
from vedette.agent.memory.pages import Row
from vedette.agent.paging.queue import Queue, Waiting
from vedette.agent.peers.hearsay import Hearsay
from vedette.exporters.page import Action

HELD_FOR = 30.0
"""Seconds for which peers may say that they have told of what is over, and so need not be told; and
within which agents see an end that is one."""
TURN = 5.0
"""Seconds between the turns of agents with what is over: they see an end a few seconds apart, and
hear of each other within one."""
TURNS = 6
AHEAD = 60.0
"""Seconds by which a peer may have paged the same before us."""
TOGETHER = 3.0
"""Seconds within which agents see the same fault begin."""
HEARD_WITHIN = 5.0
"""Seconds after the start, or a time of seeing nothing, within which peers have said what they have
told: what is to be sent may be over by then, or have begun again."""
ROLLED_OUT_WITHIN = 300.0
"""Seconds within which the agents of a deployment read a new config, one after the other."""
LOOK_AGAIN = 1.0
WORD = 1.0
"""Seconds by which it may be wrong when a peer's page was taken."""


Place = tuple[str, str]
"""A pager and a key."""


class Deduplication:
    """Of the pages in *queue*, by what *hearsay* knows of peers.

    *burns* says whether what a key stands for is seen to fail; None of one that stands for no
    incident. *blind_at* says when this agent last saw nothing. Of the keys *gone* it watches the
    services no longer. Each agent has another *turn*, so that who comes later has heard of who came
    before.
    """

    def __init__(
        self,
        hearsay: Hearsay,
        queue: Queue,
        burns: Callable[[str], bool | None],
        blind_at: Callable[[], float],
        gone: Collection[str],
        *,
        turn: int,
        began_at: float,
    ) -> None:
        self._hearsay, self._queue, self._began_at = hearsay, queue, began_at
        self._blind_at, self._gone = blind_at, gone
        self._burns, self._held_for = burns, HELD_FOR + min(turn, TURNS - 1) * TURN
        self._again: dict[Place, float] = {}
        self._answered: dict[Place, float] = {}

    def held_until(self, row: Row, resolve: Row | None, now: float) -> float:
        """Return from when on *row* goes out: a call with a *resolve* behind it is over."""
        if resolve is not None:
            return max(resolve.queued_at, self._began_at) + self._held_for
        if row.page.action is Action.TRIGGER and self._is_late(row):
            return now + LOOK_AGAIN
        if row.queued_at < self._began_at:
            return self._began_at + HEARD_WITHIN
        if row.page.action is Action.TRIGGER:
            return -math.inf
        if row.page.key in self._gone:
            return min(self._rolled_out_at(row), now + LOOK_AGAIN)
        return min(self._blind_at(), row.queued_at) + HEARD_WITHIN

    def _rolled_out_at(self, end: Row) -> float:
        """Return when peers have read the config that has the service of *end* no longer.

        Until then they may see it burn, and would call again for what is ended here.
        """
        place = end.pager, end.page.key
        is_called = self._hearsay.caller(*place, self._hearsay.ended_at(*place))
        return end.queued_at + (ROLLED_OUT_WITHIN if is_called else HEARD_WITHIN)

    def _is_late(self, trigger: Row) -> bool:
        """Whether others had to call, or have ended it, and it is not seen to fail."""
        is_theirs = self._was_cut_off(trigger) or self._was_ended(trigger)
        return is_theirs and self._burns(trigger.page.key) is False

    def _was_ended(self, trigger: Row) -> bool:
        """Whether a peer has ended the same since: it sees a little sooner that it is over."""
        return self._hearsay.ended_at(trigger.pager, trigger.page.key) > trigger.queued_at

    def _was_cut_off(self, trigger: Row) -> bool:
        """Whether this agent saw nothing after it would have called, so that others had to.

        Unless it is for that.
        """
        is_why = trigger.page.diagnosis == Diagnosis.VANTAGE_BLIND
        return not is_why and self._blind_at() >= trigger.queued_at

    def retried_from(self, trigger: Row) -> float:
        """Return from when on to send *trigger* again that its pager has not taken.

        Where a peer has called, somebody knows: there is no hurry, and it may be over soon. A call
        that is older than that, or ended, was for another fault.
        """
        place, since = (trigger.pager, trigger.page.key), trigger.queued_at - TOGETHER
        is_told = self._hearsay.caller(*place, max(since, self._hearsay.ended_at(*place)))
        return trigger.queued_at + self._held_for if is_told else -math.inf

    def moot(self, place: Place, taken_at: float | None) -> tuple[Waiting, str] | None:
        """Return what is next at *place* and need not be sent, and why; None where it must be.

        *taken_at* is when the pager took a trigger of ours that is not resolved; None for none.
        """
        # It says more of what people know, and would wake them once more for it.
        if self.is_over(place, taken_at) and (more := self._queue.calling(*place)):
            return more, "ended by a peer"
        if stale := self._queue.stale(*place):
            peer = self._hearsay.caller(*place, stale.row.queued_at - AHEAD)
            if not peer and self._was_cut_off(stale.row):
                return stale, "over before this agent saw anything again"
            return (stale, f"told by peer {peer}") if peer else None
        if taken_at is None:
            # Of ours nothing is open there: this would end what peers have opened, and it burns.
            over = self._queue.begun_again(*place)
            return (over, "begun again") if over else None
        late = self._queue.ending(*place)
        # Of two that have called after the end, each would leave it to the other.
        if late is None or taken_at > late.row.queued_at:
            return None
        # Where a peer has ended ours, what stands there is of who has called since.
        ended_at, since = self._hearsay.ended_at(*place), late.row.queued_at + WORD
        since = min(since, ended_at + WORD) if ended_at >= taken_at else since
        peer = self._hearsay.caller(*place, since)
        return (late, f"called for by peer {peer} since") if peer else None

    def is_over(self, place: Place, taken_at: float | None) -> bool:
        """Whether a peer has ended a call of ours, *taken_at* then, and nobody sees it fail."""
        return self._is_ended(place, taken_at) and not self._burns(place[1])

    def expect(self, place: Place, taken_at: float | None) -> None:
        """Note when to call again for what stands at *place*, if a peer has ended it."""
        self._again.pop(place, None)
        if taken_at is None:
            self._answered.pop(place, None)
        if (at := self._again_at(place, taken_at)) < math.inf:
            self._again[place] = at

    def _again_at(self, place: Place, taken_at: float | None) -> float:
        """Return from when on: who sees its end then has had the time. Infinity for never."""
        if self._queue.holds(*place) or not self._is_ended(place, taken_at):
            return math.inf
        ended_at = self._hearsay.ended_at(*place)
        if ended_at <= self._answered.get(place, -math.inf):  # whatever became of that call
            return math.inf
        return ended_at + self._held_for

    def _is_ended(self, place: Place, taken_at: float | None) -> bool:
        """Whether a peer has ended a call of ours, *taken_at* then, and none has called since."""
        ended_at = self._hearsay.ended_at(*place)
        if taken_at is None or ended_at < taken_at - WORD:
            return False
        return self._hearsay.caller(*place, ended_at) is None

    @property
    def next_at(self) -> float:
        """From when on something may have to be called for again."""
        return min(self._again.values(), default=math.inf)

    def lost(self, now: float) -> Iterator[Place]:
        """Yield where a peer has ended what is seen to burn, so that nobody knows of it now."""
        for place in [place for place, at in self._again.items() if at <= now]:
            if self._burns(place[1]):
                del self._again[place]
                self._answered[place] = self._hearsay.ended_at(*place)
                yield place
            else:  # it is not well for long enough here, or comes and goes
                self._again[place] = now + LOOK_AGAIN
