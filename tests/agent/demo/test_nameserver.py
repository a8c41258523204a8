"""The demo's name server answers as an authoritative server does."""

import asyncio
import socket
import subprocess

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tests.servers.process import need
from vedette.agent.demo.nameserver import NameServer, Zone

HOST = "api.shop.example"


def server(addresses=("127.0.0.1", "127.0.0.2")):
    return NameServer([Zone.of("shop.example", {(HOST, "A"): addresses})])


async def ask(running, name, rdtype="A", *, tcp=False):
    query = dns.message.make_query(name, rdtype, use_edns=0)
    send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await send(query, running.host, port=running.port, timeout=2)


@pytest.mark.parametrize("tcp", [False, True])
async def test_answers_with_authority(tcp):
    """A record that is there comes back with AA set, over UDP and over TCP."""
    async with server() as running:
        answer = await ask(running, HOST, tcp=tcp)

    assert answer.flags & dns.flags.AA
    assert {"127.0.0.1", "127.0.0.2"} == {rdata.address for rdata in answer.answer[0]}


async def test_no_data_says_soa():
    """A name without the type asked for gives NOERROR, no answer, and the SOA."""
    async with server() as running:
        answer = await ask(running, HOST, "AAAA")

    assert answer.rcode() == dns.rcode.NOERROR
    assert not answer.answer
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


async def test_empty_non_terminal_exists():
    """A name that only has names below it is no NXDOMAIN."""
    zone = Zone.of("example", {("a.b.example", "A"): ["192.0.2.1"]})
    async with NameServer([zone]) as running:
        assert (await ask(running, "b.example")).rcode() == dns.rcode.NOERROR


async def test_unknown_name_is_nxdomain():
    """A name that is not in the zone gives NXDOMAIN with the SOA."""
    async with server() as running:
        answer = await ask(running, "nobody.shop.example")

    assert answer.rcode() == dns.rcode.NXDOMAIN
    assert answer.authority[0].rdtype == dns.rdatatype.SOA


async def test_outside_is_refused():
    """A name outside the zones is refused without authority."""
    async with server() as running:
        answer = await ask(running, "example.com")

    assert answer.rcode() == dns.rcode.REFUSED
    assert not answer.flags & dns.flags.AA


async def test_live_zone_changes():
    """Emptied, removed and restored records show in the next answer."""
    async with server() as running:
        running.set(HOST, "A", [])
        emptied = await ask(running, HOST)
        running.set(HOST, "A", None)
        removed = await ask(running, HOST)
        running.set(HOST, "A", ["127.0.0.9"])
        restored = await ask(running, HOST)

    assert (emptied.rcode(), len(emptied.answer)) == (dns.rcode.NOERROR, 0)
    assert removed.rcode() == dns.rcode.NXDOMAIN
    assert restored.answer[0][0].address == "127.0.0.9"


def test_foreign_name_cannot_be_set():
    """A record outside the zones is a mistake of the caller's."""
    with pytest.raises(ValueError, match="none of the zones"):
        server().set("example.com", "A", [])


async def test_ignores_what_is_no_query():
    """Noise, a response, and a query without question get no answer; a query after them does."""
    response = dns.message.make_response(dns.message.make_query(HOST, "A")).to_wire()
    noise = [b"", b"\x00", b"\xff" * 40, response, bytes(12)]
    async with server() as running:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for datagram in noise:
                sender.sendto(datagram, (running.host, running.port))
        answer = await ask(running, HOST)
        replies = [running.answer(datagram) for datagram in noise]

    assert answer.answer
    assert replies == [None] * len(noise)


async def test_other_opcode_is_not_implemented():
    """An UPDATE is told that nobody here implements it."""
    update = dns.message.make_query("shop.example", "SOA")
    update.set_opcode(dns.opcode.STATUS)
    async with server() as running:
        answer = dns.message.from_wire(running.answer(update.to_wire()) or b"")

    assert answer.rcode() == dns.rcode.NOTIMP


async def test_large_answer_is_truncated():
    """What does not fit a plain datagram comes with TC set, and whole over TCP."""
    async with server([f"127.0.1.{i}" for i in range(100)]) as running:
        query = dns.message.make_query(HOST, "A")
        short = dns.message.from_wire(running.answer(query.to_wire(), 512) or b"")
        whole = await ask(running, HOST, tcp=True)

    assert short.flags & dns.flags.TC
    assert len(whole.answer[0]) == 100


async def test_open_tcp_connection_does_not_hold_the_server():
    """An idle client does not keep the server from stopping."""
    async with asyncio.timeout(5):
        async with server() as running:
            _, writer = await asyncio.open_connection(running.host, running.port)
            await asyncio.sleep(0.05)
        writer.close()


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
async def test_dig_understands(transport):
    """BIND's dig reads the answers over both transports without complaint."""
    async with server(["127.0.0.1"]) as running:
        address = f"@{running.host}"
        command = [need("dig"), address, "-p", str(running.port), transport, HOST, "A"]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=True, timeout=10
        )

    assert "status: NOERROR" in done.stdout
    assert "flags: qr aa" in done.stdout
    assert "127.0.0.1" in done.stdout
    assert "WARNING: recursion" in done.stdout
