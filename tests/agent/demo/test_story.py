"""The story ends well only if the right page came and went, and says otherwise what did not."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from tests.agent.demo import pictures
from vedette.agent.demo.screen import Screen
from vedette.agent.demo.story import Limits, play

SHORT = Limits(ready=0.1, healthy=0.02, page=0.1, hold=0.02, resolve=0.1, total=5, refresh=0.005)


class Stage:
    """A world whose pager receiver gets *page* when the record goes and *resolve* when back."""

    status_url = "http://127.0.0.1:1/"

    def __init__(self, page=None, resolve=None):
        self.events = []
        self.emptied = False
        self.moves = []
        self._page, self._resolve = page, resolve

    def empty_record(self):
        self.emptied = True
        self.moves.append("empty")
        self.events += [self._page] if self._page else []

    def restore_record(self):
        self.emptied = False
        self.moves.append("restore")
        self.events += [self._resolve] if self._resolve else []


class View:
    """An agent that sees at once what the world is like."""

    def __init__(self, stage, healthy=pictures.HEALTHY):
        self.stage = stage
        self.healthy = healthy

    def probes(self):
        return list(pictures.BROKEN if self.stage.emptied else self.healthy)

    def alarms(self):
        return list(pictures.ALARMS)


async def told(stage, view=None, limits=SHORT):
    out = io.StringIO()
    screen = Screen(Console(file=out, width=100, force_terminal=False))
    code = await play(stage, view or View(stage), screen, limits)
    return code, " ".join(out.getvalue().split())


async def test_right_page_and_resolve_is_success():
    """Page and resolve of one key, with the cause as class, end with 0; phases come in order."""
    stage = Stage(pictures.event("trigger"), pictures.event("resolve"))
    code, text = await told(stage)

    assert code == 0
    assert stage.moves == ["empty", "restore"]
    words = ["starts and learns", "All is well:", "just emptied", "rings", "back.", "Done:"]
    assert sorted(words, key=text.index) == words


@pytest.mark.parametrize(
    ("page", "resolve", "sentence"),
    [
        (None, None, "PagerDuty received no page within 0.1 seconds."),
        (pictures.event("trigger"), None, "PagerDuty received no resolve within 0.1 seconds."),
        (
            pictures.event("trigger", cause="service_down"),
            pictures.event("resolve"),
            "did not name record_emptied but service_down.",
        ),
        (
            pictures.event("trigger"),
            pictures.event("resolve", key="other"),
            "did not have the same dedup key.",
        ),
    ],
)
async def test_what_did_not_happen_is_said(page, resolve, sentence):
    """A missing or wrong page or resolve ends with 1 and one sentence."""
    code, text = await told(Stage(page, resolve))

    assert code == 1
    assert sentence in text


@pytest.mark.parametrize(
    "rows",
    [
        (),
        pictures.HEALTHY[:2],
        (*pictures.HEALTHY[:2], replace(pictures.HEALTHY[2], verdict=pictures.UNKNOWN)),
    ],
)
async def test_unready_agent_is_not_touched(rows):
    """Until all kinds of probe are OK, the seeded BGP one included, the record stays."""
    stage = Stage()
    code, text = await told(stage, View(stage, rows))

    assert code == 1
    assert stage.moves == []
    assert "Not every probe (DNS, HTTP and BGP) became OK within 0.1 seconds." in text


async def test_page_while_healthy_is_failure():
    """A page before anything broke ends the story."""
    stage = Stage()
    stage.events.append(pictures.event("trigger"))
    code, text = await told(stage)

    assert code == 1
    assert "A page came while all was well." in text


async def test_whole_is_bounded():
    """However long the single limits are, the whole ends at its own."""
    stage = Stage()
    code, text = await told(stage, limits=replace(SHORT, page=60, total=0.2))

    assert code == 1
    assert "longer than 0.2 seconds" in text
