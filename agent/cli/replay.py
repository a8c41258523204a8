"""`vedette replay SCENARIO…`: recorded incidents in virtual time."""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from vedette.agent.cli.output import complain
from vedette.agent.config import ConfigError


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "replay",
        description="Play recorded incidents in virtual time through the agent's own looks, "
        "judgement and pages, and tell what would have been paged when.",
        allow_abbrev=False,
    )
    command.add_argument("files", nargs="+", type=Path, metavar="SCENARIO")
    command.add_argument("--json", action="store_true", help="print one report a line")
    command.add_argument(
        "--jobs",
        type=_positive,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many are played at the same time (default: one per core)",
    )
    command.set_defaults(action=_replay)


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return number


def _replay(options: argparse.Namespace) -> int:
    return tell(options.files, jobs=options.jobs, as_json=options.json)


def tell(files: Sequence[Path], *, jobs: int, as_json: bool) -> int:
    """Play *files*, print what became of each, and return the exit status."""
    from vedette.agent.replay.reading import read  # noqa: PLC0415 - other commands need none

    problems: list[str] = []
    for path in files:
        try:
            read(path)
        except ConfigError as error:
            problems += error.lines()
    if problems:
        return complain(*problems)
    faults = 0
    for i, (text, told) in enumerate(_played(files, jobs, as_json=as_json)):
        sys.stdout.write(("\n" if i and not as_json else "") + text)
        sys.stdout.flush()
        faults += len(told)
        complain(*told)
    return 1 if faults else 0


def _played(
    files: Sequence[Path], jobs: int, *, as_json: bool
) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield what each of *files* prints and the bugs that showed, in their order."""
    asked = [(path, as_json) for path in files]
    if min(jobs, len(files)) == 1:
        yield from map(_play, asked)
        return
    with ProcessPoolExecutor(min(jobs, len(files)), mp_context=get_context("spawn")) as workers:
        yield from workers.map(_play, asked)


def _play(asked: tuple[Path, bool]) -> tuple[str, Sequence[str]]:
    from vedette.agent.replay.incident import play  # noqa: PLC0415 - other commands need none
    from vedette.agent.replay.reading import read  # noqa: PLC0415
    from vedette.agent.replay.report import report  # noqa: PLC0415
    from vedette.agent.replay.timeline import timeline  # noqa: PLC0415

    path, as_json = asked
    played = play(read(path))
    told = [f"{path}: a bug of ours: {fault}" for fault in played.faults]
    if as_json:
        return json.dumps(report(played), ensure_ascii=False) + "\n", told
    return "".join(f"{line}\n" for line in timeline(played)), told
