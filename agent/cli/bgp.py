"""`vedette bgp FILE…`: recorded routes through the detector, in the data's own time."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from zlib import error as ZlibError  # noqa: N812 - its own name says nothing

from vedette.agent.cli.output import complain
from vedette.agent.clock import utc
from vedette.agent.config import Config, ConfigError, beside, read
from vedette.agent.looking.timing import timing
from vedette.agent.routes.detector import Detector
from vedette.agent.routes.events import RouteEvent, RouteEventName
from vedette.agent.routes.prefixalarms import Times
from vedette.agent.routes.recordings import Recording, aliases_of, in_order
from vedette.checks.bgp.rib.routes import Routes
from vedette.checks.bgp.ripestat.state import Seed, SeedError, parse
from vedette.checks.bgp.rpki.document import DocumentError
from vedette.checks.bgp.rpki.document import read as read_vrps
from vedette.checks.bgp.rpki.payloads import Scope, Vrps
from vedette.checks.bgp.watch import Watch, merged
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import open_
from vedette.checks.bgp.wire.speaker import Speakers
from vedette.checks.finding import Kind

_MOST_KINDS = 20
"""How many kinds of errors are told one by one."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "bgp",
        description="Find withdrawals, hijacks and leaks of the prefixes of a config in recorded "
        "routes: MRT files, or RIS Live's JSON a line; plain, gzip or bzip2. "
        "`vedette bgp init --asn N` writes such a config.",
        allow_abbrev=False,
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    command.add_argument(
        "--watch", type=Path, required=True, metavar="CONFIG", help="a config file with prefixes"
    )
    command.add_argument(
        "--seed",
        type=Path,
        metavar="FILE",
        help="who held the prefixes at the beginning: an answer of RIPEstat's bgp-state; "
        "what is not in it is learned from the data",
    )
    command.add_argument("--json", action="store_true", help="print one event a line")
    command.set_defaults(action=_bgp)


class _UnusableError(Exception):
    """A file cannot be used; the message is one sentence."""


def _bgp(options: argparse.Namespace) -> int:
    began = perf_counter()
    try:
        config = read(options.watch)
        watches, times = _watched(config, options.watch)
        vrps = _read_vrps(config, options.watch.parent, watches)
        seed = _read_seed(options.seed) if options.seed else None
        recordings = _opened(options.files, watches, seed)
    except ConfigError as error:
        return complain(*error.lines())
    except _UnusableError as error:
        return complain(f"vedette bgp: {error}")
    count = 0
    detector = Detector(Routes(watches.values(), learn=True), times, vrps)
    for event in _events(detector, recordings, seed):
        if not options.json:
            count += 1
            sys.stdout.write(f"{utc(event.at)}  {event.name:<19}  {event.detail}\n")
        elif event.name is not RouteEventName.GONE:  # not among the names that programs know
            sys.stdout.write(f"{json.dumps(event.row)}\n")
    if not options.json:
        sys.stdout.write(_summary(recordings, count, perf_counter() - began))
    complaints = [*_unread(recordings), *_unused(seed, recordings)]
    complain(*(f"vedette bgp: {complaint}" for complaint in complaints))
    return 2 if any(recording.is_strange for recording in recordings) else 0


def _watched(config: Config, path: Path) -> tuple[Mapping[str, Watch], Mapping[str, Times]]:
    """Return what *config* expects of each prefix, and the longest times that it gives it."""
    watches, times = [], dict[str, Times]()
    for service in config.services:
        for check in service.bgp:
            watches.append(check.watch)
            these = timing(Kind.BGP, check, service, config.defaults)
            known = times.get(check.prefix, Times(0, 0))
            times[check.prefix] = Times(max(these.hold, known.hold), max(these.clear, known.clear))
    if not watches:
        raise _UnusableError(f"{path} watches no prefix: give one of its services a bgp block")
    return merged(watches), times


def _read_seed(path: Path) -> Seed:
    try:
        with open_(path) as stream:
            return parse(stream.read())
    except OSError as error:
        raise _UnusableError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, ZlibError, SeedError) as error:
        raise _UnusableError(f"{path} is no seed: {error}") from None


def _read_vrps(config: Config, folder: Path, watches: Iterable[str]) -> Vrps | None:
    """Return the VRPs of the config's file, if any; a URL has only those of today."""
    path = beside(folder, config.rpki.file) if config.rpki else None
    if path is None:
        return None
    scope = Scope(watches)
    try:
        with Path(path).open("rb") as stream:
            return Vrps(read_vrps(stream, scope)[0], scope)
    except OSError as error:
        raise _UnusableError(f"{path} cannot be read: {error.strerror or error}") from None
    except DocumentError as error:
        raise _UnusableError(f"{path} {error}") from None


def _opened(
    paths: Iterable[Path], watches: Mapping[str, Watch], seed: Seed | None
) -> Sequence[Recording]:
    interest, speakers = Interest(watches), Speakers()
    held = seed.routes.values() if seed else ()
    aliases = aliases_of(peer for routes in held for peer in routes)
    try:
        return [Recording(path, interest, aliases, speakers) for path in paths]
    except OSError as error:
        name = error.filename or "a file"
        raise _UnusableError(f"{name} cannot be read: {error.strerror or error}") from None


def _events(
    detector: Detector, recordings: Sequence[Recording], seed: Seed | None
) -> Iterator[RouteEvent]:
    for update in in_order(recordings):
        if seed is not None and update.at >= seed.at:
            yield from detector.seed(seed.routes, seed.at)
            seed = None
        yield from detector.take(update)
    ends = [recording.last_at for recording in recordings if recording.last_at is not None]
    if ends:
        yield from detector.advance(max(ends))


def _summary(recordings: Sequence[Recording], events: int, seconds: float) -> str:
    elements = sum(recording.elements for recording in recordings)
    errors = sum(recording.errors.total() for recording in recordings)
    counts = {"file": len(recordings), "element": elements, "error": errors, "event": events}
    said = (f"{n:,} {word}{'' if n == 1 else 's'}" for word, n in counts.items())
    return f"{', '.join(said)}, {seconds:.1f} s\n"


def _unread(recordings: Sequence[Recording]) -> Iterator[str]:
    """Return a sentence for each kind of error, and for each file that is of another kind."""
    times: Counter[str] = Counter()
    first: dict[str, Path] = {}
    for recording in recordings:
        times.update(recording.errors)
        for sentence in recording.errors:
            first.setdefault(sentence, recording.path)
        if recording.is_strange:
            yield (
                f"{recording.path}: nothing can be read in it: "
                "expected MRT, or frames of RIS Live, one JSON document a line"
            )
    for sentence, number in times.most_common(_MOST_KINDS):
        often = "once" if number == 1 else f"{number:,} times"
        yield f"{sentence} ({often}, first in {first[sentence]})"
    if len(times) > _MOST_KINDS:
        yield f"and {len(times) - _MOST_KINDS} more kinds of errors"


def _unused(seed: Seed | None, recordings: Sequence[Recording]) -> Iterator[str]:
    if seed is None:
        return
    if seed.skipped:
        yield f"{seed.skipped:,} rows of the seed cannot be read"
    ends = [recording.last_at for recording in recordings if recording.last_at is not None]
    if ends and max(ends) < seed.at:
        yield f"the seed is of {utc(seed.at)}, when the files have ended: it was not used"
