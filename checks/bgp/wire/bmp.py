"""A router's BMP session (RFC 7854) to updates: what its peers say, and what it makes of it.

Besides Adj-RIB-In, Adj-RIB-Out (RFC 8671) and Loc-RIB (RFC 9069) are read as peers of their own.
"""

import ipaddress
import re
import struct
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import EndOfRib, PeerState, Update
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.open import read_open
from vedette.checks.bgp.wire.speaker import Errors, Speakers
from vedette.checks.bgp.wire.update import Decoded, WireError, decode

MOST_OCTETS = 1 << 20
"""How long a message may be; two OPENs and an UPDATE of RFC 8654 need a fifth of it."""

_VERSION = 3
_COMMON = struct.Struct("!BIB")
_PER_PEER = struct.Struct("!BB8s16sIIII")
_ROUTE_MONITORING, _STATISTICS, _PEER_DOWN, _PEER_UP = 0, 1, 2, 3
_INITIATION, _TERMINATION, _ROUTE_MIRRORING = 4, 5, 6
_VALUES_OF = {_STATISTICS: 46, _TERMINATION: 0, _ROUTE_MIRRORING: 42}
"""Where the values begin of messages that say nothing of routes; they must fit all the same, since
one that is too long may have swallowed others."""
_DOWN_OCTETS = {2: 3, 4: 1, 5: 1}
"""How long reasons for Peer Down are, where that is fixed (RFC 7854 section 4.9)."""
_SYS_NAME = 2
_LOC_RIB = 3  # a peer type, the only one without the flags below
_IPV6, _POST_POLICY, _TWO_OCTET_AS, _ADJ_RIB_OUT = 0x80, 0x40, 0x20, 0x10
_UPDATE = 2
_MOST_SESSIONS = 16384
_SETTLED = 300.0
"""Seconds in which a BGP session tells its table. A router that has begun with its sessions ends
its own dump (RFC 7854 section 5) while their tables are still on the way."""


class _Header(NamedTuple):
    """A per-peer header (RFC 7854 section 4.2)."""

    kind: int
    flags: int
    distinguisher: bytes
    address: bytes
    asn: int
    identifier: int
    seconds: int
    microseconds: int

    @property
    def has(self) -> int:
        """The flags, as far as they mean what they mean to Adj-RIBs."""
        return 0 if self.kind == _LOC_RIB else self.flags

    @property
    def session(self) -> bytes:
        """What tells one BGP session of the router from its others."""
        return bytes((self.kind,)) + self.distinguisher + self.address

    def name(self) -> str:
        """Return the peer's address, with the instance and the view where they are not plain."""
        octets = self.address if self.flags & _IPV6 else self.address[12:]
        words = ["loc-rib" if self.kind == _LOC_RIB else str(ipaddress.ip_address(octets))]
        if any(self.distinguisher):
            words.append(_distinguisher(self.distinguisher))
        if self.has & _ADJ_RIB_OUT:
            words.append("adj-rib-out")
        return " ".join(words)


class _Opened(NamedTuple):
    """What the OPENs of a BGP session agreed on."""

    local_asn: int
    at: float | None  # by the router's clock, None where that is unknown or ahead
    into: frozenset[int]  # IP versions with path identifiers, in what the router receives
    out: frozenset[int]  # and in what it sends


class Session:
    """One router's session, from its first octet to its last.

    *router* is its address, *errors* is told a sentence for each message that cannot be read.
    *messages* counts what was read.
    """

    def __init__(self, router: str, interest: Interest, errors: Errors) -> None:
        self.messages = 0
        self.collector = router
        self._interest = interest
        self._errors = errors
        self._buffer = b""
        self._opened: dict[bytes, _Opened] = {}
        self._views: dict[bytes, set[Peer]] = {}
        self._pre_policy: set[Peer] = set()
        self._speakers = Speakers()
        self._without_ids: set[bytes] = set()

    def take(self, octets: bytes, now: float) -> list[Update]:
        """Return the updates of the messages that end in *octets*, the session's next.

        A message without a time, or of a router whose clock is fast, is of *now* (epoch seconds).
        Raise WireError where the session cannot go on, since nobody can tell where the next
        message begins.
        """
        buffer, offset = self._buffer + octets, 0
        updates: list[Update] = []
        while len(buffer) - offset >= _COMMON.size:
            version, length, kind = _COMMON.unpack_from(buffer, offset)
            if version != _VERSION or not _COMMON.size <= length <= MOST_OCTETS:
                raise WireError("a BMP message has a garbled header")
            if offset + length > len(buffer):
                break
            body = buffer[offset + _COMMON.size : offset + length]
            offset += length
            updates += self._message(kind, body, now)
        self._buffer = buffer[offset:]
        return updates

    def _message(self, kind: int, body: bytes, now: float) -> list[Update]:
        self.messages += 1
        try:
            if kind == _INITIATION:
                self._initiation(body)
            elif kind in (_ROUTE_MONITORING, _PEER_UP, _PEER_DOWN):
                return self._of_peer(kind, body, now)
            elif kind in _VALUES_OF:
                list(_values(body, _VALUES_OF[kind]))
            else:
                self._errors("a BMP message has an unknown type")
        except WireError as error:
            self._errors(str(error))
        except struct.error:
            self._errors("a BMP message is shorter than its fields")
        return []

    def _initiation(self, body: bytes) -> None:
        """Take the router's name, unless its peers already have another."""
        for kind, value in _values(body, 0):
            name = re.sub(r"[^a-z0-9._-]+", "-", value.decode("utf-8", "replace").lower())
            if kind == _SYS_NAME and name.strip("-") and not self._views:
                self.collector = name.strip("-")[:64]

    def _of_peer(self, kind: int, body: bytes, now: float) -> list[Update]:
        header = _Header._make(_PER_PEER.unpack_from(body))
        rest = body[_PER_PEER.size :]
        told_at = header.seconds + header.microseconds / 1e6
        is_dated = header.seconds > 0 and told_at <= now
        at = told_at if is_dated else now
        session = header.session
        is_new = Peer(self.collector, header.name()) not in self._views.get(session, ())
        peer = self._peer(header)
        if kind == _ROUTE_MONITORING:
            updates = self._route_monitoring(header, peer, rest, at, now)
            # Peer Up tells of the session, and not of each view on it.
            is_told = is_new and session in self._opened
            return [PeerState(peer, True, at), *updates] if is_told else updates
        self._opened.pop(session, None)
        try:
            if kind == _PEER_UP:
                self._opened[session] = _opened(header.kind, rest, at if is_dated else None)
            elif len(rest) != _DOWN_OCTETS.get(rest[0] if rest else 0, len(rest)):
                self._errors("a Peer Down is not as long as its reason")
        except WireError as error:
            self._errors(str(error))  # the session is up all the same
        return [self._changed(view, kind == _PEER_UP, at) for view in sorted(self._views[session])]

    def _peer(self, header: _Header) -> Peer:
        """Return the key of a view on a BGP session, and remember it."""
        if header.session not in self._views and len(self._views) >= _MOST_SESSIONS:
            raise WireError("a router has more BGP sessions than are kept")
        peer = Peer(self.collector, header.name())
        self._views.setdefault(header.session, set()).add(peer)
        return peer

    def _changed(self, view: Peer, up: bool, at: float) -> PeerState:
        self._speakers.forget(view)
        self._pre_policy.discard(view)
        return PeerState(view, up, at)

    def _route_monitoring(
        self, header: _Header, peer: Peer, message: bytes, at: float, now: float
    ) -> list[Update]:
        """Read the UPDATE within; of what came in, post-policy only where pre-policy is not."""
        length, kind = struct.unpack_from("!HB", message, 16)
        if length != len(message) or kind != _UPDATE:
            raise WireError("a BMP message has no UPDATE of its length")
        if not header.has & _POST_POLICY:
            self._pre_policy.add(peer)
        elif peer in self._pre_policy:
            return []
        opened = self._opened.get(header.session)
        is_out = bool(header.has & _ADJ_RIB_OUT)
        path_ids = frozenset[int]()
        if opened:
            path_ids = opened.out if is_out else opened.into
        decoded = self._decode(header, message[19:], path_ids)
        if decoded.fault:
            self._errors(decoded.fault)
        if decoded.end_of_rib is not None:
            is_early = bool(opened and opened.at is not None and now - opened.at < _SETTLED)
            return [EndOfRib(peer, decoded.end_of_rib, at, early=is_early)]
        if decoded.path == ():
            decoded = self._but_internal(decoded)
        if opened and is_out:
            return self._speakers.told(peer, opened.local_asn, decoded, at)
        if opened and (opened.local_asn, header.asn) == (decoded.path or ())[:2]:
            # FRR 8.4 puts its own number before what an external peer said.
            decoded = decoded._replace(path=decoded.path[1:] if decoded.path else None)
        return self._speakers.told(peer, header.asn, decoded, at)

    def _but_internal(self, decoded: Decoded) -> Decoded:
        """Leave out the parts of what is watched that no AS was told of: they stay in the own AS.

        Routers have many, and they are nothing to the world until somebody else hears them.
        """
        watches = self._interest.watches
        kept = [route for route in decoded.announced if watches(route[0])]
        internal = [route for route in decoded.announced if not watches(route[0])]
        return decoded._replace(announced=kept, withdrawn=decoded.withdrawn + internal)

    def _decode(self, header: _Header, body: bytes, path_ids: frozenset[int]) -> Decoded:
        """Read an UPDATE, with path identifiers or without: FRR 8.4 agrees on them and has none.

        What was right last is tried first, because some octets can be read both ways.
        """
        wide = not header.has & _TWO_OCTET_AS
        read = partial(decode, body, wide=wide, interest=self._interest)
        way, other = path_ids, frozenset[int]()
        if header.session in self._without_ids:
            way, other = other, way
        decoded = read(add_path=way)
        if decoded.fault and path_ids and not (again := read(add_path=other)).fault:
            self._without_ids ^= {header.session}
            return again
        return decoded


def _opened(kind: int, body: bytes, at: float | None) -> _Opened:
    """Return what the OPENs of a Peer Up *at*, after its ports, agreed on (RFC 7911)."""
    sent, rest = read_open(body[20:])
    received, information = read_open(rest)
    list(_values(information, 0))
    if kind == _LOC_RIB:  # both are made up to describe the table, RFC 9069 section 5.1
        table = sent.receives | sent.sends
        return _Opened(sent.asn, at, table, table)
    into, out = sent.receives & received.sends, sent.sends & received.receives
    return _Opened(sent.asn, at, into, out)


def _values(body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Yield types and values to the end (RFC 7854 section 4.4); raise WireError or struct.error."""
    while offset < len(body):
        kind, length = struct.unpack_from("!HH", body, offset)
        value = body[offset + 4 : offset + 4 + length]
        if len(value) < length:
            raise WireError("a BMP message is shorter than its fields")
        yield kind, value
        offset += 4 + length


def _distinguisher(octets: bytes) -> str:
    """Write a route distinguisher as routers do (RFC 4364 section 4.2)."""
    kind, value = octets[:2], octets[2:]
    if kind == b"\0\1":
        return f"{ipaddress.IPv4Address(value[:4])}:{int.from_bytes(value[4:])}"
    border = 2 if kind == b"\0\0" else 4
    return f"{int.from_bytes(value[:border])}:{int.from_bytes(value[border:])}"
