"""What one reply tells a delegation walk. Pure.

Rule: a referral counts only downward, and glue only below the zone that gives it
(RFC 2181 section 5.4.1), so that no server can speak for its parent or its neighbour.
"""

from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rrset import RRset

from vedette.checks.dns.message import spoken
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server, addresses
from vedette.checks.net import Endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """A zone cut: the zone below it, its servers' names, and the addresses given with them."""

    zone: dns.name.Name
    names: tuple[str, ...]
    glue: tuple[Server, ...]
    ttl: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The server answers for the name itself, out of *zone* where it says which."""

    zone: dns.name.Name | None
    exists: bool


Reading = Referral | Authority | Reason


def read(message: dns.message.Message, zone: dns.name.Name, name: dns.name.Name) -> Reading:
    """Read the reply of a server of *zone* to a question for *name*'s SOA, asked without RD."""
    rcode = message.rcode()
    if rcode not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        known = {"SERVFAIL", "REFUSED", "FORMERR", "NOTIMP"}
        text = dns.rcode.to_text(rcode)
        return Reason(text.lower()) if text in known else Reason.OTHER_RCODE
    apex = _apex(message, name)
    if rcode == dns.rcode.NOERROR and apex is None and not message.answer:
        for rrset in message.authority:
            if rrset.rdtype == dns.rdatatype.NS and _below(rrset.name, zone, name):
                return cut(message, rrset, zone)
    if not message.flags & dns.flags.AA:
        return Reason.LAME
    return Authority(zone=apex, exists=rcode == dns.rcode.NOERROR)


def cut(message: dns.message.Message, ns: RRset, giver: dns.name.Name) -> Referral:
    """Return the zone cut that *ns* makes, with the glue that the zone *giver* may give."""
    names = tuple(sorted({spoken(record.target) for record in ns}))
    glue = {
        Server(spoken(rrset.name), Endpoint(address, 53))
        for rrset in (*message.answer, *message.additional)
        if spoken(rrset.name) in names and rrset.name.is_subdomain(giver)
        for address in addresses(rrset)
    }
    return Referral(zone=ns.name, names=names, glue=tuple(sorted(glue)), ttl=ns.ttl)


def _below(owner: dns.name.Name, zone: dns.name.Name, name: dns.name.Name) -> bool:
    return owner != zone and owner.is_subdomain(zone) and name.is_subdomain(owner)


def _apex(message: dns.message.Message, name: dns.name.Name) -> dns.name.Name | None:
    """Return the owner of the SOA that covers *name*."""
    for rrset in (*message.answer, *message.authority):
        if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
            return rrset.name
    return None
