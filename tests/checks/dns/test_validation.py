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

from tests.checks.dns.messages import reply_to
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
"""

Respond = Callable[[bytes], list[bytes]]


def failing(wire: bytes) -> list[bytes]:
    return [reply_to(wire, rcode=dns.rcode.SERVFAIL)]


def cut_off(wire: bytes) -> list[bytes]:
    reply = dns.message.make_response(dns.message.from_wire(wire))
    reply.flags |= dns.flags.AA | dns.flags.TC
    return [reply.to_wire()]


def silent(_: bytes) -> list[bytes]:
    return []


def relay(end: Endpoint, respond: Respond, *types: str) -> Respond:
    """Return what answers like the server at *end*, and of these *types* as *respond* does."""

    def answer(wire: bytes) -> list[bytes]:
        query = dns.message.from_wire(wire)
        if dns.rdatatype.to_text(query.question[0].rdtype) in types:
            return respond(wire)
        return [dns.query.udp(query, end.host, timeout=5, port=end.port).to_wire()]

    return answer


async def looked(folder: Path, respond: Respond, *types: str) -> dict[str, Finding]:
    """Return what one round shows, by place, where questions for *types* are met so."""
    key = new_key(folder, "lab")
    anchors = folder / "anchors"
    anchors.write_text(key.ds())
    with nsd({"lab": sign("lab", ZONE, [key], SIGNING)}) as end:
        async with responder(udp=relay(end, respond, *types)) as front:
            check = DnsCheck(
                DnsSettings(name="www.lab", servers=["authoritative"]),
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
    ("respond", "types", "verdict", "reason"),
    [
        (failing, (), Verdict.OK, None),
        (failing, ("DNSKEY",), Verdict.FAILING, Reason.BOGUS),
        (cut_off, ("DNSKEY",), Verdict.FAILING, Reason.BOGUS),
        (silent, ("DNSKEY",), Verdict.UNKNOWN, Reason.TIMEOUT),
        (failing, ("A", "DNSKEY"), Verdict.UNKNOWN, Reason.SERVFAIL),
    ],
    ids=["well", "fails for keys", "no TCP for keys", "silent about keys", "down"],
)
async def test_answers_without_keys_are_bogus(
    tmp_path: Path,
    respond: Respond,
    types: tuple[str, ...],
    verdict: Verdict,
    reason: Reason | None,
) -> None:
    """Where servers answer and say that they give no keys nobody can validate; silence is unknown.

    What fails altogether is down, and its keys are not what it lacks.
    """
    found = await looked(tmp_path, respond, *types)

    assert (found[Place.DNSSEC].verdict, found[Place.DNSSEC].reason) == (verdict, reason)
