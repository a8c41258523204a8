"""The look at DNSSEC: the chain of trust down to a zone, and the signatures over its answers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import dns.message
import dns.name

from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.dnssec.denial import unproven
from vedette.checks.dns.dnssec.judge import judge
from vedette.checks.dns.dnssec.link import Link, bogus, keyless
from vedette.checks.dns.dnssec.replies import Untold
from vedette.checks.dns.dnssec.signatures import Fault, Keys, Verified, next_boundary, verify_answer
from vedette.checks.dns.message import parse
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import Place
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.subject import Subject, failed
from vedette.checks.dns.walk import Walk
from vedette.checks.dns.wire import Form, form, same
from vedette.checks.dns.zone import Round
from vedette.checks.finding import Finding, Look, Verdict
from vedette.checks.net import CouldNotLook, NetworkFailure

_APART = 60.0
"""By how many seconds clocks differ of which one has been set, or is slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What was found of one server's answer; it holds for the same keys from *since* to *until*."""

    wire: bytes
    form: Form | None
    keys: Keys
    outcome: tuple[Verified, ...] | Fault
    since: float
    until: float

    def holds(self, wire: bytes, keys: Keys, now: float) -> bool:
        """Whether it holds for another answer, too."""
        alike = self.form is not None and same(wire, self.wire, self.form)
        return alike and self.keys == keys and self.since <= now < self.until


class Validation:
    """Validates a zone, and what its servers answered in the round, as a resolver would.

    Signatures are held to the first of the *clocks*; where another one is apart, and by that they
    are valid, the first one is wrong and not they.
    """

    def __init__(
        self,
        trust: Trust,
        settings: DnsSettings,
        *,
        seconds: float,
        clocks: Sequence[Callable[[], float]],
    ) -> None:
        self._trust = trust
        self._settings = settings
        self._seconds = seconds
        self._clocks = clocks
        self._name = dns.name.from_text(settings.name)
        self._answers: dict[Server, _Answer] = {}
        self._walk: Walk | None = None
        self._due = False

    def arrange(self, walk: Walk) -> None:
        """Take zone and servers from a walk; whether anybody vouches for them follows from it."""
        self._walk = walk
        self._due = self._settings.dnssec or self._trust.covers(walk)

    def looks(self, round_: Round, subjects: Mapping[Server, Subject]) -> Sequence[Look]:
        """Return the look of one round, whose authoritative looks are at *subjects*.

        There is none where nobody vouches for the zone, and nobody has to.
        """
        walk = self._walk
        if walk is None or not self._due:
            return ()

        async def at(now: float, until: float) -> Finding:
            left = until - asyncio.get_running_loop().time()
            link, findings = await asyncio.gather(self._link(walk, now, until), round_.all(left))
            if isinstance(link, Untold) and _withholds(link, findings):
                link = keyless(dns.name.from_text(walk.zone), link.detail)
            if isinstance(link, NetworkFailure):
                return failed(link, "", verdict=Verdict.UNKNOWN)
            link = self._with_answers(link, subjects, now)
            settings = self._settings
            return judge(link, now, expiring=settings.expiring, secure_required=settings.dnssec)

        async def once() -> Finding:
            until = asyncio.get_running_loop().time() + self._seconds
            first, *others = (clock() for clock in self._clocks)
            finding = await at(first, until)
            for now in others:
                if finding.reason is Reason.BOGUS and abs(now - first) > _APART:
                    finding = await at(now, until)
            return finding

        return (Look(f"DNSSEC of {walk.zone}", Place.DNSSEC, once),)

    async def _link(self, walk: Walk, now: float, until: float) -> Link | NetworkFailure:
        try:
            return await self._trust.look(walk, now, deadline=until)
        except NetworkFailure as failure:
            return failure

    def _with_answers(self, link: Link, subjects: Mapping[Server, Subject], now: float) -> Link:
        """Return *link* with the signatures over the answers, or broken by those that fail."""
        if link.keys is None:
            return link
        before, self._answers = self._answers, {}
        signatures, faults = list(link.signatures), dict[Server, Fault]()
        for server, subject in subjects.items():
            if subject.heard is None:
                continue
            answer = self._answer(subject.heard, link.keys, before.get(server), now)
            if answer is None:
                continue
            self._answers[server] = answer
            if isinstance(answer.outcome, Fault):
                faults[server] = answer.outcome
            else:
                signatures += answer.outcome
        if faults:
            server, fault = next(iter(faults.items()))
            says, at_few = f"at {server.spoken} {fault.says}", 2 * len(faults) < len(self._answers)
            return bogus(link.zone, replace(fault, says=says, at_few=at_few))
        return replace(link, signatures=tuple(dict.fromkeys(signatures)))

    def _answer(
        self, wire: bytes, keys: Keys, before: _Answer | None, now: float
    ) -> _Answer | None:
        if before is not None and before.holds(wire, keys, now):
            return before
        message = parse(wire)
        if message is None:
            return None
        return _Answer(
            wire=wire,
            form=form(wire),
            keys=keys,
            outcome=_verified(message, self._name, keys, now),
            since=now,
            until=next_boundary(message, now),
        )


def _verified(
    message: dns.message.Message, asked: dns.name.Name, keys: Keys, now: float
) -> tuple[Verified, ...] | Fault:
    told = verify_answer(message, asked, keys, now)
    return told if isinstance(told, Fault) else unproven(message, keys, now) or told


def _withholds(untold: Untold, findings: Mapping[Server, Finding]) -> bool:
    """Whether all servers that are well otherwise say that they have no keys to give.

    Silence is none of it: a reply may be lost, and resolvers ask again in other ways.
    """
    well = [server for server, one in findings.items() if one.verdict is Verdict.OK]
    failures = [untold.failures.get(server) for server in well]
    return bool(well) and not any(
        failure is None
        or isinstance(failure, CouldNotLook)
        or failure.reason in (Reason.TIMEOUT, Reason.UNREACHABLE)
        for failure in failures
    )
