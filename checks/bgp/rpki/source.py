"""Keeps the VRPs of a validator current: from a file or a URL, read again when it changes."""

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import aiohttp

from vedette.checks.bgp.rpki.document import Request, Summary
from vedette.checks.bgp.rpki.payloads import Scope, Vrp, Vrps
from vedette.checks.bgp.settings import RpkiSettings
from vedette.checks.dates import of_header
from vedette.checks.words import one_line

SECONDS = 300.0  # for one reading; to parse the world's VRPs takes about four
RETRY = 300.0  # public servers want to be asked no more often
WHOLE = 1_000
"""A list of so many VRPs is taken for one of the world, which never shrinks by half at once."""

_READER = "vedette.checks.bgp.rpki.document"
_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=60.0)
_HEADERS = {"User-Agent": "vedette", "Accept-Encoding": "gzip"}


class VrpError(Exception):
    """No VRPs could be had; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VrpHealth:
    """Whether the VRPs can be believed; *silence* says in a clause why not.

    *built_at* is the document's own time in epoch seconds, or else when it was last modified or
    read. *count* are its rows that could be read. *last_error* is that of the last reading.
    """

    source: str
    built_at: float | None
    count: int
    errors: int
    last_error: str
    silence: str | None

    def age(self, now: float) -> float | None:
        """Return the seconds since the VRPs were built; None before the first."""
        return None if self.built_at is None else max(0.0, now - self.built_at)


@dataclass(frozen=True, slots=True)
class _Version:
    """What tells that a document is still the same: of a file by stat, of a URL by its headers."""

    stat: tuple[int, int, int] | None = None
    etag: str | None = None
    modified: str | None = None

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for nothing else (RFC 9110 section 13.1)."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in headers.items() if value is not None}


@dataclass(frozen=True, slots=True)
class _Reading:
    """A document; *built_at* is None where neither it nor its server says how old it is."""

    vrps: Vrps
    summary: Summary
    version: _Version
    built_at: float | None


class VrpSource:
    """Reads VRPs again and again; *now* is epoch seconds, *retry* seconds are for tests to change.

    *connect* makes the way to a URL for each reading.
    The last list stays while the next one cannot be had, is empty, or is suddenly halved, until it
    is stale: then nothing is known.
    """

    def __init__(
        self,
        settings: RpkiSettings,
        watched: Iterable[str],
        now: Callable[[], float],
        retry: float = RETRY,
        connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
    ) -> None:
        self._settings = settings
        self._watched = tuple(watched)
        self._scope = Scope(self._watched)
        self._now = now
        self._retry, self._connect = retry, connect
        self._reading: _Reading | None = None
        self._vrps: Vrps | None = None
        self._read_at: float | None = None
        self._errors = 0
        self._last_error = ""

    @property
    def source(self) -> str:
        """The file or URL."""
        return self._settings.file or self._settings.url or ""

    async def run(self) -> NoReturn:
        """Read for ever, sooner again after an error, never in step with others."""
        while True:
            await self.read()
            wait = self._settings.every
            if self._last_error:
                wait = min(wait, self._retry)
            await asyncio.sleep(wait * random.uniform(0.9, 1.1))

    async def read(self) -> None:
        """Read once, if there is something new; an error is counted and told by `health`."""
        try:
            async with asyncio.timeout(SECONDS):
                reading = await self._read()
            if reading is not None:
                self._accept(reading)
        except VrpError as error:
            self._note(str(error))
        except TimeoutError:
            self._note(f"{self.source} did not answer in time")
        except aiohttp.TooManyRedirects:
            self._note(f"{self.source} redirects for ever")
        except (aiohttp.ClientError, OSError) as error:
            self._note(f"{self.source} cannot be read: {error or type(error).__name__}")
        else:
            self._last_error = ""
            self._read_at = self._now()

    def current(self, now: float) -> Vrps | None:
        """Return the VRPs that hold as of *now*; None where none were read or they are stale."""
        if self._silence(now) is not None or self._vrps is None:
            return None
        self._vrps = self._vrps.at(now)
        return self._vrps

    def health(self, now: float) -> VrpHealth:
        """Return what the source knows about itself as of *now*."""
        summary = self._reading.summary if self._reading else Summary()
        return VrpHealth(
            source=self.source,
            built_at=self._built_at,
            count=summary.count,
            errors=self._errors,
            last_error=self._last_error,
            silence=self._silence(now),
        )

    @property
    def _built_at(self) -> float | None:
        if self._reading is None or self._reading.built_at is None:
            return self._read_at
        return self._reading.built_at

    def _silence(self, now: float) -> str | None:
        cause = f" ({self._last_error})" if self._last_error else ""
        if self._built_at is None:
            return f"no VRPs have been read yet{cause}"
        age = now - self._built_at
        if age > self._settings.stale_after:
            return f"the VRPs of {self.source} are {age / 3600:.1f} h old{cause}"
        return None

    def _note(self, error: str) -> None:
        self._errors += 1
        self._last_error = one_line(error)[:300]

    def _accept(self, reading: _Reading) -> None:
        count, before = reading.summary.count, self._reading.summary.count if self._reading else 0
        if before >= WHOLE and 2 * count < before:
            raise VrpError(
                f"{self.source} has {count} VRPs and had {before}: the last list is kept until it "
                "is stale; restart the agent if this is meant"
            )
        self._reading, self._vrps = reading, reading.vrps

    async def _read(self) -> _Reading | None:
        """Return what is new, or None where nothing is."""
        if self._settings.file is not None:
            return await self._read_file(self._settings.file)
        assert self._settings.url is not None
        async with aiohttp.ClientSession(
            headers=_HEADERS, auto_decompress=False, timeout=_LIMIT, connector=self._connect()
        ) as session:
            return await self._read_url(session, self._settings.url)

    async def _read_file(self, path: str) -> _Reading | None:
        try:
            stat = await asyncio.to_thread(Path(path).stat)
        except OSError as error:
            raise VrpError(f"{path} cannot be read: {error.strerror or error}") from None
        version = _Version(stat=(stat.st_mtime_ns, stat.st_size, stat.st_ino))
        if self._reading and self._reading.version == version:
            return None
        return await self._parse(version, stat.st_mtime, None)

    async def _read_url(self, session: aiohttp.ClientSession, url: str) -> _Reading | None:
        conditions = self._conditions()
        async with session.get(url, headers=conditions, max_redirects=5) as response:
            hops = [hop.url.scheme for hop in (*response.history, response)]
            if hops[0] == "https" and "http" in hops:
                raise VrpError(
                    f"{self.source} redirects from https to http, which anybody can alter"
                )
            if response.status == 304 and conditions:
                return None
            if response.status != 200:
                raise VrpError(f"{self.source} answered HTTP {response.status}")
            modified = response.headers.get("Last-Modified")
            version = _Version(etag=response.headers.get("ETag"), modified=modified)
            return await self._parse(version, of_header(modified), response.content.iter_any())

    def _conditions(self) -> dict[str, str]:
        """Return the headers that ask for nothing but news.

        Where a validator's data stay the same, so does Routinator's ETag, while the build time in
        the document goes on: before that would count as stale, all of it is asked for.
        """
        reading = self._reading
        if reading is None:
            return {}
        says_age, built_at = reading.summary.built_at is not None, self._built_at or 0.0
        if says_age and self._now() - built_at > self._settings.stale_after / 2:
            return {}
        return reading.version.conditions

    async def _parse(
        self, version: _Version, modified_at: float | None, body: AsyncIterator[bytes] | None
    ) -> _Reading:
        vrps, summary = await _ask_reader(Request(self._watched, self._settings.file), body)
        if summary.error is not None:
            raise VrpError(f"{self.source} {summary.error}")
        built_at = summary.built_at if summary.built_at is not None else modified_at
        if built_at is not None:
            built_at = min(built_at, self._now())  # a clock that is ahead must not hide old data
        snapshot = await asyncio.to_thread(Vrps, vrps, self._scope)
        return _Reading(snapshot, summary, version, built_at)


async def _ask_reader(
    request: Request, body: AsyncIterator[bytes] | None
) -> tuple[list[Vrp], Summary]:
    """Have a document read by a process of its own, which ends with this call whatever happens."""
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", _READER),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C is the agent's to handle
    )
    assert reader.stdin is not None
    assert reader.stdout is not None
    try:
        await _feed(reader.stdin, request, body)
        return await _answer(reader.stdout)
    finally:
        with suppress(ProcessLookupError):
            reader.kill()
        await reader.wait()


async def _feed(
    stdin: asyncio.StreamWriter, request: Request, body: AsyncIterator[bytes] | None
) -> None:
    listens = await _put(stdin, json.dumps(asdict(request)).encode() + b"\n")
    if body is not None and listens:
        async for octets in body:
            if not await _put(stdin, octets):
                break
    stdin.close()


async def _put(stdin: asyncio.StreamWriter, octets: bytes) -> bool:
    """Hand *octets* over; return whether the reader still listens or has seen enough."""
    try:
        stdin.write(octets)
        await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


async def _answer(stdout: asyncio.StreamReader) -> tuple[list[Vrp], Summary]:
    vrps: list[Vrp] = []
    async for line in stdout:
        if not line.endswith(b"\n"):
            break
        said = json.loads(line)
        if isinstance(said, dict):
            return vrps, Summary(**said)
        vrps.append(Vrp(*said))
        if len(vrps) % 256 == 0:
            await asyncio.sleep(0)  # probes go first
    raise VrpError("the program that reads VRPs ended without an answer: is there enough memory?")
