"""Reads BGP4MP update files (RFC 6396) into RIS-Live-shaped frames, for replays of real incidents.

It reads types 16 and 17 with subtypes 0, 1, 4 and 5, which is all that update files hold.
"""

import bz2
import gzip
import ipaddress
import json
import struct
from collections.abc import Container, Iterator
from pathlib import Path

STATE_CHANGE, MESSAGE, MESSAGE_AS4, STATE_CHANGE_AS4 = 0, 1, 4, 5
ESTABLISHED = 6


def frames(path: Path, host: str, watched: Container[str]) -> Iterator[tuple[float, str]]:
    """Yield (time, RIS Live text frame) for what *path* says of sessions and *watched* prefixes."""
    data = path.read_bytes()
    if path.suffix in {".bz2", ".gz"}:
        data = (bz2 if path.suffix == ".bz2" else gzip).decompress(data)
    offset = 0
    while offset + 12 <= len(data):
        seconds, kind, subtype, length = struct.unpack_from("!IHHI", data, offset)
        body = data[offset + 12 : offset + 12 + length]
        offset += 12 + length
        at = float(seconds)
        if kind == 17:
            at += struct.unpack_from("!I", body)[0] / 1e6
            body = body[4:]
        elif kind != 16:
            continue
        for message in _record(body, subtype, at, host, watched):
            yield at, json.dumps({"type": "ris_message", "data": message})


def _record(
    body: bytes, subtype: int, at: float, host: str, watched: Container[str]
) -> Iterator[dict[str, object]]:
    if subtype not in (STATE_CHANGE, MESSAGE, MESSAGE_AS4, STATE_CHANGE_AS4):
        return
    width = 4 if subtype in (MESSAGE_AS4, STATE_CHANGE_AS4) else 2
    asn = int.from_bytes(body[:width])
    family = struct.unpack_from("!H", body, 2 * width + 2)[0]
    size = 4 if family == 1 else 16
    offset = 2 * width + 4
    peer = str(ipaddress.ip_address(body[offset : offset + size]))
    rest = body[offset + 2 * size :]
    head = {"timestamp": at, "peer": peer, "peer_asn": str(asn), "host": host}
    if subtype in (STATE_CHANGE, STATE_CHANGE_AS4):
        old, new = struct.unpack_from("!HH", rest)
        if ESTABLISHED in (old, new):
            yield head | {"type": "STATE", "state": "up" if new == ESTABLISHED else "down"}
    elif rest[18] == 2:
        update = _update(rest[19:], width, watched)
        if update["announcements"] or update["withdrawals"]:
            yield head | {"type": "UPDATE"} | update


def _update(data: bytes, width: int, watched: Container[str]) -> dict[str, object]:
    withdrawn = 2 + struct.unpack_from("!H", data)[0]
    attributes_end = withdrawn + 2 + struct.unpack_from("!H", data, withdrawn)[0]
    withdrawals = _prefixes(data[2:withdrawn], 4)
    announced = _prefixes(data[attributes_end:], 4)
    path: list[object] = []
    for code, value in _attributes(data[withdrawn + 2 : attributes_end]):
        if code == 2:
            path = _path(value, width)
        elif code == 14 and value[:3] == b"\x00\x02\x01":
            announced += _prefixes(value[5 + value[3] :], 16)
        elif code == 15 and value[:3] == b"\x00\x02\x01":
            withdrawals += _prefixes(value[3:], 16)
    announced = [prefix for prefix in announced if prefix in watched]
    withdrawals = [prefix for prefix in withdrawals if prefix in watched]
    groups = [{"next_hop": "192.0.2.1", "prefixes": announced}] if announced else []
    return {"path": path, "announcements": groups, "withdrawals": withdrawals}


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(data):
        flags, code = data[offset], data[offset + 1]
        size = 2 if flags & 0x10 else 1
        start = offset + 2 + size
        offset = start + int.from_bytes(data[offset + 2 : start])
        yield code, data[start:offset]


def _path(data: bytes, width: int) -> list[object]:
    hops: list[object] = []
    while data:
        kind, count = data[0], data[1]
        end = 2 + count * width
        members = [int.from_bytes(data[i : i + width]) for i in range(2, end, width)]
        hops += [members] if kind == 1 else members
        data = data[end:]
    return hops


def _prefixes(data: bytes, size: int) -> list[str]:
    """Read NLRI; IPv6 is written expanded, as RIS Live writes its withdrawals."""
    prefixes, offset = [], 0
    while offset < len(data):
        bits = data[offset]
        end = offset + 1 + (bits + 7) // 8
        address = data[offset + 1 : end].ljust(size, b"\0")
        offset = end
        if size == 4:
            text = ".".join(map(str, address))
        else:
            text = ":".join(f"{int.from_bytes(address[i : i + 2]):x}" for i in range(0, 16, 2))
        prefixes.append(f"{text}/{bits}")
    return prefixes
