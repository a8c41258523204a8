"""One zone at two providers under a parent, real or never asked, with a clock that a test turns."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers.knot import knot
from tests.servers.nsd import nsd
from vedette.checks.dns.authorities import Authorities
from vedette.checks.dns.roots import Server
from vedette.checks.dns.settings import DnsSettings
from vedette.checks.dns.walk import Walk
from vedette.checks.dns.zone import Round, ZoneLooks
from vedette.checks.dns.zonecut import Outcome
from vedette.checks.finding import Finding, Verdict
from vedette.checks.net import Endpoint

PARENT = """\
$ORIGIN test.
$TTL 60
@ SOA ns.nic host.nic 1 2 3 4 5
@ NS ns.nic
ns.nic A 127.0.0.1
"""
DELEGATED = """\
shop NS ns1.shop
shop NS ns2.shop
ns1.shop A 192.0.2.1
ns1.shop AAAA 2001:db8::1
ns2.shop A 192.0.2.2
"""
CHILD = """\
$ORIGIN shop.test.
$TTL 60
@ SOA ns1 host {serial} 2 3 4 5
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
www A 192.0.2.80
"""
KNOWN = (
    "ns1.shop.test", "ns2.shop.test",
    "ns1.shop.test 192.0.2.1", "ns1.shop.test 2001:db8::1", "ns2.shop.test 192.0.2.2",
)  # fmt: skip
NS1, NS2, TOP = "ns1.shop.test", "ns2.shop.test", "ns.nic.test"


@dataclass
class World:
    """A walk's end, the looks at it, and a clock that a test turns."""

    parent: Sequence[Endpoint]
    child: Sequence[Endpoint]
    known: Sequence[str] | None = None
    seconds: float = 2.0
    settings: dict[str, object] = field(default_factory=dict)
    at: float = 1000.0

    def __post_init__(self) -> None:
        names = [NS1, NS2, *(f"ns{n}.shop.test" for n in range(3, 9))]
        self.walk = Walk(
            zone="shop.test",
            servers=tuple(map(Server, names, self.child)),
            steps=(),
            outcome=Outcome.ANSWERED,
            parent_zone="test",
            parent=tuple(Server(TOP, end) for end in self.parent),
        )
        self.looks = ZoneLooks(
            self.walk,
            DnsSettings.model_validate(
                {"name": "www.shop.test", "servers": ["authoritative"], **self.settings}
            ),
            seconds=self.seconds,
            now=lambda: self.at,
            authorities=Authorities(),
            known_delegation=lambda zone: self.known if zone == "shop.test" else None,
        )

    async def look(self, subject: str, round_: Round | None = None) -> Finding:
        """Return what one of the looks shows, chosen by how its subject begins."""
        looks = self.looks.looks(round_ or Round(self.walk.servers))
        (look,) = [look for look in looks if look.subject.startswith(subject)]
        return await look.once()

    async def answers(self, *said: str) -> Finding:
        """Return what is found when the servers answer so."""
        round_ = Round(self.walk.servers)
        for server, text in zip(self.walk.servers, said, strict=False):
            round_.told(server, Finding(verdict=Verdict.OK, facts={"answers": (text,)}))
        return await self.look("answers", round_)


@contextmanager
def world(
    delegated: str = DELEGATED,
    serials: tuple[int, int] = (1, 1),
    known: Sequence[str] | None = KNOWN,
) -> Iterator[World]:
    """Start an NSD for the parent, and an NSD and a Knot for the child."""
    first, second = (CHILD.format(serial=serial) for serial in serials)
    with (
        nsd({"test": PARENT + delegated}) as parent,
        nsd({"shop.test": first}) as one,
        knot({"shop.test": second}) as other,
    ):
        yield World([parent], [one, other], known)


def unasked(**settings: object) -> World:
    """Return a zone of two servers that no test sends anything to."""
    parent, *child = (Endpoint("127.0.0.1", port) for port in (53, 1, 2))
    return World([parent], child, settings=settings)
