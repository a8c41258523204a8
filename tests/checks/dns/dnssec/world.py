"""A little signed internet on 127.55.0.0/24, port 53, with zones that are broken in every way."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.servers.knot import knot
from tests.servers.nsd import nsd
from tests.servers.process import need_address
from tests.servers.signed import Key, Signing, new_key, sign, without

ROOT, TOP, FIRST, SECOND = (f"127.55.0.{n}" for n in (1, 2, 3, 4))
DAY = 86400
NOW = int(time.time())
"""Real, for the servers' own tools tell the time by themselves."""
GOOD = Signing(start=NOW - DAY, end=NOW + 30 * DAY)
NSEC3 = Signing(start=NOW - DAY, end=NOW + 30 * DAY, nsec3=True)
PAST = Signing(start=NOW - 30 * DAY, end=NOW - DAY)
FUTURE = Signing(start=NOW + 3 * DAY, end=NOW + 30 * DAY)

_LEAF = f"""\
$ORIGIN {{zone}}.
$TTL 60
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
@ NS ns2
ns1 A {FIRST}
ns2 A {SECOND}
www A 192.0.2.1
"""

_PARENT = """\
$ORIGIN {zone}
$TTL 60
@ SOA {ns} host.{ns} 1 2 3 4 5
@ NS {ns}
{ns} A {address}
"""


@dataclass
class Made:
    """Zone files by server, and what parents are told of the zones below them."""

    folder: Path
    files: dict[str, dict[str, str]] = field(
        default_factory=lambda: {ROOT: {}, TOP: {}, FIRST: {}, SECOND: {}}
    )
    delegations: dict[str, list[str]] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)

    def serve(self, zone: str, text: str, *servers: str) -> None:
        """Have *servers* give *zone*."""
        for server in servers:
            self.files[server][zone] = text

    def delegate(self, zone: str, *lines: str, hosts: tuple[str, ...] = (FIRST, SECOND)) -> None:
        """Have the zone above refer to *hosts*, and say *lines* more."""
        above = zone.partition(".")[2] or "."
        told = self.delegations.setdefault(above, [])
        for number, host in enumerate(hosts, 1):
            told += [f"{zone}. NS ns{number}.{zone}.", f"ns{number}.{zone}. A {host}"]
        told += lines

    def leaf(
        self,
        zone: str,
        signing: Signing | None = GOOD,
        *,
        ds: tuple[str, ...] | None = None,
        algorithm: str = "ECDSAP256SHA256",
        strip: tuple[str, ...] = (),
        more: str = "",
    ) -> Key:
        """Make a zone with one key at two servers; *ds* replaces the right DS record.

        *strip* are words of records that the servers do not have.
        """
        key = self.keys[zone] = new_key(self.folder, zone, algorithm=algorithm)
        text = _LEAF.format(zone=zone) + more
        text += "".join(f"{line}\n" for line in self.delegations.pop(zone, ()))
        if signing:
            text = sign(zone, text, [key], signing)
        self.serve(zone, without(text, *strip) if strip else text, FIRST, SECOND)
        self.delegate(zone, *((key.ds(),) if ds is None else ds))
        return key

    def parent(
        self,
        zone: str,
        signing: Signing | None,
        address: str = TOP,
        *,
        strip: tuple[str, ...] = (),
    ) -> Key:
        """Make a zone that holds the delegations known so far."""
        key = self.keys[zone] = new_key(self.folder, zone.rstrip("."))
        ns = "ns1." if zone == "." else f"ns1.{zone}."
        text = _PARENT.format(zone=zone if zone == "." else f"{zone}.", ns=ns, address=address)
        text += "".join(f"{line}\n" for line in self.delegations.pop(zone, ()))
        if signing:
            text = sign(zone, text, [key], signing)
        self.serve(zone, without(text, *strip) if strip else text, address)
        if zone != ".":
            self.delegate(zone, *((key.ds(),) if signing else ()), hosts=(address,))
        return key


def make(folder: Path) -> Made:
    """Make all zones, the lowest first."""
    made = Made(folder)
    _sound(made)
    _insecure(made)
    _broken(made)
    _providers(made)
    made.parent("test", GOOD, strip=("stripped.test.", "60", "IN", "DS"))
    _other_tops(made)
    made.parent(".", GOOD, ROOT)
    return made


def _sound(made: Made) -> None:
    for zone in ("x.y.good.test", "shop.co.test"):
        made.leaf(zone)
    made.delegations["good.test"] = made.delegations.pop("y.good.test")
    made.leaf("good.test")
    made.leaf("rsa.test", NSEC3, algorithm="RSASHA256")
    made.leaf("ed.test", NSEC3, algorithm="ED25519")
    made.leaf("soon.test", Signing(start=NOW - 29 * DAY, end=NOW + DAY))
    made.parent("co.test", GOOD)  # beside its own parent, at one server
    _rollover(made)


def _rollover(made: Made) -> None:
    """A zone that changes its algorithm: both sign, and the parent knows the old one only.

    And one in the midst of a change of keys: one server has the signatures of the new one, too.
    """
    zone = "two.test"
    old, new = (new_key(made.folder, zone, algorithm=a) for a in ("RSASHA256", "ECDSAP256SHA256"))
    made.serve(zone, sign(zone, _LEAF.format(zone=zone), [old, new], GOOD), FIRST, SECOND)
    made.delegate(zone, old.ds("SHA-1"), old.ds(), old.ds("SHA-384"))
    zone = "rolling.test"
    ksk, zsk = new_key(made.folder, zone), new_key(made.folder, zone, ksk=False)
    later = new_key(made.folder, zone, ksk=False)
    made.serve(zone, sign(zone, _LEAF.format(zone=zone), [ksk, zsk], GOOD), FIRST)
    made.serve(zone, sign(zone, _LEAF.format(zone=zone), [ksk, zsk, later], GOOD), SECOND)
    made.delegate(zone, ksk.ds())


def _insecure(made: Made) -> None:
    made.leaf("unsigned.test", None, ds=())
    made.leaf("forgotten.test", ds=())
    made.leaf("island.mid.test")
    made.parent("mid.test", None)  # beside its own parent, at one server
    made.leaf("odd.test", ds=(f"odd.test. DS 1234 200 2 {'0' * 64}",))
    made.leaf("digest.test", ds=(f"digest.test. DS 1234 13 3 {'0' * 64}",))


def _broken(made: Made) -> None:
    made.leaf("expired.test", PAST)
    made.leaf("early.test", FUTURE)
    made.leaf("nosig.test", strip=("RRSIG", "DNSKEY"))
    made.leaf("nokey.test", None)
    made.leaf("stripped.test")
    key = made.leaf("wrong.test", ds=())
    made.delegations["test"].append(f"wrong.test. DS {key.tag} 13 2 {'0' * 64}")
    made.leaf("foreign.test", ds=(f"foreign.test. DS 1234 13 2 {'0' * 64}",))


def _providers(made: Made) -> None:
    """Zones of two signers (RFC 8901 section 2.1.2), who know of each other's keys or do not."""
    for zone, shared in (("shared.test", True), ("apart.test", False)):
        ksks = [new_key(made.folder, zone) for _ in range(2)]
        zsks = [new_key(made.folder, zone, ksk=False) for _ in range(2)]
        for server, ksk, zsk, other in zip((FIRST, SECOND), ksks, zsks, zsks[::-1], strict=True):
            text = sign(
                zone,
                _LEAF.format(zone=zone),
                [ksk, zsk],
                GOOD,
                published=[other] if shared else [],
            )
            made.serve(zone, text, server)
        made.keys[zone] = zsks[0]
        made.delegate(zone, *(ksk.ds() for ksk in ksks))


def _other_tops(made: Made) -> None:
    made.leaf("signed.opt")
    made.leaf("unsigned.opt", None, ds=())
    made.parent("opt", Signing(start=NOW - DAY, end=NOW + DAY * 30, nsec3=True, opt_out=True))
    made.leaf("unsigned.hash", None, ds=())
    made.parent("hash", NSEC3)
    made.leaf("island.plain")
    made.parent("plain", None)
    made.leaf("shop.stale")
    made.parent("stale", PAST)
    made.leaf("shop.late")
    late = Signing(start=NOW - 30 * DAY, end=NOW - DAY, keys_end=NOW + 30 * DAY)
    made.parent("late", late)
    made.leaf("shop.bare", None, ds=())
    made.parent("bare", GOOD, strip=("IN", "NSEC"))


@dataclass(frozen=True)
class World:
    """The internet while it is served."""

    hints: Path
    anchors: Path
    made: Made


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Serve it all until the block ends."""
    need_address(ROOT, 53)
    made = make(folder)
    with ExitStack() as stack:
        for server, serve in ((ROOT, nsd), (TOP, nsd), (FIRST, knot), (SECOND, nsd)):
            stack.enter_context(serve(made.files[server], server, 53))
        hints, anchors = folder / "named.root", folder / "anchors"
        hints.write_text(f". 3600000 NS ns1.\nns1. 3600000 A {ROOT}\n")
        anchors.write_text(made.keys["."].ds() + "\n")
        yield World(hints, anchors, made)
