"""YAML with its lines, and every fault of form as a problem with a line."""

from collections.abc import Callable

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.document import Document, load


def faults(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in load(text).problems]


def test_values_know_their_lines() -> None:
    """A value's line is its key's, an item's its own, and what is missing is at what is around."""
    document = load("a: 1\nb:\n  - x\n  - c: 2\n\n    d: 3\n")

    assert document.data == {"a": 1, "b": ["x", {"c": 2, "d": 3}]}
    for place, line in {
        ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "d"): 6,
        ("b", 1, "missing"): 4, ("missing",): 1, (): 1,
    }.items():  # fmt: skip
        assert document.line(place) == line, place


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("", 1, "empty"),
        ("# only a comment\n", 1, "empty"),
        ("~", 1, "empty"),
        ("a: 1\nb: [\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("a: *nobody\n", 1, "not YAML"),
        ("a: 1\nb: 2\na: 3\n", 3, "first in line 1"),
        ("a: 1\n? [x]\n: 2\n", 2, "plain word"),
        ("1: a\ntrue: b\n", 2, "plain word"),
        ("a: 1\nb: 0x_\n", 2, "int"),
        ("a: 1\nb: !!float x\n", 2, "float"),
        ("a: 1\nb: !!int\n", 2, "int"),
        ("a: 1\nb: !!bool x\n", 2, "bool"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "not YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, "not YAML"),
        ("a: \x07\n", 1, "not YAML"),
        ("a: 1\nb: x\0y\n", 2, "U+0000"),
        ('a: 1\nb: "x\\0y"\n', 2, "U+0000"),
        ('a: 1\n"b\\uD800": 2\n', 2, "U+D800"),
        ("a: 1\n\n\tb: 2\n", 3, "a tab"),
        ("a: @b\n", 1, "into quotes"),
        ("a: 1\nb:\n  - c: 1\n   d: 2\n", 4, "not indented"),
        ("a: 1\nb: 'c\nd: 2\n", 4, "that begins in line 2"),
        ("a: &a {b: 1}\nc:\n  <<: *a\n", 3, "merges nothing"),
        ("a: 1\nb: &a [*a]\n", 2, "more than 50 deep"),
        ("a: 1\nb: &a {c: *a}\n", 2, "more than 50 deep"),
        ("a: 1\nb: " + "[" * 5000, 2, "more than 50 deep"),
        ("a: 1\nb: " + "{c: " * 5000, 2, "more than 50 deep"),
        ("- " * 51, 1, "more than 50 deep"),
    ],
)
def test_fault_of_form_has_a_line(text: str, line: int, word: str) -> None:
    """Whatever is wrong with the form is one problem in its line."""
    ((at, message),) = faults(text)

    assert at == line
    assert word in message


def test_date_stays_text() -> None:
    """What YAML would take for a date is what was written."""
    assert load("a: 2026-01-31\n").data == {"a": "2026-01-31"}


@given(st.text(st.sampled_from("ab0x_:-[]{}&*!?|>'\"%@#\\U \n\t\x00\ud800")) | st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text raises; where there is no data, there is a problem that says why."""
    document = load(text)

    assert isinstance(document, Document)
    assert document.problems or document.lines


def nested(levels: int) -> str:
    """Return lists within lists, so many of them."""
    return "[" * levels + "]" * levels


def by_aliases(levels: int) -> str:
    """Return the same, of which each is in a line of its own and an alias in the next."""
    first = "- &a0 []\n"
    return first + "".join(f"- &a{n} [*a{n - 1}]\n" for n in range(1, levels - 1))


@pytest.mark.parametrize("written", [nested, by_aliases])
def test_what_is_nested_is_read_to_a_depth(written: Callable[[int], str]) -> None:
    """Fifty levels are read, by aliases or without, and one more is told as such."""
    document = load(written(50))
    assert document.problems == []
    assert document.data

    (problem,) = load(written(51)).problems
    assert "more than 50 deep" in problem.message


def test_aliases_of_aliases_are_counted() -> None:
    """A few lines that stand for billions of values are a fault at once, and nothing is made."""
    lines = [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    document = load("\n".join(["- &a0 [x]", *lines]))

    ((line, message),) = [(p.line, p.message) for p in document.problems]
    assert (line, document.data) == (7, None)
    assert "more than 1,000,000 values" in message


values = st.recursive(
    st.integers() | st.booleans() | st.text("ab \t'\"-:", max_size=5),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), parts, max_size=3)
    ),
    max_leaves=20,
)


@given(st.lists(values, min_size=1), st.booleans())
def test_what_was_written_is_read(data: list[object], flow: bool) -> None:
    """Data written as YAML, what stands in it twice as an alias, are those data."""
    document = load(yaml.safe_dump([data, data], default_flow_style=flow))

    assert document.data == [data, data]
    assert document.problems == []
