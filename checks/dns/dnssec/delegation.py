"""What a parent says of the keys of a zone, and whether the zone's own keys fit it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rdatatype
from dns.dnssectypes import DSDigest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from vedette.checks.dns.dnssec.denial import Denial, deny
from vedette.checks.dns.dnssec.signatures import (
    ALGORITHMS,
    Fault,
    Keys,
    Verified,
    called,
    find,
    listed,
    signatures_over,
    verify,
)

_SHA1 = 1
_DIGESTS = frozenset({_SHA1, 2, 4})
"""SHA-1, SHA-256 and SHA-384 (RFC 9904)."""
_TRIES = 32
"""How many pairs of a DS record and a key are compared for one zone."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A zone has these DS records, and its parent's signature over them holds."""

    ds: RRset
    signature: Verified


@dataclass(frozen=True, slots=True)
class Entered:
    """A zone's DNSKEY records, signed by one that its DS records name."""

    keys: Keys
    signature: Verified


def read_delegation(
    message: dns.message.Message, child: dns.name.Name, keys: Keys, now: float
) -> Signed | Denial | Fault:
    """Read the reply of a server of the keys' zone to a question for *child*'s DS, or its referral.

    At epoch second *now* (RFC 4035 sections 5.2 and 3.1.4.1).
    """
    for section in (message.answer, message.authority):
        ds = find(section, child, dns.rdatatype.DS)
        if ds is not None:
            told = verify(ds, signatures_over(ds, section), keys, now)
            return told if isinstance(told, Fault) else Signed(ds, told)
    alias = find(message.answer, child, dns.rdatatype.CNAME)
    if alias is not None:
        told = verify(alias, signatures_over(alias, message.answer), keys, now)
        return told if isinstance(told, Fault) else Denial.NO_CUT
    return deny(message, child, keys, now)


def supported(ds: Iterable[DS]) -> tuple[DS, ...]:
    """Return the DS records that count; where there are none the zone is insecure.

    Those of unknown algorithms and digests do not (RFC 4035 section 5.2), nor those of SHA-1 beside
    better ones (RFC 4509 section 3).
    """
    known = [r for r in ds if r.algorithm in ALGORITHMS and r.digest_type in _DIGESTS]
    better = [record for record in known if record.digest_type != _SHA1]
    return tuple(better or known)


def read_keys(
    message: dns.message.Message, zone: dns.name.Name, ds: RRset, now: float
) -> Entered | Fault:
    """Read the reply of a server of *zone* to a question for its DNSKEY records.

    One of the keys must be named by *ds*, of which one at least is supported, and must have signed
    all of them at epoch second *now* (RFC 4035 section 5.2).
    """
    records = find(message.answer, zone, dns.rdatatype.DNSKEY)
    if records is None:
        return Fault(f"{called(zone)} has no DNSKEY record although it has a DS record")
    keys, named = Keys.of(zone, records), supported(ds)
    entry = Keys.of(zone, _matching(named, keys))
    if not entry.tagged:
        return _unmatched(named, keys)
    told = verify(records, signatures_over(records, message.answer), entry, now)
    return told if isinstance(told, Fault) else Entered(keys, told)


def ds_of(zone: dns.name.Name, key: DNSKEY, digest: int = 2) -> DS:
    """Return the DS record that names a key."""
    return dns.dnssec.make_ds(zone, key, DSDigest.make(digest), validating=True)


def _matching(ds: Iterable[DS], keys: Keys) -> Iterable[DNSKEY]:
    """Return the keys that the DS records name (RFC 4034 section 5.1.4)."""
    pairs = (
        (record, key)
        for record in ds
        for key in keys.tagged.get((record.key_tag, int(record.algorithm)), ())
    )
    found = [key for record, key in islice(pairs, _TRIES) if _names(record, key, keys.zone)]
    return dict.fromkeys(found)


def _names(record: DS, key: DNSKEY, zone: dns.name.Name) -> bool:
    try:
        return bool(ds_of(zone, key, record.digest_type) == record)
    except (dns.exception.DNSException, ValueError):
        return False


def _unmatched(ds: Iterable[DS], keys: Keys) -> Fault:
    named, zone = {record.key_tag for record in ds}, called(keys.zone)
    shared = sorted(named.intersection(keys.tags))
    if shared:
        return Fault(f"the DS record of {zone} does not fit its key {shared[0]}")
    return Fault(f"the DS record of {zone} names key {listed(named)}, and {zone} has {keys}")
