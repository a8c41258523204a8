"""Prometheus text: what we write is what Prometheus reads."""

import io
import math
import subprocess
from collections.abc import Iterable, Iterator
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_fd_to_metric_families
from prometheus_client.samples import Sample as Parsed

from tests.servers.process import need
from vedette.exporters.metrics import (
    NO_LABELS,
    PROBE_BUCKETS,
    SLICE,
    Family,
    Histogram,
    Labels,
    MetricKind,
    counter,
    gauge,
    histogram,
    process_text,
    render,
    slices,
    states,
)


class Light(StrEnum):
    RED = "red"
    GREEN = "green"


def up(**labels: str) -> Family:
    return gauge("vedette_up", "Whether it is.", [(Labels(**labels), 1)])


def probes() -> Family:
    return counter("vedette_probes_total", "Probes.", [(NO_LABELS, 7)])


def text(*families: Family) -> str:
    return "".join(render(families))


def parsed(said: str) -> list[Parsed]:
    families = text_fd_to_metric_families(io.StringIO(said, newline="\n"))
    return [sample for family in families for sample in family.samples]


def counted(values: Iterable[float], bounds: Iterable[float] = PROBE_BUCKETS) -> Histogram:
    made = Histogram(list(bounds))
    for value in values:
        made.observe(value)
    return made


def durations(values: Iterable[float]) -> Family:
    samples = [(Labels(check="a"), counted(values))]
    return histogram("vedette_probe_duration_seconds", "Durations.", samples)


def test_the_text_is_the_formats() -> None:
    """Families come sorted by name, each with HELP and TYPE before its samples."""
    assert text(up(check="a"), probes()) == (
        "# HELP vedette_probes_total Probes.\n"
        "# TYPE vedette_probes_total counter\n"
        "vedette_probes_total 7\n"
        "# HELP vedette_up Whether it is.\n"
        "# TYPE vedette_up gauge\n"
        'vedette_up{check="a"} 1\n'
    )


def test_nothing_is_nothing() -> None:
    """No families make no text, and a family without samples still says what it is."""
    assert text() == ""
    empty = gauge("vedette_x", "X.", [])
    assert text(empty) == "# HELP vedette_x X.\n# TYPE vedette_x gauge\n"


values = st.floats() | st.integers(-(2**53), 2**53) | st.booleans()
labels = st.dictionaries(st.sampled_from(["check", "subject", "reason"]), st.text())
series = st.lists(st.tuples(labels, values), unique_by=lambda one: tuple(sorted(one[0].items())))


@given(series)
def test_what_is_read_is_what_was_said(put_in: list[tuple[dict[str, str], float]]) -> None:
    """Whatever labels and values, Prometheus's parser reads them back, in their order."""
    family = gauge("vedette_up", "Up.", [(Labels(**labels), value) for labels, value in put_in])
    read = [(sample.labels, sample.value) for sample in parsed(text(family))]
    assert [labels for labels, _ in read] == [labels for labels, _ in put_in]
    for (_, one), (_, other) in zip(read, put_in, strict=True):
        assert one == other or (math.isnan(one) and math.isnan(other))


@given(labels, st.text())
def test_more_labels_follow_those_there_are(some: dict[str, str], more: str) -> None:
    """Labels with one more are those made with all of them at once, and do not change."""
    made = Labels(**some)
    assert made.also(state=more).text == Labels(**some, state=more).text
    assert made.text == Labels(**some).text


def test_a_label_that_utf8_cannot_say_harms_nobody() -> None:
    """A lone surrogate in a label value becomes a question mark, and the text stays UTF-8."""
    assert b'check="a?"' in text(up(check="a\udc80")).encode()


def test_help_is_escaped() -> None:
    """A line feed or a backslash in a help text stays inside its line."""
    said = text(gauge("vedette_up", "One\nand \\ two.", []))
    [read] = text_fd_to_metric_families(io.StringIO(said))
    assert read.documentation == "One\nand \\ two."


@given(st.dictionaries(st.text(), st.sampled_from(Light)))
def test_the_present_state_is_1(now: dict[str, Light]) -> None:
    """Each state has a series under the labels of each sample; only that of the present is 1."""
    rows = [(Labels(check=check), light) for check, light in now.items()]
    samples = parsed(text(states("vedette_light", "Light.", rows, Light)))
    assert [(s.labels, s.value) for s in samples] == [
        ({"check": check, "state": light}, float(light is now[check]))
        for check in now
        for light in Light
    ]


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("vedette_probes", MetricKind.COUNTER, "X."),
        ("vedette_up_total", MetricKind.GAUGE, "X."),
        ("vedette_up_count", MetricKind.GAUGE, "X."),
        ("vedette-up", MetricKind.GAUGE, "X."),
        ("Vedette", MetricKind.GAUGE, "X."),
        ("vedette_up", MetricKind.GAUGE, ""),
    ],
)
def test_a_family_against_the_conventions_is_a_bug(name: str, kind: MetricKind, told: str) -> None:
    """A name that Prometheus's conventions forbid, or no help, cannot be made."""
    with pytest.raises(AssertionError):
        Family(name, kind, told)


def test_two_families_of_one_name_are_a_bug() -> None:
    """Prometheus would refuse the whole page for a name said twice."""
    with pytest.raises(AssertionError, match="vedette_up"):
        render([up(), up()])


def test_buckets_are_inclusive_and_cumulative() -> None:
    """A value on a bound counts in its bucket and all above, one over all bounds only in +Inf."""
    made = counted((0.05, 0.1, 0.5, 7.0), [0.1, 1.0])
    assert made.lines("x", Labels(a="b")).splitlines(keepends=True) == [
        'x_bucket{a="b",le="0.1"} 2\n',
        'x_bucket{a="b",le="1.0"} 3\n',
        'x_bucket{a="b",le="+Inf"} 4\n',
        'x_sum{a="b"} 7.65\n',
        'x_count{a="b"} 4\n',
    ]
    assert made.lines("x").endswith('x_bucket{le="+Inf"} 4\nx_sum 7.65\nx_count 4\n')


@given(st.text())
def test_labels_go_into_a_pattern_as_they_are(check: str) -> None:
    """Whatever a label says, be it a gap or a number's place, it is told in every line."""
    labels = {"check": check.encode(errors="replace").decode()}
    told = [
        histogram("vedette_x", "X.", [(Labels(check=check), counted([0.5]))]),
        states("vedette_y", "Y.", [(Labels(check=check), Light.RED)], Light),
    ]
    for sample in parsed(text(*told)):
        assert {"check": sample.labels["check"]} == labels


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_everything_once(values: list[float]) -> None:
    """Its buckets never fall, the last equals the count, and each counts what is not above it."""
    samples = parsed(text(durations(values)))
    buckets = [s.value for s in samples if s.name.endswith("_bucket")]
    bounds = [*PROBE_BUCKETS, math.inf]
    assert buckets == [sum(value <= bound for value in values) for bound in bounds]
    assert samples[-1].value == len(values)


def test_a_histogram_is_of_one_moment() -> None:
    """What is observed between two of its lines is in none of them."""
    made = counted([0.01])
    lines = iter(render([histogram("vedette_x", "X.", [(NO_LABELS, made)])]))
    said = [next(lines), next(lines)]
    made.observe(100.0)
    samples = parsed("".join([*said, *lines]))
    assert [s.value for s in samples[-3:]] == [1, 0.01, 1]


def test_lines_are_made_when_they_are_read() -> None:
    """A family's samples are asked for one by one, and those of a later family not before."""
    asked: list[str] = []

    def samples(name: str) -> Iterator[tuple[Labels, float]]:
        for number in "12":
            asked.append(name + number)
            yield Labels(number=number), 1

    lines = render([gauge(f"vedette_{name}", "X.", samples(name)) for name in "ab"])
    seen = []
    for line in lines:
        if not line.startswith("#"):
            seen.append(list(asked))
    assert seen == [["a1"], ["a1", "a2"], ["a1", "a2", "b1"], ["a1", "a2", "b1", "b2"]]


@given(st.lists(st.sampled_from(["", "a\n", "ä\n"]), max_size=3).map(lambda some: some * SLICE))
def test_a_slice_is_bounded_by_its_steps(lines: list[str]) -> None:
    """Slices join to the whole, and none has more lines than it may, counting the empty ones."""
    pieces = list(slices(lines))
    assert b"".join(pieces) == "".join(lines).encode()
    assert len(pieces) == -(-len(lines) // SLICE)
    assert all(piece.count(b"\n") <= SLICE for piece in pieces)


def test_a_step_to_no_series_is_a_step() -> None:
    """A sample that is None makes no text and counts in its slice."""
    family = gauge("vedette_x", "X.", [None] * SLICE + [(NO_LABELS, 1)])
    assert list(slices(render([family]))) == [
        text(gauge("vedette_x", "X.", [])).encode(),
        b"vedette_x 1\n",
    ]


def test_process_series_are_there() -> None:
    """The process, the interpreter and its collector are described, and join our own text."""
    names = {sample.name for sample in parsed(text(up()) + process_text())}
    assert {"vedette_up", "python_info", "python_gc_objects_collected_total"} <= names


def test_promtool_has_no_complaint() -> None:
    """Prometheus's own linter accepts a text with all kinds of families."""
    lights = states("vedette_light", "Light.", [(Labels(at="a"), Light.RED)], Light)
    said = text(up(check="a"), probes(), durations([0.01, 3]), lights)
    promtool = need("promtool")
    seen = subprocess.run(
        [promtool, "check", "metrics"], input=said.encode(), capture_output=True, check=False
    )
    assert (seen.returncode, seen.stdout + seen.stderr) == (0, b"")
