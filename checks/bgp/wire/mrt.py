"""MRT records (RFC 6396, RFC 8050) to updates, from octets as they come or from files.

Read are TABLE_DUMP, TABLE_DUMP_V2, BGP4MP and BGP4MP_ET. A record that cannot be read is one error
and the next is read; where a header itself is garbled, the next that can be one is searched for.
"""

import bz2
import gzip
import re
import struct
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

from vedette.checks.bgp.prefix import peer_of
from vedette.checks.bgp.update import Update
from vedette.checks.bgp.wire.bgp4mp import Bgp4mp
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.speaker import Errors, Speakers
from vedette.checks.bgp.wire.table_dump import TableDump
from vedette.checks.bgp.wire.update import WireError

_TABLE_DUMP, _TABLE_DUMP_V2, _BGP4MP, _BGP4MP_ET = 12, 13, 16, 17
_ONE_MESSAGE = 66_000  # RFC 8654, and what is said of the session
_LONGEST = {
    _TABLE_DUMP: _ONE_MESSAGE,
    _TABLE_DUMP_V2: 4 << 20,  # the attributes of hundreds of peers
    _BGP4MP: _ONE_MESSAGE,
    _BGP4MP_ET: _ONE_MESSAGE,
} | dict.fromkeys((11, 32, 33, 48, 49), _ONE_MESSAGE)  # OSPF and IS-IS, which are passed over
"""The types that may come, and how long a record may be; all else is taken for garbled."""
_HEADER = struct.Struct("!IHHI")
_LIKE_A_HEADER = re.compile(
    rb"(?s)(?=.{4}\x00[\x0b\x0c\x0d\x10\x11\x20\x21\x30\x31]\x00[\x00-\x0c]\x00.{3})"
)
_DAY = 86400
"""A header found by searching is believed if it is of the same day as the last good one."""
_CHUNK = 256 * 1024


def open_(path: Path) -> BufferedIOBase:
    """Open a file that is plain, gzip or bzip2 by its first octets; raise OSError."""
    with path.open("rb") as plain:
        magic = plain.read(3)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    if magic == b"BZh":
        return bz2.open(path)
    return path.open("rb")


class Session:
    """The records of one collector, file after file.

    Raise ValueError if *collector* cannot be a collector's name. *errors* is told a sentence for
    each record that cannot be read. *last_at* is the newest record's time in epoch seconds.
    *speakers* are those of other sessions, where table dumps are read apart from messages.
    """

    def __init__(
        self,
        collector: str,
        interest: Interest,
        errors: Errors,
        speakers: Speakers | None = None,
    ) -> None:
        name = peer_of(collector, "0.0.0.0").collector  # noqa: S104 - any address does
        self.records = 0
        self.last_at: int | None = None
        self._errors = errors
        self._buffer = b""
        self._at: int | None = None  # the last good header's time
        self._searching = False
        speakers = Speakers() if speakers is None else speakers
        self._bgp4mp = Bgp4mp(name, interest, errors, speakers)
        self._table_dump = TableDump(name, interest, self._fault, speakers)

    @property
    def elements(self) -> int:
        """How many prefixes were announced, withdrawn or held, of interest or not."""
        return self._bgp4mp.elements + self._table_dump.elements

    def read(self, stream: BufferedIOBase) -> Iterator[Update]:
        """Yield the updates of a file to its end."""
        while True:
            try:
                octets = stream.read1(_CHUNK)
            except (EOFError, OSError, zlib.error) as error:
                self._fault(f"a file cannot be read to its end: {error}")
                self.cut()
                break
            if not octets:
                break
            yield from self.take(octets)
        yield from self.end()

    def take(self, octets: bytes) -> list[Update]:
        """Return the updates of the records that end in *octets*, which are a file's next."""
        buffer, offset = self._buffer + octets, 0
        updates: list[Update] = []
        while len(buffer) - offset >= _HEADER.size:
            seconds, kind, subtype, length = _HEADER.unpack_from(buffer, offset)
            start = offset + _HEADER.size
            if length > _LONGEST.get(kind, -1):
                offset = self._search(buffer, offset + 1)
            elif start + length > len(buffer):
                break
            else:
                self._at, self._searching = seconds, False
                offset = start + length
                updates += self._record(seconds, kind, subtype, buffer[start:offset])
        self._buffer, self.last_at = buffer[offset:], self._at
        return updates

    @property
    def is_midway(self) -> bool:
        """Whether there are octets of a record that has not ended."""
        return bool(self._buffer)

    def cut(self) -> None:
        """Note that the end of a file is missing, so that a dump in it has not told all."""
        self._table_dump.is_cut = True

    def end(self) -> list[Update]:
        """Return what the end of a file says, and be ready for another."""
        if self._buffer and not self._searching:
            self._fault("a file ends within a record")
            self.cut()
        self._buffer, self._searching, self._at = b"", False, None
        return self.tables_end()

    def tables_end(self) -> list[Update]:
        """Return that the peers of a RIB dump have told all."""
        return self._table_dump.end()

    def _fault(self, sentence: str) -> None:
        self._table_dump.is_whole = False
        self._errors(sentence)

    def _search(self, buffer: bytes, start: int) -> int:
        """Return where the next header may be."""
        if not self._searching:
            self._fault("a record's header is garbled, or of a type that is not read")
        self._searching = True
        for found in _LIKE_A_HEADER.finditer(buffer, start):
            seconds, kind, _, length = _HEADER.unpack_from(buffer, found.start())
            is_near = self._at is None or abs(seconds - self._at) <= _DAY
            if is_near and length <= _LONGEST[kind]:
                return found.start()
        return max(start, len(buffer) - _HEADER.size + 1)

    def _record(self, seconds: int, kind: int, subtype: int, body: bytes) -> list[Update]:
        self.records += 1
        try:
            if kind == _BGP4MP:
                return self._bgp4mp.updates(subtype, body, float(seconds))
            if kind == _BGP4MP_ET:
                (microseconds,) = struct.unpack_from("!I", body)
                at = seconds + min(microseconds, 999_999) / 1e6
                return self._bgp4mp.updates(subtype, body[4:], at)
            if kind == _TABLE_DUMP_V2:
                return self._table_dump.new(subtype, body, float(seconds))
            if kind == _TABLE_DUMP:
                return self._table_dump.old(subtype, body, float(seconds))
            self._fault("a record of OSPF or IS-IS has nothing of BGP")
        except WireError as error:
            self._fault(str(error))
        except (IndexError, struct.error):
            self._fault("a record is shorter than its fields")
        return []
