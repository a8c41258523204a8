"""A replay as a person reads it: what happened in the world, and what the pager said when.

Rule: pure.
"""

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from vedette.agent.clock import utc
from vedette.agent.replay.desk import Shown
from vedette.agent.replay.incident import Played
from vedette.agent.replay.scenario import Scenario

WIDTH = 80
_INDENT = " " * 22


class Entry(NamedTuple):
    """Something that happened at *at* seconds; the world's own comes first."""

    at: float
    order: int
    what: str
    text: str
    more: str = ""


def timeline(played: Played) -> Iterator[str]:
    """Yield the lines of a replay."""
    yield from _head(played.scenario)
    entries = {*_world(played.scenario)}
    for page in played.desk.pages:
        entries.update(_told(page, of_several=len(played.desk.pages) > 1))
    for entry in sorted(entries):
        yield from _lines(entry)
    yield ""
    yield from _foot(played)


def _head(scenario: Scenario) -> Iterator[str]:
    providers = len({agent.provider for agent in scenario.agents})
    yield from textwrap.wrap(scenario.title, WIDTH)
    yield (
        f"T is {utc(scenario.started_at)}; {len(scenario.agents)} agents at "
        f"{_counted(providers, 'provider')}"
    )
    yield ""


def _world(scenario: Scenario) -> Iterator[Entry]:
    for change in scenario.timeline:
        yield Entry(change.t, 0, "world", change.note)


def _told(page: Shown, *, of_several: bool) -> Iterator[Entry]:
    which = f" ({page.key})" if of_several else ""
    for i, head in enumerate(page.history):
        words = "now headed" if i else page.severity
        more = page.summary if head is page.history[-1] else head.summary
        yield Entry(head.at, 1, "PAGE", f"{words} {head.diagnosis} {head.subject}{which}", more)
    replaced = {one.diagnosis for one in page.history[:-1]}
    for diagnosis, at in page.symptoms.items():
        if diagnosis not in replaced:
            yield Entry(at, 2, "with", diagnosis)
    if page.resolved_at is not None:
        yield Entry(page.resolved_at, 3, "RESOLVED", f"{page.diagnosis} {page.subject}{which}")


def _lines(entry: Entry) -> Iterator[str]:
    head = f"{clock(entry.at):>11}  {entry.what:<9}"
    yield from textwrap.wrap(entry.text, WIDTH, initial_indent=head, subsequent_indent=_INDENT) or [
        head
    ]
    if entry.more:
        yield from textwrap.wrap(
            entry.more, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT
        )


def clock(at: float) -> str:
    """Return seconds after the start as `T+1:02:03`."""
    sign, seconds = ("-", -at) if at < 0 else ("+", at)
    minutes, seconds = divmod(int(seconds), 60)
    return f"T{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _foot(played: Played) -> Iterator[str]:
    virtual = played.scenario.lead_s + played.scenario.end_s
    times = virtual / max(played.wall_seconds, 1e-9)
    pages = played.desk.pages
    still = sum(page.resolved_at is None for page in pages)
    opened = _counted(len(pages), "page") + (f", {still} still open at the end" if still else "")
    yield opened
    yield (
        f"{virtual:,} seconds in {played.wall_seconds:.1f}, {times:,.0f} times as fast as the clock"
    )


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
