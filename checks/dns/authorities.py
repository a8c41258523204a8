"""What several checks ask of the same authoritative servers, asked once for all of them."""

import asyncio
from dataclasses import dataclass, field

from vedette.checks.dns.exchange import exchange
from vedette.checks.dns.message import Question, Reply
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.net import NetworkFailure

_KEPT = 4096
"""How many questions are remembered; servers that have left a zone are forgotten beyond it."""


@dataclass(slots=True)
class _Told:
    """What came of a question, at a time on the loop's clock; one asks while the others wait."""

    outcome: Reply | NetworkFailure | None = None
    at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Authorities:
    """Asks the servers of zones, and each the same question once in *age* seconds.

    Hundreds of names in one zone then ask its servers and its parent no more than one name does.
    """

    def __init__(self, age: float = 0.0) -> None:
        self._age = age
        self._told: dict[tuple[Server, Transport, bytes], _Told] = {}

    async def ask(
        self,
        server: Server,
        question: Question,
        until: float,
        transport: Transport = Transport.UDP,
    ) -> Reply:
        """Return a reply that came in the last *age* seconds, or has since been waited for.

        Raises NetworkFailure as exchange() does, also one that was another's.
        """
        clock = asyncio.get_running_loop().time
        since = clock() - self._age
        told = self._remembered((server, transport, question.tail))
        async with told.lock:
            if told.outcome is None or told.at < since:
                channel = Channel(server.endpoint, transport)
                told.outcome = await _outcome(question, channel, until, server, told.outcome)
                told.at = clock()
        if isinstance(told.outcome, NetworkFailure):
            raise type(told.outcome)(told.outcome.reason, told.outcome.detail)
        return told.outcome

    def _remembered(self, key: tuple[Server, Transport, bytes]) -> _Told:
        if key not in self._told:
            if len(self._told) >= _KEPT:
                self._told = {k: told for k, told in self._told.items() if told.lock.locked()}
            self._told[key] = _Told()
        return self._told[key]


async def _outcome(
    question: Question,
    channel: Channel,
    until: float,
    server: Server,
    before: Reply | NetworkFailure | None,
) -> Reply | NetworkFailure:
    """Ask, and return the failure as a value; a reply equal to the one *before* is not read."""
    like = before if isinstance(before, Reply) else None
    try:
        return await exchange(question, channel, deadline=until, called=server.spoken, like=like)
    except NetworkFailure as failure:
        return failure
