"""The single values of a blackbox.yml, as Go reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.blackbox.scalars import in_words, octets, program, regexp, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5s", 5),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("500ms", 0.5),
        (".5s", 0.5),
        ("100us", 1e-4),
        ("-1s", -1),
        ("0", 0),
    ],
)
def test_durations_are_those_of_go(text, expected):
    """A duration is a sum of numbers with units; 0 needs none."""
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "5", "5 s", "s", "5d", "five", "1s2", "--1s"])
def test_what_is_no_duration_is_refused(text):
    """Anything else is an error that shows how to write one; seconds are not guessed."""
    with pytest.raises(ValueError, match="invalid duration"):
        seconds(text)


@given(st.integers(1, 10_000_000))
def test_a_duration_is_written_so_that_it_can_be_read(milliseconds):
    """What `/config` shows of a timeout means that timeout."""
    assert seconds(in_words(milliseconds / 1000)) == pytest.approx(milliseconds / 1000, rel=1e-5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("128B", 128), ("1KB", 1024), ("1KiB", 1024), ("1.5MB", 1572864), ("2GiB", 2**31)],
)
def test_sizes_are_powers_of_1024(text, expected):
    """KB and KiB are the same: units.Base2Bytes."""
    assert octets(text) == expected


@pytest.mark.parametrize("text", ["", "10", "10M", "10iB", "B", "-1B", "1kB"])
def test_what_is_no_size_is_refused(text):
    """A size needs its unit."""
    with pytest.raises(ValueError, match="is not a size"):
        octets(text)


@pytest.mark.parametrize("text", [r"^a\z", r"\pL", r"\Qa.b\E", "a(?i)b", "[[:alpha:]]"])
def test_regular_expressions_are_those_of_re2(text):
    """What Python's own would refuse or misread works."""
    assert regexp(text).search("abé a.b aB") if text != r"^a\z" else regexp(text).search("a")


def test_what_is_no_regular_expression_is_refused_in_the_words_of_the_exporter():
    """The text of the error is what users search for."""
    with pytest.raises(ValueError, match='"Could not compile regular expression" regexp=":\\["'):
        regexp(":[")


def test_what_is_no_expression_is_refused_in_the_words_of_the_exporter():
    """An undeclared name is found out when the config is read."""
    with pytest.raises(ValueError, match='"Could not compile CEL program"'):
        program("foo.bar")
