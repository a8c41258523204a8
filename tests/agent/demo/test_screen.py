"""The demo's screen shows what a person must see, with and without a terminal."""

import io

import pytest
from rich.console import Console

from tests.agent.demo import pictures
from vedette.agent.demo.screen import Phase, ProbeRow, Screen, ScreenState, picture
from vedette.checks.finding import Kind, Verdict


def text_of(state, width=100, height=None):
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(picture(state, width, height))
    return console.export_text()


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("state", [pictures.EMPTY, pictures.PAGED, pictures.DONE])
def test_fits_the_width(state, width):
    """No line is wider than the terminal, for an empty, a full and a finished state."""
    assert max(len(line) for line in text_of(state, width).splitlines()) <= width


@pytest.mark.parametrize("width", [80, 120])
def test_full_state_tells_everything(width):
    """Verdicts, reasons, alarms, the page and the status page are all there, at either width."""
    text = " ".join(text_of(pictures.PAGED, width).split())

    for words in (
        "FAILING no_data",
        "▇▇▇▁▁▁▁",
        "ALARM record_emptied shop 5 s",
        "other alarms: 2 OK, 1 without data",
        "▲ trigger 14:03:10 UTC",
        "critical, class record_emptied",
        "2026-01-31 14:03:10 UTC",
        "127.0.0.1, 127.0.0.2",
        "peers 24 of 24",
        "http://127.0.0.1:9469/",
        "11.3 s",
    ):
        assert words in text


@pytest.mark.parametrize(("height", "details"), [(24, 2), (30, 7), (None, 7)])
def test_low_screen_keeps_what_tells(height, details):
    """A low screen shows fewer details of the page, but since when, and what still serves."""
    lines = text_of(pictures.PAGED, 100, height).splitlines()
    text = "\n".join(lines)

    assert height is None or len(lines) <= height
    assert "since" in text
    assert "last known good" in text
    assert (f"and {7 - details} more" in text) == (details < 7)


def test_empty_state_says_so():
    """Before the first look the screen says that there is none, and shows no page."""
    text = text_of(pictures.EMPTY)

    assert "no probe has looked yet" in text
    assert "What PagerDuty received" not in text


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_a_picture(phase):
    """Each phase can be shown and says its sentence."""
    assert phase.sentence in " ".join(text_of(ScreenState(phase=phase), 120).split())


def test_brackets_are_text():
    """What looks like markup in a target's words is shown as it is."""
    row = ProbeRow(
        kind=Kind.HTTP, check="[red]", subject="[::1]:443", verdict=Verdict.FAILING, reason="[/b]"
    )
    text = text_of(ScreenState(phase=Phase.HEALTHY, rows=[row]))

    assert "[red]" in text
    assert "[::1]:443" in text
    assert "[/b]" in text


def test_plain_output():
    """A pipe gets one line per phase and the last picture, without control codes."""
    out = io.StringIO()
    with Screen(Console(file=out, width=100, force_terminal=False)) as screen:
        for _ in range(3):
            screen.show(pictures.EMPTY)
        screen.show(pictures.PAGED)
        screen.show(pictures.DONE)

    text = out.getvalue()
    assert "\x1b" not in text
    assert text.count(Phase.STARTING.sentence) == 1
    assert text.count("What PagerDuty received") == 1
    assert text.index(Phase.PAGED.sentence) < text.index("✔ resolve")


def test_terminal_output_leaves_the_last_picture():
    """On a terminal the picture is redrawn in place, and the last one stays."""
    out = io.StringIO()
    console = Console(file=out, width=100, height=20, force_terminal=True, _environ={})
    with Screen(console) as screen:
        screen.show(pictures.EMPTY)
        screen.show(pictures.DONE)

    assert "\x1b[" in out.getvalue()
    assert "Status page" in out.getvalue()
