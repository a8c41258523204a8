"""One server that is asked one question over and over: the hot path of the DNS check."""

import asyncio
import random
from dataclasses import dataclass, field, replace

import dns.rcode

from vedette.checks.dns.exchange import carry
from vedette.checks.dns.judge import Rules, judge
from vedette.checks.dns.message import Question, Reply, follow, parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.dns.transport.query import Query
from vedette.checks.dns.wire import Form, form, least_ttl, same
from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.net import CouldNotLook, NetworkFailure

_KEPT = 4
"""How many judged replies are remembered: servers rotate the records of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A reply that was read and judged once, and what it was found to be."""

    wire: bytes
    form: Form
    ttl: int | None
    transport: Transport
    finding: Finding


@dataclass(slots=True, kw_only=True)
class Subject:
    """One server and the question it is asked.

    A reply that equals a judged one but for its id and its TTLs is not read again, unless the rules
    are about TTLs.
    """

    question: Question
    channel: Channel
    rules: Rules
    seconds: float
    name: str
    """The server in a sentence."""
    validates: bool = False
    """Whether it may be a resolver that validates: it is then asked again after a SERVFAIL."""
    heard: bytes | None = field(default=None, init=False)
    """The reply of the last look; None where there was none, and of a resolver that validates."""
    _judged: list[_Judged] = field(default_factory=list, init=False)

    async def look(self) -> Finding:
        """Ask once and judge."""
        deadline = asyncio.get_running_loop().time() + self.seconds
        self.heard = None
        try:
            wire, transport, dropped = await carry(self._query(self.question, deadline))
            finding = (not dropped and self._known(wire, transport)) or self._judge(
                wire, transport, dropped
            )
        except NetworkFailure as failure:
            return failed(failure, self.name)
        if not self.validates:
            self.heard = wire
        if finding.reason is Reason.SERVFAIL and self.validates:
            return await self._unchecked(self.question.unchecked, finding, deadline)
        return finding

    def _query(self, question: Question, deadline: float) -> Query:
        return Query(
            question=question,
            sent=random.getrandbits(16).to_bytes(2) + question.tail,
            channel=self.channel,
            called=self.name,
            deadline=deadline,
        )

    def _known(self, wire: bytes, transport: Transport) -> Finding | None:
        """Return what an equal reply was found to be, with the TTL that this one has."""
        for judged in self._judged:
            if judged.transport is not transport:
                continue
            if wire[2:] == judged.wire[2:]:
                return judged.finding
            # A rule on TTLs is about each of them, and they may change behind the least one.
            if self.rules.ttl is None and same(wire, judged.wire, judged.form):
                ttl = least_ttl(wire, judged.form)
                if ttl == judged.ttl:
                    return judged.finding
                return replace(judged.finding, facts={**judged.finding.facts, "ttl": ttl})
        return None

    def _judge(self, wire: bytes, transport: Transport, dropped: int) -> Finding:
        """Read and judge a reply, and remember it."""
        message = parse(wire)
        if message is None:
            raise self._query(self.question, 0.0).malformed()
        reply = Reply(message=message, wire=wire, seconds=0.0, transport=transport, dropped=dropped)
        address = self.channel.endpoint.host
        finding = judge(reply, self.question, self.rules, server=self.name, address=address)
        shape = form(wire)
        if shape and not dropped:
            judged = _Judged(
                wire=wire,
                form=shape,
                ttl=least_ttl(wire, shape),
                transport=transport,
                finding=finding,
            )
            self._judged = [judged, *self._judged[: _KEPT - 1]]
        return finding

    async def _unchecked(self, question: Question, servfail: Finding, deadline: float) -> Finding:
        """Ask with checking disabled (RFC 4035 section 3.2.2): is the data there, but bogus?

        A resolver that fails now and then may answer this and fail at the next; what does not
        validate still does not when it is asked for again.
        """
        try:
            wire, _, _ = await carry(self._query(question, deadline))
            message = parse(wire)
            count = len(follow(message, question).records) if message else 0
            if not count:
                return servfail
            wire, _, _ = await carry(self._query(self.question, deadline))
        except NetworkFailure:
            return servfail
        again = parse(wire)
        if again is None or again.rcode() != dns.rcode.SERVFAIL:
            return servfail
        detail = (
            f"{servfail.detail}; with checking disabled it has {count} "
            f"{'record' if count == 1 else 'records'}: they fail validation"
        )
        return replace(
            servfail,
            reason=Reason.BOGUS,
            detail=detail,
            facts={**servfail.facts, "dnssec": "bogus"},
        )


@dataclass(frozen=True, slots=True)
class Blocked:
    """A subject that cannot be asked, and what is known of it instead."""

    finding: Finding

    async def look(self) -> Finding:
        """Return that."""
        return self.finding


def failed(failure: NetworkFailure, server: str, *, verdict: Verdict | None = None) -> Finding:
    """Return trouble as a finding: the server's fault, unless our host could not even ask."""
    fault = Verdict.UNKNOWN if isinstance(failure, CouldNotLook) else Verdict.FAILING
    facts: dict[str, Fact] = {"server": server} if server else {}
    return Finding(
        verdict=verdict or fault, reason=failure.reason, detail=failure.detail, facts=facts
    )
