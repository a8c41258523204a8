"""Runs the benchmarks against NSD on loopback, prints the table, and keeps it as results.json.

Exits with 1 where a promise is not held.
"""

import argparse
import json
import sys
from pathlib import Path

import pytest

from tests.bench import machine
from tests.bench.benchmarks import BENCHMARKS, PEERS, Benchmark
from tests.bench.sample import Sample, UnmeasuredError
from tests.bench.table import Result, document, lines, table
from tests.bench.zone import server
from vedette.checks.net import Endpoint

RESULTS = Path(__file__).with_name("results.json")

Runs = dict[str, list[Sample]]
NOT_THERE = (pytest.skip.Exception, pytest.fail.Exception)
"""How the servers of the tests say that a program is missing or does not start."""
NO_FIGURE = (UnmeasuredError, OSError, AssertionError, *NOT_THERE)
"""How a run ends that gives none; the others go on."""


def chosen_by(word: str, *, alone: bool) -> list[Benchmark]:
    """Return the benchmarks with *word* in a name, and whom they are compared with."""
    ours = [one for one in BENCHMARKS if word.lower() in one.name.lower()]
    wanted = {peer for one in ours for peer in one.peers} if not alone else set()
    return [*ours, *(p for p in PEERS if p.name in wanted or (word and word.lower() in p.name))]


def measure(chosen: list[Benchmark], rounds: int, at: Endpoint) -> dict[str, Result]:
    """Run every benchmark once a round, so that a busy minute of the machine spoils no median."""
    runs: Runs = {benchmark.name: [] for benchmark in chosen}
    missing: dict[str, str] = {}
    for number in range(rounds):
        for benchmark in chosen:
            if benchmark.name in missing:
                continue
            print(f"round {number + 1} of {rounds}: {benchmark.name}", file=sys.stderr)
            try:
                runs[benchmark.name].append(benchmark.run(at))
            except NO_FIGURE as why:
                missing[benchmark.name] = str(why) or type(why).__name__
    return {b.name: Result(b, runs[b.name], missing.get(b.name, "")) for b in chosen}


def main() -> int:
    """Measure, print and keep; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs, of which the median counts")
    parser.add_argument("--only", default="", metavar="WORD", help="benchmarks with WORD in a name")
    parser.add_argument("--alone", action="store_true", help="without those compared with")
    options = parser.parse_args()
    about = machine.described()
    if machine.busy():
        print(f"the machine is busy (load {about['load']}): costs come out too high")
    chosen = chosen_by(options.only, alone=options.alone)
    try:
        with server() as at:
            results = measure(chosen, options.rounds, at)
    except NOT_THERE as why:
        print(f"no figures without NSD: {why}", file=sys.stderr)
        return 1
    print(*(f"{name} {text}" for name, text in about.items()), sep=", ", end="\n\n")
    print(*lines(results), sep="\n")
    # A part of the table takes nobody's place in the whole of it.
    kept = {"machine": about, "rounds": options.rounds, "results": document(results)}
    if not options.only:
        RESULTS.write_text(json.dumps(kept, indent=2) + "\n")
    broken = [line.broken for line in table(results) if not line.held]
    for promise in broken:
        print(f"not held: {promise}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
