"""Real replies, mutated: each case is made from one number, so that what it breaks can be repeated.

What is made: octets changed, cut off, put in or taken out; counts and flags that lie; pointers led
elsewhere, into loops too; records dropped, doubled, moved, of other names, types, classes, TTLs
and lengths; names of 255 octets and more; OPT twice; chains of CNAMEs; messages of 64 KB.
"""

import random
from dataclasses import dataclass
from functools import cache

from tests.checks.dns.messages import reply_to
from tests.checks.dns.mutated_octets import OCTETS
from tests.checks.dns.mutated_records import DRAFTED, LARGEST, drafted
from tests.checks.dns.recorded import RECORDED, Recorded
from vedette.checks.dns.judge import Rules, judge, rules_of
from vedette.checks.dns.message import Match, Question, Reply, ask, match, parse, truncated
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place, Transport
from vedette.checks.dns.settings import DnsSettings, TtlRange
from vedette.checks.dns.wire import form, least_ttl, same
from vedette.checks.finding import Verdict

ID = b"\x12\x34"


@dataclass(frozen=True, slots=True)
class Case:
    """A mutated reply, the question it comes to, and by which rules it is judged."""

    seed: int
    question: Question
    wire: bytes
    rules: Rules
    how: tuple[str, ...]
    """The mutations, in order."""


@cache
def corpus() -> tuple[Recorded, ...]:
    """Return the replies that are mutated: real ones, and some that no real server gave us."""
    made = []
    for rdtype, answer, authority in _MADE:
        question = ask("api.example.com", rdtype, recursive=False)
        made.append(Recorded(question, reply_to(ID + question.tail, answer, authority)))
    return (*RECORDED.values(), *made)


_SOA = "example.com. 60 IN SOA ns1.example.com. host.example.com. 1 2 3 4 60"
_MADE = (
    ("A", ("api.example.com. 60 IN A 192.0.2.1", "api.example.com. 60 IN A 192.0.2.2"), ()),
    ("A", (), (_SOA,)),
    ("A", ("api.example.com. 9 IN CNAME a.test.", "a.test. 8 IN A 192.0.2.1"), ()),
    ("AAAA", ("api.example.com. 60 IN AAAA 2001:db8::1",), ()),
    ("NS", ("api.example.com. 60 IN NS ns1.test.", "api.example.com. 60 IN NS ns2.test."), ()),
    ("NS", (), ("api.example.com. 60 IN NS ns1.test.",)),
    ("TXT", ('api.example.com. 60 IN TXT "v=spf1 -all" "more"',), ()),
    ("MX", ("api.example.com. 60 IN MX 10 mail.example.com.",), ()),
    ("SOA", (f"api.{_SOA}",), ()),
    ("CAA", ('api.example.com. 60 IN CAA 0 issue "ca.test"',), ()),
    ("SRV", ("api.example.com. 60 IN SRV 1 2 443 a.test.",), ()),
    ("NAPTR", ('api.example.com. 60 IN NAPTR 1 2 "s" "SIP+D2U" "" a.test.',), ()),
    ("LOC", ("api.example.com. 60 IN LOC 52 22 23 N 4 53 32 E -2m 0m",), ()),
    ("TLSA", ("api.example.com. 60 IN TLSA 3 1 1 " + 32 * "ab",), ()),
)


def mutated(seed: int) -> Case:
    """Return the case of a number, always the same one."""
    rng = random.Random(seed)
    base = rng.choice(corpus())
    wire, how = base.wire, list[str]()
    if rng.random() < 0.5:
        draft = drafted(base.wire)
        for name in rng.choices([*DRAFTED], k=rng.randint(1, 3)):
            DRAFTED[name](rng, draft)
            how.append(name)
        wire = draft.wire()
    if not how or rng.random() < 0.3:
        for name in rng.choices([*OCTETS], k=rng.choice((1, 1, 3))):
            wire = OCTETS[name](rng, wire)[:LARGEST]
            how.append(name)
    return Case(seed, base.question, wire, rng.choice(_rules(base.question)), tuple(how))


@cache
def _rules(question: Question) -> tuple[Rules, ...]:
    """Return sets of rules, from those that ask for nothing to those that use every setting."""
    rdtype = question.rdtype.name
    allowed = {"A": ["192.0.2.0/24"], "AAAA": ["2001:db8::/32"], "NS": ["ns1.test"]}
    lax = DnsSettings(name="api.example.com", type=rdtype, servers=["192.0.2.53"], min_records=0)
    strict = DnsSettings(
        name="api.example.com",
        type=rdtype,
        servers=["192.0.2.53"],
        max_records=2,
        allowed=allowed.get(rdtype),
        cname_targets=["*.test"],
        ttl=TtlRange(min=5, max=3600),
        dnssec=True,
    )
    places = [Place.AUTHORITATIVE, Place.RECURSIVE, *[Place.PARENT] * (rdtype == "NS")]
    return tuple(rules_of(settings, place) for settings in (lax, strict) for place in places)


def outcome(case: Case) -> str:
    """Treat a case as a probe treats what it receives, and say what comes of it.

    "stray", "truncated", "ok" or a Reason; an AssertionError where the finding is not fit to use.
    """
    matched = match(case.wire, ID + case.question.tail, case.question)
    if matched is Match.STRAY:
        return "stray"
    if matched is Match.GARBAGE:
        return Reason.MALFORMED
    if truncated(case.wire):
        return "truncated"
    message = parse(case.wire)
    if message is None:
        return Reason.MALFORMED
    reply = Reply(message=message, wire=case.wire, seconds=0, transport=Transport.TCP)
    finding = judge(reply, case.question, case.rules, server="ns1")
    assert finding.detail.startswith("ns1 "), finding
    assert finding.detail.isprintable(), finding
    shape = form(case.wire)
    if shape is not None:
        least_ttl(case.wire, shape)
        assert same(case.wire, case.wire, shape)
    if finding.verdict is Verdict.OK:
        return "ok"
    assert isinstance(finding.reason, Reason), finding
    return finding.reason
