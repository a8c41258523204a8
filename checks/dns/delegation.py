"""Do parent and child name the same servers, and are they the ones of old? Pure.

Rule: glue counts only for names below the zone (RFC 9471 section 2.1), where parent and child both
speak for the address and the parent may leave none out.

Facts of the finding: `zone`, `server` (of the parent), `parent_ns`, `child_ns`, `glue`
("NAME ADDRESS" each), `agrees` and `changed` (where they could be told), and `delegation`, the
texts that are kept as the last-known-good one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from dns.rrset import RRset

from vedette.checks.dns.message import Question, follow
from vedette.checks.dns.names import spoken
from vedette.checks.dns.rcode import require_answer
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.referral import cut
from vedette.checks.finding import Fact, Finding, Verdict
from vedette.checks.net import NetworkFailure
from vedette.checks.words import some

_SHOWN = 13
"""How many names or addresses a sentence has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one side says of a zone's servers: the parent, the child, or the last-known-good."""

    called: str = ""
    """Who says it, in a sentence."""
    names: frozenset[str]
    addresses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of the names below the zone that this side speaks for, also where it has none for one."""
    rcode: str = "NOERROR"

    @property
    def texts(self) -> tuple[str, ...]:
        """The canonical form, to be kept and compared as a set: `NAME`, and `NAME ADDRESS`."""
        return (*sorted(self.names), *self.glue)

    @property
    def glue(self) -> tuple[str, ...]:
        """The addresses, as `NAME ADDRESS`."""
        return tuple(
            f"{name} {address}"
            for name in sorted(self.addresses)
            for address in sorted(self.addresses[name])
        )


def recall(texts: Iterable[str]) -> Side:
    """Return the side that has these *texts*."""
    pairs = [text.partition(" ") for text in texts]
    addressed = {name for name, _, address in pairs if address}
    return Side(
        names=frozenset(name for name, _, _ in pairs),
        addresses={
            name: frozenset(address for owner, _, address in pairs if address and owner == name)
            for name in addressed
        },
    )


def parent_side(message: dns.message.Message, question: Question, called: str) -> Side:
    """Read the reply of a server of the zone above to a *question* for a zone's NS.

    No names: the zone is delegated no more. A server that has the zone too answers as the child,
    and says nothing of glue. Raises NetworkFailure where the server does not do its office.
    """
    require_answer(message, question, called)
    zone = question.name
    referral = _ns(message.authority, zone)
    if referral is not None and not message.answer:
        given = cut(message, referral, zone)
        inside = [name for name in given.names if dns.name.from_text(name).is_subdomain(zone)]
        glue = {
            name: frozenset(one.endpoint.host for one in given.glue if one.name == name)
            for name in inside
        }
        return Side(called=called, names=frozenset(given.names), addresses=glue)
    return _said(message, question, called)


def child_side(message: dns.message.Message, question: Question, called: str) -> Side:
    """Read the names out of the reply of a server of the zone; raise NetworkFailure likewise."""
    require_answer(message, question, called)
    return _said(message, question, called)


def _said(message: dns.message.Message, question: Question, called: str) -> Side:
    """Return what an authority's answer says; raise NetworkFailure where it is none."""
    if not message.flags & dns.flags.AA:
        says = "neither answers {} as an authority nor refers to the zone's servers"
        raise NetworkFailure(Reason.LAME, f"{called} {says.format(question)}")
    names = _names(_ns(message.answer, question.name))
    return Side(called=called, names=names, rcode=dns.rcode.to_text(message.rcode()))


def own_addresses(
    message: dns.message.Message, question: Question, called: str
) -> frozenset[str] | None:
    """Return what a child says of a server's address; None where that is not the child's to say.

    Raises NetworkFailure likewise.
    """
    require_answer(message, question, called)
    if not message.flags & dns.flags.AA:
        return None
    return frozenset(record.to_text() for record in follow(message, question).records)


def judge(
    zone: str,
    parent: Side | NetworkFailure,
    child: Side | NetworkFailure,
    known: Sequence[str] | None,
    declared: Collection[str] = (),
) -> Finding:
    """Hold parent and child against each other, and the parent against the last-known-good *known*.

    A side that could not be asked is a failure; *known* is None where nothing is known to be good.
    A move among the names *declared* as this zone's servers is no change.
    """
    if isinstance(parent, NetworkFailure):
        return _unasked(zone, "parent", parent, {"zone": zone})
    before = recall(known) if known is not None else None
    told = child if isinstance(child, Side) else None
    if before is not None and parent.names and parent.names.issubset(declared):
        before = replace(before, names=parent.names)
    changed, differs = _deviates(parent, before), _deviates(parent, told)
    facts = _facts(zone, parent, told)
    if before is not None or not parent.names:
        # Who is looked at was delegated once; that it is so no more needs no memory.
        facts["changed"] = changed or not parent.names
    if told is not None:
        facts["agrees"] = not differs
    if changed or differs or not parent.names:
        detail = _deviation(zone, parent, told, before)
        return Finding(
            verdict=Verdict.FAILING, reason=Reason.DELEGATION, detail=detail, facts=facts
        )
    if isinstance(child, NetworkFailure):
        return _unasked(zone, "child", child, facts)
    detail = f"{parent.called} delegates {zone} to {_list(parent.names)}, as {child.called} says"
    return Finding(verdict=Verdict.OK, detail=detail, facts=facts)


def _deviates(parent: Side, other: Side | None) -> bool:
    if other is None:
        return False
    shared = parent.addresses.keys() & other.addresses.keys()
    return parent.names != other.names or any(
        parent.addresses[name] != other.addresses[name] for name in shared
    )


def _deviation(zone: str, parent: Side, child: Side | None, before: Side | None) -> str:
    """Say what the parent says and wherein the others differ."""
    was = before.names if before else None
    says = child.names if child else None
    by = child.called if child else ""
    if parent.names:
        head = f"{parent.called} delegates {zone} to {_list(parent.names)}"
    else:
        head = f"{parent.called} does not delegate {zone} any more: it answers {parent.rcode}"
        head += " without NS records" if parent.rcode == "NOERROR" else ""
    clauses = [head + _contrast(parent.names, was, says, by, "no servers")]
    for name, glue in sorted(parent.addresses.items()):
        had = before.addresses.get(name) if before else None
        own = child.addresses.get(name) if child else None
        contrast = _contrast(glue, had, own, by, "no address")
        if contrast:
            clauses.append(f"it gives {name} {_list(glue, 'no address')}{contrast}")
    return "; ".join(clauses)


def _contrast(
    says: frozenset[str],
    was: frozenset[str] | None,
    child: frozenset[str] | None,
    by: str,
    nothing: str,
) -> str:
    """Return what else was said, before or by the child; empty where it is the same."""
    if was is not None and was == child != says:
        return f" where it was {_list(was, nothing)}, as {by} still says"
    others = []
    if was is not None and was != says:
        others.append(f"it was {_list(was, nothing)}")
    if child is not None and child != says:
        others.append(f"{by} says {_list(child, nothing)}")
    return f" where {' and '.join(others)}" if others else ""


def _facts(zone: str, parent: Side, child: Side | None) -> dict[str, Fact]:
    return {
        "zone": zone,
        "server": parent.called,
        "parent_ns": tuple(sorted(parent.names)),
        "child_ns": tuple(sorted(child.names)) if child else None,
        "glue": parent.glue,
        "delegation": parent.texts,
    }


def _unasked(zone: str, side: str, failure: NetworkFailure, facts: Mapping[str, Fact]) -> Finding:
    detail = f"no server of the {side} can tell the delegation of {zone}: {failure.detail}"
    return Finding(verdict=Verdict.UNKNOWN, reason=failure.reason, detail=detail, facts=facts)


def _ns(section: Iterable[RRset], zone: dns.name.Name) -> RRset | None:
    """Return the NS records of *zone* itself."""
    return next(
        (one for one in section if one.rdtype == dns.rdatatype.NS and one.name == zone), None
    )


def _names(ns: RRset | None) -> frozenset[str]:
    return frozenset(spoken(record.target) for record in ns or ())


def _list(texts: Collection[str], nothing: str = "nothing") -> str:
    return some(sorted(texts), _SHOWN) if texts else nothing
