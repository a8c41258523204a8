"""Answers of growing size, and names that share what is asked of their zone."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import dns.flags
import dns.message
import dns.rrset
import trustme

from tests.bench.growth.curve import Costs
from tests.bench.growth.timing import cpu_of
from tests.checks.dns.messages import query
from tests.servers.nginx import nginx
from tests.servers.nsd import nsd
from vedette.agent.clock import SteadyClock
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.judge import Rules
from vedette.checks.dns.message import ask
from vedette.checks.dns.server import Channel, Transport
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.subject import Subject
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Check, Verdict
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.settings import HttpSettings
from vedette.checks.net import Endpoint

IN_FLIGHT = 20
_A_IN = b"\0\1\0\1"
ZONE = """\
$TTL 300
@ SOA ns1 hostmaster 1 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
* A 192.0.2.1
* A 192.0.2.2
"""
_SHARED = 5.0


def records(size: int) -> Costs:
    """Read and judge an answer of *size* addresses; and see that one is like the one before."""
    question = ask("w.bench.test", "A", recursive=False)
    addresses = [f"10.0.{n // 250}.{n % 250}" for n in range(size)]
    message = dns.message.make_response(dns.message.from_wire(query(question)))
    message.flags |= dns.flags.AA
    message.answer = [dns.rrset.from_text_list(question.name, 60, "IN", "A", addresses)]
    wire = message.to_wire(max_size=65535)
    again = wire.replace(_A_IN + b"\0\0\0\x3c", _A_IN + b"\0\0\0\x3b")  # 59 s are left
    subject = Subject(
        question=question, channel=Channel(Endpoint("192.0.2.53", 53)),
        rules=Rules(authoritative=True), seconds=5, name="192.0.2.53",
    )  # fmt: skip
    times = max(5, 4000 // size)

    def read() -> None:
        for _ in range(times):
            assert subject._judge(wire, Transport.TCP, 0).verdict is Verdict.OK

    def same() -> None:
        for _ in range(times):
            assert subject._known(again, Transport.TCP) is not None

    return {
        "new": cpu_of(read) / times / size * 1e6,
        "known": cpu_of(same) / times / size * 1e6,
    }


async def looked(checks: Sequence[Check], rounds: int) -> None:
    """Look at all *checks*, some at a time, so many *rounds*."""
    room = asyncio.Semaphore(IN_FLIGHT)

    async def one(check: Check) -> None:
        async with room:
            for finding in await asyncio.gather(*(look.once() for look in check.looks())):
                assert finding.verdict is Verdict.OK, finding.detail

    for _ in range(rounds):
        await asyncio.gather(*map(one, checks))


def names(size: int) -> Costs:
    """Look at *size* names of one zone at its servers, the zone as a whole included."""
    with nsd({"bench.test": ZONE}) as server:
        return asyncio.run(_named(size, server))


async def _named(size: int, server: Endpoint) -> Costs:
    delegations = Delegations((), {"bench.test": [server]})
    means = Means(
        delegations=delegations,
        system=lambda: (),
        resolve=_nobody,
        now=SteadyClock().now,
        authorities=Authorities(_SHARED),
    )
    made = [
        DnsCheck(DnsSettings(name=f"w{n}.bench.test", servers=["authoritative"]), means, seconds=5)
        for n in range(size)
    ]
    began = process_time()
    for check in made:
        await check.refresh()
    walking = process_time() - began
    await looked(made, 1)
    rounds = max(3, 1000 // size)
    began = process_time()
    await looked(made, rounds)
    looking = process_time() - began
    return {"walking": walking / size * 1e3, "looking": looking / size / rounds * 1e3}


async def _nobody(host: str) -> Sequence[str]:
    raise AssertionError(f"nobody asks where {host} is")


def body(size: int) -> Costs:
    """Fetch a page of *size* octets, in which a rule searches for what is at its end."""
    with tempfile.TemporaryDirectory() as name:
        certificate = trustme.CA().issue_cert("localhost")
        with nginx(Path(name) / "nginx", certificate) as server:
            (server.www / "page").write_text("x" * (size - 4) + " end")
            check = HttpCheck(
                HttpSettings(url=f"http://127.0.0.1:{server.http}/page", body=[r"\bend$"]),
                timeout=5,
                resolve=_nobody,
                now=SteadyClock().now,
            )
            times = 300 if size <= 1 << 17 else 100
            cpu = cpu_of(lambda: asyncio.run(looked([check] * IN_FLIGHT, times // IN_FLIGHT)))
    return {"page": cpu / (times // IN_FLIGHT * IN_FLIGHT) / (size / 1024) * 1e6}
