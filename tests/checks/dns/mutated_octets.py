"""Mutations of octets, whatever they mean to the message."""

import random
from collections.abc import Callable, Mapping

from tests.checks.dns.mutated_records import record


def _flip(rng: random.Random, wire: bytes) -> bytes:
    octets = bytearray(wire)
    for _ in range(rng.choice((1, 2, 8))):
        if octets:
            octets[rng.randrange(len(octets))] ^= 1 << rng.randrange(8)
    return bytes(octets)


def _cut(rng: random.Random, wire: bytes) -> bytes:
    return wire[: rng.randint(0, len(wire))]


def _insert(rng: random.Random, wire: bytes) -> bytes:
    at = rng.randint(0, len(wire))
    return wire[:at] + rng.randbytes(rng.choice((1, 2, 30))) + wire[at:]


def _delete(rng: random.Random, wire: bytes) -> bytes:
    at = rng.randint(0, len(wire))
    return wire[:at] + wire[at + rng.choice((1, 2, 30)) :]


def _append(rng: random.Random, wire: bytes) -> bytes:
    return wire + rng.randbytes(rng.choice((1, 20, 500)))


def _count(rng: random.Random, wire: bytes) -> bytes:
    at = rng.choice((4, 6, 8, 10))
    before = int.from_bytes(wire[at : at + 2])
    number = rng.choice((0, 1, before + 1, before - 1, 0xFFFF, rng.getrandbits(16))) & 0xFFFF
    return wire[:at] + number.to_bytes(2) + wire[at + 2 :]


def _point(rng: random.Random, wire: bytes) -> bytes:
    """Lead a pointer elsewhere: to itself, back, ahead, to another one or out of the message."""
    pointers = [at for at in range(12, len(wire) - 1) if wire[at] >= 0xC0][:500]
    at = rng.choice(pointers) if pointers else rng.randint(0, len(wire))
    back = rng.randint(0, at)
    target = rng.choice((at, at + 2, back, 12, len(wire), 0x3FFF, rng.choice(pointers or [0])))
    return wire[:at] + (0xC000 | target & 0x3FFF).to_bytes(2) + wire[at + 2 :]


def _stairs(rng: random.Random, wire: bytes) -> bytes:
    """Append records whose owners are pointers to pointers to pointers, from 3 to 1,000 steps."""
    first, steps = len(wire) + 12, rng.choice((3, 100, 130, 1000))
    if first + 2 * steps >= 0x3FFF:
        return wire
    stairs = b"\1a\0" + (0xC000 | first).to_bytes(2)
    stairs += b"".join((0xC000 | first + 3 + 2 * step).to_bytes(2) for step in range(steps))
    top = (0xC000 | first + 3 + 2 * steps).to_bytes(2)
    owned = [record(b"\0", 65280, stairs)[1:]]  # the name before it is a pointer below
    count = rng.choice((1, 50)) if rng.random() < 0.99 else 3000
    owned += [record(top, 1, bytes(4))] * count
    more = (int.from_bytes(wire[10:12]) + len(owned)) & 0xFFFF
    return wire[:10] + more.to_bytes(2) + wire[12:] + b"\xc0\x0c" + b"".join(owned)


Octets = Callable[[random.Random, bytes], bytes]
OCTETS: Mapping[str, Octets] = {
    "bits flipped": _flip,
    "cut off": _cut,
    "octets put in": _insert,
    "octets taken out": _delete,
    "octets appended": _append,
    "other count": _count,
    "other pointer": _point,
    "stairs of pointers": _stairs,
}
