"""What a reply says, as the facts of its finding; their names are listed in judge.py. Pure.

Rule: what a server may choose freely is cut short and freed of control characters.
"""

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from vedette.checks.dns.message import Answer, Question, Reply
from vedette.checks.dns.names import spoken
from vedette.checks.finding import Fact
from vedette.checks.words import printable

_NAMED = (dns.rdatatype.NS, dns.rdatatype.CNAME, dns.rdatatype.PTR, dns.rdatatype.DNAME)

_TEXT = 200
"""How many characters of a server's own words are kept."""
_ERRORS = 5
"""How many extended errors are kept."""


def facts_of(
    reply: Reply, question: Question, answer: Answer, *, server: str, address: str
) -> dict[str, Fact]:
    """Return what every reply has, and what this one has besides."""
    message = reply.message
    facts: dict[str, Fact] = {
        "answers": tuple(sorted(text(record) for record in answer.records)),
        "count": len(answer.records),
        "ttl": answer.ttl,
        "rcode": dns.rcode.to_text(message.rcode()),
        "aa": bool(message.flags & dns.flags.AA),
        "chain": tuple(f"{spoken(a)} -> {spoken(b)}" for a, b in links(question, answer)),
        "transport": reply.transport.value,
        "server": server,
    }
    rare: dict[str, Fact] = {
        "address": address,
        "nsid": identifier(message),
        "ede": extended_errors(message),
        "dropped": reply.dropped,
    }
    return facts | {name: fact for name, fact in rare.items() if fact}


def links(question: Question, answer: Answer) -> list[tuple[dns.name.Name, dns.name.Name]]:
    """Return owner and target of each CNAME in chain order."""
    return list(zip((question.name, *answer.aliases), answer.aliases, strict=False))


def text(record: dns.rdata.Rdata) -> str:
    """Return a record's text; one that is a single host name without its final dot.

    Names in it are in lower case: servers of one zone keep its capitals or do not (RFC 4343).
    """
    if record.rdtype in _NAMED:
        target: dns.name.Name = record.target  # type: ignore[attr-defined]
        return spoken(target)
    fields = ((slot, getattr(record, slot)) for slot in record.__slots__)
    names = {slot: one.canonicalize() for slot, one in fields if isinstance(one, dns.name.Name)}
    return (record.replace(**names) if names else record).to_text()


def extended_errors(message: dns.message.Message) -> tuple[str, ...]:
    """Return the extended errors as "CODE TEXT", or "CODE" where there is no text (RFC 8914)."""
    return tuple(
        f"{int(error.code)} {printable((error.text or '')[:_TEXT])}".strip()
        for error in _errors(message)
    )


def explained_errors(message: dns.message.Message) -> tuple[str, ...]:
    """Return the extended errors for a sentence, with the meaning that their codes have."""
    return tuple(
        f"extended error {printable(error.to_text().removeprefix('EDE ')[:_TEXT])}"
        for error in _errors(message)
    )


def _errors(message: dns.message.Message) -> list[dns.edns.EDEOption]:
    errors = [option for option in message.options if isinstance(option, dns.edns.EDEOption)]
    return errors[:_ERRORS]


def identifier(message: dns.message.Message) -> str:
    """Return the server's identifier (RFC 5001): its text where it is one, else in hexadecimal."""
    for option in message.options:
        if isinstance(option, dns.edns.NSIDOption):
            return option.to_text().removeprefix("NSID ")[:_TEXT]
    return ""
