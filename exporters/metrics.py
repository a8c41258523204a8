"""Prometheus's text format 0.0.4 for the agent's own series, made a step at a time.

Rule: no state but a histogram's counts; what the families hold is the agent's to say.

A page has a hundred thousand lines, and is made anew for each scrape: kept text would be stale
after the next look, and take more memory than all that was seen. So it is made in as few steps as
there are things to tell of. The lines of one histogram, or of the states of one alarm, are one
pattern with a gap where the labels go; it is made once, and filled in by two calls.
Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import accumulate, chain, islice
from sys import intern

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PROBE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from an answer on loopback to twice the default timeout."""

SLICE = 400
"""Steps that are made in one piece: about a quarter of a millisecond of work."""


class MetricKind(StrEnum):
    """The types that our families have, in the words of a TYPE line."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Labels:
    """The labels of a series, written when they are made; their values may be any text.

    They are kept in two parts, each once for all series that have it: of a hundred thousand alarms
    ten are of one subject, and a thousand of one service and diagnosis.
    """

    __slots__ = ("_own", "_shared")

    def __init__(self, **values: str) -> None:
        texts = [f'{name}="{_escape(value)}"' for name, value in values.items()]
        self._shared, self._own = "", ",".join(texts)

    def also(self, **values: str) -> "Labels":
        """Return these labels with *values*, at least one, after them."""
        labels = Labels(**values)
        labels._shared, labels._own = intern(self.before), intern(labels._own)
        return labels

    @property
    def text(self) -> str:
        """All of them, as they are written."""
        return self._shared + self._own

    @property
    def before(self) -> str:
        """The text that another label follows."""
        return f"{self._shared}{self._own}," if self._own else ""


NO_LABELS = Labels()
_GAP = "\0"
"""Where the labels go in a pattern; what is put there is not searched for gaps again."""

_LONG = ("",) * 3
"""Steps that a histogram's lines are besides their own: they take as long as those."""

Samples = Iterable[tuple[Labels, float] | None]
"""Series with their values, of which no two have the same labels; None is a step to no series."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series; only a counter's name ends in `_total`, and every one's.

    *lines* may be made while they are read, each time some whole lines. Each is a step of work, and
    is counted among those of its slice; one that is empty says nothing, and is counted as well.
    """

    name: str
    kind: MetricKind
    help: str
    lines: Iterable[str] = ()

    def __post_init__(self) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", self.name), self.name
        assert self.name.endswith("_total") == (self.kind is MetricKind.COUNTER), self.name
        assert not self.name.endswith(("_bucket", "_sum", "_count")), self.name
        assert self.help, self.name


class Histogram:
    """Counts of observations in fixed buckets, whose *bounds* are inclusive and ascending."""

    def __init__(self, bounds: Sequence[float] = PROBE_BUCKETS) -> None:
        assert list(bounds) == sorted(set(bounds)), bounds
        assert all(math.isfinite(bound) for bound in bounds), bounds
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Count *value*, a number that is not NaN, so many *times*."""
        assert not math.isnan(value)
        self._counts[bisect_left(self._bounds, value)] += times
        self._sum += value * times

    def lines(self, name: str, labels: Labels = NO_LABELS) -> str:
        """Return its series as they are now: cumulative buckets, then sum and count."""
        counts = (*accumulate(self._counts),)
        text = labels.text
        pattern = _pattern(name, self._bounds, _GAP if text else "")
        said = pattern % (*counts, _number(self._sum), counts[-1])
        return said.replace(_GAP, text)


@cache
def _pattern(name: str, bounds: tuple[float, ...], labels: str) -> str:
    """Return a histogram's lines without their numbers; the last bucket has no bound."""
    before, braced = (f"{labels},", f"{{{labels}}}") if labels else ("", "")
    upper = [*map(_number, bounds), "+Inf"]
    buckets = [f'{name}_bucket{{{before}le="{bound}"}} %d\n' for bound in upper]
    return "".join([*buckets, f"{name}_sum{braced} %s\n", f"{name}_count{braced} %d\n"])


def gauge(name: str, text: str, samples: Samples) -> Family:
    """Return the gauge *name* with *text* for its help."""
    return Family(name, MetricKind.GAUGE, text, _values(name, samples))


def counter(name: str, text: str, samples: Samples) -> Family:
    """Return the counter *name* with *text* for its help."""
    return Family(name, MetricKind.COUNTER, text, _values(name, samples))


def states(
    name: str, text: str, samples: Iterable[tuple[Labels, StrEnum]], among: type[StrEnum]
) -> Family:
    """Return a gauge with a series for each state *among* which the present one is 1, others 0."""
    return Family(name, MetricKind.GAUGE, text, _states(name, samples, among))


def histogram(name: str, text: str, samples: Iterable[tuple[Labels, Histogram]]) -> Family:
    """Return the histogram *name* with *text* for its help."""
    return Family(name, MetricKind.HISTOGRAM, text, _histograms(name, samples))


def _values(name: str, samples: Samples) -> Iterator[str]:
    for sample in samples:
        if sample is None:
            yield ""
        else:
            labels, value = sample
            braced = f"{{{text}}}" if (text := labels.text) else ""
            yield f"{name}{braced} {_number(value)}\n"


def _states(
    name: str, samples: Iterable[tuple[Labels, StrEnum]], among: type[StrEnum]
) -> Iterator[str]:
    patterns = {
        now: "".join([f'{name}{{{_GAP}state="{one}"}} {float(one is now)}\n' for one in among])
        for now in among
    }
    for labels, now in samples:
        yield patterns[now].replace(_GAP, labels.before)


def _histograms(name: str, samples: Iterable[tuple[Labels, Histogram]]) -> Iterator[str]:
    for labels, counts in samples:
        yield counts.lines(name, labels)
        yield from _LONG


def render(families: Iterable[Family]) -> Iterator[str]:
    """Return the text of *families*, each with a name of its own, sorted by name, in steps."""
    ordered = sorted(families, key=lambda family: family.name)
    names = [family.name for family in ordered]
    assert len(names) == len(set(names)), names
    return chain.from_iterable(chain([_head(family)], family.lines) for family in ordered)


def _head(family: Family) -> str:
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {text}\n# TYPE {family.name} {family.kind}\n"


def slices(lines: Iterable[str]) -> Iterator[bytes]:
    """Return *lines* joined in pieces of at most SLICE steps; one may be empty."""
    lines = iter(lines)
    while piece := list(islice(lines, SLICE)):
        yield "".join(piece).encode()


def process_text() -> str:
    """Return the series of this process and its interpreter, as every Python exporter has them."""
    return generate_latest(_process_registry()).decode()


@cache
def _process_registry() -> CollectorRegistry:
    # A registry of our own: the global one belongs to whoever imports us.
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def _escape(text: str) -> str:
    if not text.isascii():
        # A name that the file system or a peer gave us may hold what UTF-8 cannot say.
        text = text.encode(errors="replace").decode()
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(+value)  # the plus makes a bool the number that it is
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
