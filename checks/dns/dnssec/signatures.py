"""Whether records are what the keys of their zone have signed. Pure: the time is passed in.

Rule: a reply costs a bounded number of tries, however many keys and signatures it brings (KeyTrap,
CVE-2023-50387).
"""

import math
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Self

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.node
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
from cryptography.exceptions import UnsupportedAlgorithm
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.RRSIG import RRSIG
from dns.rdtypes.dnskeybase import Flag
from dns.rrset import RRset

from vedette.checks.dns.names import spoken

ALGORITHMS = frozenset({5, 7, 8, 10, 13, 14, 15, 16})
"""RSA with SHA-1 and SHA-2, ECDSA and EdDSA: what validators must or should know (RFC 9904)."""

_TRIES = 8
"""How many pairs of a key and a signature are tried for one set of records."""
_SETS = 32
"""How many sets of records of one answer are verified."""
_NAMED = 8
"""How many key tags a sentence names."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why records, or a chain, cannot be trusted, in a sentence without its final dot."""

    says: str
    expired: int | None = None
    """When the signature ended, in epoch seconds, where that is the fault."""
    at_few: bool = False
    """Whether more than half of the servers that answer do not have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A signature that holds; times are in epoch seconds."""

    what: str
    """The records it is over, as `NAME TYPE`."""
    key_tag: int
    algorithm: int
    inception: int
    expires: int
    expanded: bool
    """Whether the records were made from a wildcard (RFC 4035 section 5.3.4)."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are trusted to sign for a zone, by key tag and algorithm: tags collide."""

    zone: dns.name.Name
    tagged: Mapping[tuple[int, int], tuple[DNSKEY, ...]]

    @classmethod
    def of(cls, zone: dns.name.Name, records: Iterable[DNSKEY]) -> Self:
        """Take those of *records* that may sign and whose algorithm we know (RFC 4034 2.1)."""
        tagged: dict[tuple[int, int], tuple[DNSKEY, ...]] = {}
        for key in records:
            may_sign = key.flags & Flag.ZONE and not key.flags & Flag.REVOKE and key.protocol == 3
            if may_sign and key.algorithm in ALGORITHMS:
                name = dns.dnssec.key_id(key), int(key.algorithm)
                tagged[name] = (*tagged.get(name, ()), key)
        return cls(zone, tagged)

    @property
    def records(self) -> frozenset[DNSKEY]:
        """The keys themselves."""
        return frozenset(key for keys in self.tagged.values() for key in keys)

    @property
    def tags(self) -> tuple[int, ...]:
        """Their key tags, sorted."""
        return tuple(sorted({tag for tag, _ in self.tagged}))

    def __str__(self) -> str:
        return listed(self.tags)


def verify(rrset: RRset, signatures: RRset | None, keys: Keys, now: float) -> Verified | Fault:
    """Verify records at epoch second *now*: one signature by one of the *keys* must hold.

    Of several that hold the one that holds longest counts (RFC 4035 section 5.3; RFC 6840 section
    5.4: any valid path suffices).
    """
    what = f"{spoken(rrset.name)} {dns.rdatatype.to_text(rrset.rdtype)}"
    zone = called(keys.zone)
    if not signatures:
        return Fault(f"{what} bears no signature although {zone} is signed")
    ours = [signature for signature in signatures if signature.signer == keys.zone]
    if not ours:
        return Fault(f"{what} is signed by {called(signatures[0].signer)}, not by {zone}")
    known = [s for s in ours if (s.key_tag, int(s.algorithm)) in keys.tagged]
    if not known:
        signers = listed({signature.key_tag for signature in ours})
        return Fault(f"{what} is signed by key {signers}, not by a trusted one of {zone} ({keys})")
    known.sort(key=lambda signature: signature.expiration, reverse=True)
    return _first(rrset, what, known, keys, now)


def _first(
    rrset: RRset, what: str, signatures: Iterable[RRSIG], keys: Keys, now: float
) -> Verified | Fault:
    """Return the first signature that holds, or why the first one does not."""
    pairs = ((s, key) for s in signatures for key in keys.tagged[s.key_tag, int(s.algorithm)])
    faults: list[Fault] = []
    for signature, key in islice(pairs, _TRIES):
        fault = _untimely(what, signature, now)
        if fault is None and _holds(rrset, signature, key, keys.zone, now):
            return _verified(rrset, what, signature)
        over = f"the signature over {what} does not verify under key {signature.key_tag}"
        faults.append(fault or Fault(over))
    return faults[0]


def _untimely(what: str, signature: RRSIG, now: float) -> Fault | None:
    over = f"the signature over {what} by key {signature.key_tag}"
    if signature.expiration < now:
        return Fault(f"{over} expired {moment(signature.expiration)}", signature.expiration)
    if signature.inception > now:
        return Fault(f"{over} is not valid yet: its inception is {moment(signature.inception)}")
    return None


def _holds(rrset: RRset, signature: RRSIG, key: DNSKEY, zone: dns.name.Name, now: float) -> bool:
    keys: dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset] = {
        zone: dns.rdataset.from_rdata(0, key)
    }
    try:
        dns.dnssec.validate_rrsig(rrset, signature, keys, now=now)
    except (dns.exception.DNSException, ValueError, struct.error, UnsupportedAlgorithm):
        return False
    return True


def _verified(rrset: RRset, what: str, signature: RRSIG) -> Verified:
    labels = len(rrset.name) - 1 - rrset.name.is_wild()
    return Verified(
        what=what,
        key_tag=signature.key_tag,
        algorithm=int(signature.algorithm),
        inception=signature.inception,
        expires=signature.expiration,
        expanded=signature.labels < labels,
    )


def find(
    section: Iterable[RRset], name: dns.name.Name, rdtype: dns.rdatatype.RdataType
) -> RRset | None:
    """Return the records of a name and type that a section has."""
    return next((r for r in section if r.name == name and _is(r, rdtype)), None)


def signatures_over(rrset: RRset, section: Iterable[RRset]) -> RRset | None:
    """Return the signatures that a section has over some records of it."""
    for other in section:
        over = other.name == rrset.name and other.covers == rrset.rdtype
        if over and _is(other, dns.rdatatype.RRSIG):
            return other
    return None


def _is(rrset: RRset, rdtype: dns.rdatatype.RdataType) -> bool:
    return rrset.rdtype == rdtype and rrset.rdclass == dns.rdataclass.IN and len(rrset) > 0


def verify_answer(
    message: dns.message.Message, asked: dns.name.Name, keys: Keys, now: float
) -> tuple[Verified, ...] | Fault:
    """Verify the answer section for *asked*, a name of the keys' zone, at epoch second *now*.

    Judged are the records of *asked* and all others of the zone that bear its signatures. What a
    CNAME leads to without a signature may lie in an unsigned zone of the same server, and a CNAME
    made from a DNAME bears none (RFC 6672 section 5.3.1). Whether a wildcard was due is not judged.
    """
    signatures = {(r.name, r.covers): r for r in message.answer if _is(r, dns.rdatatype.RRSIG)}
    dnames = {r.name: r for r in message.answer if _is(r, dns.rdatatype.DNAME)}
    verified: list[Verified] = []
    for rrset in message.answer:
        over = signatures.get((rrset.name, rrset.rdtype))
        if not _is_due(rrset, over, asked, keys.zone) or _synthesized(rrset, dnames):
            continue
        if len(verified) == _SETS:
            break
        told = verify(rrset, over, keys, now)
        if isinstance(told, Fault):
            return told
        verified.append(told)
    return tuple(verified)


def _is_due(
    rrset: RRset, signatures: RRset | None, asked: dns.name.Name, zone: dns.name.Name
) -> bool:
    """Whether *zone* must vouch for these records of an answer for *asked*."""
    if rrset.rdtype == dns.rdatatype.RRSIG or not _is(rrset, rrset.rdtype):
        return False
    if not rrset.name.is_subdomain(zone):
        return False
    signers = {signature.signer for signature in signatures or ()}
    if zone in signers:
        return True
    below = any(signer.is_subdomain(zone) for signer in signers)
    dname = rrset.rdtype == dns.rdatatype.DNAME and asked.is_subdomain(rrset.name)
    return (rrset.name == asked or dname) and not below


def _synthesized(rrset: RRset, dnames: Mapping[dns.name.Name, RRset]) -> bool:
    """Whether *rrset* is the CNAME that a DNAME of the same answer makes (RFC 6672 section 3.1)."""
    if rrset.rdtype != dns.rdatatype.CNAME:
        return False
    for above in ancestors(rrset.name):
        if above in dnames:
            try:
                made = rrset.name.relativize(above).derelativize(dnames[above][0].target)
            except dns.exception.DNSException:  # too long a name
                return False
            return bool(made == rrset[0].target)
    return False


def ancestors(name: dns.name.Name, top: dns.name.Name = dns.name.root) -> Iterable[dns.name.Name]:
    """Yield the names above *name*, the nearest first, down from *top* inclusive."""
    while name != top and len(name) > len(top):
        name = name.parent()
        yield name


def next_boundary(message: dns.message.Message, now: float) -> float:
    """Return the next epoch second at which a signature of *message* begins or ends.

    Until then what was found of the message at *now* stays true; infinite without signatures.
    """
    signatures = (
        signature
        for rrset in (*message.answer, *message.authority)
        if rrset.rdtype == dns.rdatatype.RRSIG
        for signature in rrset
    )
    ends = (end for s in signatures for end in (s.inception, s.expiration) if end >= now)
    return min(ends, default=math.inf)


def moment(seconds: int) -> str:
    """Return an epoch second as people read it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def called(zone: dns.name.Name) -> str:
    """Return a zone's name in a sentence."""
    return "the root" if zone == dns.name.root else spoken(zone)


def listed(tags: Collection[int]) -> str:
    """Return key tags in a sentence: the first of them where there are many."""
    texts = [*map(str, sorted(tags)[:_NAMED]), *(["..."] if len(tags) > _NAMED else [])]
    return ", ".join(texts) or "none"
