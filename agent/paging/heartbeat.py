"""A watchdog of the agent itself: dead man's switches hear from it only while it really works.

What keeps it silent is decided by `ails`, which is pure. A store that cannot be written is no
reason: the agent then goes on from memory, and still pages.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from vedette.agent.config.heartbeats import HeartbeatSettings
from vedette.agent.memory.pages import Row
from vedette.agent.paging.ended import Ended
from vedette.agent.paging.queue import Waiting
from vedette.agent.secrets import url_of
from vedette.exporters.heartbeat import DeadMansSwitch, Signal
from vedette.exporters.metrics import Family, Labels, counter, gauge
from vedette.exporters.page import Outcome
from vedette.exporters.reach import Reach

log = logging.getLogger(__name__)

STEPPED_WITHIN = 10.0
STUCK_AFTER = 300.0
"""Seconds after which a page that no pager has accepted keeps the agent silent: whoever watches
the switch is the last one who can be told."""
_CALLED = (Outcome.DELIVERED, Outcome.RETRY, Outcome.REJECTED)


class Ailment(StrEnum):
    """Why the agent is not taken to work; a closed list, since they are metric labels."""

    NOT_STEPPING = "not_stepping"
    NOT_LOOKING = "not_looking"
    PAGES_STUCK = "pages_stuck"
    PAGES_REFUSED = "pages_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What shows whether an agent works; times in epoch seconds, *checks* are all there are.

    *late* are the checks of which nothing was seen for longer than a look says anything;
    *undelivered_since* is since when the oldest page is on its way that no pager has accepted;
    *refused* whether each pager has refused the last page that it was sent, *unheard* whether a
    call for what is not over was refused, and no pager has accepted it.
    """

    stepped_at: float
    checks: int
    late: int
    undelivered_since: float | None
    refused: bool
    unheard: bool = False


def ails(signs: Signs, now: float) -> dict[Ailment, str]:
    """Return what keeps the agent from its work, in words; nothing while it is alive."""
    found = {}
    if now - signs.stepped_at > STEPPED_WITHIN:
        ago = now - signs.stepped_at
        found[Ailment.NOT_STEPPING] = f"no alarm has been judged for {ago:.0f} s"
    if 2 * signs.late > signs.checks:
        found[Ailment.NOT_LOOKING] = f"nothing is seen of {signs.late} of {signs.checks} checks"
    if signs.undelivered_since is not None and now - signs.undelivered_since > STUCK_AFTER:
        ago = now - signs.undelivered_since
        found[Ailment.PAGES_STUCK] = f"no pager has accepted a page for {ago:.0f} s"
    if signs.refused:
        found[Ailment.PAGES_REFUSED] = "every pager has refused the last page that it was sent"
    elif signs.unheard:
        found[Ailment.PAGES_REFUSED] = "a page was refused, and no pager has accepted it"
    return found


def undelivered_since(waiting: Iterable[Waiting], heard: Mapping[str, float]) -> float | None:
    """Return since when the oldest page is on its way that no pager has accepted; None for none.

    What one pager has accepted of a key is told, however long another one takes: *heard* is when
    the newest such page was queued, by key. The time for which we held a page back is left out.
    """
    return min(
        (
            one.since
            for one in waiting
            if one.row.queued_at > heard.get(one.row.page.key, float("-inf"))
        ),
        default=None,
    )


def is_unheard(refused: Iterable[Row], heard: Mapping[str, float]) -> bool:
    """Whether one of the *refused* calls was accepted by nobody: *heard* is as above."""
    return any(row.queued_at > heard.get(row.page.key, float("-inf")) for row in refused)


def refusing(ended: Iterable[Ended]) -> Sequence[Ended]:
    """Return the last page of each pager that has refused the last that it was sent."""
    told = (one for one in ended if one.delivery.outcome is not Outcome.SUPERSEDED)
    newest = {one.row.pager: one for one in told}
    return [one for one in newest.values() if one.delivery.outcome is Outcome.REJECTED]


def is_refused(ended: Iterable[Ended], pagers: Collection[str]) -> bool:
    """Whether each of *pagers* has refused the last page that it was sent."""
    return bool(pagers) and {one.row.pager for one in refusing(ended)} >= set(pagers)


@dataclass(slots=True)
class Beat:
    """One switch, how often it is called, and what came of it; *next_at* is of the loop's clock."""

    switch: DeadMansSwitch
    every: float
    next_at: float | None = None
    heard_at: float | None = None
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(_CALLED, 0))
    failing: str | None = None


class Heart:
    """Calls all switches for as long as the agent works; *signs* tells whether it does."""

    def __init__(
        self, beats: Sequence[Beat], signs: Callable[[], Signs], now: Callable[[], float]
    ) -> None:
        self.beats = beats
        self.silent: dict[Ailment, str] = {}
        self._signs, self._now = signs, now

    def take_over(self, before: "Heart") -> None:
        """Go on with the beats of *before*: to read a config again is no start."""
        known = {(beat.switch.name, beat.every): beat for beat in before.beats}
        for beat in self.beats:
            if one := known.get((beat.switch.name, beat.every)):
                beat.next_at, beat.heard_at = one.next_at, one.heard_at
                beat.counts, beat.failing = one.counts, one.failing
        self.silent = before.silent

    async def keep_beating(self, beat: Beat) -> None:
        """Call one switch for ever."""
        clock = asyncio.get_running_loop().time
        if beat.next_at is None:
            if beat.switch.knows(Signal.START):
                await self._call(beat, Signal.START, "the agent has started")
            # Not before one interval: only then there is something to show for it.
            beat.next_at = clock() + beat.every
        while True:
            await asyncio.sleep(beat.next_at - clock())
            found = self._examined()
            if not found:
                await self._call(beat, Signal.ALIVE, "")
            elif beat.switch.knows(Signal.FAIL):
                await self._call(beat, Signal.FAIL, "; ".join(found.values()))
            beat.next_at = clock() + beat.every

    def _examined(self) -> dict[Ailment, str]:
        found = ails(self._signs(), self._now())
        if found.keys() != self.silent.keys():
            if found:
                log.error("no heartbeat is sent: %s", "; ".join(found.values()))
            else:
                log.warning("heartbeats are sent again")
        self.silent = found
        return found

    async def _call(self, beat: Beat, signal: Signal, text: str) -> None:
        delivery = await beat.switch.call(signal, text)
        beat.counts[delivery.outcome] += 1
        if delivery.outcome is Outcome.DELIVERED:
            beat.heard_at = self._now()
            if beat.failing is not None:
                log.warning("heartbeat %s is heard again", beat.switch.name)
            beat.failing = None
        elif delivery.detail != beat.failing:
            log.error("heartbeat %s was not heard: %s", beat.switch.name, delivery.detail)
            beat.failing = delivery.detail

    async def close(self) -> None:
        """Give back the switches' connections."""
        for beat in self.beats:
            await beat.switch.close()

    def families(self) -> Sequence[Family]:
        """Return the metric families; none where there is no switch."""
        if not self.beats:
            return ()
        named = [(Labels(heartbeat=beat.switch.name), beat) for beat in self.beats]
        return [
            gauge(
                "vedette_heartbeat_silent",
                "1 for what keeps the agent from calling its dead man's switches.",
                [(Labels(reason=one), float(one in self.silent)) for one in Ailment],
            ),
            gauge(
                "vedette_heartbeat_last_heard_timestamp_seconds",
                "When a dead man's switch last answered.",
                [(labels, b.heard_at) for labels, b in named if b.heard_at is not None],
            ),
            counter(
                "vedette_heartbeats_total",
                "Calls of dead man's switches and what became of them.",
                [
                    (Labels(heartbeat=beat.switch.name, outcome=outcome), count)
                    for _, beat in named
                    for outcome, count in beat.counts.items()
                ],
            ),
        ]


def beats(settings: Sequence[HeartbeatSettings], folder: Path, reach: Reach) -> Sequence[Beat]:
    """Build the switches; file names are as seen from *folder*; raise SecretError."""
    return [
        Beat(
            DeadMansSwitch(
                one.name,
                url_of(one, folder),
                reach,
                method=one.method,
                suffixes=one.suffixes,
                timeout=one.timeout,
            ),
            one.every,
        )
        for one in settings
    ]
