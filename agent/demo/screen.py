"""What a person sees of the demo: one picture of plain data, live on a terminal.

Elsewhere (a pipe, a log) it is one plain line per phase and the last picture, without control
codes.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Self

from rich import box
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from vedette.agent.demo.pagerreceiver import PagerEvent
from vedette.checks.finding import Kind, Verdict


class Phase(Enum):
    """Where the story is: a word for the list of steps, and a sentence."""

    STARTING = ("start", "The agent starts and learns the routes.")
    HEALTHY = ("healthy", "All is well: every probe sees the service.")
    EMPTIED = ("record emptied", "The service's DNS record was just emptied; its servers run on.")
    WAITING_FOR_PAGE = ("page", "The probes see it; the alarm holds three seconds before it pages.")
    PAGED = ("paged", "PagerDuty has the page: somebody's phone rings, once.")
    RESTORED = ("restored", "The record has its addresses back.")
    WAITING_FOR_RESOLVE = ("resolve", "All is well again; it must stay so before it resolves.")
    DONE = ("done", "Done: one page with the cause in its first line, and its resolve.")
    FAILED = ("failed", "The demo did not go as it should.")

    def __init__(self, word: str, sentence: str) -> None:
        self.word = word
        self.sentence = sentence


_STEPS = tuple(phase for phase in Phase if phase is not Phase.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One subject of one check: its last look, and the verdicts of the looks so far."""

    kind: Kind
    check: str
    subject: str
    verdict: Verdict
    reason: str | None = None
    seconds: float | None = None
    history: Sequence[Verdict] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRow:
    """One standard alarm; *state* is OK, ALARM or INSUFFICIENT_DATA, *seconds* its age."""

    diagnosis: str
    service: str
    state: str
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenState:
    """All that the picture shows; *progress* goes from 0 to 1, *outcome* is one sentence."""

    phase: Phase
    elapsed: float = 0.0
    progress: float = 0.0
    rows: Sequence[ProbeRow] = ()
    alarms: Sequence[AlarmRow] = ()
    events: Sequence[PagerEvent] = ()
    status_url: str = ""
    outcome: str = ""


class Screen:
    """Shows states while its context is open, and leaves the last one standing."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console()
        self._live: Live | None = None
        self._last: ScreenState | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            self._live = Live(console=self.console, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        last = None if self._last is None else picture(self._last, self.console.width)
        if self._live is not None:
            if last is not None:
                self._live.update(last)
            self._live.stop()
        elif last is not None:
            self.console.print(last)

    def show(self, state: ScreenState) -> None:
        """Show *state*; where there is no terminal, one line when its phase is a new one."""
        before, self._last = self._last, state
        if self._live is not None:
            width, height = self.console.size
            self._live.update(picture(state, width, height), refresh=True)
        elif before is None or before.phase is not state.phase:
            self.console.print(_line(state), soft_wrap=True)


def picture(state: ScreenState, width: int = 100, height: int | None = None) -> RenderableType:
    """Return the whole picture of *state*; on a low screen the page shows fewer details."""
    loud = [row for row in state.alarms if row.state == "ALARM"]
    parts: list[RenderableType] = [
        _header(state),
        _probes(state.rows, _LOOKS if width >= 100 else _FEW_LOOKS),
    ]
    if loud:
        parts.append(_alarms(loud))
    if state.events:
        taken = _FIXED_LINES + len(state.rows) + len(loud)
        room = _DETAILS if height is None else min(max(height - taken, _FEW_DETAILS), _DETAILS)
        parts.append(_page(state.events, room))
    parts.append(_footer(state))
    return Group(*parts)


def _line(state: ScreenState) -> Text:
    return Text(f"{state.elapsed:5.1f} s  {state.phase.word:<15} {_sentence(state)}")


def _sentence(state: ScreenState) -> str:
    return state.outcome or state.phase.sentence


_MOOD = {
    Phase.EMPTIED: "red",
    Phase.WAITING_FOR_PAGE: "red",
    Phase.PAGED: "red",
    Phase.RESTORED: "yellow",
    Phase.WAITING_FOR_RESOLVE: "yellow",
    Phase.FAILED: "red",
}


def _header(state: ScreenState) -> RenderableType:
    mood = _MOOD.get(state.phase, "green")
    top = Table.grid(expand=True, padding=(0, 1))
    top.add_column(ratio=1)
    top.add_column(justify="right", no_wrap=True)
    top.add_row(Text(_sentence(state), style=f"bold {mood}"), f"{state.elapsed:.1f} s")
    bar = ProgressBar(total=1.0, completed=state.progress, complete_style=mood)
    line = Table.grid(expand=True)
    line.add_row(bar)
    body = Group(top, line, _steps(state))
    title = Text(" Vedette demo ", style="bold")
    return Panel(body, title=title, title_align="left", box=box.ROUNDED, border_style=mood)


def _steps(state: ScreenState) -> Text:
    """One word per phase: those behind us, the present one, those to come."""
    if state.phase is Phase.FAILED:
        return Text("✘ failed", style="bold red")
    here = _STEPS.index(state.phase)
    line = Text(no_wrap=True, overflow="ellipsis")
    for i, step in enumerate(_STEPS):
        behind = i < here or state.phase is Phase.DONE
        mark, style = ("✔", "green") if behind else ("▶", "bold") if i == here else ("·", "dim")
        line.append(f"{mark} {step.word}", style=style)
        line.append("  ")
    return line


_COLOUR = {Verdict.OK: "green", Verdict.FAILING: "bold red", Verdict.UNKNOWN: "yellow"}
_BLOCK = {Verdict.OK: "▇", Verdict.FAILING: "▁", Verdict.UNKNOWN: "▄"}
_LOOKS, _FEW_LOOKS = 16, 8


def _probes(rows: Sequence[ProbeRow], looks: int) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, expand=True, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True, style="dim")
    table.add_column("check", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("subject", ratio=2, no_wrap=True, overflow="ellipsis")
    table.add_column("verdict", no_wrap=True, min_width=7)
    table.add_column("reason", no_wrap=True, min_width=10, max_width=24)
    table.add_column("took", justify="right", no_wrap=True, min_width=6)
    table.add_column("looks", no_wrap=True, min_width=looks)
    for row in rows:
        table.add_row(
            row.kind.value,
            Text(row.check.removeprefix("https://")),
            Text(row.subject),
            Text(row.verdict.value, style=_COLOUR[row.verdict]),
            Text(row.reason or ""),
            _took(row.seconds),
            _strip(row.history[-looks:]),
        )
    if not rows:
        table.add_row("", Text("no probe has looked yet", style="dim"))
    return table


def _took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _strip(history: Sequence[Verdict]) -> Text:
    strip = Text()
    for verdict in history:
        strip.append(_BLOCK[verdict], style=_COLOUR[verdict])
    return strip


def _alarms(loud: Sequence[AlarmRow]) -> RenderableType:
    """Draw a row per alarm that holds; the footer counts the others."""
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for ratio in (None, None, None, None, 1):
        grid.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    for row in loud:
        age = "" if row.seconds is None else f"{row.seconds:.0f} s"
        names = (Text(name, style="bold red") for name in (row.state, row.diagnosis))
        grid.add_row(*names, Text(row.service), age, Text(row.detail))
    return Padding(grid, (1, 1, 0, 1))


# The lines of a picture with a page that are neither probes, loud alarms nor details.
_FIXED_LINES = 16
_DETAILS, _FEW_DETAILS = 9, 2
_TELLING = ("since", "began", "last_known_good", "addresses", "bgp", "rout")


def _page(events: Sequence[PagerEvent], room: int) -> RenderableType:
    """Draw the latest trigger as PagerDuty has it, and above it all that came of it."""
    pages = [event for event in events if event.action == "trigger"]
    parts: list[RenderableType] = [Columns([_arrival(event) for event in events], padding=(0, 3))]
    resolved = events[-1].action == "resolve"
    if pages:
        payload = pages[-1].payload
        parts.append(Text(str(payload.get("summary", "")), style="bold"))
        parts.append(_details(payload, room))
    colour = "green" if resolved else "red"
    title = Text(" What PagerDuty received ", style="bold")
    return Panel(Group(*parts), title=title, title_align="left", border_style=colour)


def _arrival(event: PagerEvent) -> Text:
    mark, style = ("✔", "green") if event.action == "resolve" else ("▲", "bold red")
    clock = time.strftime("%H:%M:%S UTC", time.gmtime(event.at))
    return Text(f"{mark} {event.action} {clock}", style=style, no_wrap=True)


def _details(payload: Mapping[str, object], room: int) -> RenderableType:
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column(ratio=1)
    severity = f"{payload.get('severity', '?')}, class {payload.get('class', 'none')}"
    grid.add_row("severity", Text(severity))
    custom = payload.get("custom_details")
    details = custom if isinstance(custom, Mapping) else {}
    for name in _told(tuple(details), room):
        value = Text(_plain(details[name]), no_wrap=room < _DETAILS, overflow="ellipsis")
        grid.add_row(Text(name.replace("_", " ")), value)
    if len(details) > room:
        grid.add_row("", Text(f"and {len(details) - room} more", style="dim"))
    return grid


def _told(names: Sequence[str], room: int) -> list[str]:
    """Pick the details there is room for, the telling ones first, in the page's own order."""
    ranked = sorted(names, key=lambda name: not any(word in name.lower() for word in _TELLING))
    chosen = set(ranked[:room])
    return [name for name in names if name in chosen]


def _plain(value: object) -> str:
    """Write a JSON value as a person does."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return str(value)


def _footer(state: ScreenState) -> RenderableType:
    states = [row.state for row in state.alarms]
    counts = {"OK": states.count("OK"), "without data": states.count("INSUFFICIENT_DATA")}
    told = ", ".join(f"{number} {word}" for word, number in counts.items() if number)
    line = Table.grid(expand=True)
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    other = "other alarms" if "ALARM" in states else "alarms"
    line.add_row(Text(f"Status page: {state.status_url}"), Text(f"{other}: {told}" if told else ""))
    return Padding(line, (0, 1), style="dim")
