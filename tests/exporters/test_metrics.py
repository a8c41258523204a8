"""Prometheus text: what we write is what Prometheus reads."""

import io
import math
import subprocess
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_fd_to_metric_families
from prometheus_client.samples import Sample as Parsed

from tests.servers.process import need
from vedette.exporters.metrics import (
    CONTENT_TYPE,
    PROBE_BUCKETS,
    Family,
    Histogram,
    MetricKind,
    Sample,
    process_text,
    render,
)

UP = Family("vedette_up", MetricKind.GAUGE, "Whether it is.", [Sample(1, {"check": "a"})])
PROBES = Family("vedette_probes_total", MetricKind.COUNTER, "Probes.", [Sample(7)])


def parsed(text: str) -> list[Parsed]:
    families = text_fd_to_metric_families(io.StringIO(text, newline="\n"))
    return [sample for family in families for sample in family.samples]


def durations(values: Iterable[float]) -> Family:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    samples = histogram.samples({"check": "a"})
    return Family("vedette_probe_duration_seconds", MetricKind.HISTOGRAM, "Durations.", samples)


def test_the_text_is_the_formats() -> None:
    """Families come sorted by name, each with HELP and TYPE before its samples."""
    assert render([UP, PROBES]) == (
        "# HELP vedette_probes_total Probes.\n"
        "# TYPE vedette_probes_total counter\n"
        "vedette_probes_total 7\n"
        "# HELP vedette_up Whether it is.\n"
        "# TYPE vedette_up gauge\n"
        'vedette_up{check="a"} 1\n'
    )


def test_nothing_is_nothing() -> None:
    """No families make no text, and a family without samples still says what it is."""
    assert render([]) == ""
    empty = Family("vedette_x", MetricKind.GAUGE, "X.")
    assert render([empty]) == "# HELP vedette_x X.\n# TYPE vedette_x gauge\n"


@given(st.dictionaries(st.sampled_from(["check", "subject", "reason"]), st.text()))
def test_any_label_value_round_trips(labels: dict[str, str]) -> None:
    """Whatever a label's value, Prometheus's parser reads it back."""
    family = Family("vedette_up", MetricKind.GAUGE, "Up.", [Sample(1, labels)])
    assert [(s.labels, s.value) for s in parsed(render([family]))] == [(labels, 1.0)]


def test_a_label_that_utf8_cannot_say_harms_nobody() -> None:
    """A lone surrogate in a label value becomes a question mark, and the text stays UTF-8."""
    family = Family("vedette_up", MetricKind.GAUGE, "Up.", [Sample(1, {"check": "a\udc80"})])
    assert b'check="a?"' in render([family]).encode()


@given(st.floats() | st.integers(-(2**53), 2**53) | st.booleans())
def test_any_value_round_trips(value: float) -> None:
    """Whatever a sample's value, Prometheus's parser reads it back."""
    family = Family("vedette_up", MetricKind.GAUGE, "Up.", [Sample(value)])
    [sample] = parsed(render([family]))
    assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))


def test_help_is_escaped() -> None:
    """A line feed or a backslash in a help text stays inside its line."""
    family = Family("vedette_up", MetricKind.GAUGE, "One\nand \\ two.")
    [read] = text_fd_to_metric_families(io.StringIO(render([family])))
    assert read.documentation == "One\nand \\ two."


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("vedette_probes", MetricKind.COUNTER, "X."),
        ("vedette_up_total", MetricKind.GAUGE, "X."),
        ("vedette_up_count", MetricKind.GAUGE, "X."),
        ("vedette-up", MetricKind.GAUGE, "X."),
        ("Vedette", MetricKind.GAUGE, "X."),
        ("vedette_up", MetricKind.GAUGE, ""),
    ],
)
def test_a_family_against_the_conventions_is_a_bug(name: str, kind: MetricKind, text: str) -> None:
    """A name that Prometheus's conventions forbid, or no help, cannot be made."""
    with pytest.raises(AssertionError):
        Family(name, kind, text)


def test_two_families_of_one_name_are_a_bug() -> None:
    """Prometheus would refuse the whole page for a name said twice."""
    with pytest.raises(AssertionError, match="vedette_up"):
        render([UP, UP])


def test_buckets_are_inclusive_and_cumulative() -> None:
    """A value on a bound counts in its bucket and all above, one over all bounds only in +Inf."""
    histogram = Histogram([0.1, 1.0])
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert histogram.samples({"a": "b"}) == [
        Sample(2, {"a": "b", "le": "0.1"}, "_bucket"),
        Sample(3, {"a": "b", "le": "1.0"}, "_bucket"),
        Sample(4, {"a": "b", "le": "+Inf"}, "_bucket"),
        Sample(7.65, {"a": "b"}, "_sum"),
        Sample(4, {"a": "b"}, "_count"),
    ]


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    """Its buckets never fall, the last equals the count, and each counts what is not above it."""
    samples = parsed(render([durations(values)]))
    buckets = [s.value for s in samples if s.name.endswith("_bucket")]
    bounds = [*PROBE_BUCKETS, math.inf]
    assert buckets == [sum(value <= bound for value in values) for bound in bounds]
    assert samples[-1].value == len(values)


def test_process_series_are_there() -> None:
    """The process, the interpreter and its collector are described, and join our own text."""
    names = {sample.name for sample in parsed(render([UP]) + process_text())}
    assert {"vedette_up", "python_info", "python_gc_objects_collected_total"} <= names


def test_content_type_names_the_format() -> None:
    """The content type says text of version 0.0.4 in UTF-8."""
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_promtool_has_no_complaint() -> None:
    """Prometheus's own linter accepts a text with all kinds of families."""
    text = render([UP, PROBES, durations([0.01, 3])])
    promtool = need("promtool")
    seen = subprocess.run(
        [promtool, "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert (seen.returncode, seen.stdout + seen.stderr) == (0, b"")
