"""A receiver is reached though DNS, or an address of it, is what broke; and nobody else is."""

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from socket import AF_INET, SOCK_DGRAM, socket

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
import trustme
from aiohttp import web

from tests.servers.app import serving
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from tests.waiting import meanwhile
from vedette.checks.net import Endpoint
from vedette.exporters.page import Delivery, Outcome
from vedette.exporters.post import Poster
from vedette.exporters.reach import KEPT, Reach, SystemLookup

HOST = "events.pager.test"
ZONE = """\
$TTL 1
@ SOA ns hostmaster 1 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
events A 127.0.0.1
"""


async def broken(_: str) -> Sequence[str]:
    """Fail as getaddrinfo does where no resolver answers."""
    raise OSError("Temporary failure in name resolution")


async def silent(_: str) -> Sequence[str]:
    """Never answer."""
    await asyncio.Event().wait()
    raise AssertionError


def tells(*addresses: str) -> Callable[[str], object]:
    async def told(_: str) -> Sequence[str]:
        return addresses

    return told


@contextmanager
def fallback() -> Iterator[Endpoint]:
    with nsd({"pager.test": ZONE}) as endpoint:
        yield endpoint


@contextmanager
def deaf() -> Iterator[Endpoint]:
    """Hold a UDP port at which nobody answers."""
    with socket(AF_INET, SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        yield Endpoint("127.0.0.1", held.getsockname()[1])


class Receiver:
    """Takes pages over TLS, for one name, at one loopback address."""

    def __init__(self, port: int) -> None:
        self.port, self.status = port, 202
        self.taken = 0

    async def take(self, _: web.Request) -> web.Response:
        """Take a page."""
        self.taken += 1
        return web.Response(status=self.status)


@asynccontextmanager
async def receiver(
    authority: trustme.CA, name: str = HOST, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[Receiver]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    made = Receiver(port)
    app = web.Application()
    app.router.add_post("/", made.take)
    async with serving(app, host, port, context=context) as made.port:
        yield made


async def posted(reach: Reach, port: int, authority: trustme.CA, times: int = 1) -> list[Delivery]:
    """Post to HOST so many times, trusting *authority*."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    poster = Poster(reach, [], tls=lambda: context, timeout=8)
    try:
        return [
            (await poster.post(f"https://{HOST}:{port}/", b"{}", accepted=(202,))).delivery
            for _ in range(times)
        ]
    finally:
        await poster.close()


@pytest.mark.parametrize("system", [broken, silent])
async def test_a_page_goes_through_though_dns_is_broken(system, caplog) -> None:
    """With the system's resolver failing or silent, a fallback resolver leads to the pager."""
    authority, kept = trustme.CA(), {}
    with fallback() as resolver, deaf() as dead:
        async with receiver(authority) as there:
            reach = Reach([dead, resolver], keep=kept.__setitem__, system=system)
            (seen,) = await posted(reach, there.port, authority)
    assert (seen.outcome, there.taken) == (Outcome.DELIVERED, 1)
    assert kept == {HOST: ("127.0.0.1",)}


async def test_without_any_resolver_known_addresses_serve() -> None:
    """Where nobody answers, the addresses that the pager had lead to it."""
    authority = trustme.CA()
    with deaf() as dead:
        async with receiver(authority) as there:
            reach = Reach([dead], {HOST: ["127.0.0.9", "127.0.0.1"]}, system=silent)
            (seen,) = await posted(reach, there.port, authority)
    assert (seen.outcome, there.taken) == (Outcome.DELIVERED, 1)


async def test_that_nobody_answers_is_told_once(caplog) -> None:
    """Who is looked for again and again while DNS is broken fills no log."""
    answers = [OSError("broken"), OSError("broken"), ["192.0.2.1"], OSError("broken")]

    async def system(_: str) -> Sequence[str]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    reach, told = Reach((), {HOST: ["192.0.2.1"]}, system=system), []
    while answers:
        assert await reach.addresses(HOST) == ("192.0.2.1",)
        told.append(caplog.text.count("no resolver answers"))
    assert told == [1, 1, 1, 2]


class Halved(asyncio.DatagramProtocol):
    """A resolver that answers for IPv4, and is silent about IPv6 as some firewalls are."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        (asked,) = question.question
        if asked.rdtype == dns.rdatatype.A:
            answer = dns.message.make_response(question, recursion_available=True)
            answer.answer.append(dns.rrset.from_text(asked.name, 60, "IN", "A", "192.0.2.7"))
            self.transport.sendto(answer.to_wire(), address)


@pytest.mark.parametrize("system", [broken, silent])
async def test_one_family_of_addresses_is_enough(system) -> None:
    """Where nobody says whether a pager has IPv6, its IPv4 addresses are known in time."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Halved, ("127.0.0.1", 0))
    there = Endpoint(*transport.get_extra_info("sockname"))
    assert await Reach([there], system=system).addresses(HOST) == ("192.0.2.7",)
    transport.close()


async def test_nothing_known_is_worth_another_try() -> None:
    """Without any address the attempt fails with the name in its reason, and is made again."""
    (seen,) = await posted(Reach(system=broken), 1, trustme.CA())
    assert seen.outcome is Outcome.RETRY
    assert f"no resolver knows {HOST}" in seen.detail


async def test_an_impostor_gets_nothing() -> None:
    """An answer that leads to somebody without the name's certificate is no way: others are."""
    authority = trustme.CA()
    async with (
        receiver(trustme.CA(), host="127.0.0.2") as impostor,
        receiver(authority, "other.test", "127.0.0.3", impostor.port) as namesake,
        receiver(authority, port=impostor.port) as there,
    ):
        reach = Reach((), {HOST: ["127.0.0.1"]}, system=tells("127.0.0.2", "127.0.0.3"))
        (seen,) = await posted(reach, there.port, authority)
    assert (seen.outcome, there.taken) == (Outcome.DELIVERED, 1)
    assert impostor.taken == namesake.taken == 0


async def test_an_impostor_alone_gets_nothing() -> None:
    """Where there is nobody else, the page waits."""
    async with receiver(trustme.CA()) as impostor:
        (seen,) = await posted(Reach(system=tells("127.0.0.1")), impostor.port, trustme.CA())
    assert (seen.outcome, impostor.taken) == (Outcome.RETRY, 0)
    assert "certificate" in seen.detail


async def test_a_wrong_answer_is_doubted() -> None:
    """After the system's answer led nowhere, other resolvers are asked too."""
    authority = trustme.CA()
    with fallback() as resolver:
        async with receiver(authority) as there:
            reach = Reach([resolver], system=tells("127.0.0.77"))
            seen = await posted(reach, there.port, authority, 2)
    assert [one.outcome for one in seen] == [Outcome.RETRY, Outcome.DELIVERED]


@pytest.mark.parametrize("status", [404, 503])
async def test_a_sick_edge_is_left_for_another(status: int) -> None:
    """Where one of a receiver's addresses answers what is no good, the next attempt is elsewhere.

    Of what is only remembered another may have the address by now: that is no next attempt.
    """
    authority = trustme.CA()
    async with (
        receiver(authority, host="127.0.0.2") as sick,
        receiver(authority, host="127.0.0.3", port=sick.port) as former,
        receiver(authority, port=sick.port) as well,
    ):
        sick.status = status
        reach = Reach((), {HOST: ["127.0.0.3"]}, system=tells("127.0.0.2", "127.0.0.1"))
        seen = await posted(reach, sick.port, authority, 3)
    assert [one.outcome for one in seen[1:]] == [Outcome.DELIVERED] * 2
    assert (sick.taken, well.taken, former.taken) == (1, 2, 0)


async def test_the_system_is_asked_first() -> None:
    """While the system's resolver answers, nobody else hears of the name."""

    class Never:
        def resolve(self, host: str) -> object:
            raise AssertionError(host)

    reach = Reach(system=tells("192.0.2.1"))
    reach._others = [Never()]
    assert await reach.addresses(HOST) == ("192.0.2.1",)


async def test_addresses_are_remembered_newest_first_and_few() -> None:
    """What was known stands behind what is answered now, is kept when new, and has an end."""
    kept = []
    old = [f"198.51.100.{n}" for n in range(KEPT + 5)]
    reach = Reach((), {HOST: old}, keep=lambda *one: kept.append(one), system=tells("192.0.2.1"))
    found = await reach.addresses(HOST)
    await reach.addresses(HOST)

    assert found == ("192.0.2.1", *old[: KEPT - 1])
    assert kept == [(HOST, found)]


async def test_each_attempt_begins_elsewhere_until_one_is_answered() -> None:
    """However many addresses are dead in whatever way, each has its turn to be the first."""
    reach = Reach(system=tells("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    firsts = []
    for _ in range(4):
        firsts.append((await reach.addresses(HOST))[0])
        reach.doubt(HOST)
    reach.trust(HOST)

    assert firsts == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"]
    assert (await reach.addresses(HOST))[0] == "192.0.2.1"


async def test_the_system_knows_the_hosts_file() -> None:
    """The system's lookup answers as this host does; what it does not know is an OSError."""
    lookup = SystemLookup()
    assert set(await lookup.addresses("localhost")) <= {"127.0.0.1", "::1"}
    for host in ("nobody.invalid", "x" * 300, "a..b"):
        with pytest.raises(OSError, match=r"\w"):
            await lookup.addresses(host)


async def test_a_host_without_a_thread_to_spare_looks_up_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where no thread can be started the lookup has failed, and the next one begins anew."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    lookup = SystemLookup()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(OSError, match="can't start new thread"):
            await lookup.addresses("localhost")
    async with asyncio.timeout(5):
        assert await lookup.addresses("localhost")


async def test_a_host_is_looked_up_ahead() -> None:
    """The address of a pager is known before its first page, where it has a name."""
    kept = asyncio.get_running_loop().create_future()
    reach = Reach((), keep=lambda *one: kept.set_result(one), system=tells("192.0.2.1"))
    reach.add(HOST)
    reach.add("192.0.2.9")
    async with meanwhile(reach.run()):
        assert await kept == (HOST, ("192.0.2.1",))


async def test_a_mail_server_is_reached_too() -> None:
    """A plain connection goes the same way: past a dead address, to the one that is known."""
    port = free_port()
    server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", port)
    reach = Reach((), {HOST: ["127.0.0.1"]}, system=tells("127.0.0.88"))
    with await reach.connect(HOST, port) as connected:
        assert connected.getpeername() == ("127.0.0.1", port)
    server.close()
