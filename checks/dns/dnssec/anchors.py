"""Where trust begins: the keys of the root as IANA publishes them, or those of a file."""

from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.name
import dns.rdatatype
import dns.rrset
import dns.zonefile
from dns.rdtypes.ANY.DS import DS
from dns.rrset import RRset

from vedette.checks.dns.dnssec.delegation import ds_of, supported
from vedette.checks.dns.names import spoken
from vedette.checks.dns.roots import records_in

Anchors = Mapping[dns.name.Name, RRset]
"""Zones to the DS records that are trusted without a parent."""

ROOT_ANCHORS: Anchors = {
    # https://data.iana.org/root-anchors/root-anchors.xml: KSK-2017 and KSK-2024.
    dns.name.root: dns.rrset.from_text(
        ".",
        0,
        "IN",
        "DS",
        "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    )
}


def read_anchors(path: Path) -> Anchors:
    """Read the DS and DNSKEY records of a zone-format file, for any zones, or raise ValueError."""
    rrsets = records_in(path, "trust anchors")
    found: dict[dns.name.Name, list[DS]] = {}
    for rrset in rrsets:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        if kind not in ("DS", "DNSKEY"):
            raise ValueError(f"trust anchors {path}: {kind} is neither a DS nor a DNSKEY record")
        records = [r if kind == "DS" else ds_of(rrset.name, r) for r in rrset]
        found.setdefault(rrset.name, []).extend(records)
    if not found:
        raise ValueError(f"trust anchors {path}: it has no DS or DNSKEY record")
    for zone, records in found.items():
        if not supported(records):
            raise ValueError(
                f"trust anchors {path}: those of {spoken(zone)} are of unknown algorithms"
            )
    return {zone: dns.rrset.from_rdata_list(zone, 0, ds) for zone, ds in found.items()}
