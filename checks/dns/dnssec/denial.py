"""What a zone's signed NSEC or NSEC3 records prove: no DS record, or no name itself. Pure.

Rule: only a record whose signature holds proves anything, and a zone's word ends at its own cuts
(RFC 6840 section 4.1).
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice

import dns.dnssec
import dns.message
import dns.name
import dns.rdatatype
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rrset import RRset

from vedette.checks.dns.dnssec.signatures import (
    Fault,
    Keys,
    ancestors,
    called,
    find,
    signatures_over,
    verify,
)

_ITERATIONS = 150
"""Beyond this many nobody need compute a hash, and the zone's word is no proof (RFC 9276 3.2)."""
_ANSWERS = 64
"""How many sets of records of an answer, signatures too, are looked at for a wildcard's."""
_RECORDS = 8
"""How many NSEC3 records of one reply are looked at: a proof takes three (RFC 5155 section 7.2)."""


class Denial(Enum):
    """What is proven about a name that has no DS record."""

    UNSIGNED = auto()  # it is delegated, or may be (opt-out), and nothing vouches for what is below
    NO_CUT = auto()  # it is no delegation
    NO_NAME = auto()  # it does not exist


def deny(
    message: dns.message.Message, name: dns.name.Name, keys: Keys, now: float
) -> Denial | Fault:
    """Return what the authority section proves about *name*'s DS record at epoch second *now*.

    A Fault where it proves nothing: then a DS record may have been taken out of the reply.
    """
    told = _by_nsec(message, name, keys, now)
    if told is None:
        told = _by_nsec3(message, name, keys, now)
    if told is not None:
        return told
    zone = called(keys.zone)
    return Fault(
        f"{zone} is signed, and its servers neither give a DS record for {called(name)} nor prove "
        "that there is none"
    )


def unproven(message: dns.message.Message, keys: Keys, now: float) -> Fault | None:
    """Return which records of an answer a wildcard gave without proof that it may.

    Its signature says so (RFC 4035 section 5.3.4); that no name was nearer is what the authority
    section has to prove at epoch second *now* (RFC 5155 section 8.8).
    """
    for rrset in islice(message.answer, _ANSWERS):
        labels = _signed_labels(rrset, message, keys)
        if labels is None or labels >= len(rrset.name) - 1 - rrset.name.is_wild():
            continue
        closer = rrset.name.split(labels + 2)[1]
        fault = _nearer(message, rrset.name, closer, keys, now)
        if fault is not None:
            return fault
    return None


def _signed_labels(rrset: RRset, message: dns.message.Message, keys: Keys) -> int | None:
    """Return how many labels the owner of the signed records has, where *keys* have signed them."""
    signatures = signatures_over(rrset, message.answer) or ()
    return next((s.labels for s in signatures if s.signer == keys.zone), None)


def _nearer(
    message: dns.message.Message, name: dns.name.Name, closer: dns.name.Name, keys: Keys, now: float
) -> Fault | None:
    """Return why it is not proven that neither *name* nor the next *closer* name exists."""
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.NSEC and _spans(rrset, name, keys.zone):
            return _vouched(message, rrset, keys, now)
    hashes = _hashes(message.authority, keys.zone)
    if hashes is not None and hashes.sample.iterations > _ITERATIONS:
        return None
    covering = hashes.covering(closer) if hashes is not None else None
    if covering is not None:
        return _vouched(message, covering, keys, now)
    return Fault(
        f"{called(name)} is answered from a wildcard, and it is not proven that there is no such "
        "name itself"
    )


def _by_nsec(
    message: dns.message.Message, name: dns.name.Name, keys: Keys, now: float
) -> Denial | Fault | None:
    """Read the one NSEC record that matches or covers *name* (RFC 4035 section 5.4)."""
    rrset = find(message.authority, name, dns.rdatatype.NSEC)
    if rrset is not None:
        return _vouched(message, rrset, keys, now) or _at_cut(_types(rrset[0]))
    for rrset in message.authority:
        if rrset.rdtype == dns.rdatatype.NSEC and _spans(rrset, name, keys.zone):
            fault = _vouched(message, rrset, keys, now)
            below = rrset[0].next.is_subdomain(name)
            # The name of which only names below exist (an empty non-terminal) exists.
            return fault or (Denial.NO_CUT if below else Denial.NO_NAME)
    return None


def _spans(rrset: RRset, name: dns.name.Name, zone: dns.name.Name) -> bool:
    """Whether *name* lies between an NSEC record's owner and its next name, and in the zone."""
    owner, following = rrset.name, rrset[0].next
    if not owner.is_subdomain(zone) or (name.is_subdomain(owner) and _ends(_types(rrset[0]))):
        return False
    # The last record of a zone leads back to the apex.
    return bool(owner < name and (name < following or following == zone))


def _vouched(message: dns.message.Message, rrset: RRset, keys: Keys, now: float) -> Fault | None:
    """Return why a record proves nothing; None where it stands in the zone as it stands here."""
    told = verify(rrset, signatures_over(rrset, message.authority), keys, now)
    if isinstance(told, Fault):
        return told
    if told.expanded:
        return Fault(f"{told.what} was made from a wildcard and proves nothing")
    return None


def _at_cut(types: frozenset[int]) -> Denial | None:
    """Read the types at the name itself; that of the child's own apex says nothing about it."""
    if dns.rdatatype.SOA in types or dns.rdatatype.DS in types:
        return None
    return Denial.UNSIGNED if dns.rdatatype.NS in types else Denial.NO_CUT


def _ends(types: frozenset[int]) -> bool:
    """Whether the zone's word ends at a name of these types: a delegation, or a DNAME."""
    delegated = dns.rdatatype.NS in types and dns.rdatatype.SOA not in types
    return delegated or dns.rdatatype.DNAME in types


def _types(record: NSEC | NSEC3) -> frozenset[int]:
    """Return the types of a bitmap (RFC 4034 section 4.1.2)."""
    return frozenset(
        window * 256 + octet * 8 + bit
        for window, bitmap in record.windows
        for octet, bits in enumerate(bitmap)
        for bit in range(8)
        if bits & (0x80 >> bit)
    )


@dataclass(frozen=True, slots=True)
class _Hashes:
    """The NSEC3 records of a reply, all of one way of hashing, by the hash in their name."""

    zone: dns.name.Name
    records: dict[str, RRset]
    sample: NSEC3

    def hash(self, name: dns.name.Name) -> str:
        """Return a name's hash as owner names write it (RFC 5155 section 5)."""
        return dns.dnssec.nsec3_hash(name, self.sample.salt, self.sample.iterations, 1)

    def covering(self, name: dns.name.Name) -> RRset | None:
        """Return the record between whose hash and the next that of *name* lies."""
        sought = self.hash(name)
        for start, rrset in self.records.items():
            end = base64.b32hexencode(rrset[0].next).decode()
            wraps = end <= start and (start < sought or sought < end)
            if wraps or start < sought < end:
                return rrset
        return None


def _by_nsec3(
    message: dns.message.Message, name: dns.name.Name, keys: Keys, now: float
) -> Denial | Fault | None:
    """Read the records that match *name*, or its closest encloser (RFC 5155 sections 8.6, 8.9)."""
    hashes = _hashes(message.authority, keys.zone)
    if hashes is None:
        return None
    if hashes.sample.iterations > _ITERATIONS:
        (first, *_) = hashes.records.values()
        return _vouched(message, first, keys, now) or Denial.UNSIGNED
    match = hashes.records.get(hashes.hash(name))
    if match is not None:
        return _vouched(message, match, keys, now) or _at_cut(_types(match[0]))
    return _by_encloser(message, name, keys, now, hashes)


def _by_encloser(
    message: dns.message.Message, name: dns.name.Name, keys: Keys, now: float, hashes: _Hashes
) -> Denial | Fault | None:
    """Prove that *name* is covered: below the closest name that exists the next one does not."""
    closer = name
    for above in ancestors(name, keys.zone):
        encloser = hashes.records.get(hashes.hash(above))
        if encloser is not None:
            break
        closer = above
    else:
        return None
    covering = hashes.covering(closer)
    if covering is None or _ends(_types(encloser[0])):
        return None
    fault = _vouched(message, encloser, keys, now) or _vouched(message, covering, keys, now)
    opt_out = covering[0].flags & 1
    return fault or (Denial.UNSIGNED if opt_out else Denial.NO_NAME)


def _hashes(authority: Iterable[RRset], zone: dns.name.Name) -> _Hashes | None:
    """Return the NSEC3 records of *zone* that can be read (RFC 5155 section 8.2), or None."""
    records: dict[str, RRset] = {}
    sample: NSEC3 | None = None
    for rrset in authority:
        if rrset.rdtype != dns.rdatatype.NSEC3 or len(rrset.name) != len(zone) + 1:
            continue
        record = rrset[0]
        if record.algorithm != 1 or record.flags > 1 or not rrset.name.is_subdomain(zone):
            continue
        sample = sample or record
        alike = (record.salt, record.iterations) == (sample.salt, sample.iterations)
        if alike and len(records) < _RECORDS:
            records[rrset.name.labels[0].decode("latin-1").upper()] = rrset
    return _Hashes(zone, records, sample) if sample else None
