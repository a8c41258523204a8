"""Requests that wait on the disk, oldest first: they outlive an outage, and the process.

A file is a request; it is there whole or not at all, and its name says what must be known of it.
Rule: whoever calls this does so in a thread, for a disk may take its time.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vedette.exporters.remotewrite import Request

_NAME = re.compile(r"(\d{12})-(\d{1,15})-(\d{1,9})\.snappy")


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A request on the disk: its place among all, when it was made, and how much it is."""

    number: int
    at: float
    samples: int
    size: int
    path: Path


class Spool:
    """The requests in *folder*, of at most *most* octets in all."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self.kept: list[Kept] = []
        self._last, self._is_open = 0, False

    def open(self) -> None:
        """Take up what is there; raise OSError where the folder cannot be made or read."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob("*.part"):
            unfinished.unlink(missing_ok=True)
        self.kept = sorted(self._read())
        self._last = self.kept[-1].number if self.kept else 0
        self._is_open = True

    def _read(self) -> Iterator[Kept]:
        for path in self._folder.iterdir():
            if match := _NAME.fullmatch(path.name):
                number, milliseconds, samples = map(int, match.groups())
                yield Kept(number, milliseconds / 1000, samples, path.stat().st_size, path)

    @property
    def size(self) -> int:
        """How many octets wait."""
        return sum(one.size for one in self.kept)

    def put(self, request: Request) -> list[Kept]:
        """Keep one more, and return those that had to go for it; raise OSError.

        It opens what could not be opened before. What is kept is not forced to the disk: it
        survives the process, and after a loss of power some samples may be missing.
        """
        if not self._is_open:
            self.open()
        gone = self._shed(len(request.body))
        self._last += 1
        name = f"{self._last:012}-{request.at * 1000:.0f}-{request.samples}.snappy"
        path = self._folder / name
        part = path.with_suffix(".part")
        try:
            part.write_bytes(request.body)
            part.rename(path)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)  # a full disk has better use for what it has left
            raise
        self.kept.append(Kept(self._last, request.at, request.samples, len(request.body), path))
        return gone

    def _shed(self, room: int) -> list[Kept]:
        gone = []
        while self.kept and self.size + room > self._most:
            gone.append(self.kept[0])
            self.drop(self.kept[0])
        return gone

    def expire(self, before: float) -> list[Kept]:
        """Remove those made *before* a time, and return them."""
        gone = [one for one in self.kept if one.at < before]
        for one in gone:
            self.drop(one)
        return gone

    def drop(self, one: Kept) -> None:
        """Remove one, which need not be there any more."""
        with suppress(ValueError):
            self.kept.remove(one)
        with suppress(OSError):
            one.path.unlink(missing_ok=True)
