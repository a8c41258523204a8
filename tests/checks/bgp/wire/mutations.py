"""BGP, MRT and BMP messages, mutated: each case is made from one number, and can be repeated.

What is made: bits and octets changed, octets put in, taken out, doubled or cut off, lengths that
lie, and one message that goes on as another.
"""

import io
import ipaddress
import random
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from tests.checks.bgp.wire.made import (
    Everything,
    attribute,
    bgp4mp,
    bmp,
    body,
    initiation,
    message,
    monitoring,
    nlri,
    of_peer,
    opening,
    peer_down,
    peer_up,
    reach,
    record,
    segments,
    unreach,
    update,
)
from vedette.checks.bgp.update import Announce, Update, Withdraw
from vedette.checks.bgp.wire.bmp import Session as BmpSession
from vedette.checks.bgp.wire.mrt import Session as MrtSession
from vedette.checks.bgp.wire.update import WireError, decode

_PATH = (64511, 4200000001, (64500, 64501))
_OLD = (64511, 23456, 64500)
_V4 = [nlri(p) for p in ("192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0", "198.51.100.7/32")]
_V6 = [nlri(p) for p in ("2001:db8::/32", "::/0", "2001:db8:1:2::/64", "2001:db8::1/128")]
_IDS = [nlri("192.0.2.0/24", 1), nlri("10.0.0.0/8", 2**32 - 1), nlri("0.0.0.0/0", 0)]
_MORE = attribute(3, bytes(4)) + attribute(8, bytes(400)) + attribute(16, bytes(8))
_AS4 = attribute(7, b"\x5b\xa0" + bytes(4)) + attribute(18, bytes(8))

UPDATES = (
    body(announced=_V4, path=_PATH, more=_MORE),
    body(withdrawn=_V4),
    body(announced=_V4, withdrawn=_V4[:2], path=_PATH),
    body(path=_PATH, more=reach(_V6, 32) + unreach(_V6[:2]) + _MORE),
    body(more=unreach(_V6)),
    body(announced=_IDS, withdrawn=_IDS, path=_PATH),
    body(announced=_V4, path=_OLD, width=2, more=_AS4 + attribute(17, segments(_PATH, 4))),
    body(announced=_V4, path=tuple(range(1, 600))),
    body(more=unreach([nlri(f"2001:db8:{n:x}::/48") for n in range(1, 500)])),
    body(),
)
_PLAIN = UPDATES[:5] + UPDATES[7:]  # neither with path identifiers nor with old AS numbers
_HELD = attribute(1, b"\0") + attribute(2, segments(_PATH, 4)) + _MORE
_OLD_HELD = attribute(2, segments(_OLD, 2))
_ENTRY = struct.pack("!HIH", 0, 0, len(_HELD)) + _HELD
_ENTRY_WITH_ID = struct.pack("!HIIH", 1, 0, 7, len(_HELD)) + _HELD
INDEX = record(
    13, 1, bytes(6) + b"\0\2" + b"\2" + bytes(8) + (64511).to_bytes(4) + b"\1" + bytes(20) + b"\1\1"
)
RECORDS = (
    *(bgp4mp(message(octets), subtype=4) for octets in _PLAIN),
    bgp4mp(message(UPDATES[6]), subtype=1, peer="2001:db8::1"),
    bgp4mp(message(UPDATES[5]), subtype=9),
    bgp4mp(message(UPDATES[5]), subtype=11),
    bgp4mp(b"\0\5\0\6", subtype=5),
    bgp4mp(b"\0\6\0\1", subtype=0),
    bgp4mp(opening(64511), subtype=7),
    record(17, 4, bytes(4) + update(announced=_V4, path=_PATH)[12:]),
    record(13, 2, bytes(4) + _V4[0] + b"\0\2" + _ENTRY * 2),
    record(13, 4, bytes(4) + _V6[0] + b"\0\1" + _ENTRY),
    record(13, 6, bytes(4) + b"\0\2\1" + _V6[0] + b"\0\1" + _ENTRY),
    record(13, 8, bytes(4) + _V4[0] + b"\0\2" + _ENTRY_WITH_ID * 2),
    INDEX,
    record(
        12, 1, struct.pack("!4x4sBxI4sHH", bytes(4), 24, 0, bytes(4), 1, len(_OLD_HELD)) + _OLD_HELD
    ),
    record(12, 2, struct.pack("!4x16sBxI16sHH", bytes(16), 48, 0, bytes(16), 1, 0)),
)
_ADD_PATH = (69, b"\0\1\1\3\0\2\1\3")
UP = peer_up(opening(64496, _ADD_PATH), opening(64511, _ADD_PATH), peer="198.51.100.9")
MESSAGES = (
    *(monitoring(octets) for octets in _PLAIN),
    monitoring(UPDATES[5], peer="198.51.100.9"),
    monitoring(UPDATES[5], peer="198.51.100.9", flags=0x10),
    monitoring(UPDATES[0], kind=3, peer="0.0.0.0"),
    monitoring(UPDATES[6], flags=0x60, peer="2001:db8::9"),
    UP,
    peer_down(),
    initiation("edge-1"),
    bmp(1, of_peer(b"\0\0\0\1\0\0\0\4" + bytes(4))),
    bmp(5, b"\0\1\0\2\0\0"),
    bmp(6, of_peer(b"\0\0\0\0")),
)

_ALL = Everything()

Mutation = Callable[[random.Random, bytearray, int], None]
"""Changes octets from an offset on."""


def _flip(rng: random.Random, octets: bytearray, start: int) -> None:
    octets[rng.randrange(start, len(octets))] ^= 1 << rng.randrange(8)


def _set(rng: random.Random, octets: bytearray, start: int) -> None:
    octets[rng.randrange(start, len(octets))] = rng.choice((0, 1, 2, 127, 128, 255))


def _lie(rng: random.Random, octets: bytearray, start: int) -> None:
    """Make two octets, which may be a length, another number."""
    at = rng.randrange(start, len(octets))
    octets[at : at + 2] = rng.choice((0, 1, 4, 255, 4096, 65535)).to_bytes(2)


def _cut(rng: random.Random, octets: bytearray, start: int) -> None:
    del octets[rng.randrange(start, len(octets)) :]


def _take_out(rng: random.Random, octets: bytearray, start: int) -> None:
    at = rng.randrange(start, len(octets))
    del octets[at : at + rng.randint(1, 20)]


def _put_in(rng: random.Random, octets: bytearray, start: int) -> None:
    at = rng.randrange(start, len(octets))
    octets[at:at] = rng.randbytes(rng.randint(1, 20))


def _double(rng: random.Random, octets: bytearray, start: int) -> None:
    at = rng.randrange(start, len(octets))
    octets[at:at] = octets[at : at + rng.randint(1, 40)]


def _garble(rng: random.Random, octets: bytearray, start: int) -> None:
    at = rng.randrange(start, len(octets))
    octets[at:] = rng.randbytes(len(octets) - at)


MUTATIONS: tuple[Mutation, ...] = (_flip, _set, _lie, _cut, _take_out, _put_in, _double, _garble)


def _mutated(rng: random.Random, octets: bytes, start: int) -> bytes:
    """Return *octets* with one to three mutations from *start* on."""
    changed = bytearray(octets)
    for mutation in rng.choices(MUTATIONS, k=rng.choice((1, 1, 1, 3))):
        if len(changed) > start:
            mutation(rng, changed, start)
    return bytes(changed)


@dataclass(frozen=True, slots=True)
class Case:
    """A mutated message, and whether its own header still tells its length."""

    seed: int
    kind: str
    octets: bytes
    has_header: bool


def case_of(kind: str, seed: int) -> Case:
    """Return the case of a number, always the same one; *kind* is "update", "mrt" or "bmp"."""
    rng = random.Random(seed)
    if kind == "update":
        return Case(seed, kind, _mutated(rng, rng.choice(UPDATES), 0), has_header=False)
    corpus, header = (RECORDS, 12) if kind == "mrt" else (MESSAGES, 6)
    octets = rng.choice(corpus)
    if rng.random() < 0.3:
        return Case(seed, kind, _mutated(rng, octets, 0), has_header=False)
    octets = _mutated(rng, octets, header)
    length = struct.pack("!I", len(octets) - 12 if kind == "mrt" else len(octets))
    at = 8 if kind == "mrt" else 1
    return Case(seed, kind, octets[:at] + length + octets[at + 4 :], has_header=True)


def outcome(case: Case) -> str:
    """Read a case, and say what comes of it.

    "told", "error", "lost" (the stream has no next message) or "waits" (it may be still to come);
    an AssertionError where what was told is not fit to use, or something was left out in silence.
    """
    return {"update": _read_update, "mrt": _read_mrt, "bmp": _read_bmp}[case.kind](case)


def _read_update(case: Case) -> str:
    """Read the case in every way that there is; the outcome is that of one of them."""
    seen = []
    for wide in (True, False):
        for add_path in (frozenset[int](), frozenset({4, 6})):
            try:
                decoded = decode(case.octets, wide=wide, add_path=add_path, interest=_ALL)
            except WireError:
                seen.append("error")
                continue
            routes = [*decoded.withdrawn, *decoded.announced]
            _assert_canonical({prefix for prefix, _ in routes})
            assert decoded.elements == len(routes)
            assert (decoded.path is None) == (not decoded.announced)
            seen.append("error" if decoded.fault else "told")
    return seen[0]


def _assert_canonical(prefixes: set[str]) -> None:
    for prefix in prefixes:
        assert str(ipaddress.ip_network(prefix)) == prefix


def _assert_fit(updates: list[Update]) -> set[str]:
    routes = [u for u in updates if isinstance(u, Announce | Withdraw)]
    prefixes = {u.prefix for u in routes}
    _assert_canonical(prefixes)
    assert all(u.path for u in routes if isinstance(u, Announce))
    return prefixes


_GOOD = tuple(f"203.0.113.{number}/32" for number in range(4))


def _read_mrt(case: Case) -> str:
    """Read the case among good records, which are all told where it has a header."""
    good = [update(announced=[nlri(p)], path=_PATH, peer="203.0.113.1") for p in _GOOD]
    errors = Counter[str]()
    session = MrtSession("rrc00", _ALL, lambda error: errors.update([error]))
    stream = io.BytesIO(INDEX + good[0] + case.octets + b"".join(good[1:]))
    prefixes = _assert_fit(list(session.read(stream)))
    if not prefixes.issuperset(_GOOD):
        assert errors, "records are left out in silence"
        assert not case.has_header, "records behind a good header are left out"
        return "lost"
    return "error" if errors else "told"


def _read_bmp(case: Case) -> str:
    """Read the case among good messages, which are all told where it has a header."""
    good = [
        monitoring(body(announced=[nlri(p)], path=_PATH), peer="203.0.113.1", kind=1) for p in _GOOD
    ]
    errors = Counter[str]()
    session = BmpSession("router", _ALL, lambda error: errors.update([error]))
    updates, is_lost = list[Update](), False
    try:
        for octets in (UP, good[0], case.octets, *good[1:]):
            updates += session.take(octets, 2e9)
    except WireError:
        is_lost = True
    prefixes = _assert_fit(updates)
    if is_lost:
        assert not case.has_header, "a good header is taken for garbled"
        return "lost"
    if not prefixes.issuperset(_GOOD):
        assert not case.has_header, "messages behind a good header are left out"
        assert errors or session._buffer, "messages are left out in silence"
        return "lost" if errors else "waits"
    return "error" if errors else "told"
