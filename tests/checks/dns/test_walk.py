"""The delegation walk, in a small internet of our own on 127.53.0.0/24, port 53."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from tests.checks.dns.messages import SOA, reply_to
from tests.servers.knot import knot
from tests.servers.nsd import nsd
from tests.servers.process import free_port, need_address
from tests.servers.responder import responder
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.resolver import StubResolver
from vedette.checks.dns.roots import ROOT_SERVERS, Server, read_hints
from vedette.checks.dns.walk import Delegations
from vedette.checks.dns.zonecut import Outcome
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure

ROOT, TOP, SHOP, DEEP, SPARE, DEAD = (f"127.53.0.{n}" for n in (1, 2, 3, 4, 5, 9))

ROOT_ZONE = f"""\
$ORIGIN .
$TTL 60
@ SOA a.root. host.root. 1 2 3 4 5
@ NS a.root.
a.root. A {ROOT}
test. NS ns.nic.test.
ns.nic.test. A {TOP}
quiet. NS ns.nic.quiet.
ns.nic.quiet. A {DEAD}
"""

TEST_ZONE = f"""\
$ORIGIN test.
$TTL 60
@ SOA ns.nic host.nic 1 2 3 4 5
@ NS ns.nic
ns.nic A {TOP}
shop NS ns1.shop
shop NS ns2.shop
shop NS ns.other
ns1.shop A {SHOP}
ns1.shop AAAA ::1
ns2.shop A {SPARE}
co NS ns.nic
other NS ns1.other
ns1.other A {SHOP}
glueless NS ns.other
dead NS ns.dead
ns.dead A {DEAD}
ring1 NS ns.ring2
ring2 NS ns.ring1
nowhere NS ns.nowhere.invalid.
"""

SHOP_ZONE = f"""\
$ORIGIN shop.test.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
ns1 A {SHOP}
www A 192.0.2.1
deep NS ns2.deep
ns2.deep A {DEEP}
"""

DEEP_ZONE = f"""\
$ORIGIN deep.shop.test.
$TTL 60
@ SOA ns2 host 1 2 3 4 5
@ NS ns2
ns2 A {DEEP}
api A 192.0.2.2
"""

CO_ZONE = """\
$ORIGIN co.test.
$TTL 60
@ SOA ns.nic.test. host 1 2 3 4 5
@ NS ns.nic.test.
www A 192.0.2.4
away CNAME www.elsewhere.example.
up CNAME ns.nic.test.
b.a CNAME www.elsewhere.example.
*.any CNAME www.elsewhere.example.
tree DNAME elsewhere.example.
"""

OTHER_ZONE = f"""\
$ORIGIN {{0}}.test.
$TTL 60
@ SOA ns.other.test. host 1 2 3 4 5
@ NS ns.other.test.
ns A {SHOP}
ns AAAA ::1
ns1 A {SHOP}
www A 192.0.2.3
sub NS ns2.deep.shop.test.
"""

SUB_ZONE = """\
$ORIGIN sub.glueless.test.
$TTL 60
@ SOA ns2.deep.shop.test. host 1 2 3 4 5
@ NS ns2.deep.shop.test.
www A 192.0.2.5
"""


def server(name: str, address: str) -> Server:
    return Server(name, Endpoint(address, 53))


@pytest.fixture(scope="module")
def internet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Start a root, a top-level zone and some zones below; return the hints file."""
    need_address(ROOT, 53)
    others = {f"{zone}.test": OTHER_ZONE.format(zone) for zone in ("other", "glueless")}
    with ExitStack() as stack:
        stack.enter_context(nsd({".": ROOT_ZONE}, ROOT, 53))
        stack.enter_context(nsd({"test": TEST_ZONE, "co.test": CO_ZONE}, TOP, 53))
        stack.enter_context(nsd({"shop.test": SHOP_ZONE, **others}, SHOP, 53))
        deep = {"deep.shop.test": DEEP_ZONE, "sub.glueless.test": SUB_ZONE}
        stack.enter_context(knot(deep, DEEP, 53))
        hints = tmp_path_factory.mktemp("hints") / "named.root"
        hints.write_text(f". 3600000 NS A.ROOT.\nA.ROOT. 3600000 A {ROOT}\n")
        yield hints


@pytest.fixture
def delegations(internet: Path) -> Delegations:
    """Return walks from the little root; what is silent is given up soon."""
    return Delegations(read_hints(internet), patience=0.3, deadline=5)


async def test_every_server_at_every_address(delegations: Delegations) -> None:
    """The walk finds all servers of the parent's NS set, with glue or without, v4 and v6."""
    walk = await delegations.walk("www.Shop.test.")
    assert walk.zone == "shop.test"
    assert walk.outcome is Outcome.ANSWERED
    assert walk.servers == (
        server("ns.other.test", SHOP),
        server("ns.other.test", "::1"),
        server("ns1.shop.test", SHOP),
        server("ns1.shop.test", "::1"),
        server("ns2.shop.test", SPARE),
    )


async def test_steps(delegations: Delegations) -> None:
    """The steps tell which zone was asked, who answered, and where that led."""
    walk = await delegations.walk("api.deep.shop.test")
    assert [(step.zone, step.child) for step in walk.steps] == [
        (".", "test"),
        ("test", "shop.test"),
        ("shop.test", "deep.shop.test"),
        ("deep.shop.test", None),
    ]
    root = walk.steps[0]
    assert root.answered == server("a.root", ROOT)
    assert root.names == ("ns.nic.test",)
    assert root.glue == (server("ns.nic.test", TOP),)
    assert [(asked.outcome, asked.flags) for asked in root.asked] == [("referral", "QR")]
    assert root.asked[0].seconds > 0
    assert [(a.outcome, a.flags) for a in walk.steps[-1].asked] == [("answer", "QR AA")]


async def test_glueless(delegations: Delegations) -> None:
    """A server's name in another zone is found by a walk of its own."""
    walk = await delegations.walk("www.glueless.test")
    assert walk.zone == "glueless.test"
    assert walk.servers == (server("ns.other.test", SHOP), server("ns.other.test", "::1"))


@pytest.mark.parametrize(
    ("told", "missing", "unresolved"),
    [
        ({"rcode": dns.rcode.NXDOMAIN}, ("ns.far.example",), ()),
        ({}, ("ns.far.example",), ()),
        ({"rcode": dns.rcode.REFUSED}, (), ("ns.far.example",)),
        ({"rcode": dns.rcode.SERVFAIL}, (), ("ns.far.example",)),
        ({"aa": False}, (), ("ns.far.example",)),
        ({"answer": ("ns.far.example. 60 IN CNAME a.other.",)}, (), ("ns.far.example",)),
    ],
    ids=["NXDOMAIN", "NODATA", "REFUSED", "SERVFAIL", "without authority", "an alias"],
)
async def test_server_without_address(
    told: Mapping[str, Any], missing: tuple[str, ...], unresolved: tuple[str, ...]
) -> None:
    """That a server has no address takes an authority's word; all else says nothing about it."""

    def answer(wire: bytes) -> list[bytes]:
        asked = dns.message.from_wire(wire).question[0]
        if asked.name == dns.name.from_text("ns.far.example"):
            if asked.rdtype == dns.rdatatype.SOA:
                return [reply_to(wire, authority=(SOA.format("far.example."),))]
            return [reply_to(wire, **told)]
        cut = ("shop.example. 60 IN NS ns.shop.example.", "shop.example. 60 IN NS ns.far.example.")
        glue = (f"ns.shop.example. 60 IN A {DEAD}",)
        return [reply_to(wire, authority=cut, additional=glue, aa=False)]

    async with responder(udp=answer) as end:
        walk = await Delegations(stub_zones={"example": [end]}, patience=0.1).walk("a.shop.example")
    assert walk.servers == (server("ns.shop.example", DEAD),)
    assert (walk.missing, walk.unresolved) == (missing, unresolved)


async def test_server_of_parent_and_child(delegations: Delegations) -> None:
    """Where one server has both, the child's zone is found although nobody refers to it."""
    walk = await delegations.walk("www.co.test")
    assert (walk.zone, walk.servers) == ("co.test", (server("ns.nic.test", TOP),))
    assert [(step.zone, step.child) for step in walk.steps] == [(".", "test"), ("test", "co.test")]


@pytest.mark.parametrize("alias", ["away", "up", "b.a", "x.y.any", "x.tree"])
async def test_alias_at_server_of_parent_and_child(delegations: Delegations, alias: str) -> None:
    """The zone of an alias is its own, though the server names none, or that of the target."""
    walk = await delegations.walk(f"{alias}.co.test")
    assert (walk.zone, walk.parent_zone) == ("co.test", "test")


AT_ROOT = (server("a.root", ROOT),)
AT_TEST = (server("ns.nic.test", TOP),)
AT_SHOP = (
    server("ns1.shop.test", SHOP),
    server("ns1.shop.test", "::1"),
    server("ns2.shop.test", SPARE),
)
AT_OTHER = (server("ns.other.test", SHOP), server("ns.other.test", "::1"))


@pytest.mark.parametrize(
    ("name", "zone", "parent_zone", "parent"),
    [
        ("www.shop.test", "shop.test", "test", AT_TEST),
        ("gone.shop.test", "shop.test", "test", AT_TEST),
        ("api.deep.shop.test", "deep.shop.test", "shop.test", AT_SHOP),
        ("www.dead.test", "dead.test", "test", AT_TEST),
        ("www.co.test", "co.test", "test", AT_TEST),
        ("www.sub.glueless.test", "sub.glueless.test", "glueless.test", AT_OTHER),
        ("ns.nic.test", "test", ".", AT_ROOT),
        ("test", "test", ".", AT_ROOT),
        (".", ".", "", ()),
    ],
)
async def test_zone_above(
    delegations: Delegations,
    name: str,
    zone: str,
    parent_zone: str,
    parent: tuple[Server, ...],
) -> None:
    """The walk tells the zone above and its servers, also if it starts below the root."""
    for _ in range(2):
        walk = await delegations.walk(name)
        assert (walk.zone, walk.parent_zone, walk.parent) == (zone, parent_zone, parent)


async def test_name_that_is_gone(delegations: Delegations) -> None:
    """A name that its own zone denies still has servers, and they are who to look at."""
    walk = await delegations.walk("gone.shop.test")
    assert (walk.zone, walk.outcome) == ("shop.test", Outcome.NXDOMAIN)
    assert len(walk.servers) == 5


async def test_zone_whose_servers_are_silent(delegations: Delegations) -> None:
    """Servers that the parent names are the servers, also while none of them answers."""
    walk = await delegations.walk("www.dead.test")
    assert (walk.zone, walk.outcome) == ("dead.test", Outcome.SILENT)
    assert walk.servers == (server("ns.dead.test", DEAD),)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("www.unknown.test", Reason.NXDOMAIN),
        ("www.unknown", Reason.NXDOMAIN),
        ("www.shop.quiet", Reason.UNREACHABLE),
        ("www.ring1.test", Reason.DELEGATION),
        ("www.nowhere.test", Reason.UNREACHABLE),
    ],
)
async def test_blocked(delegations: Delegations, name: str, reason: Reason) -> None:
    """A parent that denies, is silent or names nobody one can find blocks the walk, with why."""
    with pytest.raises(NetworkFailure) as caught:
        await delegations.walk(name)
    assert caught.value.reason is reason


async def test_root_is_spared(delegations: Delegations) -> None:
    """The root is asked once for a top-level zone, but a zone's own cut every time."""
    await delegations.walk("www.shop.test")
    again = await delegations.walk("www.shop.test")
    assert [step.zone for step in again.steps] == ["test", "shop.test"]


async def test_silent_roots() -> None:
    """Without a root that answers there is no walk, and the reason is their silence."""
    async with responder(udp=lambda wire: []) as silent:
        roots = [Server("a.root", silent)]
        with pytest.raises(NetworkFailure) as caught:
            await Delegations(roots, patience=0.05, deadline=1).walk("www.example.com")
    assert caught.value.reason is Reason.TIMEOUT
    assert caught.value.detail.startswith("the one server asked for the root does not answer (")
    assert caught.value.detail.endswith(": timeout)")


async def test_silent_roots_and_no_ipv6() -> None:
    """Roots that this host cannot send to are not counted among the silent ones."""
    async with responder(udp=lambda wire: []) as silent:
        nowhere = [Endpoint(f"ff02::1:{n}", 53) for n in range(3)]
        roots = [Server("r.root", end) for end in (silent, silent, *nowhere)]
        with pytest.raises(NetworkFailure) as caught:
            await Delegations(roots, patience=0.05, deadline=1).walk("www.example.com")
        with pytest.raises(CouldNotLook) as ours:
            await Delegations(roots[2:], patience=0.05, deadline=1).walk("www.example.com")
    assert not isinstance(caught.value, CouldNotLook)
    assert caught.value.detail == "none of the 2 servers asked for the root answers (timeout)"
    assert ours.value.detail.startswith("this host cannot ask the servers of the root: this host")


async def test_stub_zone_refers_lower(internet: Path) -> None:
    """A stub zone's servers start the walk, and a zone cut below them is followed."""
    stubs = {"shop.test": [Endpoint(SHOP, 53)]}
    nowhere = [Server("", Endpoint("127.0.0.1", free_port()))]
    walk = await Delegations(nowhere, stubs).walk("api.deep.shop.test")
    assert walk.servers == (server("ns2.deep.shop.test", DEEP),)
    assert [step.zone for step in walk.steps] == ["shop.test", "deep.shop.test"]
    assert (walk.parent_zone, walk.parent) == ("shop.test", (server("", SHOP),))


async def test_hosts_below_a_cut_of_a_stub_zone(internet: Path) -> None:
    """The stub resolver, too, follows a stub zone's cuts, with glue and without, but in no ring."""
    assert internet
    resolver = StubResolver(list, {"test": [Endpoint(TOP, 53)]}, seconds=2.0)
    assert await resolver.resolve("api.deep.shop.test") == ("192.0.2.2",)
    assert await resolver.resolve("www.sub.glueless.test") == ("192.0.2.5",)
    with pytest.raises(NetworkFailure) as caught:
        await resolver.resolve("www.ring1.test")
    assert caught.value.reason is Reason.DELEGATION


@pytest.mark.parametrize("serve", [nsd, knot])
async def test_stub_zone(serve: type[nsd]) -> None:
    """A stub zone's servers are the authorities themselves, at whatever port they have."""
    with serve({"shop.test": SHOP_ZONE}) as end:
        walk = await Delegations(stub_zones={"shop.test.": [end]}).walk("www.shop.test")
    assert (walk.zone, walk.servers) == ("shop.test", (Server("", end),))
    assert (walk.parent_zone, walk.parent) == ("", ())


async def test_endless_referrals() -> None:
    """A server that refers and refers to itself ends the walk within its budget."""

    def deeper(wire: bytes) -> list[bytes]:
        name = dns.message.from_wire(wire).question[0].name
        owner = name.parent()
        ns = f"{owner} 60 IN NS ns.{owner}"
        return [reply_to(wire, authority=(ns,), additional=(f"ns.{owner} 60 IN A {DEAD}",))]

    async with responder(udp=deeper) as end:
        stubs = {"example": [end]}
        walk = await Delegations(stub_zones=stubs, patience=0.2).walk("a.b.c.d.example")
    assert walk.outcome is Outcome.SILENT
    assert len(walk.steps) == 2


async def test_nested_glueless_names_stay_within_budget() -> None:
    """Name servers that need name servers that need more are given up, not followed for ever."""
    seen = 0

    def onward(wire: bytes) -> list[bytes]:
        nonlocal seen
        seen += 1
        top = dns.message.from_wire(wire).question[0].name.split(3)[1]
        authority = tuple(f"{top} 60 IN NS ns.z{seen}x{i}.example." for i in range(8))
        return [reply_to(wire, authority=authority, aa=False)]

    async with responder(udp=onward) as end:
        walks = Delegations(stub_zones={"example": [end]}, patience=0.5, deadline=10)
        with pytest.raises(NetworkFailure):
            await walks.walk("www.a.example")
    assert seen <= 200


async def test_hundreds_of_glueless_names() -> None:
    """However many names of servers a reply holds, few are followed at once, and few are told."""
    seen, most = 0, 0

    def cut_off(wire: bytes) -> list[bytes]:
        return [wire[:2] + b"\x82\x00" + b"\x00\x01" + b"\x00" * 6 + wire[12:-15]]

    def onward(wire: bytes) -> list[bytes]:
        nonlocal seen, most
        seen, most = seen + 1, max(most, len(asyncio.all_tasks()))
        message = dns.message.make_response(dns.message.from_wire(wire))
        top = message.question[0].name.split(3)[1]
        names = [f"ns.z{seen}x{i}.example." for i in range(200)]
        message.authority.append(dns.rrset.from_text(top, 60, "IN", "NS", *names))
        return [message.to_wire(max_size=65535)]

    async with responder(udp=cut_off, tcp=onward) as end:
        walks = Delegations(stub_zones={"example": [end]}, patience=2, deadline=10)
        with pytest.raises(NetworkFailure) as caught:
            await walks.walk("www.a.example")
    assert seen <= 200
    assert most < 1000
    assert len(caught.value.detail) < 500


async def test_names_that_are_not_sought() -> None:
    """Of many servers without an address those that are not sought count as not found."""

    def answer(wire: bytes) -> list[bytes]:
        if dns.message.from_wire(wire).question[0].name != dns.name.from_text("a.shop.example"):
            return [reply_to(wire, authority=(SOA.format("example."),), rcode=dns.rcode.NXDOMAIN)]
        names = ["ns.shop", *(f"ns{n}" for n in range(20))]
        cut = tuple(f"shop.example. 60 IN NS {name}.example." for name in names)
        glue = (f"ns.shop.example. 60 IN A {DEAD}",)
        return [reply_to(wire, authority=cut, additional=glue, aa=False)]

    async with responder(udp=answer) as end:
        walk = await Delegations(stub_zones={"example": [end]}, patience=0.3).walk("a.shop.example")
    assert (len(walk.missing), len(walk.unresolved)) == (13, 7)


def test_hints(tmp_path: Path) -> None:
    """Thirteen roots at two addresses each are built in; a hints file without any is refused."""
    assert len({root.name for root in ROOT_SERVERS}) == 13
    assert len({root.endpoint for root in ROOT_SERVERS}) == 26
    path = tmp_path / "hints"
    for text in ("", "a.root. 60 A 192.0.2.1\n", "no zone file ("):
        path.write_text(text)
        with pytest.raises(ValueError, match="root hints"):
            read_hints(path)


@pytest.mark.parametrize("word", ["", "IN "], ids=["without class", "with class"])
def test_hints_as_published(tmp_path: Path, word: str) -> None:
    """A hints file may write the class or leave it out, and names in capitals are the same."""
    path = tmp_path / "named.root"
    path.write_text(
        f".            3600000  {word}NS  A.ROOT-SERVERS.NET.\n"
        f"a.root-servers.net.  3600000  {word}A   198.41.0.4\n"
    )

    assert read_hints(path) == (Server("a.root-servers.net", Endpoint("198.41.0.4", 53)),)


async def test_cancelled() -> None:
    """A walk that is cancelled leaves no task behind."""
    async with responder(udp=lambda wire: []) as silent:
        task = asyncio.create_task(Delegations([Server("", silent)]).walk("a.example"))
        await asyncio.wait([task], timeout=0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
