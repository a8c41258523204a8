"""What the name servers and resolvers of a scenario reply, octet by octet."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from tests.agent.replay.made import document, name_change, scenario
from vedette.agent.replay.names import Names
from vedette.agent.replay.nameservice import SYSTEM, NameService
from vedette.agent.replay.pages import Hosts
from vedette.agent.replay.tree import ROOT, Tree
from vedette.checks.dns.message import ask

AUTHORITY, OTHER, RESOLVER = "192.0.2.1", "192.0.2.2", "192.0.2.8"
ANYWHERE = "192.0.2.99"


class World:
    """The name service of a scenario for one agent."""

    def __init__(
        self, *timeline: dict[str, object], agent: str = "one", position: int = 0, **of: object
    ) -> None:
        made = scenario(*timeline, of={**document(), **of} if of else None)
        self.tree = Tree(made.healthy.zones)
        names = Names(made, self.tree)
        hosts = Hosts(made, names, self.tree)
        self._service = NameService(
            agent,
            position,
            names,
            self.tree,
            lambda host, at: (hosts.rcode(agent, host, at), "100.65.0.1"),
        )

    def ask(
        self,
        address: str,
        name: str = "www.shop.example",
        type_: str = "A",
        *,
        at: float = 0.0,
        unchecked: bool = False,
    ) -> dns.message.Message | None:
        """Return the reply, which repeats id and question."""
        resolver = address in (RESOLVER, ANYWHERE, SYSTEM)
        question = ask(name, type_, recursive=resolver, checking_disabled=unchecked)
        query = b"\x12\x34" + question.tail
        wire = self._service.ask(address, query, at)
        if wire is None:
            return None
        reply = dns.message.from_wire(wire)
        assert reply.id == 0x1234
        assert reply.question == dns.message.from_wire(query).question
        return reply

    def texts(self, address: str, **how: object) -> list[str]:
        """Return the records of an answer."""
        reply = self.ask(address, **how)  # type: ignore[arg-type]
        return [] if reply is None else _texts(reply.answer)


def _texts(section: list[object]) -> list[str]:
    return [text for rrset in section for text in str(rrset).splitlines()]


def test_all_is_well_before_anything_happens() -> None:
    """Authorities answer with authority, resolvers without, and both what is healthy."""
    world = World(name_change(10))

    for address, flag in ((AUTHORITY, dns.flags.AA), (RESOLVER, dns.flags.RA)):
        reply = world.ask(address, at=9.9)

        assert reply is not None
        assert reply.flags & flag
        assert _texts(reply.answer) == ["www.shop.example. 60 IN A 203.0.113.1"]


@pytest.mark.parametrize(
    ("at", "concerned"),
    [
        ("all", {AUTHORITY, OTHER, RESOLVER, ANYWHERE}),
        ("authoritative", {AUTHORITY, OTHER}),
        ("ns2.shop.example", {OTHER}),
        ("recursive", {RESOLVER, ANYWHERE}),
        (RESOLVER, {RESOLVER}),
    ],
)
def test_a_change_is_where_its_place_says(at: str, concerned: set[str]) -> None:
    """A place is a role, a server by name, or an address."""
    world = World(name_change(0, at=at))

    empty = {a for a in (AUTHORITY, OTHER, RESOLVER, ANYWHERE) if not world.texts(a)}

    assert empty == concerned


def test_others_see_nothing_of_what_one_agent_sees() -> None:
    """A change for one agent leaves the others healthy."""
    happens = name_change(0, agents=["two"])

    assert World(happens, agent="one").texts(RESOLVER)
    assert not World(happens, agent="two").texts(RESOLVER)


def test_a_later_change_replaces_the_whole_state() -> None:
    """Nothing is inherited: a broad change ends a narrow one."""
    world = World(name_change(0, at=RESOLVER), name_change(5, at="all", answers="same"))

    assert not world.texts(RESOLVER, at=4.9)
    assert world.texts(RESOLVER, at=5.0)


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED"])
def test_an_error_code_is_passed_on(rcode: str) -> None:
    """Also with its extended error."""
    reply = World(name_change(0, rcode=rcode, ede=9)).ask(RESOLVER)

    assert reply is not None
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert [option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)] == [
        9
    ]


def test_silence_is_no_reply() -> None:
    """And a refusal is one."""
    assert World(name_change(0, error="timeout")).ask(AUTHORITY) is None
    refused = World(name_change(0, error="refused")).ask(AUTHORITY)
    assert refused is not None
    assert refused.rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(
    ("dnssec", "cd_ok", "rcodes"),
    [
        ("bogus", True, ("SERVFAIL", "NOERROR")),
        ("bogus", False, ("SERVFAIL", "SERVFAIL")),
        ("same", True, ("SERVFAIL", "SERVFAIL")),
    ],
)
def test_checking_disabled_helps_only_against_bogus_data(
    dnssec: str, cd_ok: bool, rcodes: tuple[str, str]
) -> None:
    """And only where the scenario says that the data are there."""
    world = World(name_change(0, rcode="SERVFAIL", dnssec=dnssec, cd_ok=cd_ok))
    replies = [world.ask(RESOLVER, unchecked=unchecked) for unchecked in (False, True)]

    assert tuple(dns.rcode.to_text(r.rcode()) for r in replies if r is not None) == rcodes


@pytest.mark.parametrize(("dnssec", "expected"), [("secure", True), ("insecure", False)])
def test_a_resolver_vouches_for_what_is_secure(dnssec: str, expected: bool) -> None:
    """AD is set there, and never by an authority."""
    world = World(name_change(0, answers="same", dnssec=dnssec))
    replies = {address: world.ask(address) for address in (RESOLVER, AUTHORITY)}

    said = {a: bool(r.flags & dns.flags.AD) for a, r in replies.items() if r is not None}

    assert said == {RESOLVER: expected, AUTHORITY: False}


def test_a_share_of_the_queries_fails_for_each_server_apart() -> None:
    """Every second query to each server is lost, and others do not count for it."""
    world = World(name_change(0, error="timeout", fail_share=0.5))

    assert [bool(world.ask(AUTHORITY)) for _ in range(4)] == [True, False, True, False]
    assert [bool(world.ask(OTHER)) for _ in range(4)] == [True, False, True, False]


def test_a_walk_from_the_root_finds_the_zone() -> None:
    """The root refers to the top, and that to the zone with glue."""
    world = World()
    at_root = world.ask(ROOT[0].address, type_="SOA")
    top = world.tree.zones["example"][0]
    at_top = world.ask(top.address, type_="SOA")

    assert at_root is not None
    assert at_top is not None
    assert _texts(at_root.authority)[0].startswith("example. ")
    assert "shop.example. 3600 IN NS ns1.shop.example." in _texts(at_top.authority)
    assert "ns1.shop.example. 3600 IN A 192.0.2.1" in _texts(at_top.additional)
    assert not at_top.flags & dns.flags.AA


def test_the_name_of_a_server_can_be_emptied_too() -> None:
    """Its address is known to all sides without being written out, until a change says else."""
    name = "ns1.shop.example"
    world = World(name_change(10, name=name))

    for address in (AUTHORITY, RESOLVER):
        assert world.texts(address, name=name, at=9.0) == [f"{name}. 300 IN A 192.0.2.1"]
        assert world.texts(address, name=name, at=10.0) == []


def test_the_parent_can_name_other_servers() -> None:
    """What it says of the zone's NS is told in referrals and to who asks."""
    stolen = name_change(
        0, name="shop.example", type="NS", at="parent", answers=["ns.thief.example"]
    )
    world = World(stolen)
    top = world.tree.zones["example"][0]

    for type_, name in (("NS", "shop.example"), ("SOA", "www.shop.example")):
        reply = world.ask(top.address, name, type_)

        assert reply is not None
        assert _texts(reply.authority) == ["shop.example. 3600 IN NS ns.thief.example."]
    own = world.ask(AUTHORITY, "shop.example", "NS")
    assert own is not None
    assert len(_texts(own.answer)) == 2


def test_an_alias_out_of_the_zone_is_complete() -> None:
    """An authority that ends in one says nothing of where it leads."""
    world = World(name_change(0, answers=["CNAME:edge.cdn.test"]))
    reply = world.ask(AUTHORITY)

    assert reply is not None
    assert _texts(reply.answer) == ["www.shop.example. 60 IN CNAME edge.cdn.test."]
    assert not reply.authority


def test_nothing_is_answered_about_what_the_world_does_not_know() -> None:
    """Neither records nor an error."""
    reply = World().ask(RESOLVER, "else.example")

    assert reply is not None
    assert reply.rcode() == dns.rcode.NOERROR
    assert not reply.answer


@pytest.mark.parametrize(
    ("happens", "rcode"),
    [
        (name_change(0, at="authoritative"), "NOERROR"),
        (name_change(0, at="recursive"), "SERVFAIL"),
        (name_change(0, at="recursive", rcode="NXDOMAIN"), "NXDOMAIN"),
        (name_change(0, at="recursive", error="timeout", fail_share=0.9), "NOERROR"),
    ],
)
def test_a_host_resolves_while_a_watched_resolver_has_an_address(
    happens: dict[str, object], rcode: str
) -> None:
    """Authorities count only where no resolver is watched; a partial failure still resolves."""
    reply = World(happens).ask(SYSTEM)

    assert reply is not None
    assert dns.rcode.to_text(reply.rcode()) == rcode
    assert bool(reply.answer) is (rcode == "NOERROR")
