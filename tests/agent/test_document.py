"""YAML with its lines, and every fault of form as a problem with a line."""

import pytest
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
        ("a: 1\nb: 0x_\n", 2, "int"),
        ("a: 1\nb: !!float x\n", 2, "float"),
        ("a: 1\nb: !!int\n", 2, "int"),
        ("a: 1\nb: !!bool x\n", 2, "bool"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "not YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, "not YAML"),
        ("a: \x07\n", 1, "not YAML"),
        ("a: &a [*a]\n", 1, "not YAML"),
        ("[" * 5000, 1, "not YAML"),
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
