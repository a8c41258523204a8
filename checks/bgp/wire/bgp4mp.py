"""The MRT type BGP4MP: messages and session states of a collector's peers.

See RFC 6396 section 4.4 and, for path identifiers, RFC 8050 section 3.
"""

import ipaddress
import struct

from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import PeerState, Update
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.speaker import Errors, Speakers
from vedette.checks.bgp.wire.update import WireError, decode

_STATE_CHANGES = frozenset({0, 5})
_MESSAGES = frozenset({1, 4, 6, 7, 8, 9, 10, 11})
_WIDE = frozenset({4, 5, 7, 9, 11})
_LOCAL = frozenset({6, 7, 10, 11})  # sent by the collector itself
_WITH_PATH_IDS = frozenset({8, 9, 10, 11})
_BOTH, _NEITHER = frozenset({4, 6}), frozenset[int]()
_ADDRESS = {b"\0\1": 4, b"\0\2": 16}
_ESTABLISHED = 6
_OPEN, _UPDATE, _ROUTE_REFRESH = 1, 2, 5
_MOST_KNOWN = 65536


class Bgp4mp:
    """The records of one collector; *elements* counts prefixes, of interest or not."""

    def __init__(
        self, collector: str, interest: Interest, errors: Errors, speakers: Speakers
    ) -> None:
        self.elements = 0
        self._collector = collector
        self._interest = interest
        self._errors = errors
        self._speakers = speakers
        self._known: dict[tuple[bool, bytes], tuple[Peer, int]] = {}

    def updates(self, subtype: int, body: bytes, at: float) -> list[Update]:
        """Return what a record says; raise WireError, IndexError or struct.error."""
        family = 10 if subtype in _WIDE else 6  # after two AS numbers and an interface
        size = _ADDRESS.get(body[family : family + 2])
        if size is None:
            raise WireError("a BGP4MP record has an unknown address family")
        start = family + 2 + 2 * size
        key = (subtype in _LOCAL, body[:start])
        peer, asn = self._known.get(key) or self._learn(key, (family - 2) // 2, size)
        if subtype in _MESSAGES:
            return self._message(subtype, body[start:], peer, asn, at)
        if subtype in _STATE_CHANGES:
            before, after = struct.unpack_from("!HH", body, start)
            return self._state(before, after, peer, at)
        raise WireError("a BGP4MP record has an unknown subtype")

    def _learn(self, key: tuple[bool, bytes], width: int, size: int) -> tuple[Peer, int]:
        """Return who speaks: the peer, or what the collector says to it as a view of its own."""
        local, head = key
        start = 2 * width + 4
        if len(head) < start + 2 * size:
            raise WireError("a record is shorter than its fields")
        address = str(ipaddress.ip_address(head[start : start + size]))
        asns = int.from_bytes(head[:width]), int.from_bytes(head[width : 2 * width])
        peer = Peer(self._collector, f"{address} adj-rib-out" if local else address)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        found = self._known[key] = (peer, asns[local])
        return found

    def _state(self, before: int, after: int, peer: Peer, at: float) -> list[Update]:
        if _ESTABLISHED not in (before, after):
            return []
        self._speakers.forget(peer)
        return [PeerState(peer, after == _ESTABLISHED, at)]

    def _message(
        self, subtype: int, message: bytes, peer: Peer, asn: int, at: float
    ) -> list[Update]:
        length, kind = struct.unpack_from("!HB", message, 16)
        if length != len(message):
            raise WireError("a BGP message is not as long as it says")
        if kind != _UPDATE:
            if not _OPEN <= kind <= _ROUTE_REFRESH:
                raise WireError("a BGP message has an unknown type")
            return []
        path_ids = _BOTH if subtype in _WITH_PATH_IDS else _NEITHER
        decoded = decode(
            message[19:], wide=subtype in _WIDE, add_path=path_ids, interest=self._interest
        )
        self.elements += decoded.elements
        if decoded.fault:
            self._errors(decoded.fault)
        return self._speakers.told(peer, asn, decoded, at)
