"""What many checks ask of the same servers reaches them once."""

import asyncio

import dns.message
import pytest

from tests.checks.dns.messages import reply_to
from tests.servers.process import free_port
from tests.servers.responder import responder
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.message import Reply, ask
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.dns.server import Transport
from vedette.checks.net import Endpoint, NetworkFailure

SOA = ask("example.com", "SOA", recursive=False)
NS = ask("example.com", "NS", recursive=False)


async def asked(authorities: Authorities, server: Server, *questions: object) -> list[object]:
    """Ask all *questions* at the same time; return replies and failures."""
    until = asyncio.get_running_loop().time() + 1
    return await asyncio.gather(
        *(authorities.ask(server, question, until) for question in questions),
        return_exceptions=True,
    )


@pytest.mark.parametrize(("age", "reached"), [(60.0, 2), (0.0, 4)], ids=["shared", "in flight"])
async def test_each_question_once(age: float, reached: int) -> None:
    """Who asks the same at the same time, or within the age, gets the one reply there is."""
    seen: list[str] = []

    def respond(wire: bytes) -> list[bytes]:
        seen.append(str(dns.message.from_wire(wire).question[0]))
        return [reply_to(wire)]

    async with responder(udp=respond) as end:
        authorities, server = Authorities(age), Server("ns1.example.com", end)
        first = await asked(authorities, server, *[SOA] * 50, *[NS] * 50)
        again = await asked(authorities, server, SOA, NS)

    assert all(isinstance(reply, Reply) for reply in (*first, *again))
    assert len(seen) == reached
    assert len({id(reply) for reply in first}) == 2


async def test_a_failure_is_shared_too() -> None:
    """A server that cannot be reached is tried once, and everybody learns why."""
    nobody = Server("ns1.example.com", Endpoint("127.0.0.1", free_port()))
    failures = await asked(Authorities(60), nobody, *[SOA] * 10)

    assert {type(failure) for failure in failures} == {NetworkFailure}
    assert {failure.reason for failure in failures} == {Reason.UNREACHABLE}


async def test_transports_and_servers_are_kept_apart() -> None:
    """The same question to another server, or over another transport, is another one."""
    seen: list[str] = []

    def respond(wire: bytes) -> list[bytes]:
        seen.append("asked")
        return [reply_to(wire)]

    async with responder(udp=respond, tcp=respond) as end:
        authorities = Authorities(60)
        until = asyncio.get_running_loop().time() + 1
        for name in ("ns1.example.com", "ns2.example.com"):
            for transport in (Transport.UDP, Transport.TCP):
                await authorities.ask(Server(name, end), SOA, until, transport)

    assert len(seen) == 4


async def test_one_who_gives_up_leaves_the_question_to_the_next() -> None:
    """Where the one who asks is cancelled, the next one asks."""
    held: list[bytes] = []

    def respond(wire: bytes) -> list[bytes]:
        held.append(wire)
        return [reply_to(wire)] if len(held) > 1 else []

    async with responder(udp=respond) as end:
        authorities, server = Authorities(60), Server("", end)
        until = asyncio.get_running_loop().time() + 5
        first = asyncio.create_task(authorities.ask(server, SOA, until))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(authorities.ask(server, SOA, until))
        await asyncio.sleep(0)
        first.cancel()
        reply = await second

    assert isinstance(reply, Reply)
    assert first.cancelled() or await asyncio.gather(first, return_exceptions=True)
