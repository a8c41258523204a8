"""One server asked over and over: what is read again, and what is asked again."""

import asyncio
from collections.abc import Sequence
from itertools import cycle

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.checks.dns.messages import reply_to
from tests.servers.responder import responder
from vedette.checks.dns.judge import rules_of
from vedette.checks.dns.message import ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Channel, Place
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.subject import Subject
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint

A, B, C = (f"api.example.com. {{ttl}} IN A 192.0.2.{n}" for n in (1, 2, 3))


def resolver(end: Endpoint, **settings: object) -> Subject:
    """Return a resolver at *end* that is asked for api.example.com."""
    return Subject(
        question=ask("api.example.com", "A", recursive=True),
        validates=True,
        channel=Channel(end),
        rules=rules_of(
            DnsSettings.model_validate({"name": "api.example.com", **settings}),
            Place.RECURSIVE,
        ),
        seconds=1.0,
        name="the resolver",
    )


async def looks(answers: Sequence[tuple[str, ...]]) -> list[Finding]:
    """Look once for each answer."""
    given = iter(answers)
    async with responder(udp=lambda wire: [reply_to(wire, next(given))]) as end:
        subject = resolver(end)
        return [await subject.look() for _ in answers]


def times_read(findings: Sequence[Finding]) -> int:
    """Return how many replies were read: those that were not share the texts of one that was."""
    return len({id(finding.facts["answers"]) for finding in findings})


async def test_counting_down_is_not_read_again() -> None:
    """A reply with other TTLs is not read again, and its finding has the TTL that it bears."""
    answers = [(A.format(ttl=ttl), B.format(ttl=ttl)) for ttl in (60, 59, 59, 30)]
    findings = await looks(answers)

    assert times_read(findings) == 1
    assert [finding.facts["ttl"] for finding in findings] == [60, 59, 59, 30]
    assert {finding.facts["answers"] for finding in findings} == {("192.0.2.1", "192.0.2.2")}


async def test_rotating_records_are_read_once_each() -> None:
    """Records that come in turns are read once for each turn, however often they come round."""
    turns = cycle([(A, B, C), (B, C, A), (C, A, B)])
    answers = [tuple(line.format(ttl=9) for line in next(turns)) for _ in range(12)]
    findings = await looks(answers)

    assert times_read(findings) == 3
    assert {finding.facts["count"] for finding in findings} == {3}


async def test_a_change_is_seen_at_once() -> None:
    """An answer that differs in an address, or is gone, is judged anew in the same look."""
    findings = await looks([(A.format(ttl=60),), (B.format(ttl=60),), (), (A.format(ttl=60),)])

    seen = [finding.facts["answers"] for finding in findings]
    assert seen == [("192.0.2.1",), ("192.0.2.2",), (), ("192.0.2.1",)]
    assert [finding.reason for finding in findings] == [None, None, Reason.NODATA, None]


async def test_a_ttl_behind_the_least_one_is_judged() -> None:
    """With a rule on TTLs each of them counts at every look, not only the least of an answer."""
    alias = "api.example.com. 60 IN CNAME lb.example.com."
    given = iter((alias, f"lb.example.com. {ttl} IN A 192.0.2.1") for ttl in (60, 86400, 60))
    async with responder(udp=lambda wire: [reply_to(wire, next(given))]) as end:
        subject = resolver(end, servers=[str(end)], ttl={"max": 300})
        findings = [await subject.look() for _ in range(3)]

    assert [finding.reason for finding in findings] == [None, Reason.TTL, None]


@pytest.mark.parametrize(
    ("unchecked", "reason"),
    [
        ((A.format(ttl=60),), Reason.BOGUS),
        ((), Reason.SERVFAIL),
        (None, Reason.SERVFAIL),
    ],
    ids=["data is there", "no data either", "no answer either"],
)
async def test_checking_disabled_tells_bogus_from_dead(
    unchecked: tuple[str, ...] | None, reason: Reason
) -> None:
    """After SERVFAIL the same question with CD tells failed validation from a zone that is dead."""
    asked: list[int] = []

    def respond(wire: bytes) -> list[bytes]:
        flags = dns.message.from_wire(wire).flags
        asked.append(flags & (dns.flags.RD | dns.flags.AD | dns.flags.CD))
        if not flags & dns.flags.CD:
            return [reply_to(wire, rcode=dns.rcode.SERVFAIL)]
        return [] if unchecked is None else [reply_to(wire, unchecked)]

    async with responder(udp=respond) as end:
        subject = resolver(end)
        subject.seconds = 0.2
        findings = [await subject.look() for _ in range(2)]

    assert [(f.verdict, f.reason) for f in findings] == [(Verdict.FAILING, reason)] * 2
    both = dns.flags.RD | dns.flags.AD
    again = [both] if unchecked else []
    assert asked == [both, both | dns.flags.CD, *again] * 2


async def test_a_resolver_that_fails_now_and_then_is_not_bogus() -> None:
    """Data that fails validation fails it twice; a resolver that answers the second time is ill."""
    answers = [dns.rcode.SERVFAIL, dns.rcode.NOERROR, dns.rcode.NOERROR]

    def respond(wire: bytes) -> list[bytes]:
        rcode = answers.pop(0)
        return [reply_to(wire, () if rcode else (A.format(ttl=60),), rcode=rcode)]

    async with responder(udp=respond) as end:
        finding = await resolver(end).look()

    assert (finding.reason, answers) == (Reason.SERVFAIL, [])


async def test_strays_are_counted_each_time() -> None:
    """A reply that came after strays says so, and the next one without them does not."""
    strays = [True, False, True]

    def respond(wire: bytes) -> list[bytes]:
        good = reply_to(wire, (A.format(ttl=60),))
        return [bytes([wire[0] ^ 1]) + good[1:], good] if strays.pop(0) else [good]

    async with responder(udp=respond) as end:
        subject = resolver(end)
        findings = [await subject.look() for _ in range(3)]

    assert [finding.facts.get("dropped") for finding in findings] == [1, None, 1]


async def test_deadline() -> None:
    """A server that says nothing is silent for just as long as it may be."""
    async with responder(udp=lambda wire: []) as end:
        subject = resolver(end)
        subject.seconds = 0.1
        start = asyncio.get_running_loop().time()
        finding = await subject.look()

    assert finding.reason is Reason.TIMEOUT
    assert asyncio.get_running_loop().time() - start >= 0.1
