"""What pybgpstream says, live or from archives: RIS, RouteViews and whatever libbgpstream reads.

The library blocks for ever where nothing comes, and its Python part holds the interpreter while it
does. So it runs in a process of its own, which is ended when it says nothing for too long.
"""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import aiohttp

from vedette.checks.bgp.feed.feed import Feed, SourceLostError
from vedette.checks.bgp.feed.intake import Intake
from vedette.checks.bgp.feed.seeding import Tables
from vedette.checks.bgp.path import Path, read_asn, read_path
from vedette.checks.bgp.prefix import Peer, peer_of
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.settings import BgpStreamSettings
from vedette.checks.bgp.update import END_OF_TIME, Announce, PeerState, Update, Withdraw
from vedette.checks.bgp.watch import Watch
from vedette.checks.bgp.wire.interest import Interest

READER = (sys.executable, "-m", "vedette.checks.bgp.sources.bgpstreamreader")
MOST_OCTETS = 256 * 1024
"""How long a line may be: an AS path of RFC 8654 as text has at most 180,000 octets."""
SLICE = 0.003
"""Seconds for which lines are read before others may go on."""
_WORDS = 300


def bgpstream_feed(
    watches: Iterable[Watch],
    settings: BgpStreamSettings,
    seed: str,
    now: Callable[[], float],
    connect: Callable[[], aiohttp.BaseConnector] = aiohttp.TCPConnector,
) -> Feed:
    """Return a feed of what pybgpstream says of *watches*, seeded from RIPEstat at *seed*."""
    routes = Routes(watches)
    source = BgpStream(list(routes.watched), settings, now)
    return Feed(
        source,
        routes,
        Intake(now),
        tables=Tables(seed, routes, now, connect),
        stale_after=settings.stale_after,
    )


class BgpStream:
    """Follows pybgpstream for *prefixes* and all inside them; *now* is epoch seconds.

    *reader* is the command of the process that reads.
    """

    name = "bgpstream"

    def __init__(
        self,
        prefixes: Sequence[str],
        settings: BgpStreamSettings,
        now: Callable[[], float],
        reader: Sequence[str] = READER,
    ) -> None:
        self._prefixes, self._settings, self._now, self._reader = prefixes, settings, now, reader
        self._interest = Interest(prefixes)
        self._said = b""  # the end of what the process said to a person

    async def follow(self, intake: Intake) -> NoReturn:
        """Live as long as one process; raise SourceLostError."""
        self._said = b""
        process = await asyncio.create_subprocess_exec(
            *self._reader,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=MOST_OCTETS,
        )
        assert process.stdout
        assert process.stderr
        listening = asyncio.create_task(self._listen(process.stderr))
        try:
            await self._ask(process)
            await self._read(process.stdout, intake)
            await listening
            raise SourceLostError(self._end(await process.wait()))
        finally:
            listening.cancel()
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _ask(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        try:
            process.stdin.write(json.dumps(self._request()).encode() + b"\n")
            await process.stdin.drain()
            process.stdin.close()
        except (BrokenPipeError, ConnectionResetError):
            return  # it has ended, and the reading says why

    def _request(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "projects": settings.projects if settings.interface == "broker" else [],
            "collectors": settings.collectors,
            "interface": settings.interface,
            "options": settings.options,
            "prefixes": list(self._prefixes),
            "from": int(self._now() - settings.history) if settings.interface == "broker" else None,
        }

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        while said := await stream.read(4096):
            self._said = (self._said + said)[-_WORDS:]

    async def _read(self, stream: asyncio.StreamReader, intake: Intake) -> None:
        clock = asyncio.get_running_loop().time
        until = clock() + SLICE
        silent = self._settings.stale_after
        while True:
            try:
                async with asyncio.timeout(silent):
                    line = await stream.readuntil()
            except asyncio.IncompleteReadError:
                return
            except asyncio.LimitOverrunError:
                raise SourceLostError("the reader wrote a line without an end") from None
            except TimeoutError:
                raise SourceLostError(f"the reader said nothing for {silent:.0f} s") from None
            intake.up()
            self._take(line, intake)
            await intake.room()
            if clock() > until:  # lines that are there already do not make `readuntil` wait
                await asyncio.sleep(0)
                until = clock() + SLICE

    def _take(self, line: bytes, intake: Intake) -> None:
        try:
            letter, *rest = json.loads(line)
            if letter == "E":
                intake.error(str(rest[0]))
            elif letter == "N":
                intake.heard(at=float(rest[0]))
            else:
                self._tell(letter, rest, intake)
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            intake.error(f"a line of the reader cannot be read: {error}")

    def _tell(self, letter: str, rest: list[Any], intake: Intake) -> None:
        """Tell of an element; raise ValueError or TypeError for what is none."""
        collector, address, asn, at, what, *path = rest
        peer, asn, at = peer_of(collector, address), read_asn(asn), float(at)
        if not 0 <= at < END_OF_TIME:
            raise ValueError(f"{at} is not in epoch seconds")
        update = self._update(letter, (peer, asn, at), what, *path)
        if update is None:
            intake.heard(peer, at)
        else:
            intake.put(update)

    def _update(
        self, letter: str, said: tuple[Peer, int, float], what: str, path: str | None = None
    ) -> Update | None:
        """Return what an element says; None where it is of no interest."""
        peer, asn, at = said
        if letter == "S":
            return PeerState(peer, str(what).upper() == "ESTABLISHED", at)
        prefix = self._interest.of_text(what)
        if letter == "W":
            return Withdraw(peer, asn, prefix, at) if prefix else None
        if letter not in ("A", "R") or path is None:
            raise ValueError(f"{letter!r} is no kind of element, or lacks its path")
        hops = _path(path)
        return Announce(peer, asn, prefix, hops or (asn,), at) if prefix else None

    def _end(self, code: int) -> str:
        """Say how the process ended, with the last that it said to a person."""
        lines = self._said.decode(errors="replace").strip().splitlines()
        return f"the reader ended with {code}" + (f": {lines[-1]}" if lines else "")


def _path(text: str) -> Path:
    """Read a path as libbgpstream writes it: `{1,2}` is a set, and the rest is left out.

    That are `(1 2)` and `[1,2]` of confederations, and `<1 2>` of segments that nobody knows.
    """
    return read_path(list(re.sub(r"\([^)]*\)|\[[^]]*\]|<[^>]*>", " ", text).split()))
