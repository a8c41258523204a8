"""Follows one peer: asks it what is new, for ever, and files what it saw under its name."""

import asyncio
import logging
import random
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import aiohttp
from msgspec import Raw

from vedette.agent.config import AgentSettings, PeerSettings
from vedette.agent.looking.lookout import Lookout
from vedette.agent.memory.ledger import CheckKey
from vedette.agent.peers import asking, wire
from vedette.agent.peers.hearsay import Hearsay
from vedette.agent.peers.standing import Standing
from vedette.agent.peers.wire import Refusal, RefusedError
from vedette.agent.plan import Planned
from vedette.exporters.page import Action
from vedette.exporters.reach import Reach, host_of

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
SHORTEST = 0.05
"""Seconds between two questions, whatever a peer makes of the wait that it is asked to keep, and
however much more it says that there is."""
_AT_ONCE = 64 << 10
"""Octets of rounds that are taken in before somebody else gets a turn: some 10 ms of work."""
_STRANGERS = 1000
_ONE_CLOCK = 5.0
"""Seconds by which two clocks may seem to differ that show the same, for the way of an answer."""


class Follower:
    """Hears one *peer*: what it says of checks that *lookout* has planned, too, goes there,

    and what pagers have accepted from it to *hearsay*.
    """

    def __init__(
        self,
        peer: PeerSettings,
        *,
        token: str | None,
        agent: AgentSettings,
        folder: Path,
        lookout: Lookout,
        hearsay: Hearsay,
        reach: Reach,
    ) -> None:
        self.standing = Standing(peer)
        self._peer, self._agent, self._folder = peer, agent, folder
        self._lookout, self._now = lookout, lookout.now
        self._planned: Mapping[CheckKey, Planned] = {one.key: one for one in lookout.plan.checks}
        self._hearsay, self._token = hearsay, token
        self._reach, self._host = reach, host_of(peer.url)
        reach.add(self._host)
        self._cursor = ""
        self._ahead = 0.0
        self._pause = FIRST_PAUSE
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Ask the peer soon: it has just asked us, so it is there."""
        self.standing.asked_at = self._now()
        self._nudged.set()

    async def run(self) -> NoReturn:
        """Follow the peer for ever."""
        clock = asyncio.get_running_loop().time
        async with asking.session(self._agent.name, self._token, self._reach) as session:
            while True:
                began = clock()
                error = await self._ask(session)
                self._note(error)
                if error:
                    await self._rest()
                    continue
                self._pause = FIRST_PAUSE
                await asyncio.sleep(began + SHORTEST - clock())

    def _note(self, error: str) -> None:
        if error != self.standing.error:
            self.standing.error = error
            if error:
                log.warning("peer %s at %s: %s", self._peer.name, self._peer.url, error)
            else:
                log.info("peer %s is heard", self._peer.name)

    async def _rest(self) -> None:
        """Wait longer each time, and shorter when the peer asks us."""
        self._nudged.clear()
        await asyncio.sleep(random.uniform(0.5, 1) * FIRST_PAUSE)
        try:
            async with asyncio.timeout(random.uniform(0.5, 1) * (self._pause - FIRST_PAUSE)):
                await self._nudged.wait()
        except TimeoutError:
            pass
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _ask(self, session: aiohttp.ClientSession) -> str:
        """Ask once, take in the answer, and return what was wrong, or nothing."""
        clock = asyncio.get_running_loop().time
        began = clock()
        query = {"after": self._cursor, "wait": f"{asking.WAIT:g}"}
        url = f"{self._peer.url}{asking.OBSERVATIONS}"
        try:
            tls = asking.tls_of(self._peer, self._folder)
            document = wire.decode(await asking.answer(session, url, tls, query))
            self._greet(document)
        except RefusedError as error:
            self.standing.refused[error.why] += 1
            return str(error)
        except asking.UnreachedError as error:
            self._reach.doubt(self._host)
            return str(error)
        except (asking.UnansweredError, ValueError) as error:
            return str(error)
        self._reach.trust(self._host)
        # Half of the time that was neither ours nor the peer's is the way of its answer.
        way = max(0.0, clock() - began - document.held) / 2
        await self._take(document, way)
        return ""

    def _greet(self, document: wire.Document) -> None:
        """Refuse the word of anybody but the one whom the config names."""
        for what, said, meant in (
            ("agent", document.agent, self._peer.name),
            ("deployment", document.deployment, self._agent.deployment),
        ):
            if said != meant:
                raise RefusedError(
                    Refusal.STRANGER,
                    f"it says that its {what} is {said[:100]!r} and not {meant!r}: mend the url, "
                    f"or the {what} in one of the two configs",
                )

    async def _take(self, document: wire.Document, way: float) -> None:
        standing, now = self.standing, self._now()
        standing.says, standing.heard_at = document.domain, now - way
        standing.offset = document.clock - (now - way)
        # Taken anew only when it is another: what a fault dates must not differ with each answer.
        if abs(standing.offset - self._ahead) > _ONE_CLOCK:
            self._ahead = standing.offset
        standing.documents += 1
        if _life(document.cursor) != _life(self._cursor):
            standing.strangers.clear()  # its config may have them no longer
        self._cursor = document.cursor
        written_at = now - way
        self._hear_accepted(document.accepted, Action.TRIGGER, written_at)
        self._hear_accepted(document.resolved, Action.RESOLVE, written_at)
        taken = 0
        for raw in document.rounds:
            self._hear(raw, self._now() - written_at)
            taken += len(raw)
            if taken > _AT_ONCE:
                await asyncio.sleep(0)
                taken = 0
        ledger = self._lookout.ledgers[self._peer.name]
        if not ledger.is_empty:  # it lives, though it may have nothing new to say
            ledger.newest_at = max(ledger.newest_at, written_at)

    def _hear(self, raw: Raw, ago: float) -> None:
        """Take in a round that was written *ago* seconds."""
        try:
            round_ = wire.decode_round(raw)
            planned = self._planned.get(round_.key)
            if planned is None:
                self._miss(round_.key)
                return
            looks = wire.observations(round_, self._peer.name, ahead=self._ahead, until=self._now())
        except RefusedError as error:
            self._refuse(error)
            return
        youngest = min(look.age for look in round_.looks)
        self._lookout.hear(self._peer.name, planned, looks, ago + youngest)

    def _hear_accepted(self, raw: Raw, action: Action, written_at: float) -> None:
        try:
            accepted = wire.decode_accepted(raw)
        except RefusedError as error:
            self._refuse(error)
            return
        for one in accepted:
            self._hearsay.hear(self._peer.name, one.pager, one.key, written_at - one.age, action)

    def _refuse(self, error: RefusedError) -> None:
        """Count a part of a document that is not taken; its other parts are."""
        if not self.standing.refused[error.why]:
            log.warning("peer %s: %s", self._peer.name, error)
        self.standing.refused[error.why] += 1

    def _miss(self, key: CheckKey) -> None:
        self.standing.refused[Refusal.UNKNOWN_CHECK] += 1
        if len(self.standing.strangers) < _STRANGERS:
            self.standing.strangers.add(key)


def _life(cursor: str) -> str:
    """Return what all cursors have in common that an agent gives until it reads its config anew."""
    return cursor.partition("-")[0]
