"""Replies of servers, the rules that judge them, and the reason that each must have."""

from collections.abc import Mapping

import dns.rcode

from tests.checks.dns.messages import API, SOA, heard
from vedette.checks.dns.judge import Rules, judge, rules_of
from vedette.checks.dns.message import Question
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.finding import Finding

ONE = "api.example.com. 60 IN A 192.0.2.1"
TWO = "api.example.com. 60 IN A 192.0.2.2"
OUT = "api.example.com. 30 IN CNAME edge.example.net."
IN = "api.example.com. 30 IN CNAME pool.example.com."
POOL = "pool.example.com. 20 IN A 192.0.2.7"
BACK = "edge.example.net. 30 IN CNAME api.example.com."
ITSELF = "api.example.com. 30 IN CNAME api.example.com."
CHAOS = "api.example.com. 60 CH TXT somebody"
DNAME = "example.com. 60 IN DNAME example.net."
SIGNED = (
    "api.example.com. 60 IN RRSIG A 13 3 60 20261221152834 20261121152834 32972 example.com. AAAA"
)
ELSEWHERE = (
    "pool.example.com. 60 IN RRSIG A 13 3 60 20261221152834 20261121152834 1 example.com. AAAA"
)
ZONE, FOREIGN = SOA.format("example.com."), SOA.format("example.net.")
REFERRAL = "example.com. 60 IN NS ns1.example.com."


def rules(place: Place = Place.AUTHORITATIVE, **written: object) -> Rules:
    """Return the rules that settings as they are *written* make."""
    return rules_of(DnsSettings.model_validate({"name": "api.example.com", **written}), place)


AUTHORITY, RECURSIVE = rules(), rules(Place.RECURSIVE)
INSIDE = rules(allowed=["192.0.2.0/31"])
EITHER = rules(allowed=["192.0.2.0/31", "192.0.2.2/32"])
OUTSIDE = rules(allowed=["198.51.100.0/24"])
NONE = rules(min_records=0)
THREE = rules(min_records=3)
ONLY_ONE, EMPTY = rules(max_records=1), rules(min_records=0, max_records=0)
EDGE = rules(cname_targets=["*.example.net"])
EDGE_ONLY = rules(cname_targets=["Edge.example.net.", "*.pool.example.com"])
SLOW = {"ttl": {"min": "1m", "max": "1h"}}
SECURE = rules(Place.RECURSIVE, dnssec=True, servers=["9.9.9.9"])

CASES: Mapping[str, tuple[Rules, dict, Reason | None]] = {
    "records": (AUTHORITY, {"answer": (ONE, TWO)}, None),
    "records in bounds": (INSIDE, {"answer": (ONE,)}, None),
    "one out of bounds": (INSIDE, {"answer": (ONE, TWO)}, Reason.WRONG_ANSWER),
    "in the second of two bounds": (EITHER, {"answer": (ONE, TWO)}, None),
    "out of bounds": (OUTSIDE, {"answer": (ONE,)}, Reason.WRONG_ANSWER),
    "too few": (THREE, {"answer": (ONE, TWO)}, Reason.TOO_FEW),
    "too many": (ONLY_ONE, {"answer": (ONE, TWO)}, Reason.TOO_MANY),
    "just enough": (ONLY_ONE, {"answer": (ONE,)}, None),
    "empty": (AUTHORITY, {"authority": (ZONE,)}, Reason.NODATA),
    "empty without SOA": (AUTHORITY, {}, Reason.NODATA),
    "empty at a resolver": (RECURSIVE, {"aa": False}, Reason.NODATA),
    "empty is fine": (NONE, {"authority": (ZONE,)}, None),
    "empty as it must be": (EMPTY, {"authority": (ZONE,)}, None),
    "not empty as it must be": (EMPTY, {"answer": (ONE,)}, Reason.TOO_MANY),
    "nxdomain": (AUTHORITY, {"rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "nxdomain is not empty": (EMPTY, {"rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "nxdomain at the chain's end": (
        AUTHORITY,
        {"answer": (IN,), "rcode": dns.rcode.NXDOMAIN},
        Reason.NXDOMAIN,
    ),
    "servfail": (AUTHORITY, {"rcode": dns.rcode.SERVFAIL}, Reason.SERVFAIL),
    "refused": (AUTHORITY, {"rcode": dns.rcode.REFUSED}, Reason.REFUSED),
    "formerr": (RECURSIVE, {"rcode": dns.rcode.FORMERR}, Reason.FORMERR),
    "notimp": (RECURSIVE, {"rcode": dns.rcode.NOTIMP}, Reason.NOTIMP),
    "yxdomain": (RECURSIVE, {"rcode": dns.rcode.YXDOMAIN}, Reason.OTHER_RCODE),
    "badvers": (RECURSIVE, {"rcode": dns.rcode.BADVERS}, Reason.OTHER_RCODE),
    "no authority": (AUTHORITY, {"answer": (ONE,), "aa": False}, Reason.LAME),
    "referral": (AUTHORITY, {"authority": (REFERRAL,), "aa": False}, Reason.LAME),
    "chain": (AUTHORITY, {"answer": (IN, POOL)}, None),
    "chain in another order": (AUTHORITY, {"answer": (POOL, IN)}, None),
    "CNAME out of the zone": (AUTHORITY, {"answer": (OUT,)}, None),
    "CNAME out of the zone counts for all": (THREE, {"answer": (OUT,)}, None),
    "CNAME out of the zone beside the name servers of another": (
        AUTHORITY,
        {"answer": (OUT,), "authority": ("example.net. 60 IN NS ns.example.net.",)},
        None,
    ),
    "CNAME into the zone with too few records": (THREE, {"answer": (IN, POOL)}, Reason.TOO_FEW),
    "CNAME into an empty name of the zone": (
        AUTHORITY,
        {"answer": (IN,), "authority": (ZONE,)},
        Reason.NODATA,
    ),
    "CNAME into an empty name of another zone": (
        AUTHORITY,
        {"answer": (OUT,), "authority": (FOREIGN,)},
        Reason.NODATA,
    ),
    "CNAME to nothing at a resolver": (RECURSIVE, {"answer": (OUT,)}, Reason.NODATA),
    "CNAME below an allowed name": (EDGE, {"answer": (OUT,)}, None),
    "CNAME to an allowed name": (EDGE_ONLY, {"answer": (OUT,)}, None),
    "CNAME elsewhere": (EDGE, {"answer": (IN, POOL)}, Reason.WRONG_ANSWER),
    "CNAME to the name that others must be below": (
        EDGE_ONLY,
        {"answer": (IN, POOL)},
        Reason.WRONG_ANSWER,
    ),
    "CNAME to a name that looks as if it was below": (
        EDGE,
        {"answer": (r"api.example.com. 30 IN CNAME evil\.example.net.",)},
        Reason.WRONG_ANSWER,
    ),
    "CNAME elsewhere at a resolver": (
        rules(Place.RECURSIVE, cname_targets=["*.example.net"]),
        {"answer": (IN, POOL)},
        Reason.WRONG_ANSWER,
    ),
    "no CNAME where one is allowed": (EDGE, {"answer": (ONE,)}, None),
    "loop": (AUTHORITY, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "loop at a resolver": (RECURSIVE, {"answer": (OUT, BACK)}, Reason.CNAME_LOOP),
    "loop of one": (RECURSIVE, {"answer": (ITSELF,)}, Reason.CNAME_LOOP),
    "somebody else's records": (AUTHORITY, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's records at a resolver": (RECURSIVE, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's, where none are wanted": (NONE, {"answer": (POOL,)}, Reason.MISMATCHED),
    "somebody else's with a signature": (
        AUTHORITY,
        {"answer": (POOL, SIGNED)},
        Reason.MISMATCHED,
    ),
    "somebody else's beside the right ones": (AUTHORITY, {"answer": (POOL, ONE)}, None),
    "somebody else's beside what is there of another type": (
        AUTHORITY,
        {"answer": (POOL, "api.example.com. 60 IN TXT hello")},
        Reason.NODATA,
    ),
    "the records of the name above": (
        AUTHORITY,
        {"answer": ("example.com. 60 IN A 192.0.2.9",)},
        Reason.MISMATCHED,
    ),
    "the DNAME of another name": (
        AUTHORITY,
        {"answer": ("example.org. 60 IN DNAME example.net.",)},
        Reason.MISMATCHED,
    ),
    "another class": (AUTHORITY, {"answer": (CHAOS,)}, Reason.MISMATCHED),
    "another class beside the right one": (AUTHORITY, {"answer": (CHAOS, ONE)}, None),
    "another type": (
        AUTHORITY,
        {"answer": ("api.example.com. 60 IN TXT hello",)},
        Reason.NODATA,
    ),
    "DNAME and CNAME": (AUTHORITY, {"answer": (DNAME, OUT)}, None),
    "DNAME without its CNAME": (AUTHORITY, {"answer": (DNAME,)}, Reason.NODATA),
    "records with signature": (ONLY_ONE, {"answer": (ONE, SIGNED)}, None),
    "a signature alone": (AUTHORITY, {"answer": (SIGNED,)}, Reason.NODATA),
    "a signature alone, where none are wanted": (EMPTY, {"answer": (SIGNED,)}, None),
    "somebody else's signature": (NONE, {"answer": (ELSEWHERE,)}, None),
    "TTL in its range": (rules(**SLOW), {"answer": (ONE,)}, None),
    "TTL too low": (rules(**SLOW), {"answer": ("api.example.com. 59 IN A 192.0.2.1",)}, Reason.TTL),
    "TTL too high": (
        rules(**SLOW),
        {"answer": ("api.example.com. 3601 IN A 192.0.2.1",)},
        Reason.TTL,
    ),
    "TTL as high as may be": (
        rules(**SLOW),
        {"answer": ("api.example.com. 3600 IN A 192.0.2.1",)},
        None,
    ),
    "TTL of a CNAME too low": (rules(**SLOW), {"answer": (OUT,)}, Reason.TTL),
    "TTL of 0": (rules(**SLOW), {"answer": ("api.example.com. 0 IN A 192.0.2.1",)}, Reason.TTL),
    "TTL of 0 is legal": (AUTHORITY, {"answer": ("api.example.com. 0 IN A 192.0.2.1",)}, None),
    "TTL that counts down": (
        rules(Place.RECURSIVE, **SLOW),
        {"answer": ("api.example.com. 1 IN A 192.0.2.1",)},
        None,
    ),
    "TTL too high at a resolver": (
        rules(Place.RECURSIVE, **SLOW),
        {"answer": ("api.example.com. 3601 IN A 192.0.2.1",)},
        Reason.TTL,
    ),
    "TTL without a most": (
        rules(Place.RECURSIVE, ttl={"min": 60}),
        {"answer": ("api.example.com. 1 IN A 192.0.2.1",)},
        None,
    ),
    "not validated": (SECURE, {"answer": (ONE,)}, Reason.BOGUS),
    "not validated, nor demanded": (RECURSIVE, {"answer": (ONE,)}, None),
    "not validated, and the chain is looked at": (
        rules(Place.RECURSIVE, dnssec=True, servers=["authoritative", "9.9.9.9"]),
        {"answer": (ONE,)},
        None,
    ),
    "not validated by an authority": (rules(dnssec=True), {"answer": (ONE,)}, None),
}

PARENT = rules(Place.PARENT, name="example.com", type="NS", servers=["parent"], min_records=2)
GOOD_PARENT = rules(
    Place.PARENT,
    name="example.com",
    type="NS",
    servers=["authoritative", "parent"],
    allowed=["ns1.example.com", "NS2.example.com"],
    ttl={"max": 10},
)
SECOND = "example.com. 60 IN NS ns2.example.com."
THIRD = "example.com. 60 IN NS ns.evil.example."
ABOVE = SOA.format("com.")
SIGNED_BELOW = f"example.com. 60 IN DS 1 13 2 {32 * '00'}"

PARENTS: Mapping[str, tuple[Rules, dict, Reason | None]] = {
    "delegation": (PARENT, {"authority": (REFERRAL, SECOND), "aa": False}, None),
    "delegation of a signed zone, which asks no validator": (
        rules(Place.PARENT, type="NS", dnssec=True, servers=["parent", "9.9.9.9"]),
        {"authority": (SIGNED_BELOW, REFERRAL), "aa": False},
        None,
    ),
    "one's own server that refers to others": (
        rules(type="NS"),
        {"authority": (REFERRAL, SECOND), "aa": False},
        Reason.LAME,
    ),
    "delegation to who is allowed": (
        GOOD_PARENT,
        {"authority": (REFERRAL, SECOND), "aa": False},
        None,
    ),
    "delegation to somebody else": (
        GOOD_PARENT,
        {"authority": (REFERRAL, THIRD), "aa": False},
        Reason.WRONG_ANSWER,
    ),
    "a server lost": (PARENT, {"authority": (REFERRAL,), "aa": False}, Reason.TOO_FEW),
    "server of parent and child": (PARENT, {"answer": (REFERRAL, SECOND)}, None),
    "delegation gone": (PARENT, {"authority": (ABOVE,)}, Reason.NODATA),
    "name gone": (PARENT, {"authority": (ABOVE,), "rcode": dns.rcode.NXDOMAIN}, Reason.NXDOMAIN),
    "no delegation and no authority": (PARENT, {"aa": False}, Reason.LAME),
    "refers elsewhere": (
        PARENT,
        {"authority": ("com. 60 IN NS a.gtld.example.",), "aa": False},
        Reason.LAME,
    ),
    "a cache in the parent's place": (
        PARENT,
        {"answer": (REFERRAL, SECOND), "aa": False},
        Reason.LAME,
    ),
    "refused": (PARENT, {"rcode": dns.rcode.REFUSED, "aa": False}, Reason.REFUSED),
}


def judged(wire: bytes, question: Question = API, by: Rules = AUTHORITY) -> Finding:
    """Return what *by* makes of a reply of ns1."""
    return judge(heard(wire), question, by, server="ns1 (192.0.2.53)", address="192.0.2.53")
