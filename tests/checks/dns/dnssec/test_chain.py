"""The chain of trust, in a little signed internet of our own."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import pytest

from tests.checks.dns.dnssec.world import DAY, FIRST, GOOD, NOW, SECOND, World, world
from tests.checks.dns.messages import reply_to
from tests.servers.nsd import nsd
from tests.servers.process import free_port, need
from tests.servers.responder import responder
from tests.servers.signed import new_key, sign
from tests.servers.unbound import Unbound
from vedette.checks.dns import authorities
from vedette.checks.dns.dnssec.anchors import ROOT_ANCHORS, Anchors, read_anchors
from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.dnssec.link import Link, Security
from vedette.checks.dns.message import Question, Reply
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server, read_hints
from vedette.checks.dns.server import Channel
from vedette.checks.dns.walk import Delegations, Walk
from vedette.checks.net import Endpoint, NetworkFailure

SECURE, INSECURE, BOGUS = Security.SECURE, Security.INSECURE, Security.BOGUS


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Serve the world for all tests of this module."""
    with world(tmp_path_factory.mktemp("world")) as served:
        yield served


@pytest.fixture
def trust(internet: World) -> Trust:
    """Return a trust in the little root."""
    return Trust(read_anchors(internet.anchors), read_hints(internet.hints), patience=0.5)


@pytest.fixture
def delegations(internet: World) -> Delegations:
    """Return walks from the little root."""
    return Delegations(read_hints(internet.hints), patience=0.5, deadline=5)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the questions that go out, as they do."""
    questions: list[str] = []
    real = authorities.exchange

    async def counted(question: Question, channel: Channel, **more: object) -> Reply:
        questions.append(str(question))
        return await real(question, channel, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(authorities, "exchange", counted)
    return questions


async def look(trust: Trust, walk: Walk, now: float = NOW) -> Link:
    return await trust.look(walk, now, deadline=asyncio.get_running_loop().time() + 5)


SOUND = ["good", "rsa", "ed", "two", "rolling", "shared", "x.y.good", "co", "shop.co", "soon"]

CASES = [
    *((f"{zone}.test", SECURE, None, "is secure by its keys [0-9, ]+$") for zone in SOUND),
    ("signed.opt", SECURE, None, "is secure"),
    ("unsigned.test", INSECURE, None, "^test proves that unsigned.test has no DS record"),
    ("unsigned.opt", INSECURE, None, "^opt proves that unsigned.opt has no DS record"),
    ("unsigned.hash", INSECURE, None, "^hash proves that unsigned.hash has no DS record"),
    ("forgotten.test", INSECURE, None, "^test proves that forgotten.test has no DS record"),
    ("island.mid.test", INSECURE, None, "^test proves that mid.test has no DS record"),
    ("island.plain", INSECURE, None, "^the root proves that plain has no DS record"),
    ("odd.test", INSECURE, None, "DS records of odd.test are all of unsupported algorithms"),
    ("digest.test", INSECURE, None, "of unsupported algorithms or digests"),
    ("expired.test", BOGUS, "expired.test", r"^the signature over expired.test DNSKEY by key \d+ "
     r"expired \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$"),
    ("early.test", BOGUS, "early.test", "is not valid yet: its inception is"),
    ("nosig.test", BOGUS, "nosig.test", "DNSKEY bears no signature although"),
    ("nokey.test", BOGUS, "nokey.test", "has no DNSKEY record although it has a DS record"),
    ("wrong.test", BOGUS, "wrong.test", "^the DS record of wrong.test does not fit its key"),
    ("foreign.test", BOGUS, "foreign.test", r"names key 1234, and foreign.test has \d+$"),
    ("stripped.test", BOGUS, "test", "^test is signed, and its servers neither give a DS record"),
    ("shop.bare", BOGUS, "bare", "neither give a DS record for shop.bare nor prove"),
    ("shop.stale", BOGUS, "stale", "^the signature over stale DNSKEY by key .* expired"),
    ("shop.late", BOGUS, "late", "^the signature over shop.late DS by key .* expired"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "security", "broken", "says"), CASES)
async def test_zones(
    delegations: Delegations,
    trust: Trust,
    zone: str,
    security: Security,
    broken: str | None,
    says: str,
) -> None:
    """Each state of a zone is seen as itself, with where the chain breaks and why."""
    link = await look(trust, await delegations.walk(f"www.{zone}"))
    assert (link.security, link.zone) == (security, dns.name.from_text(zone)), link
    assert link.broken_at == (dns.name.from_text(broken) if broken else None)
    assert re.search(says, link.detail)
    assert (link.keys is not None) == (security is SECURE)


def test_second_opinion(internet: World) -> None:
    """Unbound comes to the same: AD where we say secure, SERVFAIL where bogus, else neither."""
    said: dict[str, Security] = {}
    anchor = internet.anchors.read_text().strip()
    with Unbound.serving(internet.hints, anchor) as end:
        for zone, *_ in CASES:
            query = dns.message.make_query(f"www.{zone}", "A", want_dnssec=True)
            if zone == "co.test":
                query = dns.message.make_query("co.test", "SOA", want_dnssec=True)
            at = end.endpoint
            reply = dns.query.udp(query, at.host, timeout=10, port=at.port)
            bogus = reply.rcode() == dns.rcode.SERVFAIL
            secure = SECURE if reply.flags & dns.flags.AD else INSECURE
            said[zone] = BOGUS if bogus else secure
    assert said == {zone: security for zone, security, *_ in CASES}


@pytest.mark.parametrize(("zone", "says"), [("good", "fully validated"), ("expired", "failed")])
def test_delv(internet: World, tmp_path: Path, zone: str, says: str) -> None:
    """BIND's delv, told the zone's own key, finds the good zone good and the expired one bad."""
    key = internet.made.keys[f"{zone}.test"].record.split("DNSKEY")[1].split(maxsplit=3)
    anchor = tmp_path / "anchor"
    data = key[3].replace(" ", "")
    anchor.write_text(
        f'trust-anchors {{ {zone}.test. static-key {" ".join(key[:3])} "{data}"; }};\n'
    )
    command = [need("delv"), f"@{FIRST}", "-a", str(anchor), f"+root={zone}.test"]
    done = subprocess.run(
        [*command, f"www.{zone}.test", "A"], capture_output=True, text=True, check=False
    )
    assert says in done.stdout + done.stderr


async def test_secure_zone_in_full(internet: World, delegations: Delegations, trust: Trust) -> None:
    """A secure zone comes with its keys, its DS records and when its signatures end."""
    link = await look(trust, await delegations.walk("www.good.test"))
    key = internet.made.keys["good.test"]
    assert link.keys is not None
    assert link.keys.tags == (key.tag,)
    assert [ds.split()[0] for ds in link.ds] == [str(key.tag)]
    assert {s.what for s in link.signatures} == {"good.test DS", "good.test DNSKEY"}
    assert link.expires == GOOD.end


async def test_expired_keeps_its_end(delegations: Delegations, trust: Trust) -> None:
    """Of a signature that has ended it is still told when."""
    link = await look(trust, await delegations.walk("www.expired.test"))
    assert link.expires == NOW - DAY


async def test_providers_apart(internet: World, delegations: Delegations, trust: Trust) -> None:
    """Of two signers, the one that does not publish the other's key is named, and the key."""
    link = await look(trust, await delegations.walk("www.apart.test"))
    first = internet.made.keys["apart.test"].tag
    assert (link.security, link.broken_at) == (BOGUS, dns.name.from_text("apart.test"))
    lacks = rf"ns2.apart.test \({SECOND}\) does not publish key {first}, with which ns1.apart.test"
    turned = rf"ns1.apart.test \({FIRST}\) does not publish key \d+, with which ns2.apart.test"
    assert re.match(f"{lacks}|{turned}", link.detail)


async def test_providers_shared_keys(
    internet: World, delegations: Delegations, trust: Trust
) -> None:
    """Of two signers only the keys count that both publish: those with which data is signed."""
    link = await look(trust, await delegations.walk("www.shared.test"))
    assert link.keys is not None
    assert len(link.keys.tags) == 2
    assert internet.made.keys["shared.test"].tag in link.keys.tags


async def test_time_passes(delegations: Delegations, trust: Trust) -> None:
    """What was secure is bogus when its signature has ended, though not an octet has changed."""
    walk = await delegations.walk("www.soon.test")
    assert (await look(trust, walk)).security is SECURE
    link = await look(trust, walk, NOW + DAY + 1)
    assert (link.security, link.broken_at) == (BOGUS, dns.name.from_text("soon.test"))
    assert link.expires == NOW + DAY


async def test_root_expires(delegations: Delegations, trust: Trust) -> None:
    """When all signatures have ended the chain breaks at its very top."""
    link = await look(trust, await delegations.walk("www.good.test"), NOW + 31 * DAY)
    assert (link.security, link.broken_at) == (BOGUS, dns.name.root)


async def test_wrong_anchor(internet: World, delegations: Delegations) -> None:
    """Under an anchor that is not the root's all is bogus, at the root."""
    trust = Trust(ROOT_ANCHORS, read_hints(internet.hints))
    link = await look(trust, await delegations.walk("www.good.test"))
    assert (link.security, link.broken_at) == (BOGUS, dns.name.root)
    assert "names key 20326, 38696" in link.detail


async def test_questions(delegations: Delegations, trust: Trust, asked: list[str]) -> None:
    """A round asks for the DS and at each server for the keys; the zones above are kept."""
    walk = await delegations.walk("www.good.test")
    await look(trust, walk)
    above = [". DNSKEY", "test DS", "test DNSKEY"]
    round_ = ["good.test DS", "good.test DNSKEY", "good.test DNSKEY"]
    assert asked == above + round_
    await look(trust, walk, NOW + 30)
    assert asked == above + round_ + round_
    await look(trust, walk, NOW + 61)  # the records of the root and of test live for 60 s
    assert asked == above + round_ + round_ + above + round_


async def test_unchanged_replies_are_not_verified_again(
    delegations: Delegations, trust: Trust, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round in which nothing has changed verifies no signature."""
    walk, real, verified = await delegations.walk("www.rsa.test"), dns.dnssec.validate_rrsig, []

    def counted(*args: object, **more: object) -> None:
        verified.append(args)
        real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(dns.dnssec, "validate_rrsig", counted)
    assert (await look(trust, walk)).security is SECURE
    # The root's keys, test's DS and keys, the zone's DS and keys: one each.
    assert len(verified) == 5
    assert (await look(trust, walk, NOW + 90)).security is SECURE
    assert len(verified) == 5


async def test_together(delegations: Delegations, trust: Trust, asked: list[str]) -> None:
    """Those who look at the same time share what lies above their zones."""
    walks = [await delegations.walk(f"www.{zone}.test") for zone in ("good", "rsa", "ed")]
    links = await asyncio.gather(*(look(trust, walk) for walk in walks * 3))
    assert {link.security for link in links} == {SECURE}
    assert asked.count(". DNSKEY") == asked.count("test DS") == asked.count("test DNSKEY") == 1


async def test_below_an_insecure_zone(
    delegations: Delegations, trust: Trust, asked: list[str]
) -> None:
    """Nothing below an unsigned zone is asked about."""
    await look(trust, await delegations.walk("www.island.plain"))
    assert asked == [". DNSKEY", "plain DS"]


async def test_one_silent_server(delegations: Delegations, trust: Trust) -> None:
    """A server that does not answer is not the chain's fault, as long as another one does."""
    walk = await delegations.walk("www.good.test")
    servers = (*walk.servers, Server("gone", Endpoint("127.55.0.99", 53)))
    lame = Server("lame", Endpoint("127.55.0.1", 53))
    link = await look(trust, _at(walk, *servers, lame))
    assert link.security is SECURE


async def test_silent_zone(delegations: Delegations, trust: Trust) -> None:
    """A zone none of whose servers answers is not judged."""
    walk = await delegations.walk("www.good.test")
    gone = Server("gone", Endpoint("127.55.0.99", 53))
    with pytest.raises(NetworkFailure) as caught:
        await look(trust, _at(walk, gone))
    assert caught.value.reason is Reason.UNREACHABLE


def _at(walk: Walk, *servers: Server) -> Walk:
    return replace(walk, servers=servers)


async def test_silent_root_is_asked_once(internet: World, asked: list[str]) -> None:
    """A root that does not answer blocks all who wait for it, at the price of one question."""
    walk = await Delegations(read_hints(internet.hints)).walk("www.good.test")
    async with responder(udp=lambda wire: []) as silent:
        root = [Server("a.root", silent)]
        trust = Trust(read_anchors(internet.anchors), root, patience=0.05)
        below = replace(walk, steps=walk.steps[1:])
        failures = await asyncio.gather(
            *(look(trust, below) for _ in range(4)), return_exceptions=True
        )
    assert [type(failure) for failure in failures] == [NetworkFailure] * 4
    assert asked == [". DNSKEY"]


PRIVATE = """\
$ORIGIN {zone}.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
{more}
"""


def _anchors(folder: Path, text: str) -> Anchors:
    path = folder / "anchors"
    path.write_text(text)
    return read_anchors(path)


async def test_private_zone(tmp_path: Path) -> None:
    """A stub zone is secure under an anchor of its own, and without one nothing leads to it."""
    key = new_key(tmp_path, "lab")
    with nsd({"lab": sign("lab", PRIVATE.format(zone="lab", more=""), [key], GOOD)}) as end:
        walk = await Delegations(stub_zones={"lab": [end]}).walk("www.lab")
        own = await look(Trust(_anchors(tmp_path, key.ds())), walk)
        root = await look(Trust(), walk)
    assert own.security is SECURE
    assert (root.security, root.keys) == (INSECURE, None)
    assert root.detail == "no trust anchor leads to lab: nothing vouches for it"


async def test_parent_changes_its_keys(tmp_path: Path, asked: list[str]) -> None:
    """Where a parent has new keys, the old ones do not make its word a lie."""
    ksk, zone = new_key(tmp_path, "lab"), new_key(tmp_path, "shop.lab")
    more = f"shop NS ns.shop\nns.shop A 127.0.0.1\n{zone.ds()}"
    child = sign("shop.lab", PRIVATE.format(zone="shop.lab", more=""), [zone], GOOD)
    trust, port = Trust(_anchors(tmp_path, ksk.ds())), free_port()
    for later in (0, 20):
        zsk = new_key(tmp_path, "lab", ksk=False)
        lab = sign("lab", PRIVATE.format(zone="lab", more=more), [ksk, zsk], GOOD)
        with nsd({"lab": lab, "shop.lab": child}, port=port) as end:
            walk = await Delegations(stub_zones={"lab": [end]}).walk("www.shop.lab")
            assert walk.zone == "shop.lab"
            assert (await look(trust, walk, NOW + later)).security is SECURE
    assert asked.count("lab DNSKEY") == 2


async def test_parent_denies_its_child(tmp_path: Path) -> None:
    """A parent that proves that there is no such zone breaks the chain at the zone."""
    lab, shop = new_key(tmp_path, "lab"), new_key(tmp_path, "shop.lab")
    child = sign("shop.lab", PRIVATE.format(zone="shop.lab", more=""), [shop], GOOD)
    trust = Trust(_anchors(tmp_path, lab.ds()))
    for more, says in (("", "does not exist"), ("shop A 192.0.2.1", "is no delegation")):
        text = sign("lab", PRIVATE.format(zone="lab", more=more), [lab], GOOD)
        with nsd({"lab": text, "shop.lab": child}) as end:
            walk = await Delegations(stub_zones={"lab": [end]}).walk("www.shop.lab")
            link = await look(trust, walk)
        assert (link.security, link.broken_at) == (BOGUS, dns.name.from_text("shop.lab"))
        assert link.detail == f"lab proves that shop.lab {says}"


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.NOERROR])
async def test_parent_without_authority(tmp_path: Path, rcode: dns.rcode.Rcode) -> None:
    """A parent's server that fails, or does not answer as an authority, says nothing."""
    lab = new_key(tmp_path, "lab")

    def useless(wire: bytes) -> list[bytes]:
        return [reply_to(wire, aa=False, rcode=rcode)]

    with nsd({"lab": sign("lab", PRIVATE.format(zone="lab", more=""), [lab], GOOD)}) as end:
        walk = await Delegations(stub_zones={"lab": [end]}).walk("www.lab")
    async with responder(udp=useless) as end:
        trust, there = Trust(_anchors(tmp_path, lab.ds())), _at(walk, Server("", end))
        with pytest.raises(NetworkFailure) as caught:
            await look(trust, there)
    assert caught.value.reason in (Reason.SERVFAIL, Reason.LAME)


async def test_cancelled(internet: World, delegations: Delegations) -> None:
    """A look that is cancelled leaves no task behind, and the next one is not blocked."""
    walk = await delegations.walk("www.good.test")
    trust = Trust(read_anchors(internet.anchors), read_hints(internet.hints))
    task = asyncio.create_task(look(trust, walk))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (await look(trust, walk)).security is SECURE
