"""The check: its subjects, and what becomes of them when the ways to them change."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.checks.dns.messages import SOA, reply_to
from tests.servers.knot import knot
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from tests.servers.responder import responder
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import Place
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations, Walk
from vedette.checks.dns.zonecut import NoAddress, Outcome
from vedette.checks.finding import Finding, Kind, Verdict
from vedette.checks.net import SOCKETS, Endpoint, NetworkFailure

ZONE = """\
$ORIGIN example.com.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
ns1 A 127.0.0.1
api A 192.0.2.1
out CNAME edge.example.net.
empty TXT nothing
signed NS ns1.signed
signed DS 1234 13 2 {ds}
ns1.signed A 127.0.0.9
""".format(ds="0" * 64)

ANSWER = "api.example.com. 60 IN A 192.0.2.1"


async def nobody(host: str) -> Sequence[str]:
    """Resolve no host."""
    raise NetworkFailure(Reason.NXDOMAIN, f"{host} does not exist")


async def google(host: str) -> Sequence[str]:
    """Resolve every host to two addresses."""
    return ("127.0.0.1", "::1")


def check(delegations: Delegations | None = None, **settings: object) -> DnsCheck:
    """Return a check of api.example.com that waits half a second."""
    return DnsCheck(
        DnsSettings.model_validate({"name": "api.example.com", **settings}),
        Means(
            delegations=delegations or Delegations([]),
            system=lambda: [Endpoint("127.0.0.53", 53)],
            resolve=google if settings.get("servers") == ["dns.example:5353"] else nobody,
            now=lambda: 0.0,
        ),
        seconds=0.5,
    )


def stub(*ends: Endpoint) -> Delegations:
    """Return walks that know example.com's servers."""
    return Delegations(stub_zones={"example.com": ends}, patience=0.2)


@contextmanager
def routes(*families: socket.AddressFamily) -> Iterator[None]:
    """Be a host that has a way over these *families*, on which all is lost, and over no others."""

    class Routed(socket.socket):
        def connect(self, _address: object) -> None:
            if self.family not in families:
                raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

        def send(self, _data: object) -> int:
            return 0

    token = SOCKETS.set(Routed)
    try:
        yield
    finally:
        SOCKETS.reset(token)


async def only(made: DnsCheck) -> Finding:
    """Return what the check's one look shows."""
    (look,) = made.looks()
    return await look.once()


@pytest.mark.parametrize("serve", [nsd, knot])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("api", None),
        ("out", None),
        ("empty", Reason.NODATA),
        ("gone", Reason.NXDOMAIN),
    ],
)
async def test_authorities(serve: type[nsd], name: str, reason: Reason | None) -> None:
    """NSD and Knot are judged alike: records and a CNAME out of the zone are fine."""
    with serve({"example.com": ZONE}) as end:
        made = check(stub(end), name=f"{name}.example.com", servers=["authoritative"])
        await made.refresh()
        finding = await only(made)
    assert finding.reason is reason
    assert finding.facts["aa"] is True


@pytest.mark.parametrize("serve", [nsd, knot])
async def test_delegation_signer(serve: type[nsd]) -> None:
    """A DS record is looked for where it is, in the zone above its name."""
    with serve({"example.com": ZONE}) as end:
        walks = Delegations(stub_zones={"example.com": [end], "signed.example.com": []})
        made = check(walks, name="signed.example.com", type="DS", servers=["authoritative"])
        await made.refresh()
        finding = await only(made)
    assert (finding.verdict, finding.facts["count"]) == (Verdict.OK, 1)


@pytest.mark.parametrize("name", ["com", "."])
async def test_delegation_signer_at_the_top(name: str) -> None:
    """The DS record of a top-level zone is the root's, and above the root is nobody."""
    root = Server("a.root", Endpoint("127.0.0.9", 9))
    made = check(Delegations([root]), name=name, type="DS", servers=["authoritative"])
    await made.refresh()
    assert authorities(made) == ["a.root 127.0.0.9:9"]


def test_subjects() -> None:
    """Resolvers go by address, with the port only where it is not DNS's, and say what they are."""
    made = check(servers=["system", "8.8.8.8", "tcp://8.8.8.8", "[2001:db8::1]:5353"])
    assert [(look.subject, look.place) for look in made.looks()] == [
        ("system 127.0.0.53", "recursive"),
        ("8.8.8.8", "recursive"),
        ("tcp://8.8.8.8", "recursive"),
        ("[2001:db8::1]:5353", "recursive"),
    ]
    assert (made.name, made.kind) == ("api.example.com A", Kind.DNS)


def test_system_is_who_it_is_now() -> None:
    """A host that gets other resolvers is asked at these from the next round on."""
    hosts = ["127.0.0.53"]
    means = Means(
        delegations=Delegations([]),
        system=lambda: [Endpoint(host, 53) for host in hosts],
        resolve=nobody,
        now=lambda: 0.0,
    )
    made = DnsCheck(DnsSettings(name="api.example.com", servers=["system"]), means, seconds=0.5)
    before, hosts[:] = made.looks(), ["127.0.0.1", "127.0.0.2"]

    assert [look.subject for look in before] == ["system 127.0.0.53"]
    assert [look.subject for look in made.looks()] == ["system 127.0.0.1", "system 127.0.0.2"]


async def test_not_yet_walked() -> None:
    """Before the first walk the authorities are unknown, and that is one subject."""
    made = check(servers=["authoritative"])
    assert [(look.subject, look.place) for look in made.looks()] == [
        ("authoritative", "authoritative")
    ]
    assert (await only(made)).verdict is Verdict.UNKNOWN


async def test_silent_parents() -> None:
    """While no parent answers the authorities stay unknown, with the reason, and we try again."""
    async with responder(udp=lambda wire: []) as silent:
        walks = Delegations([Server("a.root", silent)], patience=0.05, deadline=1)
        made = check(walks, servers=["authoritative"])
        assert await made.refresh() == 5
    finding = await only(made)
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.TIMEOUT)
    assert "the one server asked for the root does not answer" in finding.detail


async def test_parent_denies() -> None:
    """A parent that denies the name is evidence: the check fails."""

    def deny(wire: bytes) -> list[bytes]:
        return [reply_to(wire, authority=(SOA.format("com."),), rcode=dns.rcode.NXDOMAIN)]

    async with responder(udp=deny) as root:
        made = check(Delegations([Server("a.root", root)]), servers=["authoritative"])
        assert await made.refresh() == 5
    finding = await only(made)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.NXDOMAIN)


async def test_last_good_servers_stay() -> None:
    """A later walk that ends at a parent takes no servers away, and the looks stay the same."""
    answers = True

    def parent(wire: bytes) -> list[bytes]:
        if not answers:
            return [reply_to(wire, authority=(SOA.format("com."),), rcode=dns.rcode.NXDOMAIN)]
        if b"\x00\x06\x00\x01" in wire:
            return [reply_to(wire, authority=(SOA.format("example.com."),))]
        return [reply_to(wire, (ANSWER,))]

    async with responder(udp=parent) as end:
        made = check(Delegations(stub_zones={"com": [end]}), servers=["authoritative"])
        assert await made.refresh() == 300
        subjects = [(look.place, look.subject) for look in made.looks()]
        answers = False
        assert await made.refresh() == 5
        assert [(look.place, look.subject) for look in made.looks()] == subjects
        assert made.walked is not None
        assert made.walked.zone == "example.com"


class Walks(Delegations):
    """Walks that a test gives, one after the other; what is no walk is raised."""

    def __init__(self, *ends: Walk | NetworkFailure) -> None:
        super().__init__([])
        self._ends = list(ends)

    @property
    def left(self) -> int:
        """How many are still to come."""
        return len(self._ends)

    async def walk(self, name: str) -> Walk:
        """Return, or raise, the next."""
        del name
        end = self._ends.pop(0)
        if isinstance(end, NetworkFailure):
            raise end
        return end


def walk_to(*numbers: int, missing: Sequence[str] = (), unresolved: Sequence[str] = ()) -> Walk:
    """Return a walk that found the servers of these numbers."""
    return Walk(
        zone="example.com",
        servers=tuple(Server(f"ns{n}.example.net", Endpoint(f"127.0.0.{n}", 9)) for n in numbers),
        steps=(),
        outcome=Outcome.ANSWERED,
        parent_zone="com",
        missing=tuple(missing),
        unresolved=tuple(unresolved),
    )


def authorities(made: DnsCheck) -> list[str]:
    """Return the subjects that are asked as authorities."""
    return [look.subject for look in made.looks() if look.place is Place.AUTHORITATIVE]


@pytest.mark.parametrize("before", [walk_to(1, 2), NetworkFailure(Reason.TIMEOUT, "silence")])
async def test_looks_while_a_refresh_is_under_way(before: Walk | NetworkFailure) -> None:
    """Servers that a walk has changed can be looked at while a resolver's name is still sought."""
    going_on, found = asyncio.Event(), asyncio.Event()

    async def slowly(host: str) -> Sequence[str]:
        del host
        going_on.set()
        await found.wait()
        return ("127.0.0.1",)

    settings = {"name": "api.example.com", "servers": ["authoritative", "dns.example"]}
    means = Means(
        delegations=Walks(before, walk_to(2, 3)), system=list, resolve=slowly, now=lambda: 0.0
    )
    made = DnsCheck(DnsSettings.model_validate(settings), means, seconds=0.5)
    found.set()
    await made.refresh()
    going_on.clear()
    found.clear()
    refreshing = asyncio.create_task(made.refresh())
    await going_on.wait()
    await asyncio.sleep(0)
    during = authorities(made)
    found.set()
    await refreshing
    assert (
        during
        == authorities(made)
        == ["ns2.example.net 127.0.0.2:9", "ns3.example.net 127.0.0.3:9"]
    )


async def test_moved_servers_are_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that newly fails has the way walked again, once, and the servers of now are next."""
    monkeypatch.setattr("vedette.checks.dns.check._LEAST", 0.0)
    walks = Walks(walk_to(1), walk_to(2), walk_to(2), NetworkFailure(Reason.TIMEOUT, "silence"))
    made = check(walks, servers=["authoritative"])
    await made.refresh()
    subjects = []
    for _ in range(4):
        subjects += authorities(made)
        await asyncio.gather(*(look.once() for look in made.looks()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert subjects == ["ns1.example.net 127.0.0.1:9", *["ns2.example.net 127.0.0.2:9"] * 3]
    assert walks.left == 1


async def test_walks_that_looks_ask_for_keep_their_distance() -> None:
    """However many servers newly fail, a walk that has just been made is not repeated."""
    walks = Walks(walk_to(1, 2), walk_to(3))
    made = check(walks, servers=["authoritative"])
    await made.refresh()
    await asyncio.gather(*(look.once() for look in made.looks()))
    await asyncio.sleep(0)
    assert walks.left == 1


async def test_server_without_address() -> None:
    """A server that the parent names and that has no address fails, and is sought again soon."""
    made = check(Walks(walk_to(1, 2, missing=["ns3.example.net"])), servers=["authoritative"])
    assert await made.refresh() == 30
    *_, look = [look for look in made.looks() if look.place is Place.AUTHORITATIVE]
    finding = await look.once()
    assert look.subject == "ns3.example.net"
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.UNREACHABLE)
    assert finding.detail == "com delegates example.com to ns3.example.net, which has no address"


async def test_server_whose_address_nobody_tells() -> None:
    """A server that cannot be found this time is asked at the address it had."""
    again = walk_to(1, unresolved=["ns2.example.net"])
    made = check(Walks(walk_to(1, 2), again), servers=["authoritative"])
    await made.refresh()
    subjects = authorities(made)
    assert await made.refresh() == 30
    assert authorities(made) == subjects


async def test_no_server_has_an_address() -> None:
    """Where all addresses are gone the check fails, however well the servers of old answer."""
    gone = NoAddress(Reason.UNREACHABLE, "the servers of example.com have no address")
    made = check(Walks(walk_to(1, 2), gone, walk_to(1, 2)), servers=["authoritative"])
    await made.refresh()
    assert await made.refresh() == 5
    finding = await only(made)
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.UNREACHABLE)
    assert await made.refresh() == 300
    assert len(authorities(made)) == 2


async def test_a_delegation_to_nobody_is_still_seen_at_the_parent() -> None:
    """The servers that name strangers without an address are asked, and say whom they name."""
    async with responder(udp=lambda wire: [reply_to(wire, (ANSWER,))]) as end:
        gone = NoAddress(
            Reason.UNREACHABLE,
            "the servers of example.com have no address",
            zone="example.com",
            parent=(Server("a.example.net", end),),
        )
        made = check(Walks(gone), name="example.com", type="NS", servers=["parent"])
        await made.refresh()

        assert [look.subject for look in made.looks()] == [f"a.example.net {end}"]


async def test_a_zone_without_a_parent_is_unknown_there() -> None:
    """Above a stub zone nobody is known: the check says so, and is not silently without a look."""
    with nsd({"example.com": ZONE}) as end:
        made = check(stub(end), name="example.com", type="NS", servers=["parent"])
        await made.refresh()
    finding = await only(made)
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.DELEGATION)
    assert "above example.com" in finding.detail


async def test_addresses_without_a_route() -> None:
    """Servers that this host has no IPv6 for are left out, unless there are no others."""
    async with responder(udp=lambda wire: [reply_to(wire, (ANSWER,))]) as end:
        nowhere = Endpoint("fe80::1", 53)
        both = check(stub(end, nowhere), servers=["authoritative"])
        await both.refresh()
        alone = check(stub(nowhere), servers=["authoritative"])
        await alone.refresh()

    assert [look.subject for look in both.looks()] == [str(end)]
    assert [look.subject for look in alone.looks()] == ["fe80::1"]


async def test_addresses_of_a_family_that_this_host_has_not() -> None:
    """On a host with IPv6 alone servers are looked at over that, and IPv4 is no evidence.

    Who has neither may only be cut off: that all fails tells it so.
    """
    new, old = Endpoint("2001:db8::1", 53), Endpoint("192.0.2.1", 53)
    with routes(socket.AF_INET6):
        both = check(stub(old, new), servers=["authoritative"])
        await both.refresh()
        alone = await only(check(servers=[str(old)]))
    with routes():
        cut_off = await only(check(servers=[str(old)]))

    assert [look.subject for look in both.looks()] == ["2001:db8::1"]
    assert (alone.verdict, alone.reason) == (Verdict.UNKNOWN, Reason.UNREACHABLE)
    assert (cut_off.verdict, cut_off.reason) == (Verdict.FAILING, Reason.UNREACHABLE)


async def test_host_names_of_resolvers() -> None:
    """A resolver given by name has one look for each of its addresses, once it is resolved."""
    made = check(servers=["dns.example:5353"])
    assert [look.subject for look in made.looks()] == ["dns.example:5353"]
    assert (await only(made)).verdict is Verdict.UNKNOWN
    with routes(socket.AF_INET, socket.AF_INET6):
        assert await made.refresh() == 300
    assert [look.subject for look in made.looks()] == [
        "dns.example 127.0.0.1:5353",
        "dns.example [::1]:5353",
    ]


@pytest.mark.parametrize(
    ("family", "subject"),
    [
        (socket.AF_INET, "dns.example 127.0.0.1:5353"),
        (socket.AF_INET6, "dns.example [::1]:5353"),
    ],
)
async def test_resolver_at_addresses_without_a_route(
    family: socket.AddressFamily, subject: str
) -> None:
    """Of a resolver's addresses those are left out that this host has no family for."""
    made = check(servers=["dns.example:5353"])
    with routes(family):
        await made.refresh()
    assert [look.subject for look in made.looks()] == [subject]


async def test_host_name_that_cannot_be_resolved() -> None:
    """A resolver whose name is not found could not be asked, and the sentence says why."""
    made = check(servers=["dns.nowhere.example"])
    assert await made.refresh() == 5
    finding = await only(made)
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.NXDOMAIN)


async def test_recursion_desired() -> None:
    """Resolvers are asked with RD and authorities without, and neither subject hides the other."""
    asked: list[int] = []

    def respond(wire: bytes) -> list[bytes]:
        asked.append(dns.message.from_wire(wire).flags & dns.flags.RD)
        return [reply_to(wire, (ANSWER,))]

    async with responder(udp=respond) as end:
        made = check(stub(end), servers=["authoritative", str(end)])
        await made.refresh()
        asked.clear()
        assert [(look.place, look.subject) for look in made.looks()] == [
            (Place.AUTHORITATIVE, str(end)),
            (Place.RECURSIVE, str(end)),
        ]
        findings = [await look.once() for look in made.looks()]
    assert [finding.verdict for finding in findings] == [Verdict.OK, Verdict.OK]
    assert asked == [0, dns.flags.RD]


async def test_closed_port() -> None:
    """A refused connection is the server's failure, told with its name."""
    end = Endpoint("127.0.0.1", free_port())
    finding = await only(check(servers=[str(end)]))
    assert (finding.verdict, finding.reason) == (Verdict.FAILING, Reason.UNREACHABLE)
    assert str(end) in finding.detail


async def test_no_way_there() -> None:
    """A server that this host cannot send to is unknown, not failing."""
    finding = await only(check(servers=["[ff02::1:3]:53"]))
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.UNREACHABLE)
