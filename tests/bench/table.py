"""Results as a table for people and as JSON for programs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench.benchmarks import Benchmark
from tests.bench.sample import Sample, middle


@dataclass(frozen=True, slots=True)
class Result:
    """What the runs of one benchmark gave: samples, or why there are none."""

    benchmark: Benchmark
    samples: Sequence[Sample]
    missing: str = ""

    @property
    def middle(self) -> Sample | None:
        """The run of the median cost."""
        return middle(self.samples) if self.samples else None

    @property
    def broken(self) -> Sequence[str]:
        """Each promise that does not hold; what was promised and not measured does not."""
        said, sample, wanted = [], self.middle, self.benchmark
        if wanted.limit is not None and (sample is None or sample.cost > wanted.limit):
            said.append(f"{wanted.name}: at most {wanted.limit:g} CPU seconds per 1,000")
        late = sample.late_p99 if sample else None
        if wanted.late is not None and (late is None or late > wanted.late):
            said.append(f"{wanted.name}: 99 of 100 rounds at most {wanted.late * 1000:g} ms late")
        return said


Results = Mapping[str, Result]

_ROW = "{:<40} {:>9} {:>9} {:>7} {:>7} {:>5} {:>10}"


def lines(results: Results) -> Iterator[str]:
    """Return the table: costs, then lateness, then what is missing."""
    yield "CPU seconds (user + system) per 1,000 operations"
    yield _ROW.format("", "ours", "peer", "ratio", "limit", "held", "per second")
    for result in results.values():
        yield _cost(result, results)
    if late := [r for r in results.values() if r.benchmark.late is not None]:
        yield "\nLateness of rounds, milliseconds"
        yield _ROW.format("", "99 of 100", "half", "worst", "limit", "held", "skipped")
        yield from (_lateness(result, result.middle) for result in late if result.middle)
    for result in results.values():
        if result.missing:
            yield f"\nnot measured: {result.benchmark.name}: {result.missing}"


def _cost(result: Result, results: Results) -> str:
    wanted, sample = result.benchmark, result.middle
    if sample is None:
        return _ROW.format(wanted.name, "missing", "", "", _limit(wanted.limit), "", "")
    rate = f"{sample.rate:,.0f}"
    if wanted.peer is None:
        return _ROW.format(wanted.name, "", f"{sample.cost:.4f}", "", "", "", rate)
    other = results[wanted.peer].middle if wanted.peer in results else None
    peer = f"{other.cost:.4f}" if other else "missing"
    ratio = f"{sample.cost / other.cost:.2f}" if other else ""
    held = _held(wanted.limit, sample.cost)
    return _ROW.format(
        wanted.name, f"{sample.cost:.4f}", peer, ratio, _limit(wanted.limit), held, rate
    )


def _lateness(result: Result, sample: Sample) -> str:
    figures = (sample.late_p99, sample.late_p50, sample.late_max)
    shown = [f"{figure * 1000:.1f}" for figure in figures if figure is not None]
    late = result.benchmark.late or 0.0
    held = _held(late, sample.late_p99 or 0.0)
    return _ROW.format(result.benchmark.name, *shown, f"{late * 1000:g}", held, sample.skipped)


def _limit(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"


def _held(limit: float | None, value: float) -> str:
    if limit is None:
        return ""
    return "yes" if value <= limit else "NO"


def document(results: Results) -> dict[str, Any]:
    """Return the results as JSON takes them, with every run."""
    return {
        name: {
            "cpu_seconds_per_1000": sample.cost if (sample := result.middle) else None,
            "per_second": sample.rate if sample else None,
            "limit": result.benchmark.limit,
            "late_p99": sample.late_p99 if sample else None,
            "late_limit": result.benchmark.late,
            "held": not result.broken,
            "missing": result.missing,
            "runs": [asdict(run) for run in result.samples],
        }
        for name, result in results.items()
    }
