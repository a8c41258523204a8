"""Replies of the tests' own making."""

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset

from vedette.checks.dns.message import Question, Reply, ask
from vedette.checks.dns.server import Transport

SOA = "{0} 60 IN SOA ns1.{0} host.{0} 1 2 3 4 60"


def reply_to(
    wire: bytes,
    answer: tuple[str, ...] = (),
    authority: tuple[str, ...] = (),
    *,
    aa: bool = True,
    rcode: dns.rcode.Rcode = dns.rcode.NOERROR,
    additional: tuple[str, ...] = (),
) -> bytes:
    """Answer the query *wire* with records written as in a zone file."""
    message = dns.message.make_response(dns.message.from_wire(wire), recursion_available=True)
    if aa:
        message.flags |= dns.flags.AA
    message.set_rcode(rcode)
    for section, lines in (
        (message.answer, answer),
        (message.authority, authority),
        (message.additional, additional),
    ):
        for line in lines:
            owner, ttl, rdclass, rdtype, text = line.split(" ", 4)
            section.append(dns.rrset.from_text(owner, int(ttl), rdclass, rdtype, text))
    return message.to_wire()


def query(question: Question) -> bytes:
    """Return a query for *question* as it goes on the wire."""
    return b"\x12\x34" + question.tail


def heard(wire: bytes) -> Reply:
    """Return *wire* as a reply that came over UDP."""
    message = dns.message.from_wire(wire)
    return Reply(message=message, wire=wire, seconds=0.01, transport=Transport.UDP)


API = ask("api.example.com", "A", recursive=False)
