"""What replies tell a delegation walk, and how the walk tells it to a person. Pure.

Rule: a referral counts only downward, and glue only below the zone that gives it
(RFC 2181 section 5.4.1), so that no server can speak for its parent or its neighbour.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rrset import RRset

from vedette.checks.dns.names import spoken
from vedette.checks.dns.rcode import is_answer, reason_of
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server, addresses
from vedette.checks.net import Endpoint

NOT_ASKED = "not_asked"
"""The outcome of a server that our own host could not send to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One server asked on the way; *outcome* is referral, answer, nxdomain, not_asked or a reason.

    *flags* are the reply's, in DNS's words ("QR AA"); empty where none came.
    """

    server: Server
    seconds: float
    outcome: str
    detail: str = ""
    flags: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One level of a walk: who was asked for which zone, and where that led."""

    zone: str
    asked: tuple[Asked, ...]
    answered: Server | None
    child: str | None = None
    names: tuple[str, ...] = ()
    glue: tuple[Server, ...] = ()


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
    if not is_answer(message):
        return reason_of(message)
    exists, apex = message.rcode() == dns.rcode.NOERROR, _apex(message, name)
    if exists and apex is None and not message.answer:
        for rrset in message.authority:
            if rrset.rdtype == dns.rdatatype.NS and _below(rrset.name, zone, name):
                return cut(message, rrset, zone)
    if not message.flags & dns.flags.AA:
        return Reason.LAME
    return Authority(zone=apex, exists=exists)


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


def outcome_of(reading: Reading) -> str:
    """Return what a reading is called in a step."""
    match reading:
        case Referral():
            return "referral"
        case Authority(exists=True):
            return "answer"
        case Authority():
            return "nxdomain"
        case _:
            return reading.value


def step(
    zone: dns.name.Name,
    asked: tuple[Asked, ...],
    reading: Reading | None,
    server: Server | None,
) -> Step:
    """Return one level of a walk: *server* gave the *reading* that ended it."""
    if not isinstance(reading, Referral):
        return Step(zone=spoken(zone), asked=asked, answered=server)
    return Step(
        zone=spoken(zone),
        asked=asked,
        answered=server,
        child=spoken(reading.zone),
        names=reading.names,
        glue=reading.glue,
    )


def dead_end(zone: str, name: str, asked: Sequence[Asked]) -> str:
    """Say in a sentence how the servers *asked* for *zone* led no nearer to *name*."""
    sent = [told for told in asked if told.outcome != NOT_ASKED]
    if not sent:
        return f"this host cannot ask the servers of {zone}: {asked[0].detail}"
    counts = Counter(told.outcome for told in sent)
    tally = ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common())
    tally = tally if len(counts) > 1 else sent[0].outcome
    silent = set(counts) <= {Reason.TIMEOUT.value, Reason.UNREACHABLE.value}
    if len(sent) == 1:
        leads = "does not answer" if silent else f"does not lead on to {name}"
        return f"the one server asked for {zone} {leads} ({sent[0].server.spoken}: {tally})"
    leads = "answers" if silent else f"leads on to {name}"
    return f"none of the {len(sent)} servers asked for {zone} {leads} ({tally})"


def _below(owner: dns.name.Name, zone: dns.name.Name, name: dns.name.Name) -> bool:
    return owner != zone and owner.is_subdomain(zone) and name.is_subdomain(owner)


def _apex(message: dns.message.Message, name: dns.name.Name) -> dns.name.Name | None:
    """Return the owner of the SOA that covers *name*; beside an alias it is its target's."""
    if any(r.rdtype == dns.rdatatype.CNAME and r.name == name for r in message.answer):
        return None
    for rrset in (*message.answer, *message.authority):
        if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
            return rrset.name
    return None
