"""Proofs that there is no DS record, as NSD gives them from zones that BIND has signed."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import dns.dnssec
import dns.dnssectypes
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from dns.rrset import RRset
from hypothesis import given
from hypothesis import strategies as st

from tests.checks.dns.dnssec.test_signatures import keys_of, strip
from tests.checks.dns.dnssec.world import GOOD, NOW
from tests.servers.nsd import nsd
from tests.servers.signed import Key, Signing, new_key, sign
from vedette.checks.dns.dnssec.delegation import (
    Entered,
    Signed,
    read_delegation,
    read_keys,
    supported,
)
from vedette.checks.dns.dnssec.denial import Denial, deny, unproven
from vedette.checks.dns.dnssec.signatures import Fault, Keys
from vedette.checks.dns.message import parse

ZONES = {
    "nsec": GOOD,
    "nsec3": Signing(start=GOOD.start, end=GOOD.end, nsec3=True),
    "salted": Signing(start=GOOD.start, end=GOOD.end, nsec3=True, iterations=5),
    "optout": Signing(start=GOOD.start, end=GOOD.end, nsec3=True, opt_out=True),
}

TEXT = """\
$ORIGIN {0}.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 127.0.0.1
plain NS ns.plain
ns.plain A 127.0.0.1
PLAIN2 NS ns.plain
safe NS ns.safe
ns.safe A 127.0.0.1
safe DS 12345 13 2 ABCDEF00ABCDEF00ABCDEF00ABCDEF00ABCDEF00ABCDEF00ABCDEF00ABCDEF00
host A 192.0.2.1
alias CNAME host
deep.below.empty A 192.0.2.2
a.cut.lower NS ns.plain
zz NS ns.plain
*.made A 192.0.2.3
*.made.alias2 CNAME host
"""


class Served:
    """A server of all ZONES, with their keys."""

    def __init__(self, keys: dict[str, Key], ask: Callable[[str, str], bytes]) -> None:
        self.keys = {zone: keys_of(dns.name.from_text(zone), key) for zone, key in keys.items()}
        self.ds = {zone: _ds(zone, key) for zone, key in keys.items()}
        self.wire = lru_cache(ask)

    def ask(self, name: str, rdtype: str = "DS") -> dns.message.Message:
        """Return the reply for a name."""
        return dns.message.from_wire(self.wire(name, rdtype))

    def told(self, name: str, now: float = NOW) -> Signed | Denial | Fault:
        """Return what the server says of a name's DS record."""
        zone = name.rpartition(".")[2]
        return read_delegation(self.ask(name), dns.name.from_text(name), self.keys[zone], now)


def _ds(zone: str, key: Key) -> RRset:
    return dns.rrset.from_text(zone, 60, "IN", "DS", key.ds().partition(" DS ")[2])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve all zones."""
    folder = tmp_path_factory.mktemp("denial")
    keys = {zone: new_key(folder, zone) for zone in ZONES}
    files = {z: sign(z, TEXT.format(z), [keys[z]], signing) for z, signing in ZONES.items()}
    with nsd(files) as end:

        def ask(name: str, rdtype: str) -> bytes:
            query = dns.message.make_query(name, rdtype, want_dnssec=True)
            reply = dns.query.udp(query, end.host, port=end.port, timeout=5)
            return reply.wire or b""

        yield Served(keys, ask)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("name", "denial"),
    [
        ("plain", Denial.UNSIGNED),
        ("plain2", Denial.UNSIGNED),
        ("a.cut.lower", Denial.UNSIGNED),
        ("zz", Denial.UNSIGNED),
        ("host", Denial.NO_CUT),
        ("empty", Denial.NO_CUT),
        ("below.empty", Denial.NO_CUT),
        ("cut.lower", Denial.NO_CUT),
        ("alias", Denial.NO_CUT),
        ("gone", Denial.NO_NAME),
        ("far.far.gone", Denial.NO_NAME),
        ("zzz", Denial.NO_NAME),
    ],
)
def test_denials(served: Served, zone: str, name: str, denial: Denial) -> None:
    """What is delegated without a DS, what is no delegation and what is not there are told apart.

    Where delegations may be left out (opt-out), a name that is not there may be one.
    """
    may_be = zone == "optout" and (denial is Denial.NO_NAME or name == "cut.lower")
    assert served.told(f"{name}.{zone}") is (Denial.UNSIGNED if may_be else denial)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", ["a.made", "a.b.made", "a.made.alias2"])
def test_wildcards(served: Served, zone: str, name: str) -> None:
    """What a wildcard answers holds with the proof that no name was nearer, and not without."""
    keys, reply = served.keys[zone], served.ask(f"{name}.{zone}", "A")
    assert unproven(reply, keys, NOW) is None
    reply.authority = []
    assert unproven(reply, keys, NOW) == Fault(
        f"{name}.{zone} is answered from a wildcard, and it is not proven that there is no such "
        "name itself"
    )


@pytest.mark.parametrize("name", ["*.made", "host", "alias"])
def test_names_of_their_own_need_no_proof(served: Served, name: str) -> None:
    """A name that is there, the wildcard's own too, is not made from one."""
    reply = served.ask(f"{name}.nsec", "A")
    reply.authority = []
    assert unproven(reply, served.keys["nsec"], NOW) is None


def test_proof_of_a_wildcard_must_hold(served: Served) -> None:
    """A proof whose signature has ended, or is gone, is none."""
    reply, keys = served.ask("a.made.nsec", "A"), served.keys["nsec"]
    late = unproven(reply, keys, GOOD.end + 1)
    assert late is not None
    assert late.expired == GOOD.end
    reply.authority = [r for r in reply.authority if r.rdtype != dns.rdatatype.RRSIG]
    bare = unproven(reply, keys, NOW)
    assert bare is not None
    assert "bears no signature" in bare.says


@pytest.mark.parametrize("zone", ZONES)
def test_signed(served: Served, zone: str) -> None:
    """A DS record that is there comes with its signature."""
    told = served.told(f"safe.{zone}")
    assert isinstance(told, Signed), told
    assert [record.key_tag for record in told.ds] == [12345]
    assert (told.signature.what, told.signature.expires) == (f"safe.{zone} DS", GOOD.end)


@pytest.mark.parametrize("zone", ZONES)
def test_referral(served: Served, zone: str) -> None:
    """A referral tells the same as the answer to a question for the DS record."""
    for name in ("plain", "safe"):
        child = dns.name.from_text(f"{name}.{zone}")
        referral = served.ask(f"www.{name}.{zone}", "A")
        told = read_delegation(referral, child, served.keys[zone], NOW)
        assert told == served.told(f"{name}.{zone}")


@pytest.mark.parametrize("zone", ZONES)
def test_stripped(served: Served, zone: str) -> None:
    """A DS record cannot be taken out of a reply, nor by the proof for another name."""
    safe = dns.name.from_text(f"safe.{zone}")
    for other in ("plain", "host", "gone", "alias", "safe", "ns.safe", "empty"):
        reply = served.ask(f"{other}.{zone}")
        reply.answer.clear()
        told = deny(reply, safe, served.keys[zone], NOW)
        assert isinstance(told, Fault), other
    assert told.says == (
        f"{zone} is signed, and its servers neither give a DS record for safe.{zone} nor prove "
        "that there is none"
    )


@pytest.mark.parametrize("zone", ZONES)
def test_unsigned_proof(served: Served, zone: str) -> None:
    """A proof counts only with its signature, and only while that holds."""
    for name in ("plain", "host", "gone"):
        child = dns.name.from_text(f"{name}.{zone}")
        late = deny(served.ask(str(child)), child, served.keys[zone], GOOD.end + 1)
        assert isinstance(late, Fault), name
        message = served.ask(str(child))
        message.answer.clear()
        message.authority = [r for r in message.authority if r.rdtype != dns.rdatatype.RRSIG]
        assert isinstance(deny(message, child, served.keys[zone], NOW), Fault), name


def test_ancestor_says_nothing_of_what_is_below_a_cut(served: Served) -> None:
    """The NSEC record at a delegation does not deny names below it (RFC 6840 section 4.1)."""
    below = dns.name.from_text("below.plain.nsec")
    reply = served.ask("plain.nsec")
    assert deny(reply, dns.name.from_text("plain.nsec"), served.keys["nsec"], NOW)
    assert isinstance(deny(reply, below, served.keys["nsec"], NOW), Fault)


def test_child_says_nothing_of_its_own_ds(served: Served) -> None:
    """The NSEC record of a zone's own apex, by its SOA type, is not the parent's word."""
    apex = dns.name.from_text("nsec")
    reply = served.ask("nsec", "MX")
    assert isinstance(deny(reply, apex, served.keys["nsec"], NOW), Fault)


class Pen:
    """Signs single records for a zone."""

    def __init__(self, zone: str) -> None:
        self.zone = dns.name.from_text(zone)
        self._key = ed25519.Ed25519PrivateKey.generate()
        algorithm = dns.dnssectypes.Algorithm.ED25519
        self.dnskey = dns.dnssec.make_dnskey(self._key.public_key(), algorithm, flags=257)
        self.keys = Keys.of(self.zone, [self.dnskey])

    def reply(self, *lines: str) -> dns.message.Message:
        """Return a reply with records and their signatures in its authority section."""
        message = dns.message.Message()
        for line in lines:
            owner, rdtype, text = line.split(" ", 2)
            rrset = dns.rrset.from_text(owner, 60, "IN", rdtype, text)
            signature = dns.dnssec.sign(
                rrset, self._key, self.zone, self.dnskey, inception=GOOD.start, expiration=GOOD.end
            )
            message.authority += [rrset, dns.rrset.from_rdata(owner, 60, signature)]
        return message


def test_endless_hashing() -> None:
    """A zone that wants more hashing than anybody does proves nothing, and is as if unsigned."""
    pen, shop = Pen("lab"), dns.name.from_text("shop.lab")
    record = (
        "0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM.lab. NSEC3 1 0 {} - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS"
    )
    assert isinstance(deny(pen.reply(record.format(150)), shop, pen.keys, NOW), Fault)
    assert deny(pen.reply(record.format(151)), shop, pen.keys, NOW) is Denial.UNSIGNED
    other = Pen("lab")
    assert isinstance(deny(other.reply(record.format(151)), shop, pen.keys, NOW), Fault)


def test_denial_from_a_wildcard() -> None:
    """An NSEC record that was made from a wildcard is no proof about the name it was given."""
    pen, shop = Pen("lab"), dns.name.from_text("shop.lab")
    reply = pen.reply("*.lab. NSEC a.lab. NS RRSIG NSEC")
    assert deny(reply, dns.name.from_text("*.lab"), pen.keys, NOW) is Denial.UNSIGNED
    for rrset in reply.authority:
        rrset.name = shop
    assert deny(reply, shop, pen.keys, NOW) == Fault(
        "shop.lab NSEC was made from a wildcard and proves nothing"
    )


def test_compact_denial() -> None:
    """Servers that sign as they are asked deny by a record at the name itself (RFC 9824)."""
    pen, shop = Pen("lab"), dns.name.from_text("shop.lab")
    delegated = pen.reply(r"shop.lab. NSEC \000.shop.lab. NS RRSIG NSEC")
    assert deny(delegated, shop, pen.keys, NOW) is Denial.UNSIGNED
    absent = pen.reply(r"shop.lab. NSEC \000.shop.lab. RRSIG NSEC TYPE128")
    assert deny(absent, shop, pen.keys, NOW) is Denial.NO_CUT


@pytest.mark.parametrize(
    ("records", "left"),
    [
        (["1 13 1", "1 13 2"], ["1 13 2"]),
        (["1 13 1", "2 13 1"], ["1 13 1", "2 13 1"]),
        (["1 13 4", "1 13 2", "1 13 1"], ["1 13 2", "1 13 4"]),
        (["1 200 2", "1 13 3", "1 12 2"], []),
        (["1 200 2", "2 8 2"], ["2 8 2"]),
    ],
)
def test_supported(records: list[str], left: list[str]) -> None:
    """Unknown algorithms and digests do not count, nor SHA-1 where there is better."""
    sizes = {"1": 20, "2": 32, "3": 32, "4": 48}
    texts = [f"{text} {'00' * sizes[text.rpartition(' ')[2]]}" for text in records]
    ds = dns.rrset.from_text("lab.", 60, "IN", "DS", *texts)
    assert sorted(str(record).rpartition(" ")[0] for record in supported(ds)) == left


@pytest.mark.parametrize("zone", ZONES)
def test_keys(served: Served, zone: str) -> None:
    """A zone's keys are those that the key its DS names has signed."""
    name = dns.name.from_text(zone)
    told = read_keys(served.ask(zone, "DNSKEY"), name, served.ds[zone], NOW)
    assert isinstance(told, Entered)
    assert (told.keys, told.signature.what) == (served.keys[zone], f"{zone} DNSKEY")
    stripped = strip(served.ask(zone, "DNSKEY"), "DNSKEY")
    assert isinstance(read_keys(stripped, name, served.ds[zone], NOW), Fault)


def _mutated(wire: bytes, changes: list[tuple[int, int]]) -> bytes:
    octets = bytearray(wire)
    for at, value in changes:
        octets[at % len(octets)] = value
    return bytes(octets)


CHANGES = st.lists(st.tuples(st.integers(12, 4095), st.integers(0, 255)), min_size=1, max_size=6)


@given(
    zone=st.sampled_from(sorted(ZONES)),
    name=st.sampled_from(["plain", "safe", "host", "gone", "below.empty", "www.safe"]),
    changes=CHANGES,
)
def test_mutated_delegations(
    served: Served, zone: str, name: str, changes: list[tuple[int, int]]
) -> None:
    """A mutated reply says the same or is at fault, and never says what was not signed."""
    message = parse(_mutated(served.wire(f"{name}.{zone}", "DS"), changes))
    if message is not None:
        child, keys = dns.name.from_text(f"{name}.{zone}"), served.keys[zone]
        told = read_delegation(message, child, keys, NOW)
        assert isinstance(told, Fault) or told == served.told(f"{name}.{zone}")


@given(zone=st.sampled_from(sorted(ZONES)), changes=CHANGES)
def test_mutated_keys(served: Served, zone: str, changes: list[tuple[int, int]]) -> None:
    """Mutated keys are at fault, or are the keys that were signed."""
    message = parse(_mutated(served.wire(zone, "DNSKEY"), changes))
    if message is not None:
        told = read_keys(message, dns.name.from_text(zone), served.ds[zone], NOW)
        assert isinstance(told, Fault) or told.keys == served.keys[zone]
