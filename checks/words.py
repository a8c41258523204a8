"""Pieces of sentences for people.

Rule: no I/O.
"""

from collections.abc import Sequence


def some(names: Sequence[str], shown: int = 3) -> str:
    """Return the first *shown* of *names* in a row, and how many more there are."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def printable(text: str, instead: str = "?") -> str:
    """Return *text* with *instead* of whatever a server could tell a terminal to do."""
    return "".join(each if each.isprintable() else instead for each in text)


def one_line(text: str) -> str:
    """Return *text* with a space for whatever cannot be printed."""
    return " ".join(printable(text, " ").split())
