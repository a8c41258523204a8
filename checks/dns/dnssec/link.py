"""One link of a chain of trust: a zone, and how far it can be trusted. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import dns.message
import dns.name
import dns.rdata
import dns.rdatatype

from vedette.checks.dns.dnssec.delegation import Entered, Signed
from vedette.checks.dns.dnssec.denial import Denial
from vedette.checks.dns.dnssec.signatures import (
    ALGORITHMS,
    Fault,
    Keys,
    Verified,
    called,
    find,
    listed,
    signatures_over,
)
from vedette.checks.dns.roots import Server

_NAMED = 3
"""How many servers a sentence names."""


class Security(StrEnum):
    """What validation says of a zone (RFC 4035 section 4.3); what no anchor covers is insecure."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """How far a zone can be trusted, and why."""

    zone: dns.name.Name
    security: Security
    detail: str
    """One sentence, without its final dot."""
    keys: Keys | None = None
    """What vouches for the zone's records: the keys that all its servers publish; if secure."""
    broken_at: dns.name.Name | None = None
    """The zone where the chain breaks: this one, or one above it."""
    ds: tuple[str, ...] = ()
    """The DS records, or the anchors in their place."""
    signatures: tuple[Verified, ...] = ()
    """Those over the zone's DS and DNSKEY records; if secure."""
    expired: int | None = None
    """When the signature ended whose end breaks the chain, in epoch seconds."""
    broken_at_few: bool = False
    """Whether more than half of the servers that answer do not break it."""
    until: float = math.inf
    """When its records, or their signatures, have to be asked for again, in epoch seconds."""

    @property
    def expires(self) -> int | None:
        """When the first of its signatures ends, or has ended, in epoch seconds."""
        ends = [signature.expires for signature in self.signatures]
        return min(ends, default=None) if self.expired is None else self.expired


def secure(
    zone: dns.name.Name,
    ds: Iterable[dns.rdata.Rdata],
    entered: Sequence[Entered],
    signature: Verified | None,
) -> Link:
    """Return a zone whose servers, at least one, all give keys that its DS records lead to.

    *signature* is that over the DS records; anchors have none.
    """
    shared = frozenset.intersection(*(entry.keys.records for entry in entered))
    keys, over_ds = Keys.of(zone, shared), [signature] if signature else []
    return Link(
        zone=zone,
        security=Security.SECURE,
        detail=f"{called(zone)} is secure by its keys {keys}",
        keys=keys,
        ds=_texts(ds),
        signatures=tuple(dict.fromkeys([*over_ds, *(entry.signature for entry in entered)])),
    )


def unsigned(above: dns.name.Name, zone: dns.name.Name, until: float) -> Link:
    """Return a zone that its parent delegates without a DS record."""
    detail = f"{called(above)} proves that {called(zone)} has no DS record: nothing vouches for it"
    return Link(zone=zone, security=Security.INSECURE, detail=detail, until=until)


def unsupported(signed: Signed, until: float) -> Link:
    """Return a zone whose DS records name nothing that we know (RFC 4035 section 5.2)."""
    zone = signed.ds.name
    return Link(
        zone=zone,
        security=Security.INSECURE,
        detail=f"the DS records of {called(zone)} are all of unsupported algorithms or digests",
        ds=_texts(signed.ds),
        until=until,
    )


def indeterminate(zone: dns.name.Name) -> Link:
    """Return a zone for which there is no anchor."""
    detail = f"no trust anchor leads to {called(zone)}: nothing vouches for it"
    return Link(zone=zone, security=Security.INSECURE, detail=detail)


def bogus(zone: dns.name.Name, fault: Fault, ds: Iterable[dns.rdata.Rdata] = ()) -> Link:
    """Return a zone at which the chain breaks."""
    return Link(
        zone=zone,
        security=Security.BOGUS,
        detail=fault.says,
        broken_at=zone,
        ds=_texts(ds),
        expired=fault.expired,
        broken_at_few=fault.at_few,
    )


def denied(above: dns.name.Name, zone: dns.name.Name, denial: Denial) -> Link:
    """Return a zone of which the zone above proves that it is none."""
    what = "is no delegation" if denial is Denial.NO_CUT else "does not exist"
    return bogus(zone, Fault(f"{called(above)} proves that {called(zone)} {what}"))


def keyless(zone: dns.name.Name, why: str) -> Link:
    """Return a zone whose servers give no keys although its DS records say that it has some."""
    return bogus(zone, Fault(f"{called(zone)} has a DS record, and nobody gives its keys: {why}"))


def faulty(told: Mapping[Server, Entered | Fault]) -> Fault | None:
    """Return how servers of a zone break its chain, named unless all do; None where none does."""
    faults = {server: fault for server, fault in told.items() if isinstance(fault, Fault)}
    if not faults:
        return None
    first = next(iter(faults.values()))
    alike = [server.spoken for server, fault in faults.items() if fault == first]
    if len(alike) == len(told):
        return first
    names = ", ".join(alike[:_NAMED]) + (", ..." if len(alike) > _NAMED else "")
    where = f"{len(alike)} of the {len(told)} servers that answer ({names})"
    return Fault(f"{first.says}, at {where}", first.expired, 2 * len(faults) < len(told))


Signers = frozenset[tuple[int, int]]
"""Key tags with their algorithms."""


def read_signers(message: dns.message.Message, zone: dns.name.Name, _: None, __: float) -> Signers:
    """Return which keys have signed the SOA record, and so sign the zone's data."""
    soa = find(message.answer, zone, dns.rdatatype.SOA)
    signatures = signatures_over(soa, message.answer) if soa else None
    return frozenset((s.key_tag, int(s.algorithm)) for s in signatures or () if s.signer == zone)


def lacking(told: Mapping[Server, Entered], signers: Mapping[Server, Signers]) -> Fault | None:
    """Return which keys sign at one server and are, all of them, not published at another.

    A resolver that has the keys of one and the data of the other finds it bogus (RFC 8901 section
    3). One key that it has is enough: signatures of a new key stand beside the old ones while keys
    roll over (RFC 6781 sections 4.1.1.2 and 4.1.4). A key that signs only DNSKEY records, or
    nothing yet, may well be published at one server alone (RFC 8901 section 2.1.2).
    """
    for signing, signed in signers.items():
        known = {(tag, algorithm) for tag, algorithm in signed if algorithm in ALGORITHMS}
        for server, entered in told.items():
            if known and known.isdisjoint(entered.keys.tagged):
                tags = listed({tag for tag, _ in known})
                return Fault(
                    f"{server.spoken} does not publish key {tags}, with which "
                    f"{signing.spoken} signs"
                )
    return None


def _texts(ds: Iterable[dns.rdata.Rdata]) -> tuple[str, ...]:
    return tuple(sorted(record.to_text() for record in ds))
