"""A small internet of real servers on 127.53.1.0/24, port 53, which a test breaks and mends.

The root (NSD) delegates to `test` (Knot), and that to `shop.test`, which two providers serve with
two servers each (NSD, Knot), and to `control.test` (NSD). All zones are signed. Of two resolvers
(Unbound) one validates from the lab's own root key.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdata
import dns.rdatatype
import dns.zone

from tests.servers.knot import Knot
from tests.servers.nsd import Nsd
from tests.servers.process import need_address
from tests.servers.signed import Key, Signing, new_key, sign
from tests.servers.unbound import Unbound
from vedette.checks.net import Endpoint

ROOT, TOP, CONTROL = "127.53.1.1", "127.53.1.2", "127.53.1.3"
VALIDATING, TRUSTING = "127.53.1.53", "127.53.1.54"
"""The resolver that validates, and the one that does not."""
FIRST = {"ns1.shop.test": "127.53.1.11", "ns2.shop.test": "127.53.1.12"}
SECOND = {"ns3.shop.test": "127.53.1.21", "ns4.shop.test": "127.53.1.22"}
"""The servers of `shop.test` at its two providers."""
SHOP = FIRST | SECOND
NEAREST = "ns1.shop.test"
"""The only one that the resolvers ask, so that no chance decides what they see."""
NOBODY = "127.53.1.99"
"""Where no server is."""
HOST, CONTROL_HOST = "api.shop.test", "www.control.test"
RECORDS = "api A 192.0.2.1\napi A 192.0.2.2\napi AAAA 2001:db8::1\n"
SERIAL = 42
DAY = 86400
PATIENCE = 10.0
"""Seconds that nothing here takes; only a failing test waits for them."""

Zones = Mapping[str, str]


class Authority(Protocol):
    """An authoritative server that serves other zones when it is told to."""

    endpoint: Endpoint

    def serve(self, zones: Zones) -> None:
        """Serve *zones* and no others, soon."""


@dataclass
class Lab:
    """The servers, what each serves when all is well, and the means to change that."""

    folder: Path
    keys: dict[str, tuple[Key, Key]] = field(init=False)
    """The key-signing and the zone-signing key of each zone."""
    healthy: dict[str, Zones] = field(init=False)
    """Zones by the address of their server."""
    authorities: dict[str, Authority] = field(default_factory=dict, init=False)
    resolvers: dict[str, Unbound] = field(default_factory=dict, init=False)
    _served: dict[str, Zones] = field(default_factory=dict, init=False)
    _emptied: set[str] = field(default_factory=set, init=False)

    def __post_init__(self) -> None:
        self.keys = {
            zone: (new_key(self.folder, zone), new_key(self.folder, zone, ksk=False))
            for zone in (".", "test", "shop.test", "control.test")
        }
        shop, control = self.shop(), self.control()
        self.healthy = {
            ROOT: {".": self.root()},
            TOP: {"test": self.top()},
            CONTROL: {"control.test": control},
            **{address: {"shop.test": shop} for address in SHOP.values()},
        }

    @property
    def hints(self) -> Path:
        """The hints file that leads to the lab's root."""
        return self.folder / "named.root"

    @property
    def anchors(self) -> Path:
        """The file with the trust anchor of the lab's root."""
        return self.folder / "root.ds"

    def ds(self, zone: str) -> str:
        """Return the DS record of *zone*."""
        return self.keys[zone][0].ds()

    @contextmanager
    def running(self) -> Iterator["Lab"]:
        """Run all servers until the block ends."""
        self.hints.write_text(f". 3600000 NS A.ROOT.\nA.ROOT. 3600000 A {ROOT}\n")
        self.anchors.write_text(self.ds(".") + "\n")
        with ExitStack() as stack:
            for address, zones in self.healthy.items():
                kind = Knot if address in (TOP, *SECOND.values()) else Nsd
                self.authorities[address] = stack.enter_context(kind.serving(zones, address, 53))
            for address, anchor in ((VALIDATING, self.ds(".")), (TRUSTING, "")):
                shunned = {*SHOP.values(), NOBODY} - {SHOP[NEAREST]}
                resolver = Unbound.serving(self.hints, anchor, address, 53, shunned=shunned)
                self.resolvers[address] = stack.enter_context(resolver)
            self._served = dict(self.healthy)
            yield self

    def root(self) -> str:
        """Return the root zone."""
        records = f"@ NS a.root.\na.root. A {ROOT}\ntest. NS ns.nic.test.\nns.nic.test. A {TOP}\n"
        return self._signed(".", "a.root.", records + self.ds("test") + "\n")

    def top(
        self,
        names: Mapping[str, str] = SHOP,
        *,
        ds: str | None = None,
        ends: int = 30,
        more: str = "",
    ) -> str:
        """Return `test` with these servers and this DS record of `shop.test`, the right by default.

        Without servers it does not delegate it. Its signatures end in *ends* days. *more* are
        records beside that.
        """
        records = f"@ NS ns.nic\nns.nic A {TOP}\n" + _servers("shop.test.", names)
        records += _servers("control.test.", {"ns.control.test": CONTROL})
        records += f"{self.ds('control.test')}\n"
        records += (f"{ds or self.ds('shop.test')}\n" if names else "") + more
        return self._signed("test", "ns.nic", records, ends=ends)

    def control(self, records: str = "www A 192.0.2.9\n") -> str:
        """Return `control.test` with these records."""
        records = f"@ NS ns\nns A {CONTROL}\n{records}"
        return self._signed("control.test", "ns", records)

    def shop(
        self,
        records: str = RECORDS,
        *,
        serial: int = SERIAL,
        ends: int = 30,
    ) -> str:
        """Return `shop.test` with these records; its signatures end in *ends* days."""
        records = _servers("shop.test.", SHOP) + records
        return self._signed("shop.test", "ns1", records, serial=serial, ends=ends)

    def publish(self, zone: str, text: str, *addresses: str) -> None:
        """Serve *zone*, and nothing else, at *addresses*, and wait until it is there."""
        self._serve({address: {zone: text} for address in addresses})

    def withdraw(self, *addresses: str) -> None:
        """Serve nothing at *addresses*, and wait until that is so."""
        self._serve({address: {} for address in addresses})

    def empty(self, resolver: str) -> None:
        """Have one resolver say that HOST has no records, whatever its servers say."""
        self.resolvers[resolver].empty(HOST)
        self._emptied.add(resolver)

    def forget(self) -> None:
        """Have the resolvers ask for everything anew."""
        for resolver in self.resolvers.values():
            resolver.forget()

    def mend(self) -> None:
        """Put everything right again."""
        for address in self._emptied:
            self.resolvers[address].restore(HOST)
        self._emptied.clear()
        self._serve({a: z for a, z in self.healthy.items() if self._served[a] != z})

    def _serve(self, wanted: Mapping[str, Zones]) -> None:
        for address, zones in wanted.items():
            self.authorities[address].serve(zones)
        for address, zones in wanted.items():
            _await(self.authorities[address].endpoint, zones, gone=self._served[address])
            self._served[address] = zones
        self.forget()

    def _signed(
        self,
        zone: str,
        primary: str,
        records: str,
        *,
        serial: int = SERIAL,
        ends: int = 30,
    ) -> str:
        origin = zone if zone == "." else f"{zone}."
        head = f"$ORIGIN {origin}\n$TTL 60\n@ SOA {primary} host {serial} 3600 600 86400 60\n"
        now = int(time.time())
        signing = Signing(start=now - 60 * DAY, end=now + ends * DAY)
        return sign(zone, head + records, self.keys[zone], signing)


def _servers(zone: str, names: Mapping[str, str]) -> str:
    """Return the NS and address records of *zone*'s servers."""
    return "".join(f"{zone} NS {name}.\n{name}. A {at}\n" for name, at in names.items())


def _await(endpoint: Endpoint, zones: Zones, *, gone: Zones) -> None:
    """Wait until *endpoint* serves just these zones; every signing leaves a seal of its own."""
    wanted: dict[str, dns.rdata.Rdata | None] = dict.fromkeys(gone)
    wanted |= {zone: _seal(text, zone) for zone, text in zones.items()}
    until = time.monotonic() + PATIENCE
    while any(_seen(endpoint, zone) != seal for zone, seal in wanted.items()):
        assert time.monotonic() < until, f"{endpoint} does not serve what it is told to"
        time.sleep(0.003)


def _seal(text: str, zone: str) -> dns.rdata.Rdata:
    """Return the signature over the SOA record of a zone file."""
    origin = zone if zone == "." else f"{zone}."
    seals = dns.zone.from_text(text, origin=origin, relativize=False, check_origin=False)
    return seals.find_rdataset("@", "RRSIG", covers="SOA")[0]


def _seen(endpoint: Endpoint, zone: str) -> dns.rdata.Rdata | None:
    """Return the same as *endpoint* serves it; None where it does not serve the zone."""
    query = dns.message.make_query(zone, "SOA", want_dnssec=True, flags=0)
    try:
        reply = dns.query.udp(query, endpoint.host, timeout=1, port=endpoint.port)
    except dns.exception.Timeout:
        return None
    seals = (r[0] for r in reply.answer if r.rdtype == dns.rdatatype.RRSIG)
    return next(seals, None)


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """Run the lab until the block ends; skip where its addresses are not ours to serve."""
    need_address(ROOT, 53)
    with Lab(folder).running() as made:
        yield made
