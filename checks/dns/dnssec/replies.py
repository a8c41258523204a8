"""Questions to servers about keys, whose replies are judged again only when they have changed."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.dnssec.signatures import Fault, next_boundary
from vedette.checks.dns.message import Question, Reply, ask
from vedette.checks.dns.rcode import require_answer
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.net import CouldNotLook, NetworkFailure

T = TypeVar("T")
U = TypeVar("U")

Read = Callable[[dns.message.Message, dns.name.Name, U, float], T]
"""Judges a reply: the message, the name asked for, what it is held against, the epoch second."""

_TRIES = 3
"""How many servers are asked where one will do, before a fault is believed."""
_VARIANTS = 4
"""How many replies to one question are remembered: servers differ in what they add."""


class Untold(NetworkFailure):
    """None of the servers that were asked tells; *failures* say why of each."""

    def __init__(self, failures: Mapping[Server, NetworkFailure]) -> None:
        first = next(iter(failures.values()))
        super().__init__(first.reason, first.detail)
        self.failures = failures


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What a server's reply was judged to say, and until which epoch second that holds."""

    judged: T
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A reply that was judged: its verdict holds for epoch seconds from *since* to *until*."""

    reply: Reply
    under: object
    judged: Any
    since: float
    until: float

    def same(self, message: dns.message.Message, under: object, now: float) -> bool:
        """Whether to judge *message* would come to the same; order and TTLs change nothing."""
        if not self.since <= now < self.until or self.under != under:
            return False
        before = self.reply.message
        return message is before or (
            message.answer == before.answer and message.authority == before.authority
        )


class Replies:
    """Remembers the last replies to each question, with what they were judged to say."""

    def __init__(self) -> None:
        self._seen: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], list[_Seen]] = {}

    def judge(
        self, question: Question, reply: Reply, read: Read[U, T], under: U, now: float
    ) -> Told[T]:
        """Judge a reply by *read*, unless one that says the same has been judged before."""
        seen = self._seen.setdefault((question.name, question.rdtype), [])
        message = reply.message
        known = next((s for s in seen if s.same(message, under, now)), None)
        if known is None:
            known = _Seen(
                reply=reply,
                under=under,
                judged=read(message, question.name, under, now),
                since=now,
                until=next_boundary(message, now),
            )
            seen[:] = [known, *seen[: _VARIANTS - 1]]
        ttl = min((rrset.ttl for rrset in (*message.answer, *message.authority)), default=0)
        return Told(known.judged, min(known.until, now + ttl))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks authorities at epoch second *now*, each for *patience* seconds at most.

    All end at *deadline* on the loop's clock.
    """

    authorities: Authorities
    replies: Replies
    patience: float
    now: float
    deadline: float

    async def first(
        self,
        question: Question,
        servers: Iterable[Server],
        read: Read[U, T],
        under: U,
    ) -> Told[T]:
        """Ask one server after the other until one gives what *read* finds no fault with.

        Without such a one return the first fault, or raise NetworkFailure where none answers.
        """
        fault: Told[T] | None = None
        failure = NetworkFailure(Reason.TIMEOUT, f"no server could be asked for {question}")
        left = _TRIES
        for server in servers:
            try:
                told = await self._one(question, server, read, under)
            except CouldNotLook as trouble:
                failure = trouble
                continue
            except NetworkFailure as trouble:
                failure = trouble
            else:
                if not isinstance(told.judged, Fault):
                    return told
                fault = fault or told
            left -= 1
            if not left:
                break
        if fault is None:
            raise failure
        return fault

    async def each(
        self, question: Question, servers: Sequence[Server], read: Read[U, T], under: U
    ) -> dict[Server, T]:
        """Ask all servers at once; return what those that answer say, or raise Untold."""

        async def one(server: Server) -> T | NetworkFailure:
            try:
                return (await self._one(question, server, read, under)).judged
            except NetworkFailure as failure:
                return failure

        told = dict(zip(servers, await asyncio.gather(*map(one, servers)), strict=True))
        said = {server: t for server, t in told.items() if not isinstance(t, NetworkFailure)}
        failures = {server: t for server, t in told.items() if isinstance(t, NetworkFailure)}
        if failures and not said:
            raise Untold(failures)
        return said

    async def _one(self, question: Question, server: Server, read: Read[U, T], under: U) -> Told[T]:
        until = min(asyncio.get_running_loop().time() + self.patience, self.deadline)
        reply = await self.authorities.ask(server, question, until)
        _refuse(reply.message, question, server)
        return self.replies.judge(question, reply, read, under, self.now)


def about(name: dns.name.Name, rdtype: dns.rdatatype.RdataType) -> Question:
    """Return a question to an authority that asks for signatures too."""
    return ask(name, rdtype, recursive=False, dnssec_ok=True)


def _refuse(message: dns.message.Message, question: Question, server: Server) -> None:
    """Raise where a server does not answer as an authority."""
    require_answer(message, question, server.spoken)
    if not message.flags & dns.flags.AA:
        detail = f"{server.spoken} answers {question} without authority (AA is not set)"
        raise NetworkFailure(Reason.LAME, detail)
