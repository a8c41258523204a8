"""The check: its subjects, and what becomes of them when the ways to them change."""

from collections.abc import Sequence

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
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Finding, Kind, Verdict
from vedette.checks.net import Endpoint, NetworkFailure

ZONE = """\
$ORIGIN example.com.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
ns1 A 127.0.0.1
api A 192.0.2.1
out CNAME edge.example.net.
empty TXT nothing
"""

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
            system=[Endpoint("127.0.0.53", 53)],
            resolve=google if settings.get("servers") == ["dns.example:5353"] else nobody,
            now=lambda: 0.0,
        ),
        seconds=0.5,
    )


def stub(*ends: Endpoint) -> Delegations:
    """Return walks that know example.com's servers."""
    return Delegations(stub_zones={"example.com": ends}, patience=0.2)


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


async def test_foreign_zone_is_refused() -> None:
    """A server that does not have the zone answers REFUSED."""
    with nsd({"example.net": ZONE.replace("example.com", "example.net")}) as end:
        made = check(stub(end), servers=["authoritative"])
        await made.refresh()
        assert (await only(made)).reason is Reason.REFUSED


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


async def test_host_names_of_resolvers() -> None:
    """A resolver given by name has one look for each of its addresses, once it is resolved."""
    made = check(servers=["dns.example:5353"])
    assert [look.subject for look in made.looks()] == ["dns.example:5353"]
    assert (await only(made)).verdict is Verdict.UNKNOWN
    assert await made.refresh() == 300
    assert [look.subject for look in made.looks()] == [
        "dns.example 127.0.0.1:5353",
        "dns.example [::1]:5353",
    ]


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


async def test_equal_replies_are_judged_once() -> None:
    """The same answer gives the same finding again, another answer another."""
    lines = [(ANSWER,), (ANSWER,), ()]

    async with responder(udp=lambda wire: [reply_to(wire, lines.pop(0))]) as end:
        (look,) = check(servers=[str(end)]).looks()
        first, second, third = [await look.once() for _ in range(3)]
    assert first is second
    assert third.reason is Reason.NODATA


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
