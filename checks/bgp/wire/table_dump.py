"""The MRT types TABLE_DUMP and TABLE_DUMP_V2: what each peer of a collector holds.

See RFC 6396 sections 4.2 and 4.3 and, for path identifiers, RFC 8050 section 4.
"""

import ipaddress
import struct

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, Update
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.speaker import Errors, Speakers
from vedette.checks.bgp.wire.update import UNICAST, WireError, read_path

_PEER_INDEX_TABLE = 1
_RIBS = {2: 4, 4: 6, 8: 4, 10: 6}
_GENERIC_RIBS = frozenset({6, 12})
_WITH_PATH_IDS = frozenset({8, 10, 12})
_NOT_READ = frozenset({3, 5, 7, 9, 11})  # multicast, and where on the globe peers are
_BITS = {4: 32, 6: 128}
_SAMPLE = 1000
"""In how many RIB records of each version all entries are looked at, to see which peers tell their
tables; one that has a whole table is seen there, one that is not seen stays unknown."""

_STAMPED = 60.0
"""Seconds by which a dump may be older than it says: some are stamped with when they were due."""

Speaker = tuple[Peer, int]
"""A peer and its AS number."""


class TableDump:
    """The RIB records of one collector; *elements* counts entries, of interest or not.

    *is_whole* while nothing of the dump is known to be missing.
    """

    def __init__(
        self, collector: str, interest: Interest, errors: Errors, speakers: Speakers
    ) -> None:
        self.elements = 0
        self.is_whole = True
        self._began_at: float | None = None
        self._collector = collector
        self._interest = interest
        self._errors = errors
        self._speakers = speakers
        self._table: list[Speaker] | None = None  # the peer index table
        self._seen: dict[tuple[Peer, int], float] = {}
        self._sampled = {4: 0, 6: 0}

    def end(self) -> list[Update]:
        """Return that the peers of a dump have told all, and be ready for another."""
        whole_at = None
        if self.is_whole and self._began_at is not None:
            whole_at = self._began_at - _STAMPED
        ends: list[Update] = [
            EndOfRib(peer, version, at, whole_at) for (peer, version), at in self._seen.items()
        ]
        self._table, self._seen, self._sampled = None, {}, {4: 0, 6: 0}
        self._began_at, self.is_whole = None, True
        return ends

    def old(self, subtype: int, body: bytes, at: float) -> list[Update]:
        """Read TABLE_DUMP, one peer's route; raise WireError, IndexError or struct.error."""
        if subtype not in (1, 2):
            raise WireError("a TABLE_DUMP record has an unknown subtype")
        version, size = (4, 4) if subtype == 1 else (6, 16)
        head = struct.Struct(f"!4x{size}sBx4x{size}sHH")
        address, bits, peer_address, asn, length = head.unpack_from(body)
        attributes = body[head.size :]
        if bits > _BITS[version] or length != len(attributes):
            raise WireError("a RIB record is not as long as it says")
        self.elements += 1
        self._began_at = at if self._began_at is None else self._began_at
        peer = Peer(self._collector, str(ipaddress.ip_address(peer_address)))
        self._seen[peer, version] = at
        raw = bytes((bits,)) + address[: bits + 7 >> 3]
        prefix = self._interest.of_octets(raw, version)
        if prefix is None:
            return []
        return [*self._held((peer, asn), prefix, attributes, wide=False, at=at)]

    def new(self, subtype: int, body: bytes, at: float) -> list[Update]:
        """Read TABLE_DUMP_V2, a prefix's routes; raise WireError, IndexError or struct.error."""
        if subtype == _PEER_INDEX_TABLE:
            table = self._peer_index_table(body)
            ends = self.end()  # a file may have one dump after another
            self._table, self._began_at = table, at
            return ends
        if subtype in _NOT_READ:
            return []
        version: int | None
        if subtype in _GENERIC_RIBS:
            version, start = UNICAST.get(body[4:7]), 7
        else:
            version, start = _RIBS.get(subtype), 4
            if version is None:
                raise WireError("a TABLE_DUMP_V2 record has an unknown subtype")
        if version is None:
            return []
        stop = start + 1 + (body[start] + 7 >> 3)
        if body[start] > _BITS[version]:
            raise WireError("a prefix is longer than it may be")
        prefix = self._interest.of_octets(body[start:stop], version)
        return self._rib(body[stop:], prefix, version, subtype in _WITH_PATH_IDS, at)

    def _peer_index_table(self, body: bytes) -> list[Speaker]:
        offset = 6 + struct.unpack_from("!H", body, 4)[0]
        (count,) = struct.unpack_from("!H", body, offset)
        offset += 2
        table = []
        for _ in range(count):
            size, letter = (16 if body[offset] & 1 else 4), ("I" if body[offset] & 2 else "H")
            address, asn = struct.unpack_from(f"!{size}s{letter}", body, offset + 5)
            table.append((Peer(self._collector, str(ipaddress.ip_address(address))), asn))
            offset += 5 + struct.calcsize(f"!{size}s{letter}")
        return table

    def _rib(
        self, entries: bytes, prefix: str | None, version: int, add_path: bool, at: float
    ) -> list[Update]:
        if self._table is None:
            raise WireError("a RIB record comes before any peer index table")
        (count,) = struct.unpack_from("!H", entries)
        self.elements += count
        if prefix is None and self._sampled[version] >= _SAMPLE:
            return []
        self._sampled[version] += 1
        updates: list[Update] = []
        held: dict[Peer, dict[int, Path]] = {}
        entry = struct.Struct("!H4xIH" if add_path else "!H4xH")
        offset = 2
        for _ in range(count):
            index, *path_id, length = entry.unpack_from(entries, offset)
            start, offset = offset + entry.size, offset + entry.size + length
            if index >= len(self._table) or offset > len(entries):
                raise WireError("a RIB entry names no peer of the table, or is too short")
            self._seen[self._table[index][0], version] = at
            if prefix is not None:
                told = self._held(
                    self._table[index], prefix, entries[start:offset], wide=True, at=at
                )
                updates += told
                for peer, _, _, path, _ in told if add_path else ():
                    held.setdefault(peer, {})[path_id[0]] = path
        for peer, paths in held.items():
            self._speakers.held(peer, prefix or "", paths, at)
        if offset != len(entries):
            self._errors("a RIB record is longer than its entries")
        return updates

    def _held(
        self, speaker: Speaker, prefix: str, attributes: bytes, *, wide: bool, at: float
    ) -> list[Announce]:
        """Return the route of one entry; none where a router dumps its own, which has no AS."""
        peer, asn = speaker
        try:
            path = read_path(attributes, wide=wide)
        except WireError as error:
            self._errors(str(error))
            return []
        return [Announce(peer, asn, prefix, path or (asn,), at)] if path or asn else []
