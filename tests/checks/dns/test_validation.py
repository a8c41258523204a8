"""The look at DNSSEC beside what the servers of the zone answer in the same round."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from tests.servers.nsd import nsd
from tests.servers.responder import responder
from tests.servers.signed import Signing, new_key, sign
from vedette.checks.dns.check import DnsCheck, Means
from vedette.checks.dns.dnssec.anchors import read_anchors
from vedette.checks.dns.dnssec.chain import Trust
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.server import Place
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Delegations
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint

NOW = int(time.time())
DAY = 86400
SIGNING = Signing(start=NOW - DAY, end=NOW + 30 * DAY)
ZONE = """\
$ORIGIN lab.
$TTL 60
@ SOA ns host 1 2 3 4 5
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
*.made A 192.0.2.2
"""

Change = Callable[[dns.message.Message], None]
"""What becomes of a right reply."""


def fail(reply: dns.message.Message) -> None:
    reply.set_rcode(dns.rcode.SERVFAIL)
    reply.answer = []


def cut_off(reply: dns.message.Message) -> None:
    reply.flags |= dns.flags.TC


def bare(reply: dns.message.Message) -> None:
    reply.authority = []


def relay(end: Endpoint, change: Change | None, *types: str) -> Callable[[bytes], list[bytes]]:
    """Return what answers like the server at *end*, and *types* with a change, or not at all."""

    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        reply = dns.query.udp(query, end.host, timeout=5, port=end.port)
        if dns.rdatatype.to_text(query.question[0].rdtype) in types:
            if change is None:
                return []
            change(reply)
        return [reply.to_wire()]

    return answer


async def looked(
    folder: Path, change: Change | None, *types: str, name: str = "www.lab"
) -> dict[str, Finding]:
    """Return what one round shows, by place, where replies of *types* are changed so."""
    key = new_key(folder, "lab")
    anchors = folder / "anchors"
    anchors.write_text(key.ds())
    with nsd({"lab": sign("lab", ZONE, [key], SIGNING)}) as end:
        async with responder(udp=relay(end, change, *types)) as front:
            check = DnsCheck(
                DnsSettings(name=name, servers=["authoritative"]),
                Means(
                    delegations=Delegations(stub_zones={"lab": [front]}),
                    system=list,
                    resolve=_nobody,
                    now=lambda: NOW,
                    trust=Trust(read_anchors(anchors), patience=0.2),
                ),
                seconds=0.5,
            )
            await check.refresh()
            looks = check.looks()
            found = await asyncio.gather(*(look.once() for look in looks))
    return {look.place: one for look, one in zip(looks, found, strict=True)}


async def _nobody(host: str) -> list[str]:
    raise AssertionError(host)


@pytest.mark.parametrize(
    ("change", "types", "verdict", "reason"),
    [
        (fail, (), Verdict.OK, None),
        (fail, ("DNSKEY",), Verdict.FAILING, Reason.BOGUS),
        (cut_off, ("DNSKEY",), Verdict.FAILING, Reason.BOGUS),
        (None, ("DNSKEY",), Verdict.UNKNOWN, Reason.TIMEOUT),
        (fail, ("A", "DNSKEY"), Verdict.UNKNOWN, Reason.SERVFAIL),
    ],
    ids=["well", "fails for keys", "no TCP for keys", "silent about keys", "down"],
)
async def test_answers_without_keys_are_bogus(
    tmp_path: Path,
    change: Change | None,
    types: tuple[str, ...],
    verdict: Verdict,
    reason: Reason | None,
) -> None:
    """Where servers answer and say that they give no keys nobody can validate; silence is unknown.

    What fails altogether is down, and its keys are not what it lacks.
    """
    chain = (await looked(tmp_path, change, *types))[Place.DNSSEC]

    assert (chain.verdict, chain.reason) == (verdict, reason)


@pytest.mark.parametrize(("types", "reason"), [((), None), (("A",), Reason.BOGUS)])
async def test_a_wildcard_needs_its_proof(
    tmp_path: Path, types: tuple[str, ...], reason: Reason | None
) -> None:
    """An answer that a wildcard gave is bogus where no NSEC record comes with it."""
    found = await looked(tmp_path, bare, *types, name="one.made.lab")

    assert found[Place.AUTHORITATIVE].verdict is Verdict.OK
    assert found[Place.DNSSEC].reason is reason
