"""Recorded routes: MRT files and RIS Live frames, one JSON document a line, in the order of time.

Files may be plain, gzip or bzip2, overlap, and come from several collectors.
"""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BufferedIOBase
from pathlib import Path
from zlib import error as ZlibError  # noqa: N812 - its own name says nothing

from vedette.checks.bgp.prefix import Peer
from vedette.checks.bgp.update import (
    Announce,
    CollectorDown,
    EndOfRib,
    PeerState,
    Unlisted,
    Update,
    Withdraw,
)
from vedette.checks.bgp.wire.frames import LARGEST, FrameError, Refused, parse
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import Session, open_
from vedette.checks.bgp.wire.speaker import Speakers

UNNAMED = "mrt"
"""The collector of an MRT file whose name does not say it."""
_COLLECTOR = re.compile(r"rrc[0-9]{2}|route-views[0-9a-z]*")
_HEAD = 64
_FAR = 3600.0
"""A time that is so far ahead of those before and after it is garbled."""
_MOST_AT_ONCE = 10_000
_MOST_KINDS = 100
_UPDATES = (Announce, Withdraw, PeerState, EndOfRib, Unlisted, CollectorDown)


class Recording:
    """One file, to be read once. Raise OSError where it cannot be opened.

    *aliases* maps the addresses of peers to the sessions by which a seed knows them. *errors*
    counts what could not be read, by sentence. *speakers* are what the files know in common.
    """

    def __init__(
        self,
        path: Path,
        interest: Interest,
        aliases: Mapping[str, Peer],
        speakers: Speakers | None = None,
    ) -> None:
        self.path = path
        self.errors: Counter[str] = Counter()
        self._aliases = aliases
        self._head = _head(path)
        self._reader: _Frames | _Records
        if self._head.lstrip().startswith(b"{"):
            self._reader = _Frames(interest, self._note)
        else:
            self._reader = _Records(collector_of(path), interest, self._note, speakers)

    @property
    def elements(self) -> int:
        """Prefixes announced, withdrawn or held, of interest or not; of RIS Live frames."""
        return self._reader.elements

    @property
    def last_at(self) -> float | None:
        """The newest record's time in epoch seconds; None where none could be read."""
        return self._reader.last_at

    @property
    def is_strange(self) -> bool:
        """Whether the file, though it is not empty, has nothing that can be read."""
        return bool(self._head) and self.last_at is None

    def begins_at(self) -> float:
        """Return the time of the first record, or one before all others where there is none."""
        try:
            with open_(self.path) as stream:
                return self._reader.begins_at(stream)
        except (EOFError, OSError, ZlibError):
            return 0.0

    def updates(self) -> Iterator[Update]:
        """Yield what the file says of prefixes of interest, in its own order."""
        try:
            with open_(self.path) as stream:
                for update in _steady(self._reader.updates(stream), self._note):
                    yield self._known(update)
        except OSError as error:
            self._note(f"a file is not there any more: {error.strerror or error}")

    def _known(self, update: Update) -> Update:
        if isinstance(update, CollectorDown):
            return update
        alias = self._aliases.get(update.peer.address)
        return update if alias is None or alias == update.peer else update._replace(peer=alias)

    def _note(self, sentence: str) -> None:
        if sentence not in self.errors and len(self.errors) >= _MOST_KINDS:
            sentence = "something else cannot be read"
        self.errors[sentence] += 1


def in_order(recordings: Iterable[Recording]) -> Iterator[Update]:
    """Yield the updates of all files in the order of time; a file is opened when its time comes."""
    waiting = [
        (recording.begins_at(), number, None, recording.updates())
        for number, recording in enumerate(recordings)
    ]
    heap: list[tuple[float, int, Update | None, Iterator[Update]]] = [*waiting]
    heapq.heapify(heap)
    while heap:
        _, number, update, updates = heap[0]
        if update is not None:
            yield update
        if len(heap) == 1:
            yield from updates
            return
        following = next(updates, None)
        if following is None:
            heapq.heappop(heap)
        else:
            heapq.heapreplace(heap, (following.at, number, following, updates))


def collector_of(path: Path) -> str:
    """Return the collector that wrote *path*, by its name or by the folders of an archive."""
    for name in (path.name.partition(".")[0], *path.parts[-2::-1]):
        if _COLLECTOR.fullmatch(name.lower()):
            return name.lower()
    return UNNAMED


def aliases_of(peers: Iterable[Peer]) -> Mapping[str, Peer]:
    """Return the session at each address; none where several collectors have one."""
    sessions: dict[str, set[Peer]] = {}
    for peer in peers:
        sessions.setdefault(peer.address, set()).add(peer)
    return {address: next(iter(some)) for address, some in sessions.items() if len(some) == 1}


class _Records:
    """The records of an MRT file."""

    def __init__(
        self,
        collector: str,
        interest: Interest,
        note: Callable[[str], None],
        speakers: Speakers | None,
    ) -> None:
        self._session = Session(collector, interest, note, speakers)

    @property
    def elements(self) -> int:
        return self._session.elements

    @property
    def last_at(self) -> float | None:
        return self._session.last_at

    def begins_at(self, stream: BufferedIOBase) -> float:
        return float(int.from_bytes(stream.read(4)))

    def updates(self, stream: BufferedIOBase) -> Iterator[Update]:
        return self._session.read(stream)


class _Frames:
    """The lines of a recording of RIS Live."""

    def __init__(self, interest: Interest, note: Callable[[str], None]) -> None:
        self.elements = 0
        self.last_at: float | None = None
        self._interest, self._note = interest, note

    def begins_at(self, stream: BufferedIOBase) -> float:
        times = (self._read(line)[0] for line in _lines(stream))
        return next((at for at in times if at is not None), 0.0)

    def updates(self, stream: BufferedIOBase) -> Iterator[Update]:
        try:
            for line in _lines(stream):
                self.elements += 1
                at, updates = self._read(line, self._note)
                self.last_at = at or self.last_at
                yield from updates
        except (EOFError, OSError, ZlibError) as error:
            self._note(f"a file cannot be read to its end: {error}")

    def _read(
        self, line: bytes, note: Callable[[str], None] = lambda _: None
    ) -> tuple[float | None, list[Update]]:
        """Return the time that a frame speaks of, and what it says."""
        try:
            events = parse(line.decode(errors="replace"), self._interest)
        except FrameError as error:
            note(str(error))
            return None, []
        for event in events:
            if isinstance(event, Refused):
                note(f"RIS Live complained: {event.message}")
        times = [event.at for event in events if hasattr(event, "at")]
        return max(times, default=None), [e for e in events if isinstance(e, _UPDATES)]


def _head(path: Path) -> bytes:
    """Return the first octets of a file, none where it is empty; raise OSError."""
    try:
        with open_(path) as stream:
            return stream.read(_HEAD)
    except (EOFError, ZlibError):
        return path.read_bytes()[:_HEAD]


def _lines(stream: BufferedIOBase) -> Iterator[bytes]:
    """Yield the lines that are not empty; of an endless one more than a frame may have."""
    while line := stream.readline(LARGEST + 1):
        if line.strip():
            yield line
        while len(line) > LARGEST and not line.endswith(b"\n"):
            line = stream.readline(LARGEST + 1)


def _steady(updates: Iterable[Update], note: Callable[[str], None]) -> Iterator[Update]:
    """Leave out what has a garbled time: one leap ahead would end all that comes after it."""
    before: float | None = None
    held: list[Update] = []
    for update in updates:
        if held and (update.at != held[0].at or len(held) >= _MOST_AT_ONCE):
            leaps = before is not None and held[0].at - before > _FAR
            if (leaps or before is None) and held[0].at - update.at > _FAR:
                note("a record's time is hours ahead of those around it")
            else:
                yield from held
                before = held[0].at
            held = []
        held.append(update)
    yield from held
