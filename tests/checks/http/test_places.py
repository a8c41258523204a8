"""Where a check connects to: every address of a name, pinned and remembered ones, a standby."""

import socket
from collections.abc import Sequence
from enum import StrEnum

import pytest

from tests.checks.http.looking import checking, resolver
from vedette.checks.finding import Verdict
from vedette.checks.http.check import HttpCheck
from vedette.checks.http.reason import Reason
from vedette.checks.net import CouldNotLook, Endpoint, NetworkFailure, has_route

URL = "http://api.test/"
EDGES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")


class DnsReason(StrEnum):
    NODATA = "nodata"
    UNREACHABLE = "unreachable"


GONE = NetworkFailure(DnsReason.NODATA, "api.test has no A record")


class Name:
    """A name whose addresses a test changes."""

    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] = addresses
        self.failure: NetworkFailure | None = None

    async def resolve(self, _host: str) -> Sequence[str]:
        if self.failure is not None:
            raise self.failure
        return self.addresses


def subjects(check: HttpCheck) -> list[tuple[str, str]]:
    return [(look.subject, str(look.place)) for look in check.looks()]


async def test_every_address_has_a_look_of_its_own() -> None:
    """`every` is one subject for each address that the name has, after a first refresh."""
    check = checking(URL, at=["name", "every"], resolve=resolver(*EDGES))
    before = subjects(check)
    wait = await check.refresh()

    assert before == [("by name", "name")]
    assert subjects(check) == [*before, *((edge, "address") for edge in EDGES)]
    assert 0 < wait < 600


async def test_addresses_are_kept_while_the_name_is_gone() -> None:
    """An emptied name leaves the addresses that it had, and is asked again soon."""
    name = Name(*EDGES)
    check = checking(URL, at="every", resolve=name.resolve)
    well = await check.refresh()
    name.failure = GONE
    soon = await check.refresh()

    assert [subject for subject, _ in subjects(check)] == list(EDGES)
    assert soon < well


async def test_an_empty_answer_keeps_them_too() -> None:
    """A resolver that says nothing takes no address away."""
    name = Name(*EDGES)
    check = checking(URL, at="every", resolve=name.resolve)
    await check.refresh()
    name.addresses = ()
    await check.refresh()

    assert [subject for subject, _ in subjects(check)] == list(EDGES)


async def test_addresses_follow_the_name() -> None:
    """An address that the name no longer has is not looked at any more, and a new one is."""
    name = Name("127.0.0.1", "127.0.0.2")
    check = checking(URL, at="every", resolve=name.resolve)
    await check.refresh()
    name.addresses = ("127.0.0.2", "127.0.0.3")
    await check.refresh()

    assert subjects(check) == [("127.0.0.2", "address"), ("127.0.0.3", "address")]


@pytest.mark.parametrize(
    ("at", "remembered", "expected"),
    [
        (["every", "127.0.0.1"], (), [*EDGES]),
        (["127.0.0.9", "every"], (), ["127.0.0.9", *EDGES]),
        (["every", "last-known-good"], ("127.0.0.3", "127.0.0.4"), [*EDGES, "127.0.0.4"]),
    ],
)
async def test_each_address_once(at: list[str], remembered: list[str], expected: list[str]) -> None:
    """An address that is there for two reasons has one look."""
    check = checking(URL, at=at, resolve=resolver(*EDGES), remembered=lambda: remembered)
    await check.refresh()

    assert [subject for subject, _ in subjects(check)] == expected


async def test_a_family_without_a_route_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses that this host cannot connect to are no subjects, unless there are no others."""

    def only_ipv4(peer: Endpoint) -> bool:
        return ":" not in peer.host

    monkeypatch.setattr("vedette.checks.http.places.has_route", only_ipv4)
    both = checking(URL, at="every", resolve=resolver("2001:db8::1", "192.0.2.1"))
    ipv6 = checking(URL, at="every", resolve=resolver("2001:db8::1"))
    for check in (both, ipv6):
        await check.refresh()

    assert subjects(both) == [("192.0.2.1", "address")]
    assert subjects(ipv6) == [("2001:db8::1", "address")]


@pytest.mark.skipif(not has_route(Endpoint("::1", 80)), reason="this host has no IPv6 loopback")
async def test_both_families_are_looked_at() -> None:
    """An IPv6 address is a subject beside an IPv4 one, and is connected to."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as held:
        url = f"http://api.test:{held.getsockname()[1]}/"
        check = checking(url, at="every", resolve=resolver("127.0.0.1", "::1"), timeout=0.3)
        await check.refresh()
        findings = {look.subject: await look.once() for look in check.looks()}

    assert findings["127.0.0.1"].reason is Reason.CONNECT_REFUSED
    assert findings["::1"].reason is Reason.TIMEOUT


async def only(check: HttpCheck):
    (look,) = check.looks()
    return look, await look.once()


async def test_not_resolved_yet_is_unknown() -> None:
    """Before the first answer there is nothing to look at, which nobody is to blame for."""
    look, finding = await only(checking(URL, at="every"))

    assert (look.subject, look.place, finding.verdict) == ("every", "address", Verdict.UNKNOWN)
    assert finding.detail == "no address is resolved yet"


@pytest.mark.parametrize(
    ("failure", "verdict"),
    [
        (GONE, Verdict.FAILING),
        (CouldNotLook(DnsReason.UNREACHABLE, "no route to the resolver"), Verdict.UNKNOWN),
    ],
)
async def test_a_name_that_never_resolved(failure: NetworkFailure, verdict: Verdict) -> None:
    """A name that has no address from the start fails for that, unless we could not ask."""
    check = checking(URL, at="every", resolve=resolver(failure=failure))
    await check.refresh()
    _, finding = await only(check)

    assert (finding.verdict, finding.reason) == (verdict, Reason.DNS)
    assert finding.facts["dns_reason"] == failure.reason
    assert failure.detail in finding.detail


async def test_a_standby_is_nothing_else() -> None:
    """All that is looked at of a standby is called that: no rule takes it for the service."""
    check = checking(URL, at=["name", "every"], standby=True, resolve=resolver("127.0.0.1"))
    await check.refresh()

    assert {place for _, place in subjects(check)} == {"standby"}


async def test_remembered_addresses_say_so() -> None:
    """What is looked at only because it was last known good says that, and nothing else does."""
    check = checking(
        "http://api.test:1/",
        at=["127.0.0.1", "last-known-good"],
        remembered=lambda: ["127.0.0.1", "127.0.0.2"],
    )
    findings = {look.subject: await look.once() for look in check.looks()}

    assert findings["127.0.0.1"].facts.get("remembered") is None
    assert findings["127.0.0.2"].facts["remembered"] is True


async def test_without_every_nothing_is_resolved_in_the_background() -> None:
    """A check that needs no addresses of its own asks for none."""
    check = checking(URL, at="name", resolve=resolver(failure=GONE))

    assert await check.refresh() > 3600
    assert subjects(check) == [("by name", "name")]
