"""MRT files as a collector writes them: each is read once, and one that grows is read on.

A file is known by what it is, not by its name, so that one that was renamed in rotation is not
read twice. Files are read in the order in which they were last written, which is the order in time
whatever their names say.
"""

import asyncio
import bz2
import glob
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, Protocol

from vedette.checks.bgp.feed.feed import Feed
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import MrtSettings
from vedette.checks.bgp.update import Update
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import Session
from vedette.checks.bgp.wire.speaker import Speakers

CHUNK = 128 * 1024
"""How many octets are read, unpacked and decoded at a time, in a thread."""
SETTLED = 60.0
"""Seconds without a change, after which a file is taken for complete."""
_HEAD = 64
"""How many octets tell one file from another: the first record has its time."""
_MAGIC = 3


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decompressor(head: bytes) -> Callable[[], _Decompressor] | None:
    """Return what unpacks a file that begins with *head*; None for a plain one."""
    if head.startswith(b"\x1f\x8b"):
        return lambda: zlib.decompressobj(wbits=31)
    return bz2.BZ2Decompressor if head.startswith(b"BZh") else None


class Unpacked:
    """The octets of a file that may still grow: plain, gzip or bzip2, told by its first octets.

    *midway*: what is there ends within a compressed stream.
    """

    def __init__(self, head: bytes) -> None:
        self.midway = False
        self._make = _decompressor(head)
        self._decompressor = self._make() if self._make else None
        self._rest = b""

    def read(self, file: BinaryIO) -> bytes:
        """Return up to `CHUNK` octets, none where there are none yet; raise OSError, zlib.error."""
        if self._make is None:
            return file.read(CHUNK)
        octets = self._unpack(b"") if self.midway or self._rest else b""
        while not octets and (packed := file.read(CHUNK // 8)):
            octets = self._unpack(packed)
        return octets

    def _unpack(self, packed: bytes) -> bytes:
        """Unpack what is left and *packed*: streams may follow each other, with zeros between."""
        assert self._make is not None
        assert self._decompressor is not None
        packed = self._rest + packed
        if not self.midway:
            packed = packed.lstrip(b"\0")
        self.midway |= bool(packed)
        octets = self._decompressor.decompress(packed, CHUNK)
        self._rest = getattr(self._decompressor, "unconsumed_tail", b"")
        if self._decompressor.eof:
            self._rest = self._decompressor.unused_data
            self._decompressor, self.midway = self._make(), False
        return octets


class _Followed:
    """A file, how far it was read, and the *session* of its records, made anew by *make*.

    It stays open until it is settled, so that what is written after a renaming is read too.
    """

    def __init__(self, path: Path, make: Callable[[], Session]) -> None:
        self.path = path
        self.session = make()
        self.settled = False
        self.written = 0  # when it was, in nanoseconds, as far as that is read
        self.offset = 0
        self._make = make
        self._head = b""
        self._spoilt = False
        self._file: BinaryIO | None = None
        self._unpacked = Unpacked(b"")

    def status(self) -> os.stat_result:
        """Return what the file is now; raise OSError."""
        return os.fstat(self._file.fileno()) if self._file else self.path.stat()

    def octets(self) -> bytes:
        """Return the next octets, none at the end; raise OSError, zlib.error."""
        try:
            if self._file is None:
                self._file = self.path.open("rb")
            self._begin(self._file)
            if self._spoilt or len(self._head) < _MAGIC:
                octets = b""
            else:
                octets = self._unpacked.read(self._file)
        except (OSError, zlib.error):
            if self._spoilt:
                return b""  # which was said
            self._spoilt, self.offset = True, self.status().st_size
            raise
        self.offset = self.status().st_size if self._spoilt else self._file.tell()
        return octets

    def settle(self) -> bool:
        """Take the file for complete; return whether it ends where it may."""
        self.close()
        self.settled = True
        return self._spoilt or not (self.session.is_midway or self._unpacked.midway)

    def close(self) -> None:
        """Close the file; it is opened again where there is more to read."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, file: BinaryIO) -> None:
        """Begin at the beginning where nothing was read, and where the file was cut or replaced."""
        file.seek(0)
        head = file.read(_HEAD)
        cut = self.offset > self.status().st_size or not head.startswith(self._head)
        if cut or len(self._head) < _MAGIC:
            self.offset, self.session, self._spoilt = 0, self._make(), False
            self._head, self._unpacked = head, Unpacked(head)
        file.seek(self.offset)


class Batch(NamedTuple):
    """What a chunk of a file said: how many records, updates, and a sentence for each error."""

    records: int
    updates: list[Update]
    errors: list[str]


class Files:
    """The files of *settings*, as far as they were read. It blocks, and is for one thread.

    *newest_at* is when the one written last was, in epoch seconds; None where there is none.
    """

    def __init__(self, settings: MrtSettings, interest: Interest) -> None:
        self.newest_at: float | None = None
        self._settings = settings
        self._errors: list[str] = []
        self._interest = interest
        self._speakers = Speakers()  # whom one file has told of, others tell more of
        self._followed: dict[tuple[int, int], _Followed] = {}

    def batches(self, now: float) -> Iterator[Batch]:
        """Yield what is new, chunk by chunk; *now* is epoch seconds."""
        present = self._present()
        self.newest_at = max((written for _, written in present.values()), default=None)
        for key, (path, written) in present.items():
            if key in self._followed:
                self._followed[key].path = path
            elif now - written <= self._settings.max_age:
                self._followed[key] = _Followed(path, self._make)
        for written, each in self._with_news():
            yield from self._read(each, settled=now - written > SETTLED)
        for key in [key for key, each in self._followed.items() if each.settled]:
            if key not in present:
                del self._followed[key]

    def close(self) -> None:
        """Close all files."""
        for each in self._followed.values():
            each.close()

    def _present(self) -> dict[tuple[int, int], tuple[Path, float]]:
        """Return the files that there are by device and inode, with when they were written."""
        found = {}
        for name in glob.iglob(self._settings.files, recursive=True):  # noqa: PTH207 - or absolute
            path = Path(name)
            try:
                status = path.stat()
            except OSError:
                continue  # it went away, or may not be seen
            if stat.S_ISREG(status.st_mode):
                found[status.st_dev, status.st_ino] = path, status.st_mtime
        return found

    def _with_news(self) -> list[tuple[float, _Followed]]:
        """Return the files to be read, the one written last at the end."""
        found = []
        for each in self._followed.values():
            try:
                status = each.status()
            except OSError:
                each.settled = True
                continue
            # One that is written anew may have the size of the one before it.
            if each.written != status.st_mtime_ns or status.st_size != each.offset:
                each.settled = False
            if not each.settled:
                each.written = status.st_mtime_ns
                found.append((status.st_mtime, each))
        return sorted(found, key=lambda one: (one[0], one[1].path))

    def _read(self, each: _Followed, *, settled: bool) -> Iterator[Batch]:
        """Yield what is new in a file, to where it ends now."""
        try:
            while octets := each.octets():
                yield self._take(each, octets)
        except (OSError, zlib.error) as error:
            self._fault(each, f"it cannot be read: {error}")
        updates: list[Update] = []
        if settled:
            is_whole = each.settle()
            if not is_whole:
                self._fault(each, "it ends within a record")
            updates = each.session.tables_end()
            if is_whole:  # of many complete files nothing is kept
                each.session = self._make()
        if updates or self._errors:
            yield self._batch(each, 0, updates)

    def _take(self, each: _Followed, octets: bytes) -> Batch:
        """Decode what comes next."""
        before = each.session.records
        updates = each.session.take(octets)
        return self._batch(each, each.session.records - before, updates)

    def _fault(self, each: _Followed, sentence: str) -> None:
        self._errors.append(sentence)
        each.session.cut()

    def _make(self) -> Session:
        collector, told = self._settings.collector, self._errors.append
        return Session(collector, self._interest, told, self._speakers)

    def _batch(self, each: _Followed, records: int, updates: list[Update]) -> Batch:
        errors = [f"{each.path.name}: {error}" for error in self._errors]
        self._errors.clear()
        return Batch(records, updates, errors)


def mrt_feed(watches: Iterable[Watch], settings: MrtSettings, now: Callable[[], float]) -> Feed:
    """Return a feed of what MRT files say of *watches*, RIB dumps among them."""
    routes = Routes(watches, learn=True)
    source = Mrt(settings, Interest(routes.watched), now)
    return Feed(source, routes, Intake(now), stale_after=settings.stale_after)


class Mrt:
    """Tells an intake what the files say, and says that it is up once it has read what there was.

    *interest* must be its own, since a thread uses it; *now* is epoch seconds.
    """

    name = "mrt"

    def __init__(self, settings: MrtSettings, interest: Interest, now: Callable[[], float]) -> None:
        self._settings = settings
        self._interest = interest
        self._now = now

    async def follow(self, intake: Intake) -> NoReturn:
        """Follow the files for ever; what cannot be read is an error, and the rest is read."""
        files = Files(self._settings, self._interest)
        try:
            while True:
                batches = files.batches(self._now())
                while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                    await self._tell(batch, intake)
                self._judge_age(files.newest_at, intake)
                await asyncio.sleep(self._settings.every)
        finally:
            files.close()

    def _judge_age(self, newest_at: float | None, intake: Intake) -> None:
        """Say whether the files can be believed: what is old is so too where it was read just now.

        A restart must not take what a collector wrote before it stopped for what is so now.
        """
        settings = self._settings
        if newest_at is None:
            intake.down(f"finds no file {settings.files}")
        elif self._now() - newest_at > settings.stale_after:
            intake.down(f"has been silent for more than {settings.stale_after:g} s")
        else:
            intake.up()

    async def _tell(self, batch: Batch, intake: Intake) -> None:
        for _ in range(batch.records - len(batch.updates)):
            intake.heard()
        for error in batch.errors:
            intake.error(error)
        for number, update in enumerate(batch.updates):
            if number % 1024 == 0:
                await intake.room()
            intake.put(update)
