"""BGP, MRT and BMP octets as speakers, collectors and routers write them."""

import ipaddress
import struct
from collections.abc import Iterable

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.wire.interest import Interest

PEER, LOCAL = "198.51.100.1", "198.51.100.254"
AT = 1_600_000_000


class Everything(Interest):
    """All prefixes are of interest, and watched themselves."""

    def __init__(self) -> None:
        super().__init__(("0.0.0.0/0", "::/0"))

    def watches(self, prefix: str) -> bool:
        return True


def nlri(prefix: str, path_id: int | None = None) -> bytes:
    """Return a prefix as NLRI, after its path identifier if it has one."""
    network = ipaddress.ip_network(prefix)
    size = (network.prefixlen + 7) // 8
    octets = bytes((network.prefixlen,)) + network.network_address.packed[:size]
    return octets if path_id is None else path_id.to_bytes(4) + octets


def attribute(code: int, value: bytes) -> bytes:
    """Return a path attribute, of extended length where it must be."""
    if len(value) > 255:
        return struct.pack("!BBH", 0x50, code, len(value)) + value
    return struct.pack("!BBB", 0x40, code, len(value)) + value


def segments(path: Path, width: int) -> bytes:
    """Return *path* as AS_PATH segments, a set for each tuple."""
    octets, run = b"", list[int]()
    for hop in (*path, ()):
        if isinstance(hop, int):
            run.append(hop)
            continue
        for kind, members in ((2, run), (1, hop)):
            for start in range(0, len(members), 255):
                some = members[start : start + 255]
                asns = b"".join(asn.to_bytes(width) for asn in some)
                octets += bytes((kind, len(some))) + asns
        run = []
    return octets


def reach(prefixes: Iterable[bytes], next_hop: int = 16) -> bytes:
    """Return MP_REACH_NLRI of IPv6."""
    hop = bytes((next_hop,)) + bytes(next_hop)
    return attribute(14, b"\0\2\1" + hop + b"\0" + b"".join(prefixes))


def unreach(prefixes: Iterable[bytes]) -> bytes:
    """Return MP_UNREACH_NLRI of IPv6."""
    return attribute(15, b"\0\2\1" + b"".join(prefixes))


def body(
    *,
    announced: Iterable[bytes] = (),
    withdrawn: Iterable[bytes] = (),
    path: Path | None = None,
    width: int = 4,
    more: bytes = b"",
) -> bytes:
    """Return an UPDATE without its header; *more* are attributes after ORIGIN and AS_PATH."""
    gone, come = b"".join(withdrawn), b"".join(announced)
    attributes = more
    if path is not None:
        attributes = attribute(1, b"\0") + attribute(2, segments(path, width)) + more
    sized = struct.pack("!H", len(gone)) + gone + struct.pack("!H", len(attributes)) + attributes
    return sized + come


def message(octets: bytes, kind: int = 2) -> bytes:
    """Return a BGP message."""
    return b"\xff" * 16 + struct.pack("!HB", 19 + len(octets), kind) + octets


def opening(asn: int, *capabilities: tuple[int, bytes]) -> bytes:
    """Return an OPEN of a speaker with AS number *asn*, which is a capability of its own."""
    said = [(65, asn.to_bytes(4)), *capabilities]
    parameters = b"".join(
        struct.pack("!BBBB", 2, 2 + len(value), code, len(value)) + value for code, value in said
    )
    old = asn if asn < 65536 else 23456
    head = struct.pack("!BHH4sB", 4, old, 90, bytes(4), len(parameters))
    return message(head + parameters, 1)


def record(kind: int, subtype: int, octets: bytes, at: int = AT) -> bytes:
    """Return an MRT record."""
    return struct.pack("!IHHI", at, kind, subtype, len(octets)) + octets


def bgp4mp(
    octets: bytes, *, subtype: int = 4, peer: str = PEER, asn: int = 64511, at: int = AT
) -> bytes:
    """Return a BGP4MP record of *peer*; *octets* are a message, or two states."""
    letter = "I" if subtype in (4, 5, 7, 9, 11) else "H"
    address = ipaddress.ip_address(peer)
    family = 1 if address.version == 4 else 2
    head = struct.pack(f"!{letter}{letter}HH", asn, 64496, 0, family)
    local = ipaddress.ip_address(LOCAL if family == 1 else "2001:db8:ffff::1")
    return record(16, subtype, head + address.packed + local.packed + octets, at)


def index_table(*peers: tuple[str, int, int], at: int = AT) -> bytes:
    """Return the record of a RIB dump that lists *peers*: addresses, AS numbers and flags."""
    rows = b"".join(
        bytes((flags,))
        + bytes(4)
        + ipaddress.ip_address(address).packed
        + asn.to_bytes(4 if flags & 2 else 2)
        for address, asn, flags in peers
    )
    return record(13, 1, bytes(4) + struct.pack("!H4sH", 4, b"view", len(peers)) + rows, at)


def held(path: Path) -> bytes:
    """Return the attributes of a route in a RIB dump."""
    return attribute(1, b"\0") + attribute(2, segments(path, 4))


def rib(
    subtype: int,
    prefix: str,
    *entries: tuple[int, bytes],
    path_id: int | None = None,
    at: int = AT,
) -> bytes:
    """Return the record of a RIB dump that tells which peers hold *prefix*, by which attributes."""
    said = b"".join(
        struct.pack("!HI", index, at - 1000)
        + (b"" if path_id is None else (path_id + number).to_bytes(4))
        + struct.pack("!H", len(attributes))
        + attributes
        for number, (index, attributes) in enumerate(entries)
    )
    family = b"\0\2\1" if subtype in (6, 12) else b""
    head = bytes(4) + family + nlri(prefix) + struct.pack("!H", len(entries))
    return record(13, subtype, head + said, at)


def update(at: int = AT, peer: str = PEER, **said: object) -> bytes:
    """Return a BGP4MP_MESSAGE_AS4 record with an UPDATE; *said* is what *body* takes."""
    return bgp4mp(message(body(**said)), peer=peer, at=at)  # type: ignore[arg-type]


def bmp(kind: int, octets: bytes) -> bytes:
    """Return a BMP message."""
    return struct.pack("!BIB", 3, 6 + len(octets), kind) + octets


def of_peer(
    octets: bytes = b"",
    *,
    peer: str = PEER,
    asn: int = 64511,
    kind: int = 0,
    flags: int = 0,
    distinguisher: bytes = bytes(8),
    at: int = AT,
) -> bytes:
    """Return a per-peer header and what follows it."""
    address = ipaddress.ip_address(peer)
    if address.version == 6:
        flags |= 0x80
    packed = address.packed.rjust(16, b"\0")
    head = struct.pack("!BB8s16sIIII", kind, flags, distinguisher, packed, asn, 1, at, 500_000)
    return head + octets


def monitoring(octets: bytes, **header: object) -> bytes:
    """Return Route Monitoring of an UPDATE's *body*; *header* is what *of_peer* takes."""
    return bmp(0, of_peer(message(octets), **header))  # type: ignore[arg-type]


def peer_up(sent: bytes = b"", received: bytes = b"", **header: object) -> bytes:
    """Return Peer Up with two OPENs; *header* is what *of_peer* takes."""
    opens = (sent or opening(64496)) + (received or opening(64511))
    return bmp(3, of_peer(bytes(20) + opens, **header))  # type: ignore[arg-type]


def peer_down(**header: object) -> bytes:
    """Return Peer Down without a notification; *header* is what *of_peer* takes."""
    return bmp(2, of_peer(b"\4", **header))  # type: ignore[arg-type]


def initiation(name: str) -> bytes:
    """Return the message in which a router tells its sysDescr and its sysName."""
    return bmp(4, struct.pack("!HH2sHH", 1, 2, b"it", 2, len(name.encode())) + name.encode())
