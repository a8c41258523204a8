"""One look, drawn for a person."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vedette.agent.clock import utc
from vedette.checks.finding import Fact, Observation, Verdict
from vedette.checks.stopwatch import DISTURBED
from vedette.checks.words import printable

COLOURS = {Verdict.OK: "green", Verdict.FAILING: "red", Verdict.UNKNOWN: "yellow"}


def console() -> Console:
    """A pipe has no width; this one leaves URLs in one piece."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def explain(seen: Sequence[Observation]) -> None:
    """Print a line per subject, and the facts that led to its verdict."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("subject", "verdict", "took", "what was seen"):
        table.add_column(column, overflow="fold")
    for one in seen:
        shown = one.finding.verdict + (f" {one.finding.reason}" if one.finding.reason else "")
        table.add_row(
            Text(one.subject),
            Text(shown, COLOURS[one.finding.verdict]),
            took(one),
            Text.assemble(_shown(one.finding.detail), *_facts(one.finding.facts)),
        )
    console().print(table)


def took(one: Observation) -> str:
    """Return the milliseconds of a look, `~` where our own host may have had a share in them."""
    sure = "~" if DISTURBED in one.finding.facts else ""
    return f"{sure}{one.seconds * 1000:.0f} ms"


def conclude(check: str, verdict: Verdict, reason: str | None) -> None:
    """Print what all subjects say together."""
    line = Text(f"{check}: ")
    line.append(f"{verdict} {reason or ''}".rstrip(), f"bold {COLOURS[verdict]}")
    console().print(line)


def _facts(facts: Mapping[str, Fact]) -> Iterator[tuple[str, str]]:
    """Return a line per fact worth a person's time; numbers get their units."""
    for name, value in facts.items():
        if value is None or value in ((), "", {}) or name in {"server", "address"}:
            continue
        words = name.removesuffix("_seconds").replace("_", " ")
        yield f"\n{words}: {_shown(_fact(name, value))}", "dim"


def _shown(text: str) -> str:
    """Return *text* without what a server could tell a terminal to do."""
    return printable(text, "\N{REPLACEMENT CHARACTER}")


def _fact(name: str, value: Fact) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case int() | float() if name.endswith(("not_before", "not_after")):
            return utc(value)
        case int() | float() if name.endswith("_seconds"):
            return f"{value * 1000:.1f} ms"
        case float() if name == "share":
            return f"{value:.0%}"
        case float():
            return f"{value:.4g}"
        case Mapping() if name.endswith(("not_before", "not_after")):
            return ", ".join(f"{key}: {utc(at)}" for key, at in value.items())
        case Mapping():
            return ", ".join(f"{key}: {number:g}" for key, number in value.items())
        case str() | int() | None:
            return str(value)
        case _:
            return ", ".join(value)
