"""The looks at a zone as a whole, with real servers for the parent and two providers."""

import asyncio
from dataclasses import replace

import dns.message
import pytest

from tests.checks.dns.messages import SOA, reply_to
from tests.checks.dns.providers import (
    CHILD,
    DELEGATED,
    KNOWN,
    NS1,
    NS2,
    PARENT,
    World,
    unasked,
    world,
)
from tests.servers.knot import knot
from tests.servers.nsd import nsd
from tests.servers.process import free_port
from tests.servers.responder import responder
from vedette.checks.dns.reason import Reason
from vedette.checks.dns.roots import Server
from vedette.checks.dns.zone import Round
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint


async def test_all_is_well() -> None:
    """Two providers in step, under a parent that agrees with both, are fine in every look."""
    with world() as made:
        serials, delegation = await made.look("serials"), await made.look("delegation")
    assert (serials.verdict, serials.facts["lag"]) == (Verdict.OK, 0)
    assert delegation.verdict is Verdict.OK
    assert delegation.facts["delegation"] == KNOWN
    assert (delegation.facts["agrees"], delegation.facts["changed"]) == (True, False)


async def test_glue_missing_at_the_parent() -> None:
    """An address that only the child has is found without anything known before."""
    with world(DELEGATED.replace("ns1.shop AAAA 2001:db8::1\n", ""), known=None) as made:
        finding = await made.look("delegation")
    assert finding.reason is Reason.DELEGATION
    assert "it gives ns1.shop.test 192.0.2.1 where" in finding.detail
    assert "changed" not in finding.facts


@pytest.mark.parametrize("serve", [nsd, knot])
async def test_parent_and_child_on_one_server(serve: type[nsd]) -> None:
    """A server of both answers as the child, and its names are held against the known ones."""
    zones = {"test": PARENT + DELEGATED, "shop.test": CHILD.format(serial=1)}
    with serve(zones) as end:
        made = World([end], [end], KNOWN)
        fine = await made.look("delegation")
        made.known = ("ns9.shop.test",)
        changed = await made.look("delegation")
    assert fine.verdict is Verdict.OK
    assert fine.facts["delegation"] == (NS1, NS2)
    assert (changed.reason, changed.facts["changed"]) == (Reason.DELEGATION, True)


async def test_parent_that_times_out() -> None:
    """Another server of the parent is asked, and asked first from then on."""
    asked = 0

    def silent(wire: bytes) -> list[bytes]:
        nonlocal asked
        asked += 1
        return []

    with world() as made:
        async with responder(udp=silent) as dead:
            doubtful = World([dead], made.child, KNOWN, seconds=0.4)
            finding = await doubtful.look("delegation")
            both = (*doubtful.walk.parent, *made.walk.parent)
            doubtful.looks.arrange(replace(doubtful.walk, parent=both))
            asked = 0
            findings = [await doubtful.look("delegation") for _ in range(3)]
    assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.TIMEOUT)
    assert "no server of the parent can tell the delegation of shop.test" in finding.detail
    assert {one.verdict for one in findings} == {Verdict.OK}
    assert asked == 1


async def test_child_that_is_down() -> None:
    """Another child server is asked; without any the delegation is unknown unless it changed."""
    closed = Endpoint("127.0.0.1", free_port())
    with world() as made:
        other = await World(made.parent, [closed, made.child[0]], KNOWN).look("delegation")
        none = await World(made.parent, [closed], KNOWN).look("delegation")
        changed = await World(made.parent, [closed], ("ns9.shop.test",)).look("delegation")
    assert other.verdict is Verdict.OK
    assert (none.verdict, none.reason) == (Verdict.UNKNOWN, Reason.UNREACHABLE)
    assert (changed.verdict, changed.reason) == (Verdict.FAILING, Reason.DELEGATION)


async def test_everything_is_silent() -> None:
    """Where nobody answers every look ends in time, and none of them is OK."""
    async with responder(udp=lambda wire: []) as dead:
        made = World([dead, dead], [dead, dead, dead], KNOWN, seconds=0.3)
        start = asyncio.get_running_loop().time()
        findings = await asyncio.gather(
            *(look.once() for look in made.looks.looks(Round(made.walk.servers)))
        )
        took = asyncio.get_running_loop().time() - start
    assert [(one.verdict, one.reason) for one in findings] == [
        (Verdict.UNKNOWN, Reason.TIMEOUT)
    ] * 3
    assert took < 0.6


REFERRAL = tuple(f"shop.test. 60 IN NS ns{n}.shop.test." for n in (1, 2))
GLUE = tuple(f"ns{n}.shop.test. 60 IN A 192.0.2.{n}" for n in (1, 2))


def child(wire: bytes) -> list[bytes]:
    """Answer as a server of shop.test, which has any number of ns*.shop.test."""
    (question,) = dns.message.from_wire(wire).question
    label = str(question.name).partition(".")[0]
    match question.rdtype.name:
        case "NS":
            answer = REFERRAL
        case "A":
            answer = (f"{question.name} 60 IN A 192.0.2.{label[2:]}",)
        case _:
            answer = ()
    return [reply_to(wire, answer, (SOA.format("shop.test."),) if not answer else ())]


async def test_failing_is_confirmed_over_tcp() -> None:
    """Glue that a datagram had no room for is no fault where TCP brings it."""

    def refer(*glue: str, wire: bytes) -> list[bytes]:
        return [reply_to(wire, (), REFERRAL, aa=False, additional=glue)]

    transports = list[str]()

    def short(wire: bytes) -> list[bytes]:
        transports.append("udp")
        return refer(GLUE[0], wire=wire)

    def whole(wire: bytes) -> list[bytes]:
        transports.append("tcp")
        return refer(*GLUE, wire=wire)

    async with responder(udp=child) as below:
        async with responder(udp=short, tcp=whole) as above:
            finding = await World([above], [below]).look("delegation")
        assert finding.verdict is Verdict.OK
        assert transports == ["udp", "tcp"]
        async with responder(udp=short) as above:
            finding = await World([above], [below]).look("delegation")
        assert finding.reason is Reason.DELEGATION


async def test_child_that_tells_half() -> None:
    """A child server that names the servers and not their addresses leaves the glue unknown."""

    def refer(wire: bytes) -> list[bytes]:
        return [reply_to(wire, (), REFERRAL, aa=False, additional=GLUE)]

    def half(wire: bytes) -> list[bytes]:
        (question,) = dns.message.from_wire(wire).question
        return child(wire) if question.rdtype.name == "NS" else []

    async with responder(udp=refer) as above, responder(udp=half) as below:
        finding = await World([above], [below], seconds=0.3).look("delegation")
        assert (finding.verdict, finding.reason) == (Verdict.UNKNOWN, Reason.TIMEOUT)
        async with responder(udp=child) as whole:
            finding = await World([above], [below, whole], seconds=0.3).look("delegation")
    assert finding.verdict is Verdict.OK


async def test_a_handful_of_questions() -> None:
    """Of many name servers a few are asked about in a round: who seems to differ, then in turn."""
    asked = list[str]()
    wrong = "192.0.2.66"
    names = tuple(f"shop.test. 60 IN NS ns{n}.shop.test." for n in range(1, 10))
    glue = {n: f"192.0.2.{n}" for n in range(1, 10)}

    def parent(wire: bytes) -> list[bytes]:
        lines = tuple(f"ns{n}.shop.test. 60 IN A {address}" for n, address in glue.items())
        return [reply_to(wire, (), names, aa=False, additional=lines)]

    def own(wire: bytes) -> list[bytes]:
        (question,) = dns.message.from_wire(wire).question
        if question.rdtype.name == "NS":
            return [reply_to(wire, names)]
        asked.append(str(question.name))
        return child(wire)

    async with responder(udp=parent, tcp=parent) as above, responder(udp=own) as below:
        made = World([above], [below])
        for _ in range(3):
            asked.clear()
            assert (await made.look("delegation")).verdict is Verdict.OK
            assert len(asked) == 8
        glue[9] = wrong
        asked.clear()
        finding = await made.look("delegation")
    assert "ns9.shop.test." in asked
    assert "it gives ns9.shop.test 192.0.2.66 where" in finding.detail


async def test_answers_wait_for_their_round() -> None:
    """The comparison begins when the last server has been looked at, and not before."""
    made = unasked()
    round_ = Round(made.walk.servers)
    task = asyncio.create_task(made.look("answers", round_))
    well = Finding(verdict=Verdict.OK, facts={"answers": ("192.0.2.80",)})
    round_.told(made.walk.servers[0], well)
    await asyncio.wait([task], timeout=0.02)
    assert not task.done()
    round_.told(made.walk.servers[1], well)
    assert (await task).detail == "2 servers of shop.test give the same answer"


async def test_round_that_is_never_complete() -> None:
    """A server of which nothing is told in time counts as one that we could not look at."""
    made = unasked()
    round_ = Round(made.walk.servers)
    round_.told(made.walk.servers[0], Finding(verdict=Verdict.OK))
    findings = await round_.all(0.01)
    assert [one.verdict for one in findings.values()] == [Verdict.OK, Verdict.UNKNOWN]


async def test_memory_survives_a_new_walk() -> None:
    """What servers answered counts on after a walk for those that stay, in whatever order."""
    made = unasked()
    assert (await made.answers("192.0.2.80", "192.0.2.81")).verdict is Verdict.OK
    made.walk = replace(
        made.walk,
        servers=(*made.walk.servers, Server("ns3.shop.test", Endpoint("127.0.0.1", 3))),
    )
    made.looks.arrange(made.walk)
    made.at += 60
    finding = await made.answers("192.0.2.80", "192.0.2.81", "192.0.2.80")
    assert finding.reason is Reason.DISAGREE
    assert finding.facts["compared"] == 2


async def test_memory_ends_with_the_zone() -> None:
    """A server that leaves, or another zone, begins to settle anew."""
    made = unasked()
    await made.answers("192.0.2.80", "192.0.2.81")
    whole = made.walk
    for between in (replace(whole, servers=whole.servers[:1]), replace(whole, zone="test")):
        made.looks.arrange(between)
        made.looks.arrange(whole)
        made.at += 60
        assert (await made.answers("192.0.2.80", "192.0.2.81")).verdict is Verdict.OK


SUBJECTS = [
    ("agreement", "answers of shop.test servers compared"),
    ("agreement", "serials of shop.test servers compared"),
    ("delegation", "delegation of shop.test"),
]


@pytest.mark.parametrize(
    ("settings", "subjects"),
    [({}, SUBJECTS), ({"compare": ["serials"]}, SUBJECTS[1:2]), ({"compare": []}, [])],
)
def test_looks(settings: dict[str, object], subjects: list[tuple[str, str]]) -> None:
    """The settings say what is compared, and each comparison is a subject of its zone."""
    made = unasked(**settings)
    looks = made.looks.looks(Round(made.walk.servers))
    assert [(look.place, look.subject) for look in looks] == subjects


def test_no_zone_above() -> None:
    """A stub zone has no parent to ask, and no looks of this kind."""
    made = World([], [Endpoint("127.0.0.1", 1)])
    assert not made.looks.looks(Round(made.walk.servers))


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [({}, Verdict.FAILING), ({"allowed": ["192.0.2.0/24"]}, Verdict.OK)],
)
async def test_allowed_answers_may_differ(settings: dict[str, object], verdict: Verdict) -> None:
    """With allowed networks each server may give an answer of its own."""
    made = unasked(**settings)
    await made.answers("192.0.2.80", "192.0.2.81")
    made.at += 60
    assert (await made.answers("192.0.2.80", "192.0.2.81")).verdict is verdict


async def test_cancelled() -> None:
    """Looks that are cancelled leave no task behind."""
    async with responder(udp=lambda wire: []) as dead:
        made = World([dead], [dead, dead], seconds=5)
        looks = made.looks.looks(Round(made.walk.servers))
        tasks = [asyncio.ensure_future(look.once()) for look in looks]
        await asyncio.wait(tasks, timeout=0.02)
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in done)
    assert asyncio.all_tasks() == {asyncio.current_task()}
