"""Is this reply what the name must give? Pure: a reply and the rules in, a finding out.

Facts of a finding: `answers` (the records' texts, sorted; at the zone above those of its referral),
`count`, `ttl` (the least one of chain and records), `rcode`, `aa`, `chain` ("OWNER -> TARGET" of
each CNAME), `transport` and `server`. Where there is such a thing: `address` (the server's), `nsid`
(text, or else hexadecimal, RFC 5001), `ede` ("CODE TEXT" each, RFC 8914), `dnssec` ("secure" where
a resolver has validated, RFC 4035 section 3.2.3) and `dropped` (strays before the reply).
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.ANY.CNAME import CNAME
from dns.rrset import RRset

from vedette.checks.dns.facts import explained_errors, facts_of, links, text
from vedette.checks.dns.message import LINKS, Answer, Question, Reply, follow
from vedette.checks.dns.names import spoken
from vedette.checks.dns.rcode import is_answer, reason_of, refusal
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place, Source
from vedette.checks.dns.settings import DnsSettings, Network, TtlRange
from vedette.checks.finding import Finding, Verdict

_SHOWN = 5
"""How many wrong records a sentence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a reply must fulfil."""

    authoritative: bool
    """Whether the server is asked as an authority: AA is due, and a bare CNAME may be complete."""
    referral: bool = False
    """Whether it is asked as the zone above: a referral to the name itself is then the answer."""
    min_records: int = 1
    max_records: int | None = None
    networks: tuple[Network, ...] | None = None
    names: frozenset[str] | None = None
    cname_targets: tuple[dns.name.Name, ...] | None = None
    ttl: TtlRange | None = None
    secure: bool = False
    """Whether AD is due: the resolver must have validated."""


def rules_of(settings: DnsSettings, place: Place) -> Rules:
    """Return the rules that a check's settings make for the servers of a place.

    A resolver's TTLs count down, so they have no least; the parent's are not the zone's to choose.
    Where the chain of trust is looked at anyway, it says more than a resolver's AD.
    """
    resolver = place is Place.RECURSIVE
    ranges = {Place.AUTHORITATIVE: settings.ttl, Place.RECURSIVE: settings.ttl_counting_down}
    return Rules(
        authoritative=not resolver,
        referral=place is Place.PARENT,
        min_records=settings.min_records,
        max_records=settings.max_records,
        networks=settings.networks,
        names=settings.names,
        cname_targets=settings.targets,
        ttl=ranges.get(place),
        secure=settings.dnssec and resolver and Source.AUTHORITATIVE not in settings.places,
    )


def judge(
    reply: Reply, question: Question, rules: Rules, *, server: str, address: str = ""
) -> Finding:
    """Judge one reply of *server*, who is named so in the detail; never raises."""
    message = reply.message
    answer = _read(message, question, rules)
    facts = facts_of(reply, question, answer, server=server, address=address)
    if _validated(message) and not rules.authoritative:
        facts["dnssec"] = "secure"
    wrong = _wrong(message, question, answer, rules)
    if wrong is None:
        return Finding(verdict=Verdict.OK, detail=_fine(question, answer, server), facts=facts)
    reason, says = wrong
    said = "; ".join((f"{server} {says}", *explained_errors(message)))
    return Finding(verdict=Verdict.FAILING, reason=reason, detail=said, facts=facts)


def _read(message: dns.message.Message, question: Question, rules: Rules) -> Answer:
    """Read the answer section, or at the zone above the NS set with which it refers to the name."""
    if rules.referral and not message.answer:
        for rrset in message.authority:
            if rrset.rdtype == question.rdtype and rrset.name == question.name:
                return Answer(aliases=(), records=tuple(rrset), ttls=(rrset.ttl,), loops=False)
    return follow(message, question)


_Wrong = tuple[Reason, str]
"""A rule broken, and how to say it after the server's name."""


def _wrong(
    message: dns.message.Message, question: Question, answer: Answer, rules: Rules
) -> _Wrong | None:
    """Return the first rule broken, gravest first."""
    least = 0 if _leaves(message, answer, rules) else rules.min_records
    return (
        _error(message, question)
        or _lame(message, question, answer, rules)
        or _nxdomain(message, question, answer, rules)
        or _unasked(message, question, answer)
        or _endless(question, answer)
        or _led_astray(question, answer, rules)
        or _empty(question, answer, rules, least)
        or _foreign(question, answer, rules)
        or _miscounted(question, answer, rules, least)
        or _unvalidated(message, question, rules)
        or _out_of_time(question, answer, rules)
    )


def _error(message: dns.message.Message, question: Question) -> _Wrong | None:
    return None if is_answer(message) else (reason_of(message), refusal(message, question))


def _lame(
    message: dns.message.Message, question: Question, answer: Answer, rules: Rules
) -> _Wrong | None:
    if not rules.authoritative or message.flags & dns.flags.AA:
        return None
    if not message.answer:
        if answer.records:  # the referral of the zone above (RFC 1034 section 4.3.2 step 3b)
            return None
        if any(rrset.rdtype == dns.rdatatype.NS for rrset in message.authority):
            return Reason.LAME, f"refers to other servers for {question} instead of answering"
    return Reason.LAME, f"answers {question} without authority (AA is not set)"


def _nxdomain(
    message: dns.message.Message, question: Question, answer: Answer, rules: Rules
) -> _Wrong | None:
    if message.rcode() != dns.rcode.NXDOMAIN:
        return None
    missing = spoken(answer.aliases[-1] if answer.aliases else question.name)
    return Reason.NXDOMAIN, f"answers NXDOMAIN: {missing} does not exist{_undelegated(rules)}"


def _unasked(message: dns.message.Message, question: Question, answer: Answer) -> _Wrong | None:
    """Signatures go with other records, and a DNAME may come without its CNAME (RFC 6672)."""
    records = [rrset for rrset in message.answer if rrset.rdtype != dns.rdatatype.RRSIG]
    if answer.aliases or answer.records or not records:
        return None
    if any(_about(rrset, question.name) for rrset in records):
        return None
    shown = ", ".join(_titled(rrset) for rrset in records[:_SHOWN])
    return Reason.MISMATCHED, f"answers {question} with records that nobody asked for: {shown}"


def _about(rrset: RRset, name: dns.name.Name) -> bool:
    if rrset.rdclass != dns.rdataclass.IN:
        return False
    above = rrset.rdtype == dns.rdatatype.DNAME and name.is_subdomain(rrset.name)
    return above or rrset.name == name


def _titled(rrset: RRset) -> str:
    rdclass = dns.rdataclass.to_text(rrset.rdclass)
    return f"{spoken(rrset.name)} {rdclass} {dns.rdatatype.to_text(rrset.rdtype)}"


def _endless(question: Question, answer: Answer) -> _Wrong | None:
    if not answer.loops:
        return None
    if len(answer.aliases) > LINKS:
        says = f"more than {LINKS} CNAMEs in a row, which resolvers do not follow"
    else:
        says = "CNAMEs that lead back to themselves"
    return Reason.CNAME_LOOP, f"answers {question} with {says}"


def _led_astray(question: Question, answer: Answer, rules: Rules) -> _Wrong | None:
    if rules.cname_targets is None:
        return None
    for owner, target in _targets(question, answer):
        if not any(_fits(target, pattern) for pattern in rules.cname_targets):
            says = f"{spoken(owner)} is a CNAME to {spoken(target)}, which is not allowed"
            return Reason.WRONG_ANSWER, f"answers that {says}"
    return None


def _targets(question: Question, answer: Answer) -> Iterator[tuple[dns.name.Name, dns.name.Name]]:
    yield from links(question, answer)
    for record in answer.records:
        if isinstance(record, CNAME):
            yield question.name, record.target


def _fits(name: dns.name.Name, pattern: dns.name.Name) -> bool:
    if not pattern.is_wild():
        return bool(name == pattern)
    above: dns.name.Name = pattern.parent()
    return bool(name.is_subdomain(above) and name != above)


def _leaves(message: dns.message.Message, answer: Answer, rules: Rules) -> bool:
    """Whether an authority's answer ends complete in a CNAME out of its zones.

    An authority goes on inside its own zones (RFC 1034 section 4.3.2 step 3a); where the chain ends
    in nothing there, the zone's SOA says so (RFC 2308 section 2.2).
    """
    if not rules.authoritative or not answer.aliases or answer.records:
        return False
    end = answer.aliases[-1]
    owners = [r.name for r in message.authority if r.rdtype == dns.rdatatype.SOA]
    return not any(end.is_subdomain(owner) for owner in owners)


def _empty(question: Question, answer: Answer, rules: Rules, least: int) -> _Wrong | None:
    if answer.records or not least:
        return None
    rdtype, name = dns.rdatatype.to_text(question.rdtype), spoken(question.name)
    end = f" (a CNAME to {spoken(answer.aliases[-1])})" if answer.aliases else ""
    says = f"answers NOERROR with no {rdtype} record for {name}{end}{_undelegated(rules)}"
    return Reason.NODATA, says


def _undelegated(rules: Rules) -> str:
    return ": the delegation is gone" if rules.referral else ""


def _foreign(question: Question, answer: Answer, rules: Rules) -> _Wrong | None:
    foreign = sorted(text(record) for record in answer.records if not _allowed(record, rules))
    if not foreign:
        return None
    shown = ", ".join(foreign[:_SHOWN])
    return Reason.WRONG_ANSWER, f"answers {question} with {shown}, which is not allowed"


def _allowed(record: dns.rdata.Rdata, rules: Rules) -> bool:
    if record.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and rules.networks is not None:
        address = ipaddress.ip_address(text(record))
        return any(address in network for network in rules.networks)
    if record.rdtype == dns.rdatatype.NS and rules.names is not None:
        return text(record) in rules.names
    return True


def _miscounted(question: Question, answer: Answer, rules: Rules, least: int) -> _Wrong | None:
    count, most = len(answer.records), rules.max_records
    says = f"{dns.rdatatype.to_text(question.rdtype)} records for {spoken(question.name)}"
    if count < least:
        return Reason.TOO_FEW, f"has {count} of at least {least} {says}"
    if most is not None and count > most:
        return Reason.TOO_MANY, f"has {count} of at most {most} {says}"
    return None


def _unvalidated(message: dns.message.Message, question: Question, rules: Rules) -> _Wrong | None:
    if not rules.secure or _validated(message):
        return None
    return Reason.BOGUS, f"answers {question} without having validated it (AD is not set)"


def _validated(message: dns.message.Message) -> bool:
    return is_answer(message) and bool(message.flags & dns.flags.AD)


def _out_of_time(question: Question, answer: Answer, rules: Rules) -> _Wrong | None:
    """A TTL of 0 is legal, and one with the highest bit set was read as 0 (RFC 2181 section 8)."""
    if rules.ttl is None:
        return None
    least, most = rules.ttl.min, rules.ttl.max
    for owner, ttl in zip((question.name, *answer.aliases), answer.ttls, strict=False):
        says = f"answers {question} with a TTL of {ttl} s at {spoken(owner)},"
        if ttl < least:
            return Reason.TTL, f"{says} below the min of {least:.10g} s"
        if most is not None and ttl > most:
            return Reason.TTL, f"{says} above the max of {most:.10g} s"
    return None


def _fine(question: Question, answer: Answer, server: str) -> str:
    if answer.aliases and not answer.records:
        return f"{server} answers {question} with a CNAME to {spoken(answer.aliases[-1])}"
    noun = "record" if len(answer.records) == 1 else "records"
    return f"{server} answers {question} with {len(answer.records)} {noun}"
