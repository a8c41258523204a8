"""When an alarm keeps quiet beside its suppressor: CloudWatch's examples, and what is left open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vedette.agent.alarms.alarm import State
from vedette.agent.composite.suppression import SuppressedBy, Suppression, suppress

LETTERS = {"O": State.OK, "A": State.ALARM, "U": State.INSUFFICIENT_DATA}
BY = {"W": SuppressedBy.WAIT_PERIOD, "E": SuppressedBy.EXTENSION_PERIOD, "S": SuppressedBy.ALARM}


def quiet(alarm: str, suppressor: str, wait: float = 2, extension: float = 3) -> str:
    """Return why an alarm is quiet at each time unit, by a letter; . where it is not."""
    memory, said = Suppression(LETTERS[alarm[0]]), ""
    for now, (state, other) in enumerate(zip(alarm, suppressor, strict=True)):
        memory = suppress(
            memory,
            state=LETTERS[state],
            suppressor=LETTERS[other],
            wait=wait,
            extension=extension,
            now=now,
        )
        said += next((letter for letter, by in BY.items() if by is memory.by), ".")
    return said


@pytest.mark.parametrize(
    ("alarm", "suppressor", "said"),
    [
        ("OOAAAAAAAA", "OOOOOOOOOO", "..WW......"),
        ("OOAAAAAAAA", "OOOAAAAAAA", "..WSSSSSSS"),
        ("OOAOOOOOOO", "OOOOOOOOOO", "..WWW....."),
        ("OOAAAAAAAA", "AAAAAAAAAA", "SSSSSSSSSS"),
        ("OOAAAAAAAAAA", "OOOAAAOOOOOO", "..WSSSEEE..."),
        ("OOAAAAAOOOOO", "OOOAAAOOOOOO", "..WSSSEWW..."),
    ],
    ids=[f"example {n}" for n in range(1, 7)],
)
def test_examples_of_cloudwatch(alarm: str, suppressor: str, said: str) -> None:
    """The user guide's six examples come out as there: 2 units to wait, and 3 to extend."""
    assert quiet(alarm, suppressor) == said


@pytest.mark.parametrize(
    ("alarm", "suppressor", "said"),
    [
        ("OOOOOO", "OAOOOO", ".SEEE."),
        ("OOAAAAA", "OAOOOOO", ".SEEE.."),
        ("OOOAAAA", "OAOOOOO", ".SEWW.."),
        ("AAAAAAA", "OOAUUUU", "..SEEE."),
        ("OAAAAAA", "OOOOOAO", ".WW..SE"),
        ("AAAAAAA", "AOAOOOO", "SESEEE."),
        ("OAUUUUU", "OOOOOOO", ".WWW..."),
    ],
    ids=[
        "the extension runs whatever the alarm",
        "a change at the suppressor's end waits for the extension",
        "a later change waits anew",
        "a suppressor that is not seen has left ALARM",
        "a suppressor that comes late",
        "a suppressor that comes again",
        "every change waits",
    ],
)
def test_beyond_the_examples(alarm: str, suppressor: str, said: str) -> None:
    """What the examples leave open is quiet for no longer than the periods say."""
    assert quiet(alarm, suppressor) == said


def test_no_periods() -> None:
    """Without periods an alarm is quiet exactly while its suppressor is in ALARM."""
    assert quiet("OAAOOAAA", "OOAAOOAO", wait=0, extension=0) == "..SS..S."


timelines = st.lists(st.tuples(st.sampled_from("OAU"), st.sampled_from("OAU")), min_size=1)


@given(timelines, st.integers(0, 9), st.integers(0, 9))
def test_quiet_ends(timeline: list[tuple[str, str]], wait: int, extension: int) -> None:
    """Once nothing changes and no suppressor is in ALARM, the longer period is the longest wait."""
    rest = [(timeline[-1][0], "O")] * (max(wait, extension) + 1)
    alarm, suppressor = map("".join, zip(*timeline, *rest, strict=True))

    assert quiet(alarm, suppressor, wait, extension)[-1] == "."


@given(timelines)
def test_suppressor_in_alarm_is_always_quiet(timeline: list[tuple[str, str]]) -> None:
    """While the suppressor is in ALARM nobody is told anything, and nothing else says why."""
    alarm, suppressor = map("".join, zip(*timeline, strict=True))

    said = quiet(alarm, suppressor)

    assert [letter == "S" for letter in said] == [letter == "A" for letter in suppressor]


@pytest.mark.parametrize(("letter", "longest"), [("W", 2), ("E", 3)])
def test_a_clock_that_was_set_back_makes_no_period_longer(letter: str, longest: float) -> None:
    """What was to be quiet until a time that is far away is so for one whole period at most."""
    before = Suppression(State.ALARM, BY[letter], until=1000)
    after = suppress(before, state=State.ALARM, suppressor=State.OK, wait=2, extension=3, now=0)

    assert (after.by, after.until) == (BY[letter], longest)
