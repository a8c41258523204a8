"""What an agent tells its peers: its rounds of late, numbered, for whoever asks what is newer.

And so the pages of its own that pagers have accepted, numbered for themselves.
"""

import asyncio
import logging
import secrets
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import NamedTuple

from msgspec import Raw

from vedette.agent.config import AgentSettings
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.memory.pages import Accepted
from vedette.agent.peers import wire
from vedette.agent.plan import Planned
from vedette.checks.finding import Observation
from vedette.exporters.page import Action

log = logging.getLogger(__name__)

KEPT_FOR = 60.0
"""Seconds for which every round is told; who comes later is told the newest of each check."""
GATHERED = 0.1
"""Seconds for which news are gathered: a busy agent is asked ten times a second, and no more."""
ENOUGH = 256 << 10
"""Octets after which a document is closed; what is left comes with the next."""
MOST = 500
"""Rounds after which it is: who writes a thousand checks into one document delays its probes."""
ACCEPTED_FOR = 86400.0
"""Seconds for which it is told that a page was accepted, so that who was dead for hours calls for
nothing that is over; of one that stands, until it is over."""


class _Numbered(NamedTuple):
    number: int
    at: float
    key: CheckKey
    looks: Sequence[Observation]


class _Accepted(NamedTuple):
    number: int
    one: Accepted


class _Cursor(NamedTuple):
    """What a peer has been told last; *rounds* is None where it is to be told the present."""

    rounds: int | None
    accepted: int


class Offer:
    """The rounds of this agent by number; *now* is the clock by which it looks.

    *accepted* are the pages of a former life, the oldest first.
    """

    def __init__(
        self, agent: AgentSettings, now: Callable[[], float], accepted: Iterable[Accepted] = ()
    ) -> None:
        self._agent, self._now = agent, now
        self._run = secrets.token_hex(4)  # the numbers of another life mean nothing
        self._number = 0
        self._recent: deque[_Numbered] = deque()
        self._newest: dict[CheckKey, _Numbered] = {}
        self._accepted: dict[tuple[str, str, Action], _Accepted] = {}
        """The newest of each place and action: a page that is told anew each minute is one."""
        self._accepted_number = 0
        self._standing: set[tuple[str, str]] = set()
        for one in accepted:
            self._take(one)
        self._news, self._is_over = asyncio.Event(), False
        self._left_out: set[CheckKey] = set()

    def tell(self, planned: Planned, looks: Sequence[Observation]) -> None:
        """Take in one round, which is told to all who ask from now on."""
        if not looks:
            return
        self._number += 1
        now = self._now()
        new = _Numbered(self._number, now, planned.key, looks)
        self._newest.pop(planned.key, None)  # so that the newest stands last
        self._newest[planned.key] = new
        self._recent.append(new)
        while self._recent[0].at < now - KEPT_FOR:
            self._recent.popleft()
        self._news.set()

    def accept(self, pager: str, key: str, action: Action) -> None:
        """Take in that *pager* has accepted our *action* of *key*, which is told as rounds are."""
        self._take(Accepted(pager, key, self._now(), action))
        self._news.set()

    def _take(self, one: Accepted) -> None:
        self._accepted_number += 1
        stands = one.action is Action.TRIGGER
        (self._standing.add if stands else self._standing.discard)((one.pager, one.key))
        what = one.pager, one.key, one.action
        self._accepted.pop(what, None)  # so that the newest stands last
        self._accepted[what] = _Accepted(self._accepted_number, one)
        if len(self._accepted) > wire.MOST_ACCEPTED:
            del self._accepted[next(iter(self._accepted))]

    def end(self) -> None:
        """Keep no question any longer: the listener closes."""
        self._is_over = True
        self._news.set()

    async def answer(self, after: str, wait: float) -> bytes:
        """Return the document of what is newer than the cursor *after*: at once where there is any,

        else when there is, or without anything after *wait* seconds. A cursor that is not of this
        agent's present life, as "" is, asks for the newest round of every check.
        """
        clock = asyncio.get_running_loop().time
        began, told = clock(), self._read(after)
        if told.rounds is not None:
            await self._gather(told.rounds, told.accepted, wait)
        now = self._now()
        rounds, last, more = self._written(self._since(told.rounds), told.rounds or 0, now)
        return wire.encode(
            wire.Document(
                agent=self._agent.name,
                deployment=self._agent.deployment,
                domain=wire.told(self._agent.domain),
                clock=now,
                held=clock() - began,
                cursor=f"{self._run}-{last}-{self._accepted_number}",
                more=more,
                rounds=tuple(rounds),
                accepted=self._accepted_since(told.accepted, Action.TRIGGER, now),
                resolved=self._accepted_since(told.accepted, Action.RESOLVE, now),
            )
        )

    def _read(self, cursor: str) -> _Cursor:
        run, *numbers = cursor.split("-")
        is_ours = run == self._run and len(cursor) <= wire.LONGEST_CURSOR
        if is_ours and len(numbers) == 2 and all(map(str.isdecimal, numbers)):
            rounds, accepted = map(int, numbers)
            if rounds <= self._number and accepted <= self._accepted_number:
                return _Cursor(rounds, accepted)
        return _Cursor(None, 0)

    async def _gather(self, number: int, accepted: int, wait: float) -> None:
        """Wait until there is something newer than both, and what comes right after it."""
        told = number, accepted
        try:
            async with asyncio.timeout(wait):
                while (self._number, self._accepted_number) == told and not self._is_over:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return
        if self._number - number < MOST and not self._is_over:
            await asyncio.sleep(min(GATHERED, wait))

    def _since(self, number: int | None) -> Iterator[_Numbered]:
        """Yield what is newer than *number*, oldest first; of what is not kept, the newest."""
        if number is not None and self._recent and self._recent[0].number <= number + 1:
            return reversed([*islice(reversed(self._recent), self._number - number)])
        newest = [*self._newest.values()]  # in the order of their numbers, as they are kept
        behind = bisect_right(newest, number or 0, key=lambda one: one.number)
        return islice(newest, behind, None)

    def _written(
        self, rounds: Iterator[_Numbered], last: int, now: float
    ) -> tuple[list[Raw], int, bool]:
        """Return as many rounds as one document holds, the last number, and if there is more."""
        written: list[Raw] = []
        size = 0
        for one in rounds:
            if size > ENOUGH or len(written) >= MOST:
                return written, last, True
            last = one.number
            try:
                written.append(wire.encode_round(one.looks, now))
            except wire.RefusedError as error:
                self._leave_out(one.key, error)
            else:
                size += len(memoryview(written[-1]))
        return written, last, False

    def _accepted_since(self, number: int, action: Action, now: float) -> Raw:
        """Write what was accepted after the one of *number*, and stands or is of late."""
        newest = reversed(self._accepted.values())
        newer = [*takewhile(lambda one: one.number > number, newest)]
        return wire.encode_accepted(
            [
                wire.Acceptance(one.pager, one.key, max(0.0, now - one.at))
                for _, one in reversed(newer)
                if one.action is action and self._matters(one, now)
            ]
        )

    def _matters(self, one: Accepted, now: float) -> bool:
        calls = one.action is Action.TRIGGER and (one.pager, one.key) in self._standing
        return calls or now - one.at <= ACCEPTED_FOR

    def _leave_out(self, key: CheckKey, error: wire.RefusedError) -> None:
        if key not in self._left_out:
            self._left_out.add(key)
            log.warning("%s", error)
