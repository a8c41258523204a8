"""Prometheus's text format 0.0.4 for the agent's own series.

Rule: no state but a histogram's counts; what the families hold is the agent's to say.
Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

PROBE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from an answer on loopback to twice the default timeout."""

_NO_LABELS: Mapping[str, str] = MappingProxyType({})


class MetricKind(StrEnum):
    """The types that our families have, in the words of a TYPE line."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Sample(NamedTuple):
    """One series of a family at this moment; *suffix* is a histogram's `_bucket`, `_sum`, `_count`.

    A family's samples differ in suffix or labels. Label values may be any text.
    """

    value: float
    labels: Mapping[str, str] = _NO_LABELS
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its series; only a counter's name ends in `_total`, and every one's."""

    name: str
    kind: MetricKind
    help: str
    samples: Sequence[Sample] = field(default=())

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

    def observe(self, value: float) -> None:
        """Count *value*, a number that is not NaN."""
        assert not math.isnan(value)
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def samples(self, labels: Mapping[str, str] = _NO_LABELS) -> list[Sample]:
        """Return its series under *labels*: cumulative buckets, then sum and count."""
        bounds = [*map(_number, self._bounds), "+Inf"]
        counts = list(accumulate(self._counts))
        buckets = [
            Sample(count, {**labels, "le": bound}, "_bucket")
            for bound, count in zip(bounds, counts, strict=True)
        ]
        return [*buckets, Sample(self._sum, labels, "_sum"), Sample(counts[-1], labels, "_count")]


def render(families: Iterable[Family]) -> str:
    """Return *families*, each with a name of its own, as text sorted by name."""
    ordered = sorted(families, key=lambda family: family.name)
    names = [family.name for family in ordered]
    assert len(names) == len(set(names)), names
    return "".join(line for family in ordered for line in _lines(family))


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


def _lines(family: Family) -> Iterator[str]:
    name = family.name
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {text}\n# TYPE {name} {family.kind.value}\n"
    for value, labels, suffix in family.samples:
        if labels:
            pairs = ",".join([f'{key}="{_escape(text)}"' for key, text in labels.items()])
            yield f"{name}{suffix}{{{pairs}}} {_number(value)}\n"
        else:
            yield f"{name}{suffix} {_number(value)}\n"


def _escape(text: str) -> str:
    if not text.isascii():
        # A name that the file system or a peer gave us may hold what UTF-8 cannot say.
        text = text.encode(errors="replace").decode()
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(+value)  # the plus makes a bool the number that it is
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
