"""The MRT types TABLE_DUMP and TABLE_DUMP_V2: what each peer of a collector holds.

See RFC 6396 sections 4.2 and 4.3 and, for path identifiers, RFC 8050 section 4.
"""

import ipaddress
import struct
from collections.abc import Set

from vedette.checks.bgp.path import Path
from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import Announce, EndOfRib, Unlisted, Update
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.speaker import Dump, Errors, Speakers
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

_LARGE, _NEARLY = 1000, 0.9
"""A dump of so many entries shrinks by no tenth at once, unless its writer was stopped midway."""

Speaker = tuple[Peer, int]
"""A peer and its AS number."""


class TableDump:
    """The RIB records of one collector; *elements* counts entries, of interest or not.

    *is_whole* while nothing of the dump is known to be missing, *is_cut* once its end is.
    """

    def __init__(
        self, collector: str, interest: Interest, errors: Errors, speakers: Speakers
    ) -> None:
        self.elements = 0
        self.is_whole, self.is_cut = True, False
        self._began_at: float | None = None
        self._view: bytes | None = None  # what tells one table of a router from others
        self._counted = 0
        self._collector = collector
        self._interest = interest
        self._errors = errors
        self._speakers = speakers
        self._table: list[Speaker] | None = None  # the peer index table
        self._seen: dict[tuple[Peer, int], float] = {}
        self._sampled = {4: 0, 6: 0}

    def end(self) -> list[Update]:
        """Return that the peers of a dump have told all, and be ready for another.

        Where a dump has no end nobody has, and what comes behind that is not gone.
        """
        ends = [] if self.is_cut or self._is_short() else self._ends()
        self._table, self._seen, self._sampled = None, {}, {4: 0, 6: 0}
        self._began_at, self.is_whole, self.is_cut = None, True, False
        self._view, self._counted = None, self.elements
        return ends

    def _ends(self) -> list[Update]:
        if not self.is_whole or self._began_at is None:
            return [EndOfRib(peer, version, at) for (peer, version), at in self._seen.items()]
        at, whole_at = self._began_at, self._began_at - _STAMPED
        gone = self._unlisted()
        return [
            *(EndOfRib(*key, told_at, whole_at) for key, told_at in self._seen.items()),
            *(Unlisted(peer, version, at, whole_at) for peer, version in sorted(gone)),
        ]

    def _is_short(self) -> bool:
        """Whether it has so few entries that its writer was stopped midway; the next one shows."""
        before = None if self._view is None else self._speakers.dumps.get(self._view)
        count = self.elements - self._counted
        if before is None or before.entries < _LARGE or count >= _NEARLY * before.entries:
            return False
        self._errors(
            f"a RIB dump has {count} routes and the one before it had {before.entries}: "
            "it is taken for a part of one"
        )
        self._speakers.dumps[self._view or b""] = before._replace(entries=count)
        return True

    def _unlisted(self) -> Set[tuple[Peer, int]]:
        """Return who was in the dump before this one and is not in this, and remember who is."""
        if self._view is None:
            return frozenset()
        before = self._speakers.dumps.get(self._view, Dump(frozenset(), 0)).listed
        # IP versions may have dumps of their own.
        versions = {version for _, version in self._seen} or {4, 6}
        others = {(peer, version) for peer, version in before if version not in versions}
        listed = frozenset(self._seen) | others
        self._speakers.dumps[self._view] = Dump(listed, self.elements - self._counted)
        return before - listed

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
            self._table, self._began_at, self._view = table, at, _view(body)
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


def _view(body: bytes) -> bytes:
    """Return the collector's identifier and the view's name of a PEER_INDEX_TABLE."""
    return body[: 6 + int.from_bytes(body[4:6])]
