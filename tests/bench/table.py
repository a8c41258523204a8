"""Results as a table for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.benchmarks import Benchmark, Promise
from tests.bench.figures import COST, PER_CORE, RATE, Figure
from tests.bench.sample import Sample


@dataclass(frozen=True, slots=True)
class Result:
    """What the runs of one benchmark gave: samples, or why there are none."""

    benchmark: Benchmark
    samples: Sequence[Sample]
    missing: str = ""


Results = Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Line:
    """One promise of a benchmark beside what its peers give; *limit* None: shown, not promised."""

    name: str
    figure: Figure
    ours: float | None
    limit: float | None
    peers: Mapping[str, float | None]
    rate: float | None
    is_promised: bool

    @property
    def held(self) -> bool:
        """Whether the promise holds; where a peer that it needs is missing, it does not."""
        if not self.is_promised:
            return True
        return self.limit is not None and self.figure.holds(self.ours, self.limit)

    @property
    def broken(self) -> str:
        """What does not hold, as a sentence."""
        least = "at least" if self.figure.most_is_best else "at most"
        wanted = "what the peer allows" if self.limit is None else self.figure.shown(self.limit)
        got = "nothing" if self.ours is None else self.figure.shown(self.ours)
        return f"{self.name}: {least} {wanted} {self.figure.unit}, measured {got}"


def table(results: Results) -> Iterator[Line]:
    """Yield a line for every promise of every benchmark."""
    for result in results.values():
        for promise in result.benchmark.promises:
            yield _line(result, promise, results)


def _line(result: Result, promise: Promise, results: Results) -> Line:
    wanted, figure = result.benchmark, promise.figure
    peers = {name: figure.of(_samples(name, result, results)) for name in wanted.peers}
    limit = promise.limit
    if promise.of_peer is not None:
        first = next(iter(peers.values()), None)
        limit = None if first is None else first * promise.of_peer
    return Line(
        name=wanted.name,
        figure=figure,
        ours=figure.of(result.samples),
        limit=limit,
        peers=peers,
        rate=RATE.of(result.samples),
        is_promised=promise.limit is not None or promise.of_peer is not None,
    )


def _samples(peer: str, result: Result, results: Results) -> Sequence[Sample]:
    """Return what *peer* gave: beside the benchmark in its own runs, or in runs of its own."""
    beside = [sample.beside[peer] for sample in result.samples if peer in (sample.beside or {})]
    return beside or (results[peer].samples if peer in results else ())


_ROW = "{:<39} {:<18} {:>9} {:>9} {:>4} {:>9} {:>7} {:<34} {:>10}"
_HEAD = ("", "unit", "ours", "limit", "held", "peer", "ratio", "which", "per second")


def lines(results: Results) -> Iterator[str]:
    """Return the table for people, and below it why what is missing is."""
    yield _ROW.format(*_HEAD).rstrip()
    before = ""
    for line in table(results):
        yield from _rows(line, "" if line.name == before else line.name)
        before = line.name
    for result in results.values():
        if result.missing:
            yield f"\nnot measured: {result.benchmark.name}: {result.missing}"


def _rows(line: Line, name: str) -> Iterator[str]:
    """Return the row of a line, with its first peer, and one for each further peer."""
    shown = line.figure.shown
    held = ("yes" if line.held else "NO") if line.is_promised else ""
    ours = "missing" if line.ours is None else shown(line.ours)
    left = (name, line.figure.unit, ours, shown(line.limit), held)
    rate = RATE.shown(line.rate) if line.figure in (COST, PER_CORE) else ""
    for peer, value in (line.peers or {"": None}).items():
        yield _ROW.format(*left, *_peer(line, peer, value), rate).rstrip()
        left, rate = ("",) * 5, ""


def _peer(line: Line, peer: str, value: float | None) -> tuple[str, str, str]:
    if value is None:
        return ("missing" if peer else "", "", peer)
    ratio = "" if line.ours is None or not value else f"{line.ours / value:,.3g}"
    return line.figure.shown(value), ratio, peer


def document(results: Results) -> dict[str, Any]:
    """Return the results as JSON takes them, with every run."""
    every: dict[str, Any] = {
        name: {
            "missing": result.missing,
            "figures": [],
            "runs": [asdict(run) for run in result.samples],
        }
        for name, result in results.items()
    }
    for line in table(results):
        every[line.name]["figures"].append(
            {
                "unit": line.figure.unit,
                "ours": line.ours,
                "limit": line.limit,
                "held": line.held if line.is_promised else None,
                "beside": dict(line.peers),
                "per_second": line.rate,
            }
        )
    return every
