"""Is this reply what the name must give? Pure: a reply and the rules in, a finding out.

Facts of a finding: `answers` (the records' texts, sorted), `count`, `ttl` (the least one),
`rcode`, `aa`, `cnames` (the chain), `transport`, `server`, and where there are any `ede`
("CODE TEXT" each, RFC 8914) and `dropped` (strays before the reply).
"""

import ipaddress
from dataclasses import dataclass

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from vedette.checks.dns.message import Answer, Question, Reply, follow, spoken
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.settings import DnsSettings, Network
from vedette.checks.finding import Fact, Finding, Verdict

_RCODES = {
    dns.rcode.SERVFAIL: Reason.SERVFAIL,
    dns.rcode.REFUSED: Reason.REFUSED,
    dns.rcode.FORMERR: Reason.FORMERR,
    dns.rcode.NOTIMP: Reason.NOTIMP,
}

_NAMED = (dns.rdatatype.NS, dns.rdatatype.CNAME, dns.rdatatype.PTR, dns.rdatatype.DNAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a reply must fulfil."""

    authoritative: bool
    """Whether the server is asked as an authority: AA is due, and a bare CNAME may be complete."""
    min_records: int = 1
    networks: tuple[Network, ...] | None = None
    names: frozenset[str] | None = None


def rules_of(settings: DnsSettings, *, authoritative: bool) -> Rules:
    """Return the rules that a check's settings make."""
    return Rules(
        authoritative=authoritative,
        min_records=settings.min_records,
        networks=settings.networks,
        names=settings.names,
    )


def judge(reply: Reply, question: Question, rules: Rules, *, server: str) -> Finding:
    """Judge one reply of *server*, who is named so in the detail; never raises."""
    answer = follow(reply.message, question)
    facts = _facts(reply, answer, server)
    wrong = _wrong(reply.message, question, answer, rules)
    if wrong is None:
        return Finding(verdict=Verdict.OK, detail=_fine(question, answer, server), facts=facts)
    reason, says = wrong
    errors = extended_errors(reply.message)
    hint = f" (extended error {'; '.join(errors)})" if errors else ""
    return Finding(
        verdict=Verdict.FAILING, reason=reason, detail=f"{server} {says}{hint}", facts=facts
    )


def _wrong(
    message: dns.message.Message, question: Question, answer: Answer, rules: Rules
) -> tuple[Reason, str] | None:
    """Return the first rule broken, gravest first, and how to say it."""
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        says = f"answers {dns.rcode.to_text(rcode)} for {question}"
        return _RCODES.get(rcode, Reason.OTHER_RCODE), says
    if rules.authoritative and not message.flags & dns.flags.AA:
        return _lame(message, question)
    if rcode == dns.rcode.NXDOMAIN:
        missing = spoken(answer.aliases[-1] if answer.aliases else question.name)
        return Reason.NXDOMAIN, f"answers NXDOMAIN: {missing} does not exist"
    if answer.loops:
        return Reason.CNAME_LOOP, f"answers {question} with CNAMEs that lead back to themselves"
    if _leaves(message, answer, rules):
        return None
    return _records_wrong(question, answer, rules)


def _lame(message: dns.message.Message, question: Question) -> tuple[Reason, str]:
    if not message.answer and any(r.rdtype == dns.rdatatype.NS for r in message.authority):
        return Reason.LAME, f"refers to other servers for {question} instead of answering"
    return Reason.LAME, f"answers {question} without authority (AA is not set)"


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


def _records_wrong(question: Question, answer: Answer, rules: Rules) -> tuple[Reason, str] | None:
    rdtype, count = dns.rdatatype.to_text(question.rdtype), len(answer.records)
    name = spoken(question.name)
    if count == 0 and rules.min_records > 0:
        end = f" (a CNAME to {spoken(answer.aliases[-1])})" if answer.aliases else ""
        return Reason.NODATA, f"answers NOERROR with no {rdtype} record for {name}{end}"
    foreign = sorted(text(record) for record in answer.records if not _allowed(record, rules))
    if foreign:
        return Reason.WRONG_ANSWER, (
            f"answers {question} with {', '.join(foreign[:5])}, which is not allowed"
        )
    if count < rules.min_records:
        return Reason.TOO_FEW, (
            f"has {count} of at least {rules.min_records} {rdtype} records for {name}"
        )
    return None


def _allowed(record: dns.rdata.Rdata, rules: Rules) -> bool:
    if record.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA) and rules.networks is not None:
        address = ipaddress.ip_address(text(record))
        return any(address in network for network in rules.networks)
    if record.rdtype == dns.rdatatype.NS and rules.names is not None:
        return text(record) in rules.names
    return True


def _fine(question: Question, answer: Answer, server: str) -> str:
    if answer.aliases and not answer.records:
        return f"{server} answers {question} with a CNAME to {spoken(answer.aliases[-1])}"
    noun = "record" if len(answer.records) == 1 else "records"
    return f"{server} answers {question} with {len(answer.records)} {noun}"


def _facts(reply: Reply, answer: Answer, server: str) -> dict[str, Fact]:
    message = reply.message
    facts: dict[str, Fact] = {
        "answers": tuple(sorted(text(record) for record in answer.records)),
        "count": len(answer.records),
        "ttl": answer.ttl,
        "rcode": dns.rcode.to_text(message.rcode()),
        "aa": bool(message.flags & dns.flags.AA),
        "cnames": tuple(spoken(name) for name in answer.aliases),
        "transport": reply.transport.value,
        "server": server,
    }
    if errors := extended_errors(message):
        facts["ede"] = errors
    if reply.dropped:
        facts["dropped"] = reply.dropped
    return facts


def text(record: dns.rdata.Rdata) -> str:
    """Return a record's text; one that is a single host name in lower case, without final dot."""
    if record.rdtype in _NAMED:
        target: dns.name.Name = record.target  # type: ignore[attr-defined]
        return spoken(target)
    return record.to_text()


def extended_errors(message: dns.message.Message) -> tuple[str, ...]:
    """Return the extended errors as "CODE TEXT", or "CODE" where the server gives no text."""
    return tuple(
        f"{int(option.code)} {option.text or ''}".strip()
        for option in message.options
        if isinstance(option, dns.edns.EDEOption)
    )
