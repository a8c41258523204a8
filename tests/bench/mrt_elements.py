"""The elements of an MRT file: `python -m tests.bench.mrt_elements FILE [--watched N]`.

A process of its own. An element is a prefix that is announced, withdrawn or held. Ours reads and
filters as `vedette bgp` does, for prefixes that are in the file; mrtparse and bgpdump have no
filter, and read the file and no more.
"""

import argparse
import os
import random
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter, process_time

from tests.bench.sample import Sample, UnmeasuredError, heard
from tests.bench.spent import run
from tests.servers.process import need
from vedette.agent.routes.recordings import Recording, in_order
from vedette.checks.bgp.update import Announce
from vedette.checks.bgp.wire.interest import Interest
from vedette.checks.bgp.wire.mrt import open_
from vedette.checks.net import Endpoint

WATCHED = 500
RECORDS = 90_000
"""Those of the file from its start on that everybody reads."""
_HEADER = 12
_ALL = ("0.0.0.0/0", "::/0")


def recording() -> Path:
    """Return the file that is read: $VEDETTE_MRT, or one of the shared data."""
    if path := os.environ.get("VEDETTE_MRT"):
        return Path(path)
    if folder := os.environ.get("VEDETTE_SHARED"):
        return Path(folder) / "data/bgp/mrt/updates.et-header.2015.gz"
    raise UnmeasuredError("name an MRT file of updates: VEDETTE_MRT=FILE make bench")


def ours(_: Endpoint, *, watched: int = WATCHED, records: int = RECORDS) -> Sample:
    """Measure our reader."""
    with tempfile.TemporaryDirectory() as name:
        return heard("mrt_elements", _cut(Path(name), records), "--watched", watched)


def mrtparse(_: Endpoint, *, records: int = RECORDS) -> Sample:
    """Measure mrtparse."""
    with tempfile.TemporaryDirectory() as name:
        return heard("mrt_elements", _cut(Path(name), records), "--mrtparse")


def bgpdump(_: Endpoint, *, records: int = RECORDS) -> Sample:
    """Measure `bgpdump -m`, which writes a line an element."""
    program = need("bgpdump")
    with tempfile.TemporaryDirectory() as name:
        ended = run([program, "-m", str(_cut(Path(name), records))])
    lines = ended.output.count("\n") - ended.output.count("|STATE|")  # a session, no prefix
    if ended.status or not lines:
        raise UnmeasuredError(f"bgpdump failed: {ended.errors.strip()[-200:]}")
    return Sample(operations=lines, cpu=ended.cpu, seconds=ended.seconds)


def _cut(folder: Path, records: int) -> Path:
    """Write the first *records* of the recording to *folder*, plain: no row unpacks (RFC 6396)."""
    path = folder / "rrc00.updates.mrt"
    with open_(recording()) as whole, path.open("wb") as part:
        for _ in range(records):
            if len(header := whole.read(_HEADER)) < _HEADER:
                break
            part.write(header + whole.read(int.from_bytes(header[8:])))
    return path


def prefixes(path: Path, count: int) -> list[str]:
    """Return so many prefixes that the file announces, the same in every run."""
    told = in_order([Recording(path, Interest(_ALL), {})])
    known = sorted({update.prefix for update in told if isinstance(update, Announce)})
    return random.Random(1).sample(known, min(count, len(known)))


def read(path: Path, watched: int) -> Sample:
    """Read *path* as `vedette bgp` does."""
    interest = Interest(prefixes(path, watched))
    cpu, start = process_time(), perf_counter()
    file = Recording(path, interest, {})
    told = Counter(type(update) for update in in_order([file]))
    took = process_time() - cpu, perf_counter() - start
    if not told[Announce] or file.errors:
        raise SystemExit(f"no figure: {told[Announce]} announcements, errors: {dict(file.errors)}")
    return Sample(operations=file.elements, cpu=took[0], seconds=took[1])


def read_by_mrtparse(path: Path) -> Sample:
    """Read *path* with mrtparse; its elements are those that we count in it."""
    try:
        from mrtparse import Reader  # noqa: PLC0415 - an extra
    except ImportError:
        raise SystemExit(
            "no figure: mrtparse is not installed (pip install -e '.[bench]')"
        ) from None
    cpu, start = process_time(), perf_counter()
    for _ in Reader(str(path)):
        pass
    took = process_time() - cpu, perf_counter() - start
    file = Recording(path, Interest(["192.0.2.0/24"]), {})
    for _ in in_order([file]):
        pass
    return Sample(operations=file.elements, cpu=took[0], seconds=took[1])


def main() -> None:
    """Read the command line and the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--watched", type=int, default=WATCHED)
    parser.add_argument("--mrtparse", action="store_true")
    options = parser.parse_args()
    taken = (
        read_by_mrtparse(options.file) if options.mrtparse else read(options.file, options.watched)
    )
    taken.tell()


if __name__ == "__main__":
    main()
