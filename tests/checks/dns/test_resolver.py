"""The stub resolver: hosts to addresses, and DNS's reasons where that fails."""

import asyncio
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tests.checks.dns.messages import reply_to
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from tests.servers.responder import responder
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.resolver import StubResolver, SystemServers, system_servers
from vedette.checks.net import Endpoint, NetworkFailure

ZONE = """\
$ORIGIN example.com.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
ns1 A 127.0.0.1
both A 192.0.2.1
both AAAA 2001:db8::1
alias CNAME both
out CNAME edge.example.net.
empty TXT nothing
"""

V4, V6 = "{0} 60 IN A 192.0.2.9", "{0} 60 IN AAAA 2001:db8::9"


def answering(wire: bytes) -> list[bytes]:
    """Give every name one address of each family."""
    asked = dns.message.from_wire(wire).question[0]
    line = V4 if asked.rdtype == dns.rdatatype.A else V6
    return [reply_to(wire, (line.format(asked.name),), aa=False)]


async def reason(resolver: StubResolver, host: str) -> Reason:
    """Return why *host* has no address."""
    with pytest.raises(NetworkFailure) as caught:
        await resolver.resolve(host)
    assert isinstance(caught.value.reason, Reason)
    return caught.value.reason


async def test_without_question() -> None:
    """Addresses and localhost need no server."""
    resolver = StubResolver(list)
    assert await resolver.resolve("192.0.2.1") == ("192.0.2.1",)
    assert await resolver.resolve("2001:db8::1") == ("2001:db8::1",)
    assert await resolver.resolve("LocalHost.") == ("127.0.0.1", "::1")


async def test_stub_zone() -> None:
    """Hosts below a stub zone are asked at its servers, and a CNAME out of it goes on elsewhere."""
    with nsd({"example.com": ZONE}) as end:
        async with responder(udp=answering) as system:
            resolver = StubResolver(lambda: [system], {"example.com": [end]})
            assert await resolver.resolve("both.example.com") == ("192.0.2.1", "2001:db8::1")
            assert await resolver.resolve("alias.example.com") == ("192.0.2.1", "2001:db8::1")
            assert await resolver.resolve("out.example.com") == ("192.0.2.9", "2001:db8::9")
            assert await reason(resolver, "empty.example.com") is Reason.NODATA
            assert await reason(resolver, "gone.example.com") is Reason.NXDOMAIN


async def test_next_server() -> None:
    """A server that fails, refuses or is silent gives way to the next."""

    def refuse(wire: bytes) -> list[bytes]:
        return [reply_to(wire, rcode=dns.rcode.REFUSED)]

    closed = Endpoint("127.0.0.1", free_port())
    async with (
        responder(udp=refuse) as refusing,
        responder(udp=lambda wire: []) as silent,
        responder(udp=answering) as good,
    ):
        resolver = StubResolver(lambda: [closed, refusing, silent, good], seconds=1.0)
        assert await resolver.resolve("www.example.org") == ("192.0.2.9", "2001:db8::9")


@pytest.mark.parametrize(
    ("rcode", "expected"),
    [
        (dns.rcode.NOERROR, Reason.NODATA),
        (dns.rcode.NXDOMAIN, Reason.NXDOMAIN),
        (dns.rcode.SERVFAIL, Reason.SERVFAIL),
        (dns.rcode.REFUSED, Reason.REFUSED),
    ],
)
async def test_reasons(rcode: dns.rcode.Rcode, expected: Reason) -> None:
    """What the server says is the reason."""
    async with responder(udp=lambda wire: [reply_to(wire, rcode=rcode)]) as system:
        assert await reason(StubResolver(lambda: [system]), "www.example.org") is expected


async def test_silence() -> None:
    """Servers that are silent are a timeout, within the bound."""
    async with responder(udp=lambda wire: []) as system:
        resolver = StubResolver(lambda: [system], seconds=0.1)
        assert await reason(resolver, "www.example.org") is Reason.TIMEOUT
    assert await reason(StubResolver(list), "www.example.org") is Reason.TIMEOUT


async def test_one_family_is_not_waited_for() -> None:
    """Servers that never answer for one family cost a part of the time, and no address."""

    def silent_for_v6(wire: bytes) -> list[bytes]:
        is_v4 = dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.A
        return answering(wire) if is_v4 else []

    async with responder(udp=silent_for_v6) as system:
        async with asyncio.timeout(3.0):
            resolver = StubResolver(lambda: [system], seconds=6.0)
            assert await resolver.resolve("www.example.org") == ("192.0.2.9",)


async def test_one_family_is_enough() -> None:
    """A family that fails does not spoil the other."""

    def only_v4(wire: bytes) -> list[bytes]:
        if dns.message.from_wire(wire).question[0].rdtype == dns.rdatatype.AAAA:
            return [reply_to(wire, rcode=dns.rcode.SERVFAIL)]
        return answering(wire)

    async with responder(udp=only_v4) as system:
        assert await StubResolver(lambda: [system]).resolve("www.example.org") == ("192.0.2.9",)


async def test_stubs_that_lead_in_circles() -> None:
    """A CNAME that leads on for ever is a loop."""

    def onward(wire: bytes) -> list[bytes]:
        name = dns.message.from_wire(wire).question[0].name
        return [reply_to(wire, (f"{name} 60 IN CNAME a.{name}",))]

    async with responder(udp=onward) as end:
        resolver = StubResolver(list, {"example.com": [end]})
        assert await reason(resolver, "example.com") is Reason.CNAME_LOOP


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("search a\nnameserver 10.0.0.1 # x\nnameserver ::1\nnameserver 10.0.0.1\n", 2),
        ("# nameserver 10.0.0.1\nnameserver\nnameserver nonsense\n", 1),
        (None, 1),
    ],
    ids=["two", "none", "no file"],
)
def test_system_servers(tmp_path: Path, text: str | None, hosts: int) -> None:
    """The host's servers are those of resolv.conf, or the host itself where it names none."""
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_text(text)
    servers = system_servers(path)
    assert len(servers) == hosts
    assert (servers[0].host == "127.0.0.1") == (hosts == 1)


def test_system_servers_are_those_of_now(tmp_path: Path) -> None:
    """A host that gets resolvers late, or others, is asked at them; half a file changes none."""
    path, now = tmp_path / "resolv.conf", 0.0
    servers = SystemServers(path, lambda: now)
    told = [[end.host for end in servers()]]
    for text in ("nameserver 10.0.0.1\n", "", "nameserver 10.0.0.2\n"):
        path.write_text(text)
        told.append([end.host for end in servers()])
        now += 10.0
        told.append([end.host for end in servers()])

    assert told == [
        ["127.0.0.1"],
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["10.0.0.1"],
        ["10.0.0.1"],
        ["10.0.0.1"],
        ["10.0.0.2"],
    ]
