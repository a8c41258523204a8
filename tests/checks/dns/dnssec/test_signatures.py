"""Signatures over records, made by BIND and served by NSD."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rrset import RRset
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.dns.dnssec.world import DAY, GOOD, NOW
from tests.servers.nsd import nsd
from tests.servers.signed import Key, new_key, sign
from vedette.checks.dns.dnssec.signatures import (
    Fault,
    Keys,
    Verified,
    find,
    next_boundary,
    signatures_over,
    verify,
    verify_answer,
)
from vedette.checks.dns.message import parse

ZONE = dns.name.from_text("shop.test")

SHOP = """\
$ORIGIN shop.test.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
@ MX 10 Mail.Shop.test.
@ TXT "one" "two"
ns1 A 127.0.0.1
WWW A 192.0.2.1
www A 192.0.2.2
alias CNAME Www.shop.test.
out CNAME www.elsewhere.
*.wild A 192.0.2.3
tree DNAME forest
a.forest A 192.0.2.4
sub NS ns.sub
ns.sub A 127.0.0.1
kid NS ns.kid
ns.kid A 127.0.0.1
into CNAME x.sub
intokid CNAME x.kid
"""

CHILD = """\
$ORIGIN {}.shop.test.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 127.0.0.1
x A 192.0.2.5
"""

Ask = Callable[..., dns.message.Message]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Key, Ask]]:
    """Serve a signed zone with a signed and an unsigned one below; return how to ask for it."""
    folder = tmp_path_factory.mktemp("shop")
    key, kid = new_key(folder, "shop.test"), new_key(folder, "kid.shop.test")
    zones = {
        "shop.test": sign("shop.test", SHOP + f"{kid.ds()}\n", [key], GOOD),
        "kid.shop.test": sign("kid.shop.test", CHILD.format("kid"), [kid], GOOD),
        "sub.shop.test": CHILD.format("sub"),
    }
    with nsd(zones) as end:

        def ask(name: str, rdtype: str = "A") -> dns.message.Message:
            query = dns.message.make_query(f"{name}.shop.test", rdtype, want_dnssec=True)
            return dns.query.udp(query, end.host, port=end.port, timeout=5)

        yield key, ask


@pytest.fixture
def keys(shop: tuple[Key, Ask]) -> Keys:
    """Return the keys of the zone."""
    return keys_of(ZONE, shop[0])


@pytest.fixture
def ask(shop: tuple[Key, Ask]) -> Ask:
    """Return how to ask for a name of the zone."""
    return shop[1]


def keys_of(zone: dns.name.Name, *keys: Key) -> Keys:
    return Keys.of(zone, (dnskey(key) for key in keys))


def dnskey(key: Key) -> DNSKEY:
    text = key.record.partition("DNSKEY")[2]
    record = dns.rdata.from_text("IN", "DNSKEY", text)
    assert isinstance(record, DNSKEY)
    return record


def records(text: str) -> list[RRset]:
    zone = dns.zone.from_text(text, ZONE, relativize=False, check_origin=False)
    return [
        dns.rrset.from_rdata_list(name, rdataset.ttl, rdataset)
        for name, rdataset in zone.iterate_rdatasets()
    ]


def what(told: Sequence[Verified] | Fault) -> list[str]:
    assert not isinstance(told, Fault), told
    return [verified.what for verified in told]


def judged(ask: Ask, keys: Keys, name: str, now: float = NOW) -> tuple[Verified, ...] | Fault:
    asked = dns.name.from_text(f"{name}.shop.test")
    return verify_answer(ask(name), asked, keys, now)


ALGORITHMS = [
    "RSASHA1", "NSEC3RSASHA1", "RSASHA256", "RSASHA512",
    "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448",
]  # fmt: skip


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_algorithms(tmp_path: Path, algorithm: str) -> None:
    """All records of a zone verify under its key, in each algorithm that validators know."""
    key = new_key(tmp_path, "shop.test", algorithm=algorithm)
    zone = records(sign("shop.test", SHOP, [key], GOOD))
    signed = [r for r in zone if r.rdtype != dns.rdatatype.RRSIG and signatures_over(r, zone)]
    assert len(signed) >= 20
    for rrset in signed:
        told = verify(rrset, signatures_over(rrset, zone), keys_of(ZONE, key), NOW)
        assert isinstance(told, Verified), told
        assert (told.key_tag, told.inception, told.expires) == (key.tag, GOOD.start, GOOD.end)


def test_time(ask: Ask, keys: Keys, shop: tuple[Key, Ask]) -> None:
    """A signature holds from its first second to its last, and is said to be early or late."""
    over = f"the signature over www.shop.test A by key {shop[0].tag}"
    for now in (GOOD.start, GOOD.end):
        assert what(judged(ask, keys, "www", now)) == ["www.shop.test A"]
    late = judged(ask, keys, "www", GOOD.end + 1)
    assert isinstance(late, Fault)
    assert (late.says.rpartition(" expired ")[0], late.expired) == (over, GOOD.end)
    early = judged(ask, keys, "www", GOOD.start - 1)
    assert isinstance(early, Fault)
    assert early.says.startswith(f"{over} is not valid yet: its inception is 20")


def test_boundaries(ask: Ask) -> None:
    """The verdict on a message holds until the next of its signatures begins or ends."""
    message = ask("www")
    for now, until in ((0, GOOD.start), (NOW, GOOD.end), (GOOD.end, GOOD.end)):
        assert next_boundary(message, now) == until
    assert next_boundary(message, GOOD.end + 1) == float("inf")


@pytest.mark.parametrize(
    ("name", "verified"),
    [
        ("www", ["www A"]),
        ("alias", ["alias CNAME", "www A"]),
        ("out", ["out CNAME"]),
        ("a.wild", ["a.wild A"]),
        ("a.tree", ["tree DNAME", "a.forest A"]),
        ("into", ["into CNAME"]),  # to an unsigned zone of the same server
        ("intokid", ["intokid CNAME"]),  # to a signed one
        ("gone", []),
        ("x.sub", None),
    ],
)
def test_answers(ask: Ask, keys: Keys, name: str, verified: list[str] | None) -> None:
    """Of an answer all is verified that the zone signs, and nothing that another zone has to."""
    told = judged(ask, keys, name)
    if verified is None:
        # The walk would have ended at the zone below; under the keys of this one it is a fault.
        assert told == Fault(f"{name}.shop.test A bears no signature although shop.test is signed")
    else:
        expected = [f"{words.replace(' ', '.shop.test ')}" for words in verified]
        assert sorted(w.lower() for w in what(told)) == sorted(w.lower() for w in expected)


def test_wildcard(ask: Ask, keys: Keys) -> None:
    """Of records made from a wildcard it is told that they are."""
    for name, expanded in (("a.wild", True), ("www", False)):
        told = judged(ask, keys, name)
        assert not isinstance(told, Fault)
        assert [verified.expanded for verified in told] == [expanded]


def strip(message: dns.message.Message, covers: str) -> dns.message.Message:
    kind = dns.rdatatype.from_text(covers)
    message.answer = [r for r in message.answer if r.covers != kind]
    return message


@pytest.mark.parametrize(
    ("name", "stripped"), [("www", "A"), ("alias", "CNAME"), ("a.tree", "DNAME")]
)
def test_stripped(ask: Ask, keys: Keys, name: str, stripped: str) -> None:
    """An answer without the signature that is due is faulty."""
    asked = dns.name.from_text(f"{name}.shop.test")
    told = verify_answer(strip(ask(name), stripped), asked, keys, NOW)
    assert isinstance(told, Fault)
    assert told.says.endswith("bears no signature although shop.test is signed")


def test_altered(ask: Ask, keys: Keys) -> None:
    """Records that are not those that were signed do not verify."""
    message = ask("www")
    message.answer[0].add(dns.rdata.from_text("IN", "A", "192.0.2.9"))
    told = verify_answer(message, dns.name.from_text("www.shop.test"), keys, NOW)
    assert isinstance(told, Fault)
    assert told.says.startswith("the signature over www.shop.test A does not verify under key ")


def test_other_keys(tmp_path: Path, ask: Ask, keys: Keys) -> None:
    """A signature by a key that is not trusted, or by another zone, is told from no signature."""
    other = new_key(tmp_path, "shop.test")
    told = judged(ask, keys_of(ZONE, other), "www")
    assert told == Fault(
        f"www.shop.test A is signed by key {keys}, not by a trusted one of shop.test ({other.tag})"
    )
    above = Keys(dns.name.from_text("test"), keys.tagged)
    told = judged(ask, above, "www")
    assert told == ()  # a zone below may sign for itself
    below = Keys(dns.name.from_text("www.shop.test"), keys.tagged)
    told = judged(ask, below, "www")
    assert told == Fault("www.shop.test A is signed by shop.test, not by www.shop.test")


def test_of_two_signatures_one_must_hold(tmp_path: Path) -> None:
    """Beside a signature that has ended, or of an unknown key, one that holds is enough."""
    keys = [new_key(tmp_path, "shop.test") for _ in range(2)]
    zone = records(sign("shop.test", SHOP, keys, GOOD))
    soa = find(zone, ZONE, dns.rdatatype.SOA)
    assert soa is not None
    signatures = signatures_over(soa, zone)
    assert signatures is not None
    assert len(signatures) == 2
    for key in keys:
        told = verify(soa, signatures, keys_of(ZONE, key), NOW)
        assert isinstance(told, Verified)
        assert told.key_tag == key.tag
    ended = dns.rrset.from_rdata_list(
        ZONE, 60, [s if i else s.replace(expiration=NOW - DAY) for i, s in enumerate(signatures)]
    )
    assert isinstance(verify(soa, ended, keys_of(ZONE, *keys), NOW), Verified)


def collisions(key: DNSKEY, count: int) -> list[DNSKEY]:
    """Return keys of the same tag: the tag is a sum of words, in whatever order they stand."""
    words = [key.key[i : i + 2] for i in range(0, len(key.key), 2)]
    return [
        key.replace(key=b"".join(random.Random(seed).sample(words, len(words))))
        for seed in range(count)
    ]


def test_keytrap(ask: Ask, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of one tag and signatures without number cost eight tries, and then it is a fault."""
    message, tries = ask("www"), list[object]()
    signed = message.answer[0]
    (signature,) = signatures_over(signed, message.answer) or ()
    many = dns.rrset.from_rdata_list(
        signed.name, 60, [signature.replace(signature=bytes([i]) * 64) for i in range(200)]
    )
    (key,) = keys.records
    trap = Keys.of(ZONE, collisions(key, 200))
    assert trap.tags == keys.tags
    monkeypatch.setattr(dns.dnssec, "validate_rrsig", _counting(tries))
    told = verify(signed, many, trap, NOW)
    assert isinstance(told, Fault)
    assert len(tries) == 8


def test_many_sets(ask: Ask, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an answer with any number of sets of records 32 are verified."""
    message, tries = ask("www"), list[object]()
    signature = message.answer[1]
    for number in range(100):
        owner = dns.name.from_text(f"n{number}.shop.test")
        message.answer.append(dns.rrset.from_rdata_list(owner, 60, message.answer[0]))
        message.answer.append(dns.rrset.from_rdata_list(owner, 60, signature))
    monkeypatch.setattr(dns.dnssec, "validate_rrsig", _counting(tries, fails=False))
    told = verify_answer(message, dns.name.from_text("www.shop.test"), keys, NOW)
    assert len(what(told)) == len(tries) == 32


def _counting(tries: list[object], *, fails: bool = True) -> Callable[..., None]:
    real = dns.dnssec.validate_rrsig

    def counted(*args: object, **more: object) -> None:
        tries.append(args)
        if fails:
            real(*args, **more)  # type: ignore[arg-type]

    return counted


def test_usable_keys(keys: Keys) -> None:
    """A key that is revoked, no zone key, or of an unknown protocol or algorithm is none."""
    (key,) = keys.records
    for change in ({"flags": 1}, {"flags": 385}, {"protocol": 2}, {"algorithm": 253}):
        assert Keys.of(ZONE, [key.replace(**change)]).tags == ()
    assert str(Keys.of(ZONE, [])) == "none"


@given(
    name=st.sampled_from(["www", "alias", "a.wild", "a.tree", "intokid"]),
    changes=st.lists(st.tuples(st.integers(12, 4095), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_mutated_answers(shop: tuple[Key, Ask], name: str, changes: list[tuple[int, int]]) -> None:
    """Of a mutated answer nothing is verified that was not signed, and nothing is raised."""
    key, ask = shop
    real = ask(name)
    assert real.wire is not None
    octets = bytearray(real.wire)
    for at, value in changes:
        octets[at % len(octets)] = value
    message = parse(bytes(octets))
    if message is not None:
        next_boundary(message, NOW)
        asked, keys = dns.name.from_text(f"{name}.shop.test"), keys_of(ZONE, key)
        told = verify_answer(message, asked, keys, NOW)
        for verified in () if isinstance(told, Fault) else told:
            owner, rdtype = verified.what.split()
            rrset = find(message.answer, dns.name.from_text(owner), dns.rdatatype.from_text(rdtype))
            assert rrset in real.answer or verified.expanded
